//! Which tokens were used already. Pure: the time comes in.

use std::collections::{BTreeMap, HashMap, HashSet};

use spacelift_worker_core::ids::PoolId;

/// Tokens of one pool that are remembered at a time: 2,000 workers that speak once a second.
const MAX_OF_A_POOL: usize = 120_000;

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// It was used before.
    Used,
    /// Too many are remembered: what cannot be remembered is not taken.
    Full,
}

/// The identifiers of the tokens that were used and could be used again, were they not remembered.
#[derive(Debug, Default)]
pub(super) struct Replays(HashMap<PoolId, Used>);

#[derive(Debug, Default)]
struct Used {
    ids: HashSet<String>,
    /// When which ones end, in Unix seconds.
    ends: BTreeMap<u64, Vec<String>>,
}

impl Replays {
    /// Remembers a token until it ends; `now` and `ends` in Unix seconds.
    pub(super) fn use_up(&mut self, pool: PoolId, id: &str, ends: u64, now: u64) -> Result<(), Replay> {
        let used = self.0.entry(pool).or_default();
        used.forget_ended(now);
        if used.ids.contains(id) {
            return Err(Replay::Used);
        }
        if used.ids.len() >= MAX_OF_A_POOL {
            return Err(Replay::Full);
        }
        used.ids.insert(id.to_owned());
        used.ends.entry(ends).or_default().push(id.to_owned());
        Ok(())
    }
}

impl Used {
    fn forget_ended(&mut self, now: u64) {
        // A token is refused from its end on, so it is remembered for as long as it is accepted.
        let kept = self.ends.split_off(&(now + 1));
        for id in std::mem::replace(&mut self.ends, kept).into_values().flatten() {
            self.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: fn(u64) -> PoolId = |number| PoolId::from_parts(number, 0);

    #[test]
    fn a_token_is_used_once_in_its_life_and_forgotten_afterwards() {
        let mut replays = Replays::default();
        assert_eq!(replays.use_up(POOL(1), "a", 160, 100), Ok(()));
        for now in [100, 101, 159] {
            assert_eq!(replays.use_up(POOL(1), "a", 160, now), Err(Replay::Used), "{now}");
        }
        assert_eq!(replays.use_up(POOL(1), "b", 260, 200), Ok(()));
        assert_eq!(replays.0[&POOL(1)].ids.len(), 1);
    }

    #[test]
    fn pools_share_no_identifiers() {
        let mut replays = Replays::default();
        assert_eq!(replays.use_up(POOL(1), "a", 160, 100), Ok(()));
        assert_eq!(replays.use_up(POOL(2), "a", 160, 100), Ok(()));
    }

    #[test]
    fn a_pool_that_floods_is_refused_and_another_is_not() {
        let mut replays = Replays::default();
        for number in 0..MAX_OF_A_POOL {
            assert_eq!(replays.use_up(POOL(1), &number.to_string(), 160, 100), Ok(()));
        }
        assert_eq!(replays.use_up(POOL(1), "more", 160, 100), Err(Replay::Full));
        assert_eq!(replays.use_up(POOL(2), "more", 160, 100), Ok(()));
        assert_eq!(replays.use_up(POOL(1), "more", 260, 200), Ok(()));
    }
}
