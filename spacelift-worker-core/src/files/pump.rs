//! Batches from one end to the other: two threads take turns, so that one fills while the other empties.
//!
//! Each thread empties what it filled, while it is still in its core's cache. There are two batches, so that memory stays
//! the same whatever passes, and what ends either thread ends both.

use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::batch::{Batch, Room};

/// Whether more comes after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// It was the last one.
    End,
    /// There is more.
    More,
}

/// Calls `fill` for batch after batch until it says that it met the end, and `empty` for each of them in the same order.
pub(super) fn pump<E: Send>(
    mut room: Room,
    mut fill: impl FnMut(&mut Batch<'_>) -> Result<Fill, E> + Send,
    mut empty: impl FnMut(&Batch<'_>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let (mut batch, other) = room.batches();
    let mut more = fill(&mut batch)?;
    // What fits into one batch is not worth a thread, and what was not known to need two has but one.
    let (Fill::More, Some(mut other)) = (more, other) else {
        empty(&batch)?;
        while more == Fill::More {
            more = fill(&mut batch)?;
            empty(&batch)?;
        }
        return Ok(());
    };
    thread::scope(|scope| {
        let (fill_here, fill_there) = turns();
        let (empty_here, empty_there) = turns();
        fill_here.give(&mut fill);
        empty_there.give(&mut empty);
        let there = scope.spawn(move || pass_all(&mut other, None, &fill_there, &empty_there));
        let here = pass_all(&mut batch, Some(more), &fill_here, &empty_here);
        // The other thread may wait for a turn that comes no more.
        drop((fill_here, empty_here));
        let there = there.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        there.and(here)
    })
}

/// One side of something that two threads use in turns.
struct Turns<T> {
    next: Receiver<T>,
    other: SyncSender<T>,
}

/// Both sides.
fn turns<T>() -> (Turns<T>, Turns<T>) {
    let ((to_one, one), (to_two, two)) = (sync_channel(1), sync_channel(1));
    (Turns { next: one, other: to_two }, Turns { next: two, other: to_one })
}

impl<T> Turns<T> {
    /// Waits for this side's turn; `None` when the other side has ended and gives none any more.
    fn take(&self) -> Option<T> {
        self.next.recv().ok()
    }

    /// Lets the other side have the next turn, if there is such a side still.
    fn give(&self, thing: T) {
        let _ = self.other.send(thing);
    }
}

/// Fills and empties one batch whenever it is this thread's turn; it may have been filled already. Ends early when the
/// other thread has ended, which then has the reason.
fn pass_all<E>(
    batch: &mut Batch<'_>,
    mut filled: Option<Fill>,
    fill_turns: &Turns<impl FnMut(&mut Batch<'_>) -> Result<Fill, E>>,
    empty_turns: &Turns<impl FnMut(&Batch<'_>) -> Result<(), E>>,
) -> Result<(), E> {
    loop {
        let more = match filled.take() {
            Some(more) => more,
            None => {
                let Some(mut fill) = fill_turns.take() else { return Ok(()) };
                let more = fill(batch)?;
                if more == Fill::More {
                    fill_turns.give(fill);
                }
                more
            }
        };
        let Some(mut empty) = empty_turns.take() else { return Ok(()) };
        empty(batch)?;
        empty_turns.give(empty);
        if more == Fill::End {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::CHUNKS;
    use super::*;

    /// Passes `count` batches in the room for `chunks` chunks, and gives the order in which they were emptied.
    fn pass(
        chunks: usize,
        count: usize,
        fail_filling: usize,
        fail_emptying: usize,
    ) -> (Result<(), &'static str>, Vec<usize>) {
        let (mut number, mut seen) = (0, Vec::new());
        let fill = |batch: &mut Batch<'_>| {
            number += 1;
            batch.set_last(number);
            match number {
                _ if number == fail_filling => Err("filling"),
                _ if number == count => Ok(Fill::End),
                _ => Ok(Fill::More),
            }
        };
        let result = pump(Room::to_seal(chunks, 0), fill, |batch| {
            if seen.len() + 1 == fail_emptying {
                return Err("emptying");
            }
            seen.push(batch.plain_len());
            Ok(())
        });
        (result, seen)
    }

    #[test]
    fn batches_arrive_all_and_in_order() {
        for count in [1, 2, 3, 4, 100] {
            assert_eq!(pass(count * CHUNKS, count, 0, 0), (Ok(()), (1..=count).collect()));
        }
    }

    #[test]
    fn more_than_was_known_of_goes_through_the_same_room() {
        for known in [0, 1, CHUNKS, CHUNKS + 1, 3 * CHUNKS] {
            assert_eq!(pass(known, 100, 0, 0), (Ok(()), (1..=100).collect()));
        }
    }

    #[test]
    fn an_error_at_either_end_ends_both_and_is_told() {
        for at in [1, 2, 3, 50] {
            let (result, seen) = pass(100 * CHUNKS, 100, at, 0);
            assert_eq!((result, seen.len()), (Err("filling"), at - 1));
            let (result, seen) = pass(100 * CHUNKS, 100, 0, at);
            assert_eq!((result, seen.len()), (Err("emptying"), at - 1));
        }
    }
}
