//! When something is late, and what is done about it. Pure: the time comes in.

use std::time::Duration;

use spacelift_worker_core::protocol::message::WorkerStatus;

use crate::schedule::Availability;
use crate::serve::Timings;
use crate::store::{LeaseRecord, LeaseState, Until, Worker};

/// What a worker whose lease ended may still need to end its run: its default grace for SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// And from SIGKILL to the end of the last process.
const KILL_TIME: Duration = Duration::from_secs(5);

/// The time between two grants, when a lease holds for three of them.
pub(super) fn renew_every(timings: &Timings) -> u64 {
    ms(timings.lease / 3)
}

/// How long a lease holds that is granted now.
pub(super) fn until(timings: &Timings, now: u64) -> Until {
    let expires_at = now + ms(timings.lease);
    Until { expires_at, deadline: expires_at + margin(timings) }
}

/// "The control plane offers again no earlier than send time + ttl + stop grace + kill time + a tenth" (guarantee 3); the
/// tenth is for clocks that run at different speeds.
fn margin(timings: &Timings) -> u64 {
    ms(STOP_GRACE + KILL_TIME + timings.lease / 10)
}

/// Until when signed URLs in an offer or a renewal hold: the phase may take the whole run timeout.
pub(super) fn urls_until(timings: &Timings, now: u64) -> u64 {
    now + ms(timings.run_timeout) + margin(timings)
}

/// Whether nothing was heard from a worker for too long. `listening_since` is when this control plane began, or went on
/// after a pause of its own, to listen: what it slept through it cannot hold against a worker.
pub(super) fn is_silent(worker: &Worker, listening_since: u64, timings: &Timings, now: u64) -> bool {
    now.saturating_sub(worker.last_seen.max(listening_since)) >= ms(timings.lost_after)
}

/// What is due about an open lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// The offer was not answered: take it back.
    Withdraw,
    /// The worker may be changing something: note that it cannot be reached, and wait.
    Unreachable,
    /// The worker is given up.
    GiveUp,
}

/// What is due about an open lease, given whether its worker is there.
pub(super) fn due(lease: &LeaseRecord, worker_is_there: bool, timings: &Timings, now: u64) -> Due {
    let times = lease.times;
    match lease.state {
        LeaseState::Offered | LeaseState::Accepted => {
            if now >= times.deadline || !worker_is_there {
                Due::Withdraw
            } else {
                Due::Nothing
            }
        }
        LeaseState::Started if worker_is_there => Due::Nothing,
        LeaseState::Started if lease.phase.may_be_offered_again() => {
            if now >= times.deadline {
                Due::GiveUp
            } else {
                Due::Nothing
            }
        }
        LeaseState::Started => {
            let started = times.started_at.unwrap_or(times.offered_at);
            if now >= started + ms(timings.run_timeout) { Due::GiveUp } else { Due::Unreachable }
        }
        _ => Due::Nothing,
    }
}

/// What is known of a worker beside its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knowledge {
    /// Whether an open lease is its.
    pub(super) holds_lease: bool,
    /// Whether it was offered something that its last status does not cover.
    pub(super) status_is_older_than_offer: bool,
    /// Whether it was heard since this control plane began to listen.
    pub(super) was_heard: bool,
    /// Whether nothing was heard for too long.
    pub(super) is_silent: bool,
}

/// Whether a worker takes work.
///
/// An IDLE status that was sent before an offer and read after it would make the control plane offer twice; so IDLE
/// is believed only when it covers the newest lease that was offered.
pub(super) fn availability(worker: &Worker, known: Knowledge) -> Availability {
    if worker.gone_at.is_some() || known.is_silent || !known.was_heard {
        Availability::Lost
    } else if worker.drained || worker.status == WorkerStatus::Drained {
        Availability::Drained
    } else if known.holds_lease || known.status_is_older_than_offer || worker.status != WorkerStatus::Idle {
        Availability::Busy
    } else {
        Availability::Idle
    }
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId, WorkerId};
    use spacelift_worker_core::protocol::message::Phase;

    use super::*;
    use crate::store::LeaseTimes;

    const NOW: u64 = 1_700_000_000_000;

    fn lease(state: LeaseState, phase: Phase) -> LeaseRecord {
        let until = until(&Timings::default(), NOW);
        let started = state == LeaseState::Started;
        LeaseRecord {
            pool: PoolId::from_parts(1, 1),
            lease: Lease { generation: 1, counter: 1 },
            run: RunId::from_parts(1, 1),
            phase,
            worker: WorkerId::from_parts(1, 1),
            state,
            offer_message: MessageId::from_parts(1, 1),
            cmd_seq: 1,
            times: LeaseTimes {
                offered_at: NOW,
                started_at: started.then_some(NOW),
                expires_at: started.then_some(until.expires_at),
                deadline: if started { until.deadline } else { NOW + 20_000 },
                ended_at: None,
            },
            end_reason: None,
            logs_complete: false,
            halted: false,
        }
    }

    fn due_at(lease: &LeaseRecord, there: bool, after_secs: u64) -> Due {
        due(lease, there, &Timings::default(), NOW + after_secs * 1_000)
    }

    #[test]
    fn a_lost_plan_is_offered_again_only_when_its_worker_must_have_stopped() {
        let plan = lease(LeaseState::Started, Phase::Plan);
        // 90 s of lease, 10 of grace, 5 to kill, and a tenth of the lease.
        assert_eq!(due_at(&plan, false, 113), Due::Nothing);
        assert_eq!(due_at(&plan, false, 114), Due::GiveUp);
        assert_eq!(due_at(&plan, true, 1_000), Due::Nothing);
    }

    #[test]
    fn a_lost_phase_that_changes_something_waits_for_the_run_timeout() {
        for phase in [Phase::Apply, Phase::Destroy, Phase::Task, Phase::Test] {
            let lease = lease(LeaseState::Started, phase);
            assert_eq!(due_at(&lease, false, 61), Due::Unreachable);
            assert_eq!(due_at(&lease, false, 70 * 60 - 1), Due::Unreachable);
            assert_eq!(due_at(&lease, false, 70 * 60), Due::GiveUp);
            assert_eq!(due_at(&lease, true, 80 * 60), Due::Nothing);
        }
    }

    #[test]
    fn an_unanswered_offer_is_withdrawn() {
        let offer = lease(LeaseState::Offered, Phase::Apply);
        assert_eq!(due_at(&offer, true, 19), Due::Nothing);
        assert_eq!(due_at(&offer, true, 20), Due::Withdraw);
        assert_eq!(due_at(&offer, false, 1), Due::Withdraw);
    }

    fn worker() -> Worker {
        Worker {
            id: WorkerId::from_parts(1, 1),
            pool: PoolId::from_parts(1, 1),
            metadata: [].into(),
            library: String::new(),
            status: WorkerStatus::Idle,
            drained: false,
            status_seq: 1,
            last_lease_seen: None,
            created_at: NOW,
            last_seen: NOW,
            gone_at: None,
            crashed: false,
        }
    }

    #[test]
    fn a_worker_is_silent_after_a_minute_of_listening() {
        let timings = Timings::default();
        assert!(!is_silent(&worker(), 0, &timings, NOW + 59_999));
        assert!(is_silent(&worker(), 0, &timings, NOW + 60_000));
        assert!(!is_silent(&worker(), NOW + 50_000, &timings, NOW + 60_000), "it slept itself");
    }

    #[test]
    fn an_idle_status_that_does_not_cover_the_newest_offer_is_not_believed() {
        let known = Knowledge {
            holds_lease: false,
            status_is_older_than_offer: false,
            was_heard: true,
            is_silent: false,
        };
        assert_eq!(availability(&worker(), known), Availability::Idle);
        let older = Knowledge { status_is_older_than_offer: true, ..known };
        assert_eq!(availability(&worker(), older), Availability::Busy);
        let holds = Knowledge { holds_lease: true, ..known };
        assert_eq!(availability(&worker(), holds), Availability::Busy);
        let unheard = Knowledge { was_heard: false, ..known };
        assert_eq!(availability(&worker(), unheard), Availability::Lost);
        let busy = Worker { status: WorkerStatus::Busy, ..worker() };
        assert_eq!(availability(&busy, known), Availability::Busy);
        for drained in
            [Worker { drained: true, ..worker() }, Worker { status: WorkerStatus::Drained, ..worker() }]
        {
            assert_eq!(availability(&drained, known), Availability::Drained);
        }
        let gone = Worker { gone_at: Some(NOW), ..worker() };
        assert_eq!(availability(&gone, known), Availability::Lost);
    }
}
