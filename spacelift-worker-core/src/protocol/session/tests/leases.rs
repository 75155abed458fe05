//! Guarantee 3: how long a worker may go on with a phase.

use super::plane::{Bench, grant, halt, lease, run};
use crate::protocol::message::*;
use crate::protocol::{CommandError, Event};

fn lost(bench: &Bench) -> usize {
    bench.events.iter().filter(|event| matches!(event, Event::LeaseEnded { .. })).count()
}

#[test]
fn guarantee_3_a_phase_that_may_be_offered_again_is_fenced_ten_seconds_before_its_lease_ends() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    bench.progress(RunState::Planning, 3);
    bench.disconnect();
    bench.pass(79_999);
    assert_eq!((lost(&bench), bench.session.lease_holds(bench.at())), (0, true));
    bench.pass(1);
    assert_eq!((lost(&bench), bench.session.lease_holds(bench.at())), (1, false));
    assert_eq!(bench.events.last(), Some(&Event::LeaseEnded { run: run(1), lease: lease(1) }));
    bench.pass(1_000_000);
    assert_eq!(lost(&bench), 1, "told once");
}

#[test]
fn guarantee_3_a_lease_counts_from_when_the_answered_message_was_sent() {
    let mut bench = Bench::connected();
    let re = bench.accept(1, 1, Phase::Plan);
    bench.pass(50_000);
    bench.say(ControlBody::Start(grant(1, 1, re)));
    bench.pass(29_999);
    assert_eq!(lost(&bench), 0);
    bench.pass(1);
    assert_eq!(lost(&bench), 1, "a slow network shortens a lease and never lengthens it");
}

#[test]
fn guarantee_3_a_start_that_comes_after_its_own_lease_is_refused() {
    let mut bench = Bench::connected();
    let re = bench.accept(1, 1, Phase::Plan);
    bench.pass(80_000);
    let late = bench.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!(bench.answers(late), [Some(NackReason::Expired)]);
    assert!(bench.session.is_idle());
    assert_eq!(bench.starts(), 0);
}

#[test]
fn guarantee_3_an_accept_that_waited_for_a_connection_counts_from_its_first_sending() {
    let mut bench = Bench::connected();
    bench.offer(1, 1, Phase::Plan);
    bench.disconnect();
    bench.session.opened(bench.at(), lease(1)).unwrap();
    bench.pass(60_000);
    bench.connect();
    let re = bench.accept_id(1);
    bench.pass(10_000);
    bench.say(ControlBody::Start(grant(1, 1, re)));
    bench.pass(69_999);
    assert_eq!((bench.starts(), lost(&bench)), (1, 0));
    bench.pass(1);
    assert_eq!(lost(&bench), 1, "and a repetition does not count");
}

#[test]
fn guarantee_3_renewals_that_answer_a_status_carry_a_lease_on() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    for _ in 0..20 {
        bench.pass(30_000);
        let id = bench.renew(1, 1);
        assert_eq!(bench.answers(id), [None]);
        assert!(matches!(bench.events.last(), Some(Event::Renewed(_))));
    }
    assert_eq!(lost(&bench), 0);
    // The last status went at the renewal itself, 15 s apart at most.
    bench.pass(80_000);
    assert_eq!(lost(&bench), 1);
}

#[test]
fn guarantee_3_a_late_renewal_brings_nothing_back_and_an_old_one_shortens_nothing() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let first = bench.last_status().0;
    bench.pass(60_000);
    bench.renew(1, 1);
    let old = bench.say(ControlBody::Renew(grant(1, 1, first)));
    assert_eq!(bench.answers(old), [None]);
    bench.pass(60_000);
    assert_eq!(lost(&bench), 0, "60 s after a renewal of 90 s");
    bench.pass(40_000);
    assert_eq!(lost(&bench), 1);
    let late = bench.renew(1, 1);
    assert_eq!(bench.answers(late), [Some(NackReason::Expired)]);
    assert!(!bench.session.lease_holds(bench.at()));
}

#[test]
fn guarantee_3_a_renewal_of_something_else_or_in_answer_to_nothing_renews_nothing() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let status = bench.last_status().0;
    let unknown = crate::ids::MessageId::from_parts(3, 3);
    for (wrong, reason) in [
        (grant(2, 1, status), NackReason::Stale),
        (grant(1, 2, status), NackReason::Stale),
        (grant(1, 1, unknown), NackReason::Expired),
    ] {
        let id = bench.say(ControlBody::Renew(wrong));
        assert_eq!(bench.answers(id), [Some(reason)]);
    }
    bench.pass(80_000);
    assert_eq!(lost(&bench), 1);
}

#[test]
fn guarantee_3_on_waking_from_suspend_the_lease_is_checked_before_the_renewal_is_read() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let status = bench.last_status().0;
    // The clock ran on while nothing else did: no timeout was handled.
    bench.now += 85_000;
    let renewal = Grant { ttl_ms: 1_000_000, ..grant(1, 1, status) };
    let late = bench.say(ControlBody::Renew(renewal));
    assert_eq!((lost(&bench), bench.answers(late)), (1, vec![Some(NackReason::Expired)]));
}

#[test]
fn guarantee_3_a_state_that_changes_something_is_never_stopped_once_it_began() {
    for (phase, state) in [
        (Phase::Apply, RunState::Applying),
        (Phase::Destroy, RunState::Destroying),
        (Phase::Task, RunState::Performing),
    ] {
        let mut bench = Bench::connected();
        bench.begin(1, 1, phase);
        bench.progress(state, 3);
        bench.disconnect();
        bench.pass(10_000_000);
        assert_eq!(lost(&bench), 0, "{state:?}");
        assert!(bench.session.lease_holds(bench.at()));
        bench.connect();
        let renewed = bench.renew(1, 1);
        assert_eq!(bench.answers(renewed), [None]);
        bench.finish(1, 1);
    }
}

#[test]
fn guarantee_3_a_state_that_changes_something_does_not_begin_without_a_lease() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Apply);
    bench.progress(RunState::PreparingApply, 2);
    bench.disconnect();
    bench.now += 80_000;
    let refused = bench.session.progress(bench.at(), RunState::Applying, 3, None);
    assert_eq!(refused, Err(CommandError::LeaseEnded));
    bench.poll();
    assert_eq!(lost(&bench), 1);
}

#[test]
fn a_halt_of_a_newer_lease_leaves_what_runs_alone_and_withdraws_what_waits() {
    let mut running = Bench::connected();
    running.begin(1, 1, Phase::Plan);
    running.say(ControlBody::Kill(halt(2, 2)));
    assert!(running.session.lease_holds(running.at()));
    running.finish(1, 1);

    let mut waiting = Bench::connected();
    let re = waiting.accept(1, 1, Phase::Plan);
    waiting.say(ControlBody::Kill(halt(2, 2)));
    waiting.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!(waiting.starts(), 0);
}

#[test]
fn a_worker_that_is_to_go_gives_up_what_was_not_started() {
    let cycle: fn(&mut Bench) = |bench| {
        bench.say(ControlBody::Cycle(Cycle { cmd_seq: 1 }));
    };
    let shutdown: fn(&mut Bench) = |bench| {
        bench.session.shutdown(bench.at());
        bench.poll();
    };
    for going in [cycle, shutdown] {
        let mut bench = Bench::connected();
        let re = bench.accept(1, 1, Phase::Plan);
        going(&mut bench);
        assert!(bench.session.is_idle(), "nothing holds it back");
        assert_eq!(bench.events.last(), Some(&Event::Kill { run: run(1), lease: lease(1) }));
        bench.say(ControlBody::Start(grant(1, 1, re)));
        assert_eq!(bench.starts(), 0);
    }
}
