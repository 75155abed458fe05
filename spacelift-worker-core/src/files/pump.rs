//! Batches from one end to the other: this thread fills them, another empties them.
//!
//! A few batches go round, so that memory stays the same whatever passes, and what ends either end ends both.

use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::batch::{Batch, CHUNKS, room};

/// Batches that go round.
const BATCHES: usize = 20;

/// Whether more comes after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// It was the last one.
    End,
    /// There is more.
    More,
}

/// Calls `fill` for batch after batch until it says that it met the end, and `empty` for each of them in the same order.
/// There are `chunks` in all, as far as is known: no more memory is taken than for them.
pub(super) fn pump<E: Send>(
    chunks: usize,
    mut fill: impl FnMut(&mut Batch<'_>) -> Result<Fill, E>,
    mut empty: impl FnMut(&Batch<'_>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let mut room = room(chunks.clamp(1, BATCHES * CHUNKS));
    // Emptied batches go back many at a time: filling is faster, so it waits for them, and waking a thread costs as much
    // as reading a batch.
    let group_len = room.len().div_ceil(CHUNKS).div_ceil(2);
    let mut unused = room.chunks_mut(CHUNKS).map(Batch::new);
    let Some(mut batch) = unused.next() else { return Ok(()) };
    // What fits into one batch is not worth a thread.
    let first = fill(&mut batch)?;
    if first == Fill::End {
        return empty(&batch);
    }
    thread::scope(|scope| {
        let (filled, to_empty) = sync_channel(BATCHES);
        let (emptied, to_fill) = sync_channel(BATCHES);
        let empty_all = move || -> Result<(), E> {
            let mut group = Vec::with_capacity(group_len);
            for batch in to_empty {
                empty(&batch)?;
                group.push(batch);
                if group.len() == group_len {
                    // The other end may have finished.
                    let _ = emptied.send(std::mem::replace(&mut group, Vec::with_capacity(group_len)));
                }
            }
            Ok(())
        };
        let emptying = scope.spawn(empty_all);
        let result = fill_all(batch, unused, fill, &filled, &to_fill);
        drop(filled);
        let other = emptying.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        other.and(result)
    })
}

/// Goes on after the first batch. Ends early when the other end has ended, which then has its reason.
fn fill_all<'room, E>(
    first: Batch<'room>,
    mut unused: impl Iterator<Item = Batch<'room>>,
    mut fill: impl FnMut(&mut Batch<'_>) -> Result<Fill, E>,
    filled: &SyncSender<Batch<'room>>,
    to_fill: &Receiver<Vec<Batch<'room>>>,
) -> Result<(), E> {
    let (mut batch, mut more) = (first, Fill::More);
    let mut empty = Vec::new();
    loop {
        if filled.send(batch).is_err() || more == Fill::End {
            return Ok(());
        }
        let next = empty.pop().or_else(|| unused.next()).or_else(|| {
            empty = to_fill.recv().ok()?;
            empty.pop()
        });
        let Some(next) = next else { return Ok(()) };
        batch = next;
        more = fill(&mut batch)?;
    }
}

#[cfg(test)]
mod tests {
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
        let result = pump(chunks, fill, |batch| {
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
        for count in [1, 2, BATCHES, BATCHES + 1, 100] {
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
        for at in [1, 2, BATCHES + 1, 50] {
            let (result, seen) = pass(100 * CHUNKS, 100, at, 0);
            assert_eq!((result, seen.len()), (Err("filling"), at - 1));
            let (result, seen) = pass(100 * CHUNKS, 100, 0, at);
            assert_eq!((result, seen.len()), (Err("emptying"), at - 1));
        }
    }
}
