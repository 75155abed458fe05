//! Looking before sleeping: a core that sleeps takes about as long to wake up as a small policy to be evaluated.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};

/// The most looks: about a tenth of a millisecond.
const MOST: usize = 2_000;

/// After so many waits the most is tried again.
const AGAIN: usize = 64;

/// How long looking was worth it lately. On a machine whose cores are all taken it is not: who looks keeps the other from working.
#[derive(Debug)]
pub(super) struct Patience {
    looks: AtomicUsize,
    waits: AtomicUsize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { looks: AtomicUsize::new(MOST), waits: AtomicUsize::new(0) }
    }
}

impl Patience {
    /// What comes soon. `None` is no answer: wait for it asleep.
    pub(super) fn soon<T>(&self, from: &Receiver<T>) -> Option<Result<T, RecvTimeoutError>> {
        let waits = self.waits.fetch_add(1, Ordering::Relaxed);
        let looks = if waits.is_multiple_of(AGAIN) { MOST } else { self.looks.load(Ordering::Relaxed) };
        for _ in 0..looks {
            match from.try_recv() {
                Ok(value) => {
                    self.looks.store(MOST, Ordering::Relaxed);
                    return Some(Ok(value));
                }
                Err(TryRecvError::Disconnected) => return Some(Err(RecvTimeoutError::Disconnected)),
                Err(TryRecvError::Empty) => hint::spin_loop(),
            }
        }
        self.looks.store(looks / 4, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn looking_in_vain_is_given_up_and_tried_again_now_and_then() {
        let (sender, receiver) = channel::<u8>();
        let patience = Patience::default();
        let mut given_up = 0;
        for _ in 0..AGAIN {
            assert!(patience.soon(&receiver).is_none());
            given_up += usize::from(patience.looks.load(Ordering::Relaxed) == 0);
        }
        assert!(given_up > AGAIN / 2, "{given_up}");
        sender.send(7).unwrap();
        assert!(matches!(patience.soon(&receiver), Some(Ok(7))), "the most is tried again");
        assert_eq!(patience.looks.load(Ordering::Relaxed), MOST);
        drop(sender);
        assert!(matches!(patience.soon(&receiver), Some(Err(RecvTimeoutError::Disconnected))));
    }
}
