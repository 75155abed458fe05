//! Ids of outgoing messages: ULIDs that rise, whatever the clock does. Draws no randomness of its own.

use crate::ids::MessageId;

const TIME_MAX: u64 = (1 << 48) - 1;
const RANDOM_MAX: u128 = (1 << 80) - 1;

/// Makes ids from a seed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MessageIds {
    unix_ms: u64,
    random: u128,
}

impl MessageIds {
    /// Of the seed, 80 bits count. It must be drawn freshly for each process, or ids repeat.
    pub(super) fn new(seed: u128) -> Self {
        Self { unix_ms: 0, random: seed & RANDOM_MAX }
    }

    /// The next id, higher than all before it.
    pub(super) fn next(&mut self, unix_ms: u64) -> MessageId {
        self.unix_ms = self.unix_ms.max(unix_ms.min(TIME_MAX));
        if self.random == RANDOM_MAX {
            self.random = 0;
            self.unix_ms = (self.unix_ms + 1).min(TIME_MAX);
        } else {
            self.random += 1;
        }
        MessageId::from_parts(self.unix_ms, self.random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_when_the_clock_stands_goes_back_or_the_randomness_wraps() {
        let mut ids = MessageIds::new(u128::MAX - 2);
        let made: Vec<_> = [5, 5, 5, 4, 0, 9, u64::MAX, 9].into_iter().map(|ms| ids.next(ms)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
    }
}
