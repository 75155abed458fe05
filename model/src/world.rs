//! A world: how many workers and runs, which faults and requests, and the numbers of its clock.

use std::sync::OnceLock;
use std::time::Duration;

use spacelift_mothership::control::{Desk, DeskFault};
use spacelift_mothership::serve::Timings;
use spacelift_worker_core::ids::{MessageId, PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::SessionConfig;

use crate::intern::Interner;
use crate::memo::{Fingerprints, Memo};
use crate::state::{Left, Person};
use crate::step::{PlaneAct, PlaneStep, WorkerAct, WorkerStep};
use crate::worker;

/// Places for workers that a state has room for.
pub const SLOTS: usize = 2;
/// Runs that a state has room for.
pub const RUNS: usize = 2;

/// One step of the clock, in milliseconds. Everything else is a few of them, in the order in which the protocol has them.
pub const TICK_MS: u64 = 10_000;
/// The grace of a run that is asked to end.
pub const STOP_GRACE_MS: u64 = 10_000;
/// "SIGTERM for 8 s, then SIGKILL": how long a run of a cycled worker lasts at most.
pub const CYCLE_KILL_MS: u64 = 8_000;
/// How long a cycled worker waits for the acknowledgement of its report.
pub const CYCLE_LIMIT_MS: u64 = 15_000;
/// Where the clock begins, so that no time is 0.
const BEGIN_MS: u64 = 1_000_000;

/// What a world is made of, and everything that ever came about in it.
#[derive(Debug)]
pub struct World {
    /// Its name.
    pub name: &'static str,
    /// Places for workers.
    pub workers: usize,
    /// Runs that wait at the beginning.
    pub runs: usize,
    /// Messages that the network takes at a time. While it is full nobody begins to speak, and what would be answered with more
    /// than there is room for waits while anything else can happen. Faults and time do not wait, so that there may be more.
    pub in_flight: usize,
    /// Faults and requests that may happen.
    pub left: Left,
    /// Until when they may, in ticks; after that everything must come to its end.
    pub free_ticks: u8,
    /// Every worker, control plane and message.
    pub(crate) parts: Parts,
}

/// Every worker, control plane, message and set of messages that came about, and what each does with what it is given.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) workers: Interner<worker::Worker, WorkerKnown>,
    pub(crate) planes: Interner<Option<Desk>, PlaneKnown>,
    pub(crate) letters: Interner<Letter, OnceLock<(Option<MessageId>, u64)>>,
    pub(crate) flights: Interner<Vec<u32>>,
    /// What came to a good end.
    pub(crate) settled: Fingerprints,
}

/// What is known of a worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerKnown {
    pub(crate) outline: OnceLock<worker::Outline>,
    pub(crate) steps: Memo<(WorkerAct, u8), WorkerStep>,
}

/// What is known of a control plane.
#[derive(Debug, Default)]
pub(crate) struct PlaneKnown {
    pub(crate) verdicts: OnceLock<(u8, u8)>,
    pub(crate) steps: Memo<(PlaneAct, Option<DeskFault>, u8), PlaneStep>,
    pub(crate) writes: Memo<(PlaneAct, u8), u32>,
    pub(crate) without_the_dead: Memo<[Option<WorkerId>; SLOTS], u32>,
}

/// A message, its worker's end of it, and its direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Letter {
    /// To or from which worker; none for no message.
    pub worker: Option<WorkerId>,
    /// Whether it goes to the control plane.
    pub to_plane: bool,
    /// What it says.
    pub bytes: Vec<u8>,
}

impl World {
    fn new(name: &'static str, workers: usize, runs: usize, left: Left, free_ticks: u8) -> Self {
        Self { name, workers, runs, in_flight: 3, left, free_ticks, parts: Parts::default() }
    }

    /// How many different parts there are, for people.
    pub fn sizes(&self) -> String {
        let Parts { workers, planes, letters, flights, settled } = &self.parts;
        format!(
            "{} workers, {} control planes, {} messages, {} sets of them, {} settled",
            workers.len(),
            planes.len(),
            letters.len(),
            flights.len(),
            settled.len(),
        )
    }

    /// Changes one number, written `name=number`. False when there is no such name.
    pub fn set(&mut self, setting: &str) -> bool {
        let Some((name, number)) = setting.split_once('=') else { return false };
        let Ok(number) = number.parse::<u8>() else { return false };
        if name == "flight" {
            self.in_flight = usize::from(number);
            return true;
        }
        let left = &mut self.left;
        let place = match name {
            "ticks" => &mut self.free_ticks,
            "losses" => &mut left.losses,
            "copies" => &mut left.copies,
            "delays" => &mut left.delays,
            "crashes" => &mut left.crashes,
            "writes" => &mut left.writes,
            "cuts" => &mut left.cuts,
            "sleeps" => &mut left.sleeps,
            "refusals" => &mut left.refusals,
            "failures" => &mut left.failures,
            "people" => &mut left.people,
            "turns" => left.turns.get_or_insert(0),
            _ => return false,
        };
        *place = number;
        true
    }

    /// Every world, by its name.
    pub fn all() -> Vec<Self> {
        let faults = Left { losses: 1, copies: 1, crashes: 1, delays: 1, ..Left::default() };
        let asked = |people: &[Person]| Left { people: Person::set(people), ..faults };
        vec![
            Self::new("small", 1, 1, faults, 3),
            Self::new("two-workers", 2, 1, faults, 6),
            Self::new("two-runs", 1, 2, faults, 6),
            Self::new("drain", 1, 1, asked(&[Person::Drain, Person::Undrain]), 4),
            Self::new("cycle", 1, 1, asked(&[Person::Cycle]), 4),
            Self::new("stop", 1, 1, asked(&[Person::Stop, Person::Kill]), 4),
            Self::new(
                "link",
                2,
                1,
                Left { cuts: 1, sleeps: 1, refusals: 1, failures: 1, ..Left::default() },
                7,
            ),
            Self::new(
                "wide",
                2,
                2,
                Left {
                    losses: 2,
                    copies: 2,
                    crashes: 2,
                    delays: 2,
                    writes: 1,
                    cuts: 1,
                    sleeps: 1,
                    refusals: 1,
                    failures: 1,
                    people: Person::set(&Person::ALL),
                    turns: Some(2),
                },
                60,
            ),
        ]
    }
}

/// The moment of a tick, in milliseconds.
pub fn moment(tick: u8) -> u64 {
    BEGIN_MS + u64::from(tick) * TICK_MS
}

/// When things are late. A lease of 4 ticks, treated as ended after 3; offered again after 6, since stop grace, kill time
/// and a tenth come to two more.
pub fn timings() -> Timings {
    let ticks = |ticks: u64| Duration::from_millis(ticks * TICK_MS);
    Timings { lost_after: ticks(4), lease: ticks(4), answer: ticks(2), run_timeout: ticks(8) }
}

/// The session of a worker: a status every 2 ticks.
pub fn session_config(worker: WorkerId) -> SessionConfig {
    let mut config = SessionConfig::new(worker);
    config.library = String::new();
    config.heartbeat_ms = 2 * TICK_MS;
    config.fence_margin_ms = TICK_MS;
    config.resend_ms = 2 * TICK_MS;
    config.start_wait_ms = 4 * TICK_MS;
    config
}

/// The pool.
pub fn pool() -> PoolId {
    PoolId::from_parts(1, 1)
}

/// The identifier of a run, by its number from 0.
pub fn run_id(number: usize) -> RunId {
    RunId::from_parts(2, number as u128)
}

/// The number of a run.
pub fn run_number(run: RunId) -> usize {
    (0..RUNS).find(|number| run_id(*number) == run).unwrap_or_default()
}
