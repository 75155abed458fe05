//! Work on threads of its own, with a large stack and a limit on how long it is waited for; a panic stays there.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;
use std::{process, thread};

use super::patience::Patience;

/// The engine recurses with expressions and with chains of rules; 1,500 of those fill 2 MiB.
const STACK: usize = 64 * 1024 * 1024;

/// Threads that wait for work. Starting one takes as long as a small policy.
const MAX_IDLE: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that do one piece of work after another. They end with it.
///
/// Works in the child of a `fork` too, which has none of its parent's threads and perhaps a lock that one of them held.
#[derive(Default)]
pub(super) struct Apart {
    idle: Mutex<Idle>,
    /// Of those who wait for results.
    patience: Patience,
}

/// Threads that wait for work, and the process that has them.
#[derive(Default)]
struct Idle {
    process: u32,
    threads: Vec<Sender<Job>>,
}

impl Idle {
    /// Those of `process`.
    fn of(&mut self, process: u32) -> &mut Vec<Sender<Job>> {
        if self.process != process {
            // They were left in the parent. Dropping a sender takes a lock that its thread may have held at the fork.
            let _left = ManuallyDrop::new(mem::take(&mut self.threads));
            self.process = process;
        }
        &mut self.threads
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.of(process::id());
    }
}

/// Why a piece of work has no result.
#[derive(Debug)]
pub(super) enum Broken {
    /// It panicked.
    Panic,
    /// No thread could be started.
    Thread,
    /// It takes longer.
    Timeout,
}

impl Apart {
    /// Does a piece of work and waits for it. What it leaves beside its result is dropped on its thread, afterwards.
    ///
    /// Work that takes longer is left behind: a thread cannot be ended from outside, and the engine's own limit ends it as
    /// soon as it comes to look at its clock. Its thread does nothing after it.
    pub(super) fn run<T: Send + 'static, L>(
        &self,
        wait: Duration,
        work: impl FnOnce() -> (T, L) + Send + 'static,
    ) -> Result<T, Broken> {
        let (done, result) = sync_channel(1);
        let job: Job = Box::new(move || {
            // Nobody waits any more when sending fails.
            let _left = match catch_unwind(AssertUnwindSafe(work)) {
                Ok((value, left)) => {
                    let _ = done.send(Some(value));
                    Some(left)
                }
                Err(_) => {
                    let _ = done.send(None);
                    None
                }
            };
        });
        let process = process::id();
        let waiting = self.idle().and_then(|mut idle| idle.of(process).pop());
        let thread = waiting.map_or_else(start, Ok)?;
        thread.send(job).map_err(|_| Broken::Thread)?;
        match self.patience.soon(&result).unwrap_or_else(|| result.recv_timeout(wait)) {
            Ok(Some(value)) => {
                if let Some(mut idle) = self.idle() {
                    let threads = idle.of(process);
                    if threads.len() < MAX_IDLE {
                        threads.push(thread);
                    }
                }
                Ok(value)
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => Err(Broken::Panic),
            Err(RecvTimeoutError::Timeout) => Err(Broken::Timeout),
        }
    }

    /// `None` while another thread has it: a lock that was held at a fork stays locked, and a thread more does the work as well.
    fn idle(&self) -> Option<MutexGuard<'_, Idle>> {
        match self.idle.try_lock() {
            Ok(idle) => Some(idle),
            // Nothing that holds it can panic half way.
            Err(TryLockError::Poisoned(idle)) => Some(idle.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Starts a thread that works until nobody can send to it.
fn start() -> Result<Sender<Job>, Broken> {
    let (sender, jobs) = channel::<Job>();
    let work = move || {
        let patience = Patience::default();
        while let Some(job) = patience.soon(&jobs).map_or_else(|| jobs.recv().ok(), Result::ok) {
            // What is dropped after a result may panic, too.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    };
    let thread = thread::Builder::new().name("policy".to_owned()).stack_size(STACK).spawn(work);
    thread.map(|_| sender).map_err(|_| Broken::Thread)
}

impl fmt::Debug for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apart").field("idle", &self.idle().map(|idle| idle.threads.len())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_does_not_come_back_is_not_waited_for() {
        let (release, blocked) = channel::<()>();
        let apart = Apart::default();
        let result = apart.run(Duration::from_millis(5), move || (blocked.recv().is_ok(), ()));
        assert!(matches!(result, Err(Broken::Timeout)));
        assert!(apart.idle().unwrap().threads.is_empty(), "its thread is not used again");
        assert!(matches!(apart.run(LONG, || (1, ())), Ok(1)));
        drop(release);
    }

    #[test]
    fn a_panic_stays_on_its_thread() {
        let apart = Apart::default();
        assert!(matches!(
            apart.run(LONG, || -> (u8, ()) { panic!("a stumble, on purpose") }),
            Err(Broken::Panic)
        ));
        assert!(matches!(apart.run(LONG, || (1, ())), Ok(1)));
    }

    #[test]
    fn a_panic_after_the_result_is_none_of_its_business() {
        struct Stumbles;
        impl Drop for Stumbles {
            fn drop(&mut self) {
                panic!("a stumble, on purpose");
            }
        }
        let apart = Apart::default();
        assert!(matches!(apart.run(LONG, || (1, Stumbles)), Ok(1)));
        assert!(matches!(apart.run(LONG, || (2, ())), Ok(2)));
    }

    #[test]
    fn a_thread_is_used_again() {
        let apart = Apart::default();
        let names = [(); 3].map(|()| apart.run(LONG, || (thread::current().id(), ())).unwrap());
        assert!(names.iter().all(|name| *name == names[0]));
        assert_eq!(format!("{apart:?}"), "Apart { idle: Some(1) }");
    }

    #[test]
    fn a_thread_of_another_process_is_not_used() {
        let apart = Apart::default();
        assert!(matches!(apart.run(LONG, || (1, ())), Ok(1)));
        {
            let mut idle = apart.idle().unwrap();
            // As after a fork: somebody else's, and nobody at the other end.
            idle.process ^= 1;
            idle.threads = vec![channel().0];
        }
        assert!(matches!(apart.run(LONG, || (2, ())), Ok(2)));
    }

    #[test]
    fn a_lock_that_nobody_gives_back_holds_nothing_up() {
        let apart = Apart::default();
        let _held = apart.idle.lock();
        assert!(matches!(apart.run(LONG, || (1, ())), Ok(1)));
    }

    #[test]
    fn the_stack_is_as_large_as_promised() {
        fn deep(left: usize) -> usize {
            let room = std::hint::black_box([0_u8; 1024]);
            if left == 0 { usize::from(room[0]) } else { deep(left - 1) + usize::from(room[1]) }
        }
        assert!(matches!(Apart::default().run(LONG, || (deep(30_000), ())), Ok(0)));
    }
}
