//! Tables for the rules, properties for what no table can list.

use proptest::prelude::*;
use spacelift_worker_core::ids::{PoolId, RunId, WorkerId};
use spacelift_worker_core::protocol::message::RunType;

use super::*;

fn run_id(number: u64) -> RunId {
    RunId::from_parts(number, 1)
}

fn worker_id(number: u64) -> WorkerId {
    WorkerId::from_parts(number, 2)
}

fn pool_id(number: u64) -> PoolId {
    PoolId::from_parts(number, 3)
}

/// A queued run on a stack of its own, as old as its number.
fn waiting(number: u64, run_type: RunType) -> WaitingRun {
    WaitingRun {
        run: run_id(number),
        pool: pool_id(1),
        stack: format!("stack-{number}"),
        run_type,
        drift: false,
        prioritized: false,
        created_at: number,
        stage: Stage::Queued,
        refused_by: vec![],
        not_yet: vec![],
    }
}

fn running(number: u64, run_type: RunType, stack: &str) -> RunningRun {
    RunningRun {
        run: run_id(number),
        pool: pool_id(1),
        stack: stack.into(),
        run_type,
        drift: false,
        on_worker: true,
    }
}

fn idle(number: u64) -> WorkerSeat {
    seat(number, Availability::Idle)
}

fn seat(number: u64, availability: Availability) -> WorkerSeat {
    WorkerSeat { worker: worker_id(number), pool: pool_id(1), availability, created_at: number }
}

/// The numbers of the runs in their order.
fn order(waiting: Vec<WaitingRun>) -> Vec<u64> {
    let snapshot = Snapshot { waiting, ..Snapshot::default() };
    schedule(&snapshot).queue.iter().map(|entry| entry.run.unix_ms()).collect()
}

fn verdicts(snapshot: &Snapshot) -> Vec<(u64, Verdict)> {
    schedule(snapshot).queue.into_iter().map(|entry| (entry.run.unix_ms(), entry.verdict)).collect()
}

fn locked(by: u64) -> Verdict {
    Verdict::Wait(Reason::StackLocked { by: run_id(by) })
}

fn assigned(worker: u64) -> Verdict {
    Verdict::Assign(worker_id(worker))
}

#[test]
fn tracked_destroy_and_task_go_before_proposed_and_testing_and_those_before_drift() {
    let mut drift = waiting(1, RunType::Tracked);
    drift.drift = true;
    let runs = vec![
        drift,
        waiting(2, RunType::Proposed),
        waiting(3, RunType::Testing),
        waiting(4, RunType::Task),
        waiting(5, RunType::Tracked),
        waiting(6, RunType::Destroy),
    ];
    assert_eq!(order(runs), [4, 5, 6, 2, 3, 1]);
}

#[test]
fn the_oldest_of_a_class_goes_first() {
    let runs = [3, 1, 2].map(|number| waiting(number, RunType::Tracked)).to_vec();
    assert_eq!(order(runs), [1, 2, 3]);
}

#[test]
fn prioritised_runs_go_ahead_of_all_and_keep_their_order_among_themselves() {
    let mut proposed = waiting(9, RunType::Proposed);
    proposed.prioritized = true;
    let mut tracked = waiting(8, RunType::Tracked);
    tracked.prioritized = true;
    assert_eq!(order(vec![waiting(1, RunType::Tracked), proposed, tracked]), [8, 9, 1]);
}

#[test]
fn a_confirmed_run_goes_before_new_ones_of_its_class_and_not_before_a_higher_class() {
    let confirmed =
        |number, drift| WaitingRun { stage: Stage::Confirmed, drift, ..waiting(number, RunType::Tracked) };
    let runs =
        vec![waiting(1, RunType::Tracked), confirmed(5, false), confirmed(4, false), confirmed(2, true)];
    assert_eq!(order(runs), [4, 5, 1, 2]);
}

#[test]
fn one_run_a_worker_and_the_newest_worker_first() {
    let snapshot = Snapshot {
        waiting: [1, 2, 3].map(|number| waiting(number, RunType::Tracked)).to_vec(),
        workers: vec![idle(10), idle(30), seat(40, Availability::Busy), seat(50, Availability::Drained)],
        ..Snapshot::default()
    };
    let expected = vec![(1, assigned(30)), (2, assigned(10)), (3, Verdict::Wait(Reason::AllBusy))];
    assert_eq!(verdicts(&snapshot), expected);
}

#[test]
fn a_worker_that_refused_is_asked_last() {
    let mut run = waiting(1, RunType::Tracked);
    run.refused_by = vec![worker_id(30)];
    let mut snapshot =
        Snapshot { waiting: vec![run], workers: vec![idle(10), idle(30)], ..Snapshot::default() };
    assert_eq!(verdicts(&snapshot), [(1, assigned(10))]);
    snapshot.workers.remove(0);
    assert_eq!(verdicts(&snapshot), [(1, assigned(30))]);
    snapshot.waiting[0].not_yet = vec![worker_id(30)];
    assert_eq!(verdicts(&snapshot), [(1, Verdict::Wait(Reason::AllRefused))]);
}

#[test]
fn a_worker_of_another_pool_takes_nothing() {
    let mut other = idle(10);
    other.pool = pool_id(2);
    let waiting = vec![waiting(1, RunType::Tracked)];
    let snapshot = Snapshot { waiting, workers: vec![other], ..Snapshot::default() };
    assert_eq!(verdicts(&snapshot), [(1, Verdict::Wait(Reason::NoWorker))]);
}

#[test]
fn why_no_worker_is_free_is_said() {
    use Availability::{Busy, Drained, Lost};
    for (seats, reason) in [
        (vec![], Reason::NoWorker),
        (vec![Lost], Reason::NoWorker),
        (vec![Drained, Lost], Reason::AllDrained),
        (vec![Drained, Busy], Reason::AllBusy),
    ] {
        let workers = seats.iter().zip(1..).map(|(&availability, number)| seat(number, availability));
        let snapshot = Snapshot {
            waiting: vec![waiting(1, RunType::Proposed)],
            workers: workers.collect(),
            ..Snapshot::default()
        };
        assert_eq!(verdicts(&snapshot), [(1, Verdict::Wait(reason))], "{seats:?}");
    }
}

#[test]
fn an_unfinished_tracked_run_blocks_state_changing_ones_of_its_stack_and_no_preview() {
    for on_worker in [true, false] {
        let mut unfinished = running(9, RunType::Tracked, "shared");
        unfinished.on_worker = on_worker;
        let on_shared = |number, run_type| WaitingRun { stack: "shared".into(), ..waiting(number, run_type) };
        let snapshot = Snapshot {
            waiting: vec![
                on_shared(1, RunType::Tracked),
                on_shared(2, RunType::Destroy),
                on_shared(3, RunType::Task),
                on_shared(4, RunType::Proposed),
                waiting(5, RunType::Tracked),
            ],
            running: vec![unfinished],
            workers: (10..20).map(idle).collect(),
            ..Snapshot::default()
        };
        let expected = [(1, locked(9)), (2, locked(9)), (3, locked(9)), (5, assigned(19)), (4, assigned(18))];
        assert_eq!(verdicts(&snapshot), expected);
    }
}

#[test]
fn a_running_preview_blocks_nothing() {
    let snapshot = Snapshot {
        waiting: vec![waiting(1, RunType::Tracked)],
        running: vec![running(9, RunType::Proposed, "stack-1")],
        workers: vec![idle(10)],
        ..Snapshot::default()
    };
    assert_eq!(verdicts(&snapshot), [(1, assigned(10))]);
}

#[test]
fn of_two_runs_of_a_stack_one_starts() {
    let second = WaitingRun { stack: "stack-1".into(), ..waiting(2, RunType::Task) };
    let snapshot = Snapshot {
        waiting: vec![waiting(1, RunType::Tracked), second],
        workers: vec![idle(10), idle(20)],
        ..Snapshot::default()
    };
    assert_eq!(verdicts(&snapshot), [(1, assigned(20)), (2, locked(1))]);
}

#[test]
fn a_confirmed_run_holds_its_stack_even_behind_a_prioritised_one_and_without_a_worker() {
    let confirmed = WaitingRun { stage: Stage::Confirmed, ..waiting(1, RunType::Tracked) };
    let mut hurried = WaitingRun { stack: "stack-1".into(), ..waiting(2, RunType::Task) };
    hurried.prioritized = true;
    let mut snapshot =
        Snapshot { waiting: vec![confirmed, hurried], workers: vec![idle(10)], ..Snapshot::default() };
    assert_eq!(verdicts(&snapshot), [(2, locked(1)), (1, assigned(10))]);
    snapshot.workers.clear();
    assert_eq!(verdicts(&snapshot), [(2, locked(1)), (1, Verdict::Wait(Reason::NoWorker))]);
}

#[test]
fn a_drift_limit_counts_what_is_on_workers_and_what_is_being_assigned() {
    let drift = |number| WaitingRun { drift: true, ..waiting(number, RunType::Proposed) };
    let mut under_way = running(9, RunType::Proposed, "stack-9");
    under_way.drift = true;
    let snapshot = |drift_limit| Snapshot {
        waiting: vec![drift(1), drift(2), waiting(3, RunType::Proposed)],
        running: vec![under_way.clone()],
        workers: (10..20).map(idle).collect(),
        limits: vec![PoolLimit { pool: pool_id(1), drift_limit }],
    };
    let over = Verdict::Wait(Reason::DriftLimit { limit: 2 });
    assert_eq!(verdicts(&snapshot(2)), [(3, assigned(19)), (1, assigned(18)), (2, over)]);
    let disabled = Verdict::Wait(Reason::DriftDisabled);
    assert_eq!(verdicts(&snapshot(0)), [(3, assigned(19)), (1, disabled.clone()), (2, disabled)]);
    assert_eq!(verdicts(&snapshot(-1)), [(3, assigned(19)), (1, assigned(18)), (2, assigned(17))]);
}

#[test]
fn a_confirmed_drift_run_goes_on_past_the_limit() {
    let confirmed = WaitingRun { drift: true, stage: Stage::Confirmed, ..waiting(1, RunType::Tracked) };
    let snapshot = Snapshot {
        waiting: vec![confirmed],
        workers: vec![idle(10)],
        limits: vec![PoolLimit { pool: pool_id(1), drift_limit: 0 }],
        ..Snapshot::default()
    };
    assert_eq!(verdicts(&snapshot), [(1, assigned(10))]);
}

fn any_type() -> impl Strategy<Value = RunType> {
    prop::sample::select(vec![
        RunType::Destroy,
        RunType::Proposed,
        RunType::Task,
        RunType::Testing,
        RunType::Tracked,
    ])
}

fn any_waiting(number: u64) -> impl Strategy<Value = WaitingRun> {
    (any_type(), 0..2u64, 0..4u8, any::<bool>(), any::<bool>(), 0..3u64, any::<bool>()).prop_map(
        move |(run_type, pool, stack, drift, prioritized, created_at, confirmed)| WaitingRun {
            pool: pool_id(pool),
            stack: stack.to_string(),
            drift,
            prioritized,
            created_at,
            stage: if confirmed && run_type == RunType::Tracked { Stage::Confirmed } else { Stage::Queued },
            ..waiting(number, run_type)
        },
    )
}

fn any_running(number: u64) -> impl Strategy<Value = RunningRun> {
    (any_type(), 0..2u64, 0..4u8, any::<bool>(), any::<bool>()).prop_map(
        move |(run_type, pool, stack, drift, on_worker)| RunningRun {
            pool: pool_id(pool),
            drift,
            on_worker,
            ..running(100 + number, run_type, &stack.to_string())
        },
    )
}

fn any_seat(number: u64) -> impl Strategy<Value = WorkerSeat> {
    use Availability::{Busy, Drained, Idle, Lost};
    (prop::sample::select(vec![Idle, Idle, Idle, Busy, Drained, Lost]), 0..2u64, 0..3u64).prop_map(
        move |(availability, pool, created_at)| WorkerSeat {
            pool: pool_id(pool),
            created_at,
            ..seat(number, availability)
        },
    )
}

prop_compose! {
    fn any_snapshot()(
        waiting in (0..9u64).prop_flat_map(|n| (0..n).map(any_waiting).collect::<Vec<_>>()),
        running in (0..4u64).prop_flat_map(|n| (0..n).map(any_running).collect::<Vec<_>>()),
        workers in (0..7u64).prop_flat_map(|n| (0..n).map(any_seat).collect::<Vec<_>>()),
        limits in prop::collection::vec(-1..3i64, 2),
    ) -> Snapshot {
        let limits = limits.into_iter().zip(0..);
        let limits = limits.map(|(drift_limit, pool)| PoolLimit { pool: pool_id(pool), drift_limit });
        Snapshot { waiting, running, workers, limits: limits.collect() }
    }
}

proptest! {
    #[test]
    fn every_waiting_run_has_one_verdict_and_input_order_does_not_matter(mut snapshot in any_snapshot()) {
        let first = schedule(&snapshot);
        let mut seen: Vec<_> = first.queue.iter().map(|entry| entry.run).collect();
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), snapshot.waiting.len());
        snapshot.waiting.reverse();
        snapshot.workers.reverse();
        snapshot.limits.reverse();
        prop_assert_eq!(schedule(&snapshot), first);
    }

    #[test]
    fn a_worker_gets_one_run_of_its_pool_and_only_when_it_is_idle(snapshot in any_snapshot()) {
        let assignments: Vec<_> = schedule(&snapshot).assignments().collect();
        for (at, assignment) in assignments.iter().enumerate() {
            let seat = snapshot.workers.iter().find(|seat| seat.worker == assignment.worker).unwrap();
            let run = snapshot.waiting.iter().find(|run| run.run == assignment.run).unwrap();
            prop_assert_eq!(seat.availability, Availability::Idle);
            prop_assert_eq!(seat.pool, run.pool);
            prop_assert!(assignments[..at].iter().all(|earlier| earlier.worker != assignment.worker));
        }
    }

    #[test]
    fn a_stack_never_gets_a_second_state_changing_run(snapshot in any_snapshot()) {
        let schedule = schedule(&snapshot);
        let started: Vec<_> = schedule
            .assignments()
            .map(|assignment| snapshot.waiting.iter().find(|run| run.run == assignment.run).unwrap())
            .filter(|run| run.run_type.changes_state())
            .collect();
        for (at, run) in started.iter().enumerate() {
            let held = snapshot.running.iter().any(|r| r.stack == run.stack && r.run_type.changes_state());
            prop_assert!(!held);
            prop_assert!(started[..at].iter().all(|earlier| earlier.stack != run.stack));
            let confirmed = snapshot
                .waiting
                .iter()
                .any(|other| other.stack == run.stack && other.stage == Stage::Confirmed);
            prop_assert!(!confirmed || run.stage == Stage::Confirmed);
        }
    }

    #[test]
    fn no_pool_begins_more_drift_runs_than_its_limit(snapshot in any_snapshot()) {
        let schedule = schedule(&snapshot);
        for limit in snapshot.limits.iter().filter(|limit| limit.drift_limit >= 0) {
            let begun = schedule
                .assignments()
                .filter_map(|assignment| snapshot.waiting.iter().find(|run| run.run == assignment.run))
                .filter(|run| run.pool == limit.pool && run.drift && run.stage == Stage::Queued)
                .count();
            prop_assert!(i64::try_from(begun).unwrap() <= limit.drift_limit);
        }
    }

    #[test]
    fn a_run_waits_for_a_worker_only_when_none_is_left(snapshot in any_snapshot()) {
        let schedule = schedule(&snapshot);
        let taken: Vec<_> = schedule.assignments().map(|assignment| assignment.worker).collect();
        for entry in &schedule.queue {
            let Verdict::Wait(Reason::AllBusy | Reason::AllDrained | Reason::NoWorker) = entry.verdict else {
                continue;
            };
            let run = snapshot.waiting.iter().find(|run| run.run == entry.run).unwrap();
            let left = snapshot.workers.iter().any(|seat| {
                seat.pool == run.pool
                    && seat.availability == Availability::Idle
                    && !taken.contains(&seat.worker)
            });
            prop_assert!(!left, "{:?}", entry);
        }
    }
}
