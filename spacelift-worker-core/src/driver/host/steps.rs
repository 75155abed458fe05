//! Steps that the host runs: the executor whose commands are somebody else's work.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::event::HostEvent;
use super::queue::EventQueue;
use super::session::HostError;
use crate::exec::{BoxFuture, ExecError, ExecEvent, ExecSignal, ExecSpec, Execution, Executor, ExitStatus};

/// Bytes of a step's output that may wait to be masked and stored.
const MAX_WAITING: usize = 1 << 20;

/// A step that the host runs; unique in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u64);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The steps that run.
#[derive(Debug, Default)]
pub(super) struct StepTable(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    last: u64,
    steps: HashMap<StepId, HostStep>,
}

/// One of them, as the host's side sees it.
#[derive(Debug)]
struct HostStep {
    events: mpsc::UnboundedSender<ExecEvent>,
    waiting: usize,
    /// The host was told that there is no room, and waits to hear of some.
    full: bool,
}

impl StepTable {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a step printed.
    pub(super) fn output(&self, step: StepId, bytes: Vec<u8>) -> Result<(), HostError> {
        let mut running = self.lock();
        let of_step = running.steps.get_mut(&step).ok_or(HostError::UnknownStep(step))?;
        // A single piece may be longer than the room; it passes alone.
        if of_step.waiting > 0 && of_step.waiting.saturating_add(bytes.len()) > MAX_WAITING {
            of_step.full = true;
            return Err(HostError::Full(step));
        }
        of_step.waiting += bytes.len();
        of_step.events.send(ExecEvent::Output(bytes)).map_err(|_| HostError::UnknownStep(step))
    }

    /// How a step ended. Nothing of it is taken after that.
    pub(super) fn exited(&self, step: StepId, status: ExitStatus) -> Result<(), HostError> {
        let of_step = self.lock().steps.remove(&step).ok_or(HostError::UnknownStep(step))?;
        of_step.events.send(ExecEvent::Exited(status)).map_err(|_| HostError::UnknownStep(step))
    }

    /// Bytes went on; whether the host waits to hear of it.
    fn taken(&self, step: StepId, len: usize) -> bool {
        let mut running = self.lock();
        let Some(of_step) = running.steps.get_mut(&step) else { return false };
        of_step.waiting = of_step.waiting.saturating_sub(len);
        of_step.waiting <= MAX_WAITING / 2 && std::mem::take(&mut of_step.full)
    }
}

/// Hands every command to the host.
#[derive(Debug)]
pub(crate) struct HostExecutor {
    pub(super) table: Arc<StepTable>,
    pub(super) events: Arc<EventQueue>,
}

impl Executor for HostExecutor {
    fn start(&self, spec: ExecSpec) -> BoxFuture<'_, Result<Box<dyn Execution>, ExecError>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let step = {
            let mut running = self.table.lock();
            running.last += 1;
            let step = StepId(running.last);
            running.steps.insert(step, HostStep { events: sender, waiting: 0, full: false });
            step
        };
        self.events.push(HostEvent::Step { step, argv: spec.argv, env: spec.env, cwd: spec.cwd });
        let execution = HostExecution {
            step,
            receiver,
            table: self.table.clone(),
            events: self.events.clone(),
            over: false,
        };
        Box::pin(async move { Ok(Box::new(execution) as Box<dyn Execution>) })
    }
}

/// One command in the host's hands.
#[derive(Debug)]
struct HostExecution {
    step: StepId,
    receiver: mpsc::UnboundedReceiver<ExecEvent>,
    table: Arc<StepTable>,
    events: Arc<EventQueue>,
    over: bool,
}

impl Execution for HostExecution {
    fn next(&mut self) -> BoxFuture<'_, Result<ExecEvent, ExecError>> {
        Box::pin(async {
            match self.receiver.recv().await {
                Some(ExecEvent::Output(bytes)) => {
                    if self.table.taken(self.step, bytes.len()) {
                        self.events.push(HostEvent::StepReady { step: self.step });
                    }
                    Ok(ExecEvent::Output(bytes))
                }
                Some(event) => {
                    self.over = true;
                    Ok(event)
                }
                // The table holds the other end until the step is over.
                None => {
                    Err(ExecError::new("follow a step of the host", std::io::ErrorKind::BrokenPipe.into()))
                }
            }
        })
    }

    fn signal(&mut self, signal: ExecSignal) {
        if !self.over {
            self.events.push(HostEvent::StepSignal { step: self.step, signal });
        }
    }
}

impl Drop for HostExecution {
    fn drop(&mut self) {
        // The run went on without it: it was killed, or the run was.
        if self.table.lock().steps.remove(&self.step).is_some() {
            self.events.push(HostEvent::StepSignal { step: self.step, signal: ExecSignal::Kill });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Next;
    use super::*;

    fn started() -> (Arc<StepTable>, Arc<EventQueue>, StepId, Box<dyn Execution>) {
        let (table, events) = (Arc::new(StepTable::default()), Arc::new(EventQueue::new(8).unwrap()));
        let executor = HostExecutor { table: table.clone(), events: events.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let execution =
            runtime.block_on(executor.start(ExecSpec::new(vec!["sh".into()], "/".into()))).unwrap();
        let Next::Event(HostEvent::Step { step, .. }) = events.try_next() else { panic!("no step") };
        (table, events, step, execution)
    }

    fn next(execution: &mut Box<dyn Execution>) -> ExecEvent {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(execution.next()).unwrap()
    }

    #[test]
    fn what_the_host_says_of_a_step_comes_out_in_order_and_ends_it() {
        let (table, events, step, mut execution) = started();
        table.output(step, b"a".to_vec()).unwrap();
        table.exited(step, ExitStatus::Code(3)).unwrap();
        assert!(matches!(table.output(step, vec![1]), Err(HostError::UnknownStep(_))));
        assert!(matches!(next(&mut execution), ExecEvent::Output(bytes) if bytes == b"a"));
        assert!(matches!(next(&mut execution), ExecEvent::Exited(ExitStatus::Code(3))));
        drop(execution);
        assert!(matches!(events.try_next(), Next::Empty), "a step that ended needs no signal");
    }

    #[test]
    fn a_host_that_prints_faster_than_logs_are_stored_is_told_to_wait_and_then_to_go_on() {
        let (table, events, step, mut execution) = started();
        table.output(step, vec![0; MAX_WAITING]).unwrap();
        assert!(matches!(table.output(step, vec![0]), Err(HostError::Full(_))));
        assert!(matches!(events.try_next(), Next::Empty));
        next(&mut execution);
        assert!(matches!(events.try_next(), Next::Event(HostEvent::StepReady { .. })));
        table.output(step, vec![0]).unwrap();
    }

    #[test]
    fn a_step_whose_run_ended_is_killed_and_forgotten() {
        let (table, events, step, execution) = started();
        drop(execution);
        let Next::Event(HostEvent::StepSignal { signal, .. }) = events.try_next() else {
            panic!("no signal")
        };
        assert_eq!(signal, ExecSignal::Kill);
        assert!(matches!(table.exited(step, ExitStatus::Code(0)), Err(HostError::UnknownStep(_))));
    }
}
