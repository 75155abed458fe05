//! From the offer to the start, and what never starts.

use spacelift_worker_core::envelope::Context;
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, LogUploads, MAX_MESSAGE_LEN, NackReason, Phase, RunState, RunType, SealedPart,
    WorkerBody,
};

use super::bench::{Bench, kinds};
use crate::control::Command;
use crate::store::LeaseEnd;

#[tokio::test]
async fn a_tracked_run_goes_from_plan_to_confirmation_to_apply_on_another_worker() {
    let mut bench = Bench::new().await;
    let mut first = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = first.begin(&mut bench).await;
    let payload = bench.open(first.id, &plan).await;
    assert_eq!((payload.phase, payload.state_version, payload.lease), (Phase::Plan, 2, plan.lease));
    assert_eq!((payload.pool, payload.worker, payload.run.id), (bench.pool, first.id, run));
    assert_eq!(
        (payload.account_name.as_str(), payload.environment[0].value.as_str()),
        ("acme", "hunter2hunter2")
    );
    assert_eq!((payload.run.state, payload.uploads.logs.len()), (RunState::Preparing, 16));
    assert_eq!(bench.state(run).await, RunState::Preparing);
    first.succeed(&mut bench, &plan).await;
    assert_eq!(bench.state(run).await, RunState::Unconfirmed);
    first.leave(&mut bench, false).await;

    let mut second = bench.worker(2).await;
    assert!(second.offer(&mut bench).await.is_none(), "nothing is applied before it is confirmed");
    bench.confirm(run).await;
    let apply = second.begin(&mut bench).await;
    assert!(apply.lease > plan.lease && apply.cmd_seq > plan.cmd_seq);
    let kept = bench.open(second.id, &apply).await.workspace.unwrap();
    assert_eq!((kept.phase, kept.state_version, kept.download.len), (Phase::Plan, 4, 9));
    let name = &payload.uploads.workspace.unwrap().name;
    assert!(kept.download.url.contains(name.as_str()) && name.contains(&run.to_string()));
    assert_eq!(bench.state(run).await, RunState::PreparingApply);
    second.succeed(&mut bench, &apply).await;
    assert_eq!(bench.state(run).await, RunState::Finished);
}

#[tokio::test]
async fn with_auto_deploy_nobody_is_asked() {
    let mut bench = Bench::new().await;
    bench.stack("quick", true).await;
    let mut worker = bench.worker(1).await;
    let run = bench.run_on("quick", RunType::Tracked).await;
    let plan = worker.begin(&mut bench).await;
    worker.succeed(&mut bench, &plan).await;
    let apply = worker.begin(&mut bench).await;
    assert_eq!((apply.run, apply.phase), (run, Phase::Apply));
}

#[tokio::test]
async fn an_idle_status_that_does_not_cover_the_newest_lease_is_not_believed() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let ControlBody::Offer(offer) = bench.orders(worker.id).remove(0).body else { panic!("no offer") };
    let first = offer.lease;
    // Sent before the offer, read after it.
    worker.status(&mut bench).await;
    assert!(bench.store.open_lease_of_run(run).await.unwrap().is_some(), "the offer stands");
    // The offer is withdrawn; a status that still does not know of it does not bring the next one.
    bench.pass(45, &mut [&mut worker]).await;
    assert_eq!(bench.store.open_lease_of_run(run).await.unwrap(), None);
    let orders = bench.orders(worker.id);
    let offered: Vec<_> = orders
        .iter()
        .filter_map(|each| match &each.body {
            ControlBody::Offer(offer) => Some(offer.lease),
            _ => None,
        })
        .collect();
    assert!(offered.iter().all(|lease| *lease == first), "the same one again: {offered:?}");
    // The worker says that it will not start that lease.
    let kill = orders.iter().find(|each| matches!(each.body, ControlBody::Kill(_))).unwrap().id;
    bench.say(worker.id, WorkerBody::Ack(Ack { re: kill })).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["offer"]);
}

#[tokio::test]
async fn a_status_that_covers_the_offer_and_holds_nothing_is_a_refusal() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let first = worker.offer(&mut bench).await.unwrap().1;
    worker.status(&mut bench).await;
    bench.pass(2, &mut [&mut worker]).await;
    let second = worker.offer(&mut bench).await.unwrap().1;
    assert_eq!((second.run, bench.state(run).await), (run, RunState::Queued));
    assert!(second.lease > first.lease);
}

#[tokio::test]
async fn an_acceptance_that_comes_twice_starts_once() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.run(RunType::Tracked).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    worker.accept(&mut bench, &offer).await;
    let first = bench.orders(worker.id);
    worker.accept(&mut bench, &offer).await;
    let second = bench.orders(worker.id);
    assert_eq!((kinds(&first), &first), (vec!["start"], &second), "the very same start");
    bench.say(worker.id, WorkerBody::Ack(Ack { re: first[0].id })).await;
    worker.accept(&mut bench, &offer).await;
    assert!(bench.orders(worker.id).is_empty());
}

#[tokio::test]
async fn an_acceptance_after_the_offer_was_withdrawn_starts_nothing() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    bench.pass(35, &mut []).await;
    bench.orders(worker.id);
    worker.accept(&mut bench, &offer).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["nack"]);
    assert_eq!(bench.state(run).await, RunState::Queued);
}

#[tokio::test]
async fn nobody_accepts_the_offer_of_another_worker() {
    let mut bench = Bench::new().await;
    let mut asked = bench.worker(2).await;
    let run = bench.run(RunType::Tracked).await;
    let mut other = bench.worker(1).await;
    let offer = asked.offer(&mut bench).await.unwrap();
    bench.orders(other.id);
    other.accept(&mut bench, &offer).await;
    assert_eq!(kinds(&bench.orders(other.id)), ["nack"]);
    assert_eq!(bench.state(run).await, RunState::Queued);
}

#[tokio::test]
async fn a_refused_run_goes_to_another_worker() {
    for reason in [NackReason::Busy, NackReason::Drained, NackReason::Stale, NackReason::Expired] {
        let mut bench = Bench::new().await;
        let mut older = bench.worker(1).await;
        let mut newer = bench.worker(2).await;
        let run = bench.run(RunType::Tracked).await;
        let offer = newer.offer(&mut bench).await.expect("the newest is asked first");
        newer.refuse(&mut bench, &offer, reason).await;
        newer.status(&mut bench).await;
        assert_eq!(older.begin(&mut bench).await.run, run, "{reason:?}");
    }
}

#[tokio::test]
async fn a_worker_that_refuses_is_asked_again_after_a_pause_and_leaves_no_blobs_behind() {
    let mut bench = Bench::new().await;
    bench.stack_with("long", false, "x".repeat(MAX_MESSAGE_LEN)).await;
    let mut worker = bench.worker(1).await;
    let run = bench.run_on("long", RunType::Tracked).await;
    let mut offers = Vec::new();
    for _ in 0..10 {
        if let Some(offer) = worker.offer(&mut bench).await {
            bench.sealed_bytes(&offer.1.sealed).await;
            worker.refuse(&mut bench, &offer, NackReason::Unsupported).await;
            offers.push(offer.1);
        }
        worker.status(&mut bench).await;
    }
    assert_eq!(offers.len(), 1);
    assert!(!bench.is_stored(&offers[0].sealed), "nobody will ever read it");
    bench.pass(2, &mut [&mut worker]).await;
    let second = worker.offer(&mut bench).await.unwrap();
    worker.refuse(&mut bench, &second, NackReason::Unsupported).await;
    bench.pass(1, &mut [&mut worker]).await;
    assert!(worker.offer(&mut bench).await.is_none(), "the pause is longer each time");
    let mut other = bench.worker(2).await;
    assert_eq!(other.begin(&mut bench).await.run, run, "which holds for that worker alone");
}

#[tokio::test]
async fn a_denied_run_has_failed_and_is_offered_to_nobody_else() {
    for reason in [NackReason::PolicyDenied, NackReason::CannotOpen] {
        let mut bench = Bench::new().await;
        let mut older = bench.worker(1).await;
        let mut newer = bench.worker(2).await;
        let run = bench.run(RunType::Tracked).await;
        let offer = newer.offer(&mut bench).await.unwrap();
        newer.refuse(&mut bench, &offer, reason).await;
        newer.status(&mut bench).await;
        assert_eq!(bench.state(run).await, RunState::Failed, "{reason:?}");
        assert!(bench.note(run).await.ends_with(": because"), "{}", bench.note(run).await);
        assert!(older.offer(&mut bench).await.is_none());
    }
}

#[tokio::test]
async fn a_refused_start_brings_a_plan_back_to_the_queue() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    worker.accept(&mut bench, &offer).await;
    let start = bench.orders(worker.id).remove(0);
    worker.run = None;
    worker.refuse(&mut bench, &(start.id, offer.1), NackReason::Expired).await;
    assert_eq!(bench.state(run).await, RunState::Queued);
}

#[tokio::test]
async fn a_refused_start_of_an_apply_brings_the_run_back_to_its_confirmation() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let plan = worker.begin(&mut bench).await;
    worker.succeed(&mut bench, &plan).await;
    bench.confirm(run).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    worker.accept(&mut bench, &offer).await;
    let orders = bench.orders(worker.id);
    assert_eq!((kinds(&orders), bench.state(run).await), (vec!["start"], RunState::PreparingApply));
    worker.run = None;
    worker.refuse(&mut bench, &(orders[0].id, offer.1), NackReason::Expired).await;
    assert_eq!(bench.state(run).await, RunState::Confirmed, "nothing was changed");
    worker.status(&mut bench).await;
    let again = worker.begin(&mut bench).await;
    worker.succeed(&mut bench, &again).await;
    assert_eq!(bench.state(run).await, RunState::Finished);
}

#[tokio::test]
async fn a_lease_is_renewed_in_answer_to_a_status_after_a_third_of_it_and_with_room_for_logs() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    bench.run(RunType::Tracked).await;
    let offer = worker.begin(&mut bench).await;
    bench.now += 29_000;
    worker.status(&mut bench).await;
    assert!(bench.orders(worker.id).is_empty());
    bench.now += 1_000;
    let status = worker.status(&mut bench).await;
    let mut orders = bench.orders(worker.id);
    let ControlBody::Renew(grant) = orders.remove(0).body else { panic!("no renewal") };
    assert_eq!((grant.re, grant.lease, grant.ttl_ms), (status, offer.lease, 90_000));
    let context = Context::new([
        ("purpose", "renew".to_owned()),
        ("pool", bench.pool.to_string()),
        ("worker", worker.id.to_string()),
        ("run", offer.run.to_string()),
        ("lease", offer.lease.to_string()),
    ])
    .unwrap();
    let sealed = bench.sealed_bytes(grant.sealed.as_ref().unwrap()).await;
    let more: LogUploads = bench.unseal(&context, &sealed);
    let before = bench.open(worker.id, &offer).await.uploads.logs;
    assert_eq!((more.lease, more.logs.len()), (offer.lease, 16));
    assert!(more.logs.iter().all(|new| before.iter().all(|old| old.name != new.name)));
    let lease = bench.store.open_lease_of_run(offer.run).await.unwrap().unwrap();
    assert_eq!(lease.times.expires_at, Some(bench.now + 90_000));
    bench.now += 29_000;
    worker.status(&mut bench).await;
    assert!(bench.orders(worker.id).is_empty(), "the third begins again");
}

#[tokio::test]
async fn a_long_offer_goes_by_reference() {
    let mut bench = Bench::new().await;
    bench.stack_with("long", false, "x".repeat(MAX_MESSAGE_LEN)).await;
    let mut worker = bench.worker(1).await;
    bench.run_on("long", RunType::Tracked).await;
    let offer = worker.begin(&mut bench).await;
    assert!(matches!(offer.sealed, SealedPart::Reference { .. }));
    assert_eq!(bench.open(worker.id, &offer).await.environment[0].value.len(), MAX_MESSAGE_LEN);
}

#[tokio::test]
async fn an_offer_that_cannot_be_made_fails_the_run_with_the_reason_and_frees_the_worker() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    worker.begin(&mut bench).await;
    worker.run = None;
    // Past the control loop, so that there is no workspace to go on with.
    let held = bench.store.open_lease_of_run(run).await.unwrap().unwrap();
    let end = LeaseEnd {
        pool: bench.pool,
        lease: held.lease,
        reason: "finished".into(),
        to: Some(RunState::Unconfirmed),
        worker_version: Some(4),
        note: None,
        workspace: None,
        outputs: None,
        lost: false,
        now: bench.now,
    };
    bench.store.end_lease(&end).await.unwrap();
    worker.status(&mut bench).await;
    bench.confirm(run).await;
    assert_eq!(bench.state(run).await, RunState::Failed);
    assert_eq!(bench.note(run).await, "job assignment failed: the plan's workspace is not there");
    let next = bench.run(RunType::Proposed).await;
    assert_eq!(worker.begin(&mut bench).await.run, next);
}

#[tokio::test]
async fn a_canceled_run_is_taken_back_from_the_worker_that_was_asked() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker(1).await;
    let run = bench.run(RunType::Tracked).await;
    let offer = worker.offer(&mut bench).await.unwrap();
    let change = crate::store::Change::new(run, RunState::Queued, RunState::Canceled, bench.now);
    bench.store.transition(&change).await.unwrap();
    bench.order(Command::Poke).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["kill"]);
    worker.accept(&mut bench, &offer).await;
    assert_eq!(kinds(&bench.orders(worker.id)), ["nack"]);
    assert_eq!(bench.state(run).await, RunState::Canceled);
}
