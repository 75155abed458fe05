//! The host's side: a handle that any thread may use.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::desk::{Desk, Request, Wish};
use super::event::HostEvent;
use super::queue::{EventQueue, Next};
use super::steps::{HostExecutor, StepId, StepTable};
use crate::driver::logs::LineSink;
use crate::driver::metrics::Metrics;
use crate::driver::session::HostCommand;
use crate::exec::ExitStatus;
use crate::ids::Lease;
use crate::protocol::message::NackReason;

/// How long the goodbye of a worker that was told to end may take beyond the grace.
const GOODBYE: Duration = Duration::from_secs(8);

/// A command of the host, unique in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// Who decides whether an offered run is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offers {
    /// Every run that can be opened is taken. A run initialization policy still judges it.
    #[default]
    Accept,
    /// The host is asked about each, and has 30 seconds to answer.
    Ask,
}

/// Who runs the steps of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Steps {
    /// The launcher's executor.
    #[default]
    Library,
    /// The host: each step is an event, and the host says what it prints and how it ends.
    Host,
}

/// How a host wants its worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostOptions {
    /// Who decides about offers. Default: all are taken.
    pub offers: Offers,
    /// Who runs steps. Default: the launcher.
    pub steps: Steps,
    /// Whether lines of run logs come as events, too. Default: no.
    pub lines: bool,
    /// Events that wait before what nobody has to answer is dropped. Default: 1,024.
    pub capacity: usize,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self { offers: Offers::default(), steps: Steps::default(), lines: false, capacity: 1_024 }
    }
}

/// Why a call of the host was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The worker has ended.
    #[error("the worker has ended")]
    Ended,
    /// There is no such step, or it has ended.
    #[error("step {0} is not running")]
    UnknownStep(StepId),
    /// A mebibyte of the step's output waits already. Wait for [`HostEvent::StepReady`], then say it again.
    #[error("1 MiB of output of step {0} waits already; say it again when there is room")]
    Full(StepId),
}

/// Operations that were asked for and not begun.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashSet<OperationId>>);

impl Pending {
    fn lock(&self) -> MutexGuard<'_, HashSet<OperationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it still was to be done.
    pub(super) fn take(&self, id: OperationId) -> bool {
        self.lock().remove(&id)
    }
}

/// A worker that runs on a tokio runtime, in the hands of a host. Clones are handles to the same worker; when the last one
/// is dropped, the worker ends at once, with its run.
#[derive(Clone, Debug)]
pub struct HostSession(Arc<Shared>);

struct Shared {
    events: Arc<EventQueue>,
    requests: mpsc::UnboundedSender<Request>,
    pending: Arc<Pending>,
    table: Arc<StepTable>,
    last: AtomicU64,
    metrics: Metrics,
    task: AbortHandle,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSession").field("events", &self.events).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both sides of a host, before its worker runs.
pub(crate) struct Counter {
    events: Arc<EventQueue>,
    table: Arc<StepTable>,
    pending: Arc<Pending>,
    requests: mpsc::UnboundedSender<Request>,
    receiver: mpsc::UnboundedReceiver<Request>,
}

impl Counter {
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn new(options: &HostOptions) -> io::Result<Self> {
        let (requests, receiver) = mpsc::unbounded_channel();
        Ok(Self {
            events: Arc::new(EventQueue::new(options.capacity)?),
            table: Arc::default(),
            pending: Arc::default(),
            requests,
            receiver,
        })
    }

    /// The executor whose steps are the host's.
    pub(crate) fn executor(&self) -> HostExecutor {
        HostExecutor { table: self.table.clone(), events: self.events.clone() }
    }

    /// Lines that become events.
    pub(crate) fn lines(&self) -> LineSink {
        LineSink::new(LineEvents(self.events.clone()))
    }

    /// Runs the worker that `work` makes of the driver's side; its exit code and words become the last event.
    pub(crate) fn open<F>(
        self,
        runtime: &Handle,
        metrics: Metrics,
        work: impl FnOnce(Desk) -> F,
    ) -> HostSession
    where
        F: Future<Output = (u8, Option<String>)> + Send + 'static,
    {
        let worker = work(Desk::new(self.events.clone(), self.receiver, self.pending.clone()));
        let last = LastEvent(self.events.clone());
        let task = runtime.spawn(async move {
            let (exit_code, reason) = worker.await;
            last.0.push(HostEvent::Ended { exit_code, reason });
        });
        HostSession(Arc::new(Shared {
            events: self.events,
            requests: self.requests,
            pending: self.pending,
            table: self.table,
            last: AtomicU64::new(0),
            metrics,
            task: task.abort_handle(),
        }))
    }
}

/// Says that the worker has ended, however it ended.
struct LastEvent(Arc<EventQueue>);

impl Drop for LastEvent {
    fn drop(&mut self) {
        // After the worker's own words this is no news.
        let reason = Some("the worker was ended by its host".to_owned());
        self.0.push(HostEvent::Ended { exit_code: 1, reason });
    }
}

/// A writer whose lines become events.
struct LineEvents(Arc<EventQueue>);

impl io::Write for LineEvents {
    /// Gets one line, whole, at a time.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes)).into_owned();
        self.0.push(HostEvent::Line { line });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl HostSession {
    /// Looks for an event without waiting.
    pub fn try_next(&self) -> Next {
        self.0.events.try_next()
    }

    /// Blocks the calling thread until there is an event, the time is over, or nothing will come; without a time it waits for
    /// ever. Several threads may wait; each event goes to one of them.
    pub fn next(&self, timeout: Option<Duration>) -> Next {
        self.0.events.next(timeout)
    }

    /// Readable while events wait, and for ever once the worker has ended. Poll it, never read from it; it lives as long as this.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.0.events.fd()
    }

    /// Calls this from a thread of the library when events begin to wait, in place of what was set before. It must not block
    /// and must not call into the session but for [`try_next`](Self::try_next).
    pub fn set_wake(&self, callback: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.0.events.set_callback(callback);
    }

    /// Takes the run that was offered.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn accept(&self, lease: Lease) -> Result<OperationId, HostError> {
        self.wish(Wish::Accept { lease })
    }

    /// Refuses the run that was offered; `note` is for people and goes to the control plane, masked.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn refuse(
        &self,
        lease: Lease,
        reason: NackReason,
        note: Option<String>,
    ) -> Result<OperationId, HostError> {
        self.wish(Wish::Refuse { lease, reason, note })
    }

    /// What a step of the host printed, standard output and standard error alike.
    ///
    /// # Errors
    /// [`HostError::UnknownStep`] and [`HostError::Full`].
    pub fn step_output(&self, step: StepId, bytes: Vec<u8>) -> Result<(), HostError> {
        self.0.table.output(step, bytes)
    }

    /// How a step of the host ended.
    ///
    /// # Errors
    /// [`HostError::UnknownStep`]
    pub fn step_exited(&self, step: StepId, status: ExitStatus) -> Result<(), HostError> {
        self.0.table.exited(step, status)
    }

    /// Takes no new work, finishes what is in hand, ends.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn drain(&self) -> Result<OperationId, HostError> {
        self.wish(Wish::Command(HostCommand::Shutdown))
    }

    /// The machine goes in this time, as a spot machine does: as [`drain`](Self::drain), and the run in hand is ended in order
    /// before. A later notice can shorten that, never lengthen it.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn notice(&self, within: Duration) -> Result<OperationId, HostError> {
        self.wish(Wish::Command(HostCommand::Notice { within }))
    }

    /// As [`drain`](Self::drain), and asks the run in hand to end.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn stop_run(&self) -> Result<OperationId, HostError> {
        self.wish(Wish::Command(HostCommand::StopRun))
    }

    /// As [`drain`](Self::drain), and ends the run in hand at once.
    ///
    /// # Errors
    /// [`HostError::Ended`]
    pub fn kill_run(&self) -> Result<OperationId, HostError> {
        self.wish(Wish::Command(HostCommand::KillRun))
    }

    /// Takes a command back; whether it came in time. Its end is an event all the same.
    pub fn cancel(&self, id: OperationId) -> bool {
        let in_time = self.0.pending.take(id);
        if in_time {
            self.0
                .events
                .push(HostEvent::OperationFailed { id, reason: "taken back by the host".to_owned() });
        }
        in_time
    }

    /// Ends the worker: drains, kills what is still in hand after `grace`, and says goodbye. Blocks until that is over, at most
    /// eight seconds longer than the grace; not for a task of the worker's own runtime. May be called by several threads and
    /// again. Everybody who waits for events gets what is left of them, then [`Next::Closed`].
    pub fn close(&self, grace: Duration) {
        if grace.is_zero() {
            let _ = self.kill_run();
        } else {
            let _ = self.drain();
            if self.0.events.wait_for_end(grace) {
                return;
            }
            let _ = self.kill_run();
        }
        if !self.0.events.wait_for_end(GOODBYE) {
            self.0.task.abort();
            self.0
                .events
                .push(HostEvent::Ended { exit_code: 1, reason: Some("did not end in time".to_owned()) });
        }
    }

    /// What this worker does and how it is.
    pub fn metrics(&self) -> Metrics {
        self.0.metrics.clone()
    }

    fn wish(&self, wish: Wish) -> Result<OperationId, HostError> {
        let id = OperationId(self.0.last.fetch_add(1, Ordering::Relaxed) + 1);
        // Before it can be answered.
        self.0.pending.lock().insert(id);
        if self.0.requests.send(Request { id, wish }).is_err() {
            self.0.pending.take(id);
            return Err(HostError::Ended);
        }
        Ok(id)
    }
}
