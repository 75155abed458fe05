//! What the control loop remembers beside the store. A restart forgets it, and everything here is such that forgetting it
//! makes the loop more careful, or makes it send something once more.

use std::collections::{BTreeMap, BTreeSet};

use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};

use super::judge::{Knowledge, is_silent};
use crate::serve::Timings;
use crate::store::{LeaseRecord, Worker};

/// A pause of this loop above which it slept: a suspended machine, a debugger. In milliseconds.
const PAUSE: u64 = 10_000;

/// How long a worker that refused a run for the first time is not asked again, in milliseconds.
const FIRST_REST: u64 = 1_000;

/// And however often it refused.
const LONGEST_REST: u64 = 60_000;

/// Commands whose last sending is remembered.
const MAX_SENT: usize = 50_000;

/// How a worker refused a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Refusal {
    /// How often the next pause doubles.
    doublings: u32,
    /// Until when the worker is not asked again, in Unix milliseconds; 0 once that is over.
    rests_until: u64,
}

/// The workers that refused a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusers {
    /// All of them.
    pub(super) all: Vec<WorkerId>,
    /// Those that are not asked again yet.
    pub(super) not_yet: Vec<WorkerId>,
}

/// What the control loop remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Memory {
    /// Since when this loop has listened without a pause, in Unix milliseconds.
    pub(super) listening_since: u64,
    last_tick: u64,
    heard: BTreeSet<WorkerId>,
    newest_offer: BTreeMap<WorkerId, Lease>,
    granted: BTreeMap<(PoolId, Lease), u64>,
    refusals: BTreeMap<RunId, BTreeMap<WorkerId, Refusal>>,
    sent: BTreeMap<MessageId, u64>,
    /// What workers say they hold under leases that no record knows, with the pool of the worker.
    claims: BTreeMap<WorkerId, (PoolId, RunId)>,
    /// Nothing is offered before, in Unix milliseconds.
    pub(super) offers_from: u64,
    /// Whether something changed that the scheduler should see.
    pub(super) is_dirty: bool,
}

impl Memory {
    pub(super) fn new(now: u64) -> Self {
        Self { listening_since: now, last_tick: now, is_dirty: true, ..Self::default() }
    }

    /// Notes that time went on; after a pause of its own the loop listens anew.
    pub(super) fn tick(&mut self, now: u64) {
        if now.saturating_sub(self.last_tick) > PAUSE || now < self.last_tick {
            self.listening_since = now;
            self.heard.clear();
        }
        self.last_tick = now;
        self.end_rests(now);
    }

    pub(super) fn hear(&mut self, worker: WorkerId) {
        self.heard.insert(worker);
    }

    pub(super) fn forget_worker(&mut self, worker: WorkerId) {
        self.heard.remove(&worker);
        self.claims.remove(&worker);
        self.forget_refusals_by(|refuser| refuser == worker);
    }

    /// What the newest status of a worker says it holds under a lease that no record knows.
    pub(super) fn claims(&mut self, worker: WorkerId, claim: Option<(PoolId, RunId)>) {
        match claim {
            Some(claim) => self.claims.insert(worker, claim),
            None => self.claims.remove(&worker),
        };
    }

    /// Whether a worker that is there says that it holds this run of its pool.
    pub(super) fn is_claimed(&self, pool: PoolId, run: RunId) -> bool {
        self.claims.values().any(|&claim| claim == (pool, run))
    }

    /// Forgets these workers, and when these messages were sent.
    #[cfg(feature = "model")]
    pub(super) fn forget_the_dead(&mut self, dead: &[WorkerId], messages: &[MessageId]) {
        self.heard.retain(|worker| !dead.contains(worker));
        self.claims.retain(|worker, _| !dead.contains(worker));
        self.forget_refusals_by(|refuser| dead.contains(&refuser));
        self.newest_offer.retain(|worker, _| !dead.contains(worker));
        self.sent.retain(|message, _| !messages.contains(message));
    }

    /// What the scheduler is told of a worker beside its row.
    pub(super) fn knowledge(
        &self,
        worker: &Worker,
        holds_lease: bool,
        timings: &Timings,
        now: u64,
    ) -> Knowledge {
        let newest = self.newest_offer.get(&worker.id);
        Knowledge {
            holds_lease,
            status_is_older_than_offer: newest > worker.last_lease_seen.as_ref(),
            was_heard: self.heard.contains(&worker.id),
            is_silent: is_silent(worker, self.listening_since, timings, now),
        }
    }

    pub(super) fn offered(&mut self, worker: WorkerId, lease: Lease) {
        self.newest_offer.insert(worker, lease);
    }

    /// The worker will never start this lease, though it may never have seen it.
    pub(super) fn covered(&mut self, worker: WorkerId, lease: Lease) {
        if self.newest_offer.get(&worker).is_some_and(|&newest| newest <= lease) {
            self.newest_offer.remove(&worker);
        }
    }

    pub(super) fn granted(&mut self, pool: PoolId, lease: Lease, now: u64) {
        self.granted.insert((pool, lease), now);
    }

    /// When this lease was last granted; none after a restart.
    pub(super) fn last_grant(&self, pool: PoolId, lease: Lease) -> Option<u64> {
        self.granted.get(&(pool, lease)).copied()
    }

    /// The worker refused the run, or did not answer: it is not asked again before a pause, twice as long each time.
    pub(super) fn refused(&mut self, run: RunId, worker: WorkerId, now: u64) {
        let refusal = self.refusals.entry(run).or_default().entry(worker).or_default();
        let pause = FIRST_REST.saturating_mul(1 << refusal.doublings).min(LONGEST_REST);
        // Past the longest one there is nothing to count.
        if pause < LONGEST_REST {
            refusal.doublings += 1;
        }
        refusal.rests_until = now.saturating_add(pause);
    }

    /// Who refused the run, and who of them is not asked yet.
    pub(super) fn refusers(&self, run: RunId, now: u64) -> Refusers {
        let Some(refusals) = self.refusals.get(&run) else { return Refusers::default() };
        let not_yet = refusals.iter().filter(|(_, refusal)| now < refusal.rests_until);
        Refusers {
            all: refusals.keys().copied().collect(),
            not_yet: not_yet.map(|(&worker, _)| worker).collect(),
        }
    }

    /// Where a pause after a refusal is over, the run can be offered again.
    fn end_rests(&mut self, now: u64) {
        for refusal in self.refusals.values_mut().flat_map(BTreeMap::values_mut) {
            if refusal.rests_until != 0 && refusal.rests_until <= now {
                refusal.rests_until = 0;
                self.is_dirty = true;
            }
        }
    }

    fn forget_refusals_by(&mut self, gone: impl Fn(WorkerId) -> bool) {
        self.refusals.retain(|_, refusals| {
            refusals.retain(|&refuser, _| !gone(refuser));
            !refusals.is_empty()
        });
    }

    /// Forgets refusals of every run but these.
    pub(super) fn keep_refusals_of(&mut self, open: impl Iterator<Item = RunId>) {
        if !self.refusals.is_empty() {
            let open: BTreeSet<RunId> = open.collect();
            self.refusals.retain(|run, _| open.contains(run));
        }
    }

    /// The lease began: whoever refused the run before does not matter any more.
    pub(super) fn started(&mut self, run: RunId) {
        self.refusals.remove(&run);
    }

    pub(super) fn ended(&mut self, lease: &LeaseRecord) {
        self.granted.remove(&(lease.pool, lease.lease));
        self.is_dirty = true;
    }

    pub(super) fn sent(&mut self, message: MessageId, now: u64) {
        // What is forgotten is sent again by the hour at which it was stored: once too often at most.
        if self.sent.len() >= MAX_SENT {
            self.sent.clear();
        }
        self.sent.insert(message, now);
    }

    pub(super) fn last_sent(&self, message: MessageId) -> Option<u64> {
        self.sent.get(&message).copied()
    }

    pub(super) fn answered(&mut self, message: MessageId) {
        self.sent.remove(&message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_after_a_refusal_doubles_up_to_a_minute() {
        let (run, worker) = (RunId::from_parts(1, 1), WorkerId::from_parts(1, 1));
        let mut memory = Memory::new(0);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            memory.refused(run, worker, 0);
            let rests = |now: &u64| !memory.refusers(run, now * 1_000).not_yet.is_empty();
            pauses.push((0..).take_while(rests).count());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        memory.forget_worker(worker);
        assert_eq!(memory.refusers(run, 0), Refusers::default());
    }

    #[test]
    fn after_a_pause_of_its_own_the_loop_listens_anew() {
        let mut memory = Memory::new(1_000);
        memory.tick(2_000);
        assert_eq!(memory.listening_since, 1_000);
        memory.tick(2_000 + PAUSE + 1);
        assert_eq!(memory.listening_since, 2_000 + PAUSE + 1);
        memory.tick(500);
        assert_eq!(memory.listening_since, 500, "a clock that was set back");
    }
}
