//! The guarantees of the protocol by their numbers, as far as one worker keeps them: 1, 2, 4, 5, 7 and 8.

use super::plane::{Bench, Disk, finished, grant, halt, lease, offer, run, worker};
use crate::protocol::message::*;
use crate::protocol::{CommandError, Event, FatalReason};

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
    let status = bench.last_status().1;
    let hand =
        RunInHand { run: run(1), lease: lease(1), phase: Phase::Plan, state: Some(RunState::Preparing) };
    assert_eq!((status.status, status.run), (WorkerStatus::Busy, Some(hand)));

    let report = bench.finish(1, 1);
    assert_eq!(bench.last_status().1.status, WorkerStatus::Busy);
    bench.ack(report);
    assert_eq!(bench.events.last(), Some(&Event::Reported { run: run(1), lease: lease(1) }));
    assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);
    let record = bench.disk.record.unwrap();
    assert_eq!((record.begun, record.outcome, record.floor), (None, None, lease(1)));
}

#[test]
fn guarantee_1_an_offer_while_busy_is_refused_and_never_starts_later() {
    let mut bench = Bench::connected();
    let mut second = Vec::new();
    bench.offer(1, 1, Phase::Plan);
    second.push(bench.offer(2, 2, Phase::Plan));
    bench.session.opened(bench.at(), lease(1)).unwrap();
    second.push(bench.offer(2, 3, Phase::Plan));
    let re = bench.accept_id_after_poll(1);
    bench.say(ControlBody::Start(grant(1, 1, re)));
    second.push(bench.offer(2, 4, Phase::Plan));
    let report = bench.finish(1, 1);
    second.push(bench.offer(2, 5, Phase::Plan));
    for id in second {
        assert_eq!(bench.answers(id), [Some(NackReason::Busy)]);
    }
    assert_eq!(bench.last_status().1.last_lease_seen, Some(lease(5)), "refused ones are seen, too");
    bench.ack(report);
    bench.pass(1_000_000);
    assert_eq!(bench.opens(), 1, "a refused offer is not queued");
}

#[test]
fn guarantee_1_a_start_without_an_open_accepted_offer_is_refused() {
    let mut bench = Bench::connected();
    let foreign = bench.last_status().0;
    let early = bench.say(ControlBody::Start(grant(1, 1, foreign)));
    assert_eq!(bench.answers(early), [Some(NackReason::Stale)], "nothing was offered");

    bench.offer(1, 1, Phase::Plan);
    let early = bench.say(ControlBody::Start(grant(1, 1, foreign)));
    assert_eq!(bench.answers(early), [Some(NackReason::Stale)], "nothing was accepted");

    bench.session.opened(bench.at(), lease(1)).unwrap();
    let re = bench.accept_id_after_poll(1);
    for wrong in [grant(1, 1, foreign), grant(2, 1, re), grant(1, 2, re)] {
        let id = bench.say(ControlBody::Start(wrong));
        assert_eq!(bench.answers(id), [Some(NackReason::Stale)]);
    }
    assert_eq!(bench.starts(), 0);
    let good = bench.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!((bench.answers(good), bench.starts()), (vec![None], 1));
}

#[test]
fn guarantee_2_a_lease_starts_once_however_often_its_messages_come() {
    let mut bench = Bench::connected();
    let re = bench.accept(1, 1, Phase::Plan);
    let again = bench.offer(1, 1, Phase::Plan);
    assert_eq!(bench.answers(again), [None], "a repeat of the open one is acknowledged again");
    assert_eq!(bench.heard(|body| matches!(body, WorkerBody::Accept(_))), 2, "and accepted again");
    for _ in 0..2 {
        let id = bench.say(ControlBody::Start(grant(1, 1, re)));
        assert_eq!(bench.answers(id), [None]);
    }
    let repeated = bench.offer(1, 1, Phase::Plan);
    assert_eq!(bench.answers(repeated), [None]);
    let report = bench.finish(1, 1);
    bench.say(ControlBody::Start(grant(1, 1, re)));
    bench.ack(report);
    bench.ack(report);
    let late = bench.offer(1, 1, Phase::Plan);
    assert_eq!(bench.answers(late), [Some(NackReason::Stale)]);
    let late = bench.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!(bench.answers(late), [Some(NackReason::Stale)]);
    assert_eq!((bench.starts(), bench.opens()), (1, 1));
}

#[test]
fn guarantee_2_begun_is_on_the_disk_before_the_start_is_told() {
    let mut bench = Bench::connected();
    let re = bench.accept(1, 1, Phase::Apply);
    assert_eq!(bench.disk.record, None);
    bench.disk.broken = true;
    let start = bench.say(ControlBody::Start(grant(1, 1, re)));
    assert_eq!(bench.starts(), 0);
    assert!(bench.answers(start).is_empty());
    assert!(matches!(bench.events.last(), Some(Event::Fatal(FatalReason::Journal(_)))));

    // A failed sync is never retried, not even when the disk is well again.
    bench.disk.broken = false;
    let saves = bench.disk.saves;
    bench.say(ControlBody::Start(grant(1, 1, re)));
    bench.offer(2, 2, Phase::Plan);
    bench.connect();
    assert_eq!((bench.starts(), bench.opens(), bench.disk.saves), (0, 1, saves));
    assert!(matches!(bench.session.opened(bench.at(), lease(2)), Err(CommandError::Dead(_))));
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn guarantee_2_the_report_is_on_the_disk_before_it_is_sent() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Apply);
    bench.disk.broken = true;
    let refused = bench.session.finished(bench.at(), finished(1, 1), &mut bench.disk);
    assert!(matches!(refused, Err(CommandError::Dead(FatalReason::Journal(_)))));
    bench.poll();
    bench.connect();
    assert_eq!(bench.heard(|body| matches!(body, WorkerBody::Finished(_))), 0);
}

#[test]
fn guarantee_2_after_a_crash_a_phase_that_began_is_reported_interrupted_in_the_old_workers_name() {
    let mut crashed = Bench::connected();
    crashed.begin(1, 1, Phase::Apply);
    let mut bench = Bench::reborn(crashed.disk);
    bench.connect();
    let interrupted = Interrupted { worker: worker(), run: run(1), lease: lease(1) };
    let bodies: Vec<_> = bench.heard.iter().map(|message| message.body.clone()).collect();
    assert!(matches!(bodies[0], WorkerBody::Hello(_)), "hello comes first");
    assert!(matches!(&bodies[1], WorkerBody::Status(status) if status.status == WorkerStatus::Busy));
    assert_eq!(bodies[2], WorkerBody::Interrupted(interrupted));

    let offer = bench.offer(2, 2, Phase::Plan);
    assert_eq!(bench.answers(offer), [Some(NackReason::Busy)], "no new work before it is acknowledged");
    let report = bench.heard[2].id;
    bench.ack(report);
    assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);
    let late = bench.offer(1, 1, Phase::Apply);
    assert_eq!(bench.answers(late), [Some(NackReason::Stale)], "the journal keeps the floor");
    assert_eq!(bench.starts(), 0);

    let mut third = Bench::reborn(bench.disk);
    third.connect();
    assert_eq!(third.heard(|body| matches!(body, WorkerBody::Interrupted(_))), 0);
}

#[test]
fn guarantee_2_after_a_crash_the_stored_report_goes_again_byte_by_byte() {
    let mut crashed = Bench::connected();
    crashed.begin(1, 1, Phase::Apply);
    let report = crashed.finish(1, 1);
    let sent = crashed.heard.iter().find(|message| message.id == report).unwrap().encode();
    let mut bench = Bench::reborn(crashed.disk);
    bench.connect();
    let again = bench.heard.iter().find(|message| message.id == report).unwrap().encode();
    assert_eq!(again, sent);
    bench.ack(report);
    assert!(bench.session.is_idle());
}

#[test]
fn guarantee_2_a_report_that_cannot_be_crossed_off_ends_the_session() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let report = bench.finish(1, 1);
    bench.disk.broken = true;
    bench.ack(report);
    assert!(matches!(bench.events.last(), Some(Event::Fatal(FatalReason::Journal(_)))));
    let mut bench = Bench::reborn(Disk { broken: false, ..bench.disk });
    bench.connect();
    assert_eq!(
        bench.heard(|body| matches!(body, WorkerBody::Finished(_))),
        1,
        "a later process says it again"
    );
}

#[test]
fn guarantee_4_drained_means_no_new_work_and_undrain_takes_it_back() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    bench.say(ControlBody::Drain(Drain { cmd_seq: 10, drain: true }));
    let status = bench.last_status().1;
    assert_eq!(status.status, WorkerStatus::Drained);
    assert!(status.run.is_some(), "a busy drained worker finishes what it holds");
    let report = bench.finish(1, 1);
    bench.ack(report);
    let refused = bench.offer(2, 2, Phase::Plan);
    assert_eq!(bench.answers(refused), [Some(NackReason::Drained)]);

    bench.say(ControlBody::Drain(Drain { cmd_seq: 12, drain: false }));
    assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);
    let overtaken = bench.say(ControlBody::Drain(Drain { cmd_seq: 11, drain: true }));
    assert_eq!(bench.answers(overtaken), [Some(NackReason::Stale)], "the newest wins");
    let repeated = bench.say(ControlBody::Drain(Drain { cmd_seq: 12, drain: false }));
    assert_eq!(bench.answers(repeated), [None]);
    let drained: Vec<_> =
        bench.events.iter().filter(|event| matches!(event, Event::Drained(_))).cloned().collect();
    assert_eq!(drained, [Event::Drained(true), Event::Drained(false)]);
    bench.begin(2, 3, Phase::Plan);
    assert_eq!(bench.starts(), 2);
}

#[test]
fn guarantee_4_a_process_that_is_to_end_drains_and_no_undrain_takes_it_back() {
    let mut bench = Bench::connected();
    bench.session.shutdown(bench.at());
    bench.poll();
    assert_eq!(bench.last_status().1.status, WorkerStatus::Drained);
    bench.say(ControlBody::Drain(Drain { cmd_seq: 1, drain: false }));
    let refused = bench.offer(1, 1, Phase::Plan);
    assert_eq!(bench.answers(refused), [Some(NackReason::Drained)]);
    bench.session.goodbye(bench.at());
    bench.poll();
    assert_eq!(bench.heard.last().unwrap().body, WorkerBody::Goodbye(Goodbye { crashed: false }));
    let said = bench.heard.len();
    bench.pass(100_000);
    assert_eq!(bench.heard.len(), said, "nothing follows a goodbye");
}

#[test]
fn guarantee_5_a_cycle_is_acknowledged_first_and_told_once_busy_or_idle() {
    for busy in [false, true] {
        let mut bench = Bench::connected();
        if busy {
            bench.begin(1, 1, Phase::Apply);
        }
        let message = |number| ControlMessage {
            id: crate::ids::MessageId::from_parts(8, number),
            ts: 0,
            body: ControlBody::Cycle(Cycle { cmd_seq: 5 }),
        };
        bench.session.handle_message(bench.at(), &message(1).encode(), &mut bench.disk);
        let first = bench.session.poll_transmit().unwrap();
        let ack = WorkerBody::Ack(Ack { re: message(1).id });
        assert_eq!(WorkerMessage::decode(&first.bytes).unwrap().body, ack);
        assert_eq!(bench.session.poll_event(), Some(Event::Cycle));
        bench.poll();
        bench.deliver(&message(2).encode());
        assert_eq!(bench.answers(message(2).id), [None]);
        assert_eq!(bench.events.iter().filter(|event| **event == Event::Cycle).count(), 0, "only once");
        let refused = bench.offer(2, 2, Phase::Plan);
        assert_ne!(bench.answers(refused), [None], "no new work for a worker that goes");
    }
}

#[test]
fn guarantee_7_the_run_goes_on_without_a_connection_and_the_latest_is_told_after_hello() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Apply);
    bench.progress(RunState::PreparingApply, 1);
    bench.disconnect();
    bench.heard.clear();
    bench.progress(RunState::Applying, 2);
    for segments in 0..3 {
        bench.session.logs(bench.at(), manifest(segments)).unwrap();
    }
    let report = bench.finish(1, 1);
    bench.pass(3_600_000);
    assert!(bench.heard.is_empty(), "there is nobody to say it to");

    for _ in 0..2 {
        bench.connect();
        let said: Vec<_> = bench.heard.drain(..).map(|message| message.body).collect();
        assert_eq!(said.len(), 5);
        assert!(matches!(&said[0], WorkerBody::Hello(hello) if hello.status.run.is_some()));
        assert!(matches!(&said[1], WorkerBody::Status(_)));
        assert!(matches!(&said[2], WorkerBody::Progress(progress) if progress.state == RunState::Applying));
        assert!(matches!(&said[3], WorkerBody::Logs(logs) if logs.segments.len() == 2));
        assert!(matches!(&said[4], WorkerBody::Finished(_)));
        bench.disconnect();
    }
    bench.connect();
    bench.ack(report);
    assert!(bench.session.is_idle());
}

#[test]
fn guarantee_7_a_report_is_said_again_until_it_is_acknowledged_and_nothing_else_removes_it() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let report = bench.finish(1, 1);
    let said = |bench: &Bench| bench.heard.iter().filter(|message| message.id == report).count();
    assert_eq!(said(&bench), 1);
    bench.pass(10_000);
    assert_eq!(said(&bench), 2);
    bench.say(ControlBody::Nack(Nack { re: report, lease: None, reason: NackReason::Other, note: None }));
    bench.ack(crate::ids::MessageId::from_parts(4, 4));
    assert_eq!(said(&bench), 2, "a nack starts no storm");
    bench.pass(100_000);
    assert_eq!(said(&bench), 12);
    let refused = bench.offer(2, 2, Phase::Plan);
    assert_eq!(bench.answers(refused), [Some(NackReason::Busy)]);
    bench.ack(report);
    bench.pass(100_000);
    assert_eq!(said(&bench), 12);
    assert_eq!(bench.session.unacknowledged(), 0);
}

#[test]
fn guarantee_7_what_is_unacknowledged_goes_again_after_its_own_timeout() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    bench.progress(RunState::Planning, 2);
    bench.pass(5_000);
    bench.session.logs(bench.at(), manifest(1)).unwrap();
    bench.poll();
    let progress = bench.heard.iter().find(|message| matches!(message.body, WorkerBody::Progress(_)));
    let progress = progress.unwrap().id;
    bench.ack(progress);
    let logs = |bench: &Bench| bench.heard(|body| matches!(body, WorkerBody::Logs(_)));
    bench.pass(9_999);
    assert_eq!(logs(&bench), 1);
    bench.pass(1);
    assert_eq!(logs(&bench), 2);
    assert_eq!(bench.heard(|body| matches!(body, WorkerBody::Progress(_))), 1);
}

#[test]
fn guarantee_8_heartbeats_go_on_in_every_state() {
    let beats = |bench: &mut Bench| {
        let before = bench.heard(|body| matches!(body, WorkerBody::Status(_)));
        bench.pass(60_000);
        bench.heard(|body| matches!(body, WorkerBody::Status(_))) - before
    };
    let mut bench = Bench::connected();
    assert_eq!(beats(&mut bench), 4, "idle");
    bench.offer(1, 1, Phase::Apply);
    assert_eq!(beats(&mut bench), 4, "opening");
    bench.session.opened(bench.at(), lease(1)).unwrap();
    bench.poll();
    assert_eq!(beats(&mut bench), 4, "accepted");
    let re = bench.accept_id(1);
    bench.say(ControlBody::Start(grant(1, 1, re)));
    bench.progress(RunState::Applying, 1);
    bench.say(ControlBody::Drain(Drain { cmd_seq: 1, drain: true }));
    assert_eq!(beats(&mut bench), 4, "running and drained");
    bench.finish(1, 1);
    assert_eq!(beats(&mut bench), 4, "reporting");
    let seqs: Vec<_> = bench
        .heard
        .iter()
        .filter_map(|message| match &message.body {
            WorkerBody::Status(status) => Some(status.status_seq),
            _ => None,
        })
        .collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "status_seq rises: {seqs:?}");
}

#[test]
fn a_halt_before_the_start_withdraws_the_offer_for_good() {
    for how in [ControlBody::Stop as fn(Halt) -> ControlBody, ControlBody::Kill] {
        let mut opening = Bench::connected();
        opening.offer(1, 1, Phase::Apply);
        let mut accepted = Bench::connected();
        accepted.accept(1, 1, Phase::Apply);
        for mut bench in [opening, accepted] {
            let id = bench.say(how(halt(1, 1)));
            assert_eq!(bench.answers(id), [None]);
            assert_eq!(bench.events.last(), Some(&Event::Kill { run: run(1), lease: lease(1) }));
            assert_eq!(bench.last_status().1.status, WorkerStatus::Idle);
            let late = bench.offer(1, 1, Phase::Apply);
            assert_eq!(bench.answers(late), [Some(NackReason::Stale)]);
        }
        let mut overtaking = Bench::connected();
        overtaking.say(how(halt(1, 1)));
        let late = overtaking.offer(1, 1, Phase::Apply);
        assert_eq!(overtaking.answers(late), [Some(NackReason::Stale)], "a kill before the offer counts");
    }
}

#[test]
fn a_halt_of_a_running_phase_is_told_once_and_a_kill_after_a_stop_once_more() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Apply);
    for body in [
        ControlBody::Stop(halt(1, 1)),
        ControlBody::Stop(halt(1, 1)),
        ControlBody::Kill(halt(1, 1)),
        ControlBody::Stop(halt(1, 1)),
        ControlBody::Kill(halt(1, 1)),
    ] {
        let id = bench.say(body);
        assert_eq!(bench.answers(id), [None]);
    }
    let halts: Vec<_> = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::Stop { .. } | Event::Kill { .. }))
        .cloned()
        .collect();
    let (run, lease) = (run(1), lease(1));
    assert_eq!(halts, [Event::Stop { run, lease }, Event::Kill { run, lease }]);
    let other = bench.say(ControlBody::Kill(halt(2, 1)));
    assert_eq!(bench.answers(other), [Some(NackReason::Stale)]);
}

#[test]
fn an_accepted_offer_that_is_refused_or_never_started_is_given_up() {
    let mut nacked = Bench::connected();
    let re = nacked.accept(1, 1, Phase::Plan);
    nacked.say(ControlBody::Nack(Nack { re, lease: None, reason: NackReason::Stale, note: None }));
    let mut forgotten = Bench::connected();
    let re_forgotten = forgotten.accept(1, 1, Phase::Plan);
    forgotten.pass(90_000);
    for (mut bench, re) in [(nacked, re), (forgotten, re_forgotten)] {
        assert!(bench.session.is_idle());
        let late = bench.say(ControlBody::Start(grant(1, 1, re)));
        assert_eq!((bench.answers(late), bench.starts()), (vec![Some(NackReason::Stale)], 0));
        bench.begin(2, 2, Phase::Plan);
        assert_eq!(bench.starts(), 1);
    }
}

#[test]
fn a_refusal_names_the_offer_and_the_lease_and_makes_room() {
    let mut bench = Bench::connected();
    let id = bench.offer(1, 1, Phase::Plan);
    let note = Some("x".repeat(10_000));
    bench.session.refuse(bench.at(), lease(1), NackReason::CannotOpen, note).unwrap();
    bench.poll();
    let nack = bench.heard.iter().find_map(|message| match &message.body {
        WorkerBody::Nack(nack) => Some(nack.clone()),
        _ => None,
    });
    let nack = nack.unwrap();
    assert_eq!((nack.re, nack.lease, nack.reason), (id, Some(lease(1)), NackReason::CannotOpen));
    assert_eq!(nack.note.unwrap().len(), 4_096, "what is said to people is bounded");
    assert!(bench.session.is_idle());
    let other = bench.session.refuse(bench.at(), lease(1), NackReason::CannotOpen, None);
    assert_eq!(other, Err(CommandError::NotInHand));
}

#[test]
fn a_control_plane_that_does_not_speak_this_version_ends_an_idle_session_and_no_run() {
    let refuse = |bench: &mut Bench| {
        let hello = bench.heard.iter().rev().find(|message| matches!(message.body, WorkerBody::Hello(_)));
        let re = hello.unwrap().id;
        let nack = Nack { re, lease: None, reason: NackReason::Unsupported, note: None };
        bench.say(ControlBody::Nack(nack));
    };
    let mut idle = Bench::connected();
    refuse(&mut idle);
    assert_eq!(idle.events.last(), Some(&Event::Fatal(FatalReason::VersionRefused)));
    let mut busy = Bench::connected();
    busy.begin(1, 1, Phase::Apply);
    refuse(&mut busy);
    assert!(!busy.events.iter().any(|event| matches!(event, Event::Fatal(_))));
}

#[test]
fn offers_are_told_with_everything_that_came() {
    let mut bench = Bench::connected();
    bench.offer(1, 1, Phase::Test);
    assert_eq!(bench.events, [Event::Open(offer(1, 1, Phase::Test))]);
}

fn manifest(segments: usize) -> LogManifest {
    let segment = LogSegment {
        name: "log".into(),
        len: 1,
        sha256: "00".repeat(32),
        state: RunState::Applying,
        state_version: 2,
    };
    LogManifest { run: run(1), lease: lease(1), segments: vec![segment; segments], complete: false }
}
