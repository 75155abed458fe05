//! The loop: one thing at a time, in the order in which it came. The only file of this room that reads the clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::pool::ControlKey;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::composer::{ComposeError, Composer, Sealer};
use super::handle::Command;
use super::judge::ms;
use super::memory::Memory;
use super::sealing::{BlobLinks, Sealing};
use crate::fresh;
use crate::serve::Timings;
use crate::store::{Blobs, LeaseError, Ledger, Store, StoreError, TransitionError};
use crate::wire::{Wire, WireCommand, WireEvent};

/// How often it is looked for what is late.
const TICK: Duration = Duration::from_secs(1);

/// What the loop handles, one at a time.
#[derive(Debug)]
pub(super) enum Input {
    Tick,
    Command(Command),
    Event(WireEvent),
}

/// What comes next; none when the loop ends. The tick goes before all else, since it is seldom and the others may never
/// leave a gap: what is late would not be looked at for as long as workers speak.
pub(super) async fn next(
    stop: &CancellationToken,
    tick: impl Future<Output = ()>,
    commands: &mut mpsc::Receiver<Command>,
    events: &mut mpsc::Receiver<WireEvent>,
) -> Option<Input> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        () = tick => Some(Input::Tick),
        command = commands.recv() => command.map(Input::Command),
        event = events.recv() => event.map(Input::Event),
    }
}

/// Why something was not done. The worker asks again, or the next tick does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A lease did not move.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A run did not move.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// A renewal could not be made.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// There is no randomness.
    #[error("a message could not be given an identifier")]
    Randomness(#[from] CryptoError),
    /// The broker's task has ended.
    #[error("the connection to the broker has ended")]
    WireClosed,
}

/// What a control loop is made of.
pub struct ControlParts {
    /// What outlives a restart.
    pub store: Store,
    /// Where long messages go.
    pub blobs: Blobs,
    /// Signed URLs to blobs.
    pub links: Arc<dyn BlobLinks>,
    /// With what offers are signed.
    pub signing_key: Arc<ControlKey>,
    /// The name of the account that policies see.
    pub account_name: String,
    /// When things are late.
    pub timings: Timings,
    /// Whether the store was restored from a backup: nothing is offered before every worker that lives was heard, since
    /// one may hold what the store says that nobody holds.
    pub restored: bool,
}

impl fmt::Debug for ControlParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlParts").field("account_name", &self.account_name).finish_non_exhaustive()
    }
}

/// The worker protocol from the far end, over a ledger and with a composer.
#[derive(Debug)]
pub(crate) struct Control<L = Store, C = Sealer> {
    pub(super) store: L,
    pub(super) composer: C,
    pub(super) wire: mpsc::Sender<WireCommand>,
    pub(super) timings: Timings,
    pub(super) memory: Memory,
}

impl Control {
    pub(super) fn new(parts: ControlParts, wire: mpsc::Sender<WireCommand>, now: u64) -> Self {
        let ControlParts { store, blobs, links, signing_key, account_name, timings, restored } = parts;
        let sealing = Sealing { key: signing_key, blobs, links };
        let composer = Sealer { store: store.clone(), sealing, account_name };
        let mut memory = Memory::new(now);
        if restored {
            memory.offers_from = now.saturating_add(ms(timings.lost_after));
        }
        Self { store, composer, wire, timings, memory }
    }

    /// Answers workers until `stop`, or until the broker or every handle is gone.
    pub(crate) async fn run(
        parts: ControlParts,
        wire: Wire,
        mut commands: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) {
        let Wire { mut events, commands: sender } = wire;
        let mut control = Self::new(parts, sender, fresh::now_ms());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let tick = async {
                ticks.tick().await;
            };
            let Some(input) = next(&stop, tick, &mut commands, &mut events).await else { return };
            let is_tick = matches!(input, Input::Tick);
            let done = control.handle(input, fresh::now_ms()).await;
            let done = match done {
                Ok(()) => control.schedule(fresh::now_ms()).await,
                failed => failed,
            };
            match done {
                Ok(()) => {}
                Err(ControlError::WireClosed) => return,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "not done; it is tried again")
                }
            }
            // From its end on: a tick that takes longer than the time between two leaves room for everything else, too.
            if is_tick {
                ticks.reset();
            }
        }
    }
}

impl<L: Ledger, C: Composer> Control<L, C> {
    pub(super) async fn handle(&mut self, input: Input, now: u64) -> Result<(), ControlError> {
        match input {
            Input::Tick => self.handle_tick(now).await,
            Input::Command(command) => self.handle_command(command, now).await,
            Input::Event(event) => self.handle_event(event, now).await,
        }
    }

    /// Something came from a broker.
    pub(super) async fn handle_event(&mut self, event: WireEvent, now: u64) -> Result<(), ControlError> {
        match event {
            WireEvent::Message { pool, worker, bytes } => {
                self.handle_message(pool, worker, &bytes, now).await
            }
            WireEvent::Connected => self.handle_connected(now).await,
        }
    }

    /// Offers what can be offered, if anything changed since the last time.
    pub(super) async fn schedule(&mut self, now: u64) -> Result<(), ControlError> {
        if now < self.memory.offers_from || !std::mem::take(&mut self.memory.is_dirty) {
            return Ok(());
        }
        // The end of a run is what makes it look. Where this fails, it has to look again.
        if let Err(error) = self.store.trigger_dependents(now).await {
            self.memory.is_dirty = true;
            return Err(error.into());
        }
        let leases = self.store.open_leases().await?;
        let snapshot = super::queue::snapshot(&self.store, &leases, &self.memory, &self.timings, now).await?;
        let (waiting, running) = (snapshot.waiting.iter(), snapshot.running.iter());
        self.memory.keep_refusals_of(waiting.map(|run| run.run).chain(running.map(|run| run.run)));
        let schedule = crate::schedule::schedule(&snapshot);
        for assignment in schedule.assignments() {
            self.offer(assignment, now).await?;
        }
        Ok(())
    }
}
