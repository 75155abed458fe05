//! The driver's side: what it tells the host, and what the host wishes.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::event::HostEvent;
use super::queue::EventQueue;
use super::session::{OperationId, Pending};
use crate::driver::session::HostCommand;
use crate::ids::Lease;
use crate::protocol::message::NackReason;

/// How long an offer waits for the host's answer, in milliseconds. The control plane holds it no longer than that for this worker.
const ANSWER_LIMIT_MS: u64 = 30_000;

/// A command of the host, with the operation that it is.
#[derive(Debug)]
pub(crate) struct Request {
    pub(super) id: OperationId,
    pub(super) wish: Wish,
}

/// What the host wants.
#[derive(Debug)]
pub(crate) enum Wish {
    Accept { lease: Lease },
    Refuse { lease: Lease, reason: NackReason, note: Option<String> },
    Command(HostCommand),
}

/// Where the driver meets its host. A launcher without one tells nobody and hears nothing.
#[derive(Debug)]
pub(crate) struct Desk(Option<Seated>);

#[derive(Debug)]
struct Seated {
    events: Arc<EventQueue>,
    requests: mpsc::UnboundedReceiver<Request>,
    pending: Arc<Pending>,
    /// The offer that waits for the host, and until when on the monotonic clock.
    asked: Option<(Lease, u64)>,
}

impl Desk {
    /// Nobody is there.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    pub(super) fn new(
        events: Arc<EventQueue>,
        requests: mpsc::UnboundedReceiver<Request>,
        pending: Arc<Pending>,
    ) -> Self {
        Self(Some(Seated { events, requests, pending, asked: None }))
    }

    /// Tells the host, when there is one; the event is made only then.
    pub(crate) fn tell(&self, event: impl FnOnce() -> HostEvent) {
        if let Some(seated) = &self.0 {
            seated.events.push(event());
        }
    }

    /// Puts an offer before the host, which has until the limit to answer.
    pub(crate) fn ask(&mut self, mono_ms: u64, lease: Lease, offered: HostEvent) {
        if let Some(seated) = &mut self.0 {
            seated.asked = Some((lease, mono_ms.saturating_add(ANSWER_LIMIT_MS)));
            seated.events.push(offered);
        }
    }

    /// Takes the offer off the desk; whether it lay there.
    pub(crate) fn take(&mut self, lease: Lease) -> bool {
        let Some(seated) = &mut self.0 else { return false };
        seated.asked.take_if(|(asked, _)| *asked == lease).is_some()
    }

    /// The offer whose time is over, taken off the desk.
    pub(crate) fn overdue(&mut self, mono_ms: u64) -> Option<Lease> {
        let seated = self.0.as_mut()?;
        seated.asked.take_if(|(_, until)| mono_ms >= *until).map(|(lease, _)| lease)
    }

    /// When an offer becomes overdue, on the monotonic clock.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.0.as_ref()?.asked.map(|(_, until)| until)
    }

    /// The next wish that was not taken back. Cancel-safe. `None` when there will be none.
    pub(crate) async fn wish(&mut self) -> Option<(OperationId, Wish)> {
        let seated = self.0.as_mut()?;
        loop {
            let Request { id, wish } = seated.requests.recv().await?;
            if seated.pending.take(id) {
                return Some((id, wish));
            }
        }
    }

    /// The end of an operation.
    pub(crate) fn answer(&self, id: OperationId, result: Result<(), String>) {
        self.tell(|| match result {
            Ok(()) => HostEvent::OperationDone { id },
            Err(reason) => HostEvent::OperationFailed { id, reason },
        });
    }
}

impl Drop for Seated {
    /// A command that nobody carries out any more has an end, too.
    fn drop(&mut self) {
        self.requests.close();
        while let Ok(Request { id, .. }) = self.requests.try_recv() {
            if self.pending.take(id) {
                self.events
                    .push(HostEvent::OperationFailed { id, reason: "the worker has ended".to_owned() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Next;
    use super::super::session::{Counter, HostOptions};

    #[test]
    fn a_command_that_comes_too_late_ends_before_the_worker_does() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let counter = Counter::new(&HostOptions::default()).unwrap();
        let (go, gone) = tokio::sync::oneshot::channel();
        let session = counter.open(runtime.handle(), Default::default(), |desk| async move {
            let _ = gone.await;
            drop(desk);
            (0, None)
        });
        let (late, taken_back) = (session.drain().unwrap(), session.drain().unwrap());
        assert!(session.cancel(taken_back) && !session.cancel(taken_back));
        go.send(()).unwrap();
        let mut seen = Vec::new();
        while let Next::Event(event) = session.next(None) {
            seen.push((event.kind().name(), event.operation()));
        }
        let failed = "operation_failed";
        assert_eq!(seen, [(failed, Some(taken_back)), (failed, Some(late)), ("ended", None)]);
        assert!(session.drain().is_err());
    }
}
