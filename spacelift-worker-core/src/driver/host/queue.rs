//! The events that wait for their host.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::HostEvent;
use super::wake::Wake;

/// Called when events begin to wait.
pub(super) type WakeCallback = Arc<dyn Fn() + Send + Sync>;

/// What a look into the queue gives.
#[derive(Debug)]
pub enum Next {
    /// An event.
    Event(HostEvent),
    /// Nothing waits now, or nothing came in the time given.
    Empty,
    /// The worker has ended and everything about it was read.
    Closed,
}

/// A bounded queue with a descriptor that is readable while something waits, or when nothing will come any more.
pub(super) struct EventQueue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    wake: Wake,
    capacity: usize,
}

struct Waiting {
    events: VecDeque<HostEvent>,
    /// Events that were dropped since the last one that was queued.
    lost: u64,
    /// The last event is queued.
    ended: bool,
    /// The descriptor is readable.
    awake: bool,
    callback: Option<WakeCallback>,
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

impl EventQueue {
    pub(super) fn new(capacity: usize) -> io::Result<Self> {
        let waiting =
            Waiting { events: VecDeque::new(), lost: 0, ended: false, awake: false, callback: None };
        Ok(Self {
            waiting: Mutex::new(waiting),
            arrived: Condvar::new(),
            wake: Wake::new()?,
            capacity: capacity.max(1),
        })
    }

    /// Queues an event, or drops it when the queue is full and the event is one that may be lost.
    pub(super) fn push(&self, event: HostEvent) {
        let mut waiting = self.lock();
        if waiting.ended {
            return;
        }
        if event.may_be_lost() && waiting.events.len() >= self.capacity {
            waiting.lost += 1;
            return;
        }
        let lost = std::mem::take(&mut waiting.lost);
        if lost > 0 {
            waiting.events.push_back(HostEvent::Lagged { lost });
        }
        waiting.ended = matches!(event, HostEvent::Ended { .. });
        waiting.events.push_back(event);
        let callback = self.wake_up(&mut waiting);
        drop(waiting);
        // Readers and those who wait for the end sleep on the same thing.
        self.arrived.notify_all();
        if let Some(callback) = callback {
            callback();
        }
    }

    fn wake_up(&self, waiting: &mut Waiting) -> Option<WakeCallback> {
        if waiting.awake {
            return None;
        }
        waiting.awake = true;
        self.wake.set();
        waiting.callback.clone()
    }

    pub(super) fn try_next(&self) -> Next {
        self.take(&mut self.lock())
    }

    fn take(&self, waiting: &mut Waiting) -> Next {
        let next = match waiting.events.pop_front() {
            Some(event) => Next::Event(event),
            None if waiting.ended => Next::Closed,
            None => Next::Empty,
        };
        // Once nothing will come, the descriptor stays readable, so that no loop over it sleeps for ever.
        if waiting.awake && waiting.events.is_empty() && !waiting.ended {
            waiting.awake = false;
            self.wake.clear();
        }
        next
    }

    /// Blocks the calling thread until an event waits, the time is over, or nothing will come any more.
    pub(super) fn next(&self, timeout: Option<Duration>) -> Next {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut waiting = self.lock();
        loop {
            match self.take(&mut waiting) {
                Next::Empty => {}
                other => return other,
            }
            waiting = match deadline {
                None => self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Empty;
                    }
                    self.arrived.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Waits until the last event is queued, without taking any; whether that came in time.
    pub(super) fn wait_for_end(&self, timeout: Duration) -> bool {
        let waiting = self.lock();
        let result = self.arrived.wait_timeout_while(waiting, timeout, |waiting| !waiting.ended);
        result.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    pub(super) fn set_callback(&self, callback: Option<WakeCallback>) {
        let mut waiting = self.lock();
        waiting.callback = callback;
        // What waits already is told at once.
        let call = if waiting.awake { waiting.callback.clone() } else { None };
        drop(waiting);
        if let Some(call) = call {
            call();
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::super::session::OperationId;
    use super::*;

    fn readable(queue: &EventQueue) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(queue.fd(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    fn line(text: &str) -> HostEvent {
        HostEvent::Line { line: text.to_owned() }
    }

    fn ended() -> HostEvent {
        HostEvent::Ended { exit_code: 0, reason: None }
    }

    #[test]
    fn the_descriptor_is_readable_while_events_wait_and_when_nothing_will_come() {
        let queue = EventQueue::new(8).unwrap();
        assert!(!readable(&queue));
        queue.push(HostEvent::Cycle);
        queue.push(HostEvent::Cycle);
        assert!(readable(&queue));
        assert!(matches!(queue.try_next(), Next::Event(_)));
        assert!(readable(&queue), "one more waits");
        assert!(matches!(queue.try_next(), Next::Event(_)));
        assert!(!readable(&queue));
        queue.push(ended());
        assert!(matches!(queue.try_next(), Next::Event(HostEvent::Ended { .. })));
        assert!(matches!(queue.try_next(), Next::Closed));
        assert!(readable(&queue), "a loop over the descriptor learns that it is over");
        queue.push(HostEvent::Cycle);
        assert!(matches!(queue.try_next(), Next::Closed), "nothing follows the end");
    }

    #[test]
    fn a_full_queue_loses_what_nobody_has_to_answer_and_counts_it() {
        let queue = EventQueue::new(2).unwrap();
        for text in ["a", "b", "c", "d"] {
            queue.push(line(text));
        }
        queue.push(HostEvent::OperationDone { id: OperationId(7) });
        let events: Vec<String> = std::iter::from_fn(|| match queue.try_next() {
            Next::Event(event) => Some(event.to_json()),
            _ => None,
        })
        .collect();
        assert_eq!(
            events,
            [
                r#"{"event":"line","line":"a"}"#,
                r#"{"event":"line","line":"b"}"#,
                r#"{"event":"lagged","lost":2}"#,
                r#"{"event":"operation_done","id":7}"#
            ]
        );
    }

    #[test]
    fn every_thread_that_waits_is_released_by_the_end() {
        let queue = EventQueue::new(8).unwrap();
        std::thread::scope(|threads| {
            let readers: Vec<_> = (0..4).map(|_| threads.spawn(|| queue.next(None))).collect();
            queue.push(ended());
            let found: Vec<Next> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
            assert_eq!(found.iter().filter(|next| matches!(next, Next::Event(_))).count(), 1);
            assert_eq!(found.iter().filter(|next| matches!(next, Next::Closed)).count(), 3);
        });
    }

    #[test]
    fn a_callback_hears_of_what_waits_already_and_of_each_first_event_after_an_empty_queue() {
        let queue = EventQueue::new(8).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        queue.push(HostEvent::Cycle);
        let counted = calls.clone();
        queue.set_callback(Some(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        queue.push(HostEvent::Cycle);
        assert_eq!(calls.load(Ordering::Relaxed), 1, "the host was told and has not read yet");
        while matches!(queue.try_next(), Next::Event(_)) {}
        queue.push(HostEvent::Cycle);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_wait_ends_with_its_time() {
        let queue = EventQueue::new(8).unwrap();
        assert!(matches!(queue.next(Some(Duration::from_millis(1))), Next::Empty));
    }
}
