//! The guarantees of the protocol, as far as one worker keeps them, by number.

use super::plane::{Bench, grant, lease, run};
use crate::protocol::Event;
use crate::protocol::message::*;

#[test]
fn a_run_goes_from_its_offer_to_its_acknowledged_report() {
    let mut bench = Bench::connected();
    assert!(matches!(bench.heard[0].body, WorkerBody::Hello(_)));
    assert!(matches!(bench.heard[1].body, WorkerBody::Status(_)));
    assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);

    let re = bench.accept(1, 1, Phase::Plan);
    assert_eq!(bench.starts(), 0, "nothing starts before the accept is answered");
    bench.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!(bench.starts(), 1);
    bench.progress(RunState::Preparing, 1);
    let status = bench.last_status().1;
    let hand =
        RunInHand { run: run(1), lease: lease(1), phase: Phase::Plan, state: Some(RunState::Preparing) };
    assert_eq!((status.status, status.run), (WorkerStatus::Busy, Some(hand)));

    let report = bench.finish(1, 1);
    assert_eq!(bench.last_status().1.status, WorkerStatus::Busy);
    bench.ack(report);
    assert_eq!(bench.events.last(), Some(&Event::Reported { run: run(1), lease: lease(1) }));
    assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);
    assert_eq!(
        bench.disk.record.as_ref().map(|record| (record.begun, record.outcome.clone())),
        Some((None, None))
    );
}
