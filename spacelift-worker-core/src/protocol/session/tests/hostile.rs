//! Guarantee 11, as far as one session keeps it: whatever comes, it neither panics nor grows.

use proptest::prelude::*;

use super::super::{MAX_ANSWERS, MAX_EVENTS};
use super::plane::{Bench, grant, halt, lease, offer};
use crate::ids::MessageId;
use crate::protocol::Event;
use crate::protocol::message::*;

/// How much a session holds for others to fetch, at most: answers, a status, and the few messages of one run.
const MOST: usize = MAX_ANSWERS + 8;

#[test]
fn what_has_no_id_is_counted_and_what_has_one_is_refused_with_a_reason() {
    let mut bench = Bench::connected();
    let said = bench.heard.len();
    let long = format!(
        r#"{{"v":1,"type":"cycle","id":"{}","ts":1,"cmd_seq":1,"x":"{}"}}"#,
        id(1),
        "x".repeat(140_000)
    );
    for bytes in ["", "null", "{}", "[[[[", "\u{0}", r#"{"v":1,"type":"cycle","id":"no"}"#, &long] {
        bench.deliver(bytes.as_bytes());
    }
    assert_eq!((bench.session.dropped(), bench.heard.len()), (7, said));
    for (fields, reason) in [
        (r#""v":2,"type":"cycle","cmd_seq":1"#, NackReason::Unsupported),
        (r#""v":1,"type":"dance""#, NackReason::UnknownType),
        (r#""v":1,"type":"offer","lease":"1""#, NackReason::Malformed),
    ] {
        bench.deliver(format!(r#"{{"id":"{}","ts":1,{fields}}}"#, id(2)).as_bytes());
        assert_eq!(bench.answers(id(2)).last(), Some(&Some(reason)), "{fields}");
    }
    assert_eq!(bench.session.dropped(), 7);
}

#[test]
fn acks_and_nacks_are_never_answered() {
    let mut bench = Bench::connected();
    let said = bench.heard.len();
    bench.ack(id(1));
    bench.say(ControlBody::Nack(Nack { re: id(1), lease: None, reason: NackReason::Busy, note: None }));
    assert_eq!(bench.heard.len(), said);
}

#[test]
fn a_flood_that_nobody_polls_stays_small_and_the_newest_answers_stay() {
    let mut bench = Bench::connected();
    for number in 0..10_000_u64 {
        let body = match number % 4 {
            0 => ControlBody::Offer(offer(u128::from(number), number, Phase::Plan)),
            1 => ControlBody::Kill(halt(u128::from(number) - 1, number - 1)),
            2 => ControlBody::Drain(Drain { cmd_seq: number, drain: number % 8 == 2 }),
            _ => ControlBody::Stop(halt(3, number * 2)),
        };
        let message = ControlMessage { id: id(number), ts: 0, body };
        bench.session.handle_message(bench.at(), &message.encode(), &mut bench.disk);
    }
    assert!(bench.session.queue.len() <= MOST, "{}", bench.session.queue.len());
    assert!(bench.session.events.len() <= MAX_EVENTS + 4, "{}", bench.session.events.len());
    assert!(bench.session.dropped() > 0, "what found the events unread comes again");
    bench.poll();
    bench.deliver(
        &ControlMessage { id: id(1_000_000), ts: 0, body: ControlBody::Cycle(Cycle { cmd_seq: 1 }) }.encode(),
    );
    assert_eq!(bench.answers(id(1_000_000)), [None], "and once they are read it is heard again");
}

#[test]
fn the_largest_numbers_do_no_harm() {
    let mut bench = Bench::connected();
    bench.now = u64::MAX - 1_000;
    bench.session.handle_timeout(bench.at_the_end_of_time());
    bench.poll();
    let most = crate::ids::Lease { generation: u64::MAX, counter: u64::MAX };
    let Offer { run, .. } = offer(1, 1, Phase::Plan);
    bench.say(ControlBody::Offer(Offer { lease: most, cmd_seq: u64::MAX, ..offer(1, 1, Phase::Plan) }));
    bench.session.opened(bench.at_the_end_of_time(), most).unwrap();
    bench.poll();
    let re = bench.heard.last().unwrap().id;
    let start = Grant { cmd_seq: u64::MAX, run, lease: most, ttl_ms: u64::MAX, ..grant(1, 1, re) };
    bench.session.handle_message(
        bench.at_the_end_of_time(),
        &ControlMessage { id: id(1), ts: u64::MAX, body: ControlBody::Start(start) }.encode(),
        &mut bench.disk,
    );
    bench.poll();
    assert_eq!(bench.starts(), 1);
    bench.session.handle_timeout(bench.at_the_end_of_time());
}

#[test]
fn a_manifest_that_fits_no_message_is_refused_and_changes_nothing() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    let segment = LogSegment {
        name: "x".repeat(1_000),
        len: 1,
        sha256: String::new(),
        state: RunState::Planning,
        state_version: 1,
    };
    let Grant { run, .. } = grant(1, 1, id(1));
    let manifest = LogManifest { run, lease: lease(1), segments: vec![segment; 200], complete: true };
    let before = bench.session.unacknowledged();
    assert!(bench.session.logs(bench.at(), manifest).is_err());
    assert_eq!(bench.session.unacknowledged(), before);
}

fn id(number: u64) -> MessageId {
    MessageId::from_parts(5, number.into())
}

/// Any message of a control plane that means harm. Everything that refers to something refers to a few small numbers, and
/// what answers something answers one of the last messages, so that it often fits.
#[derive(Clone, Debug)]
struct Harm {
    kind: u8,
    number: u128,
    counter: u64,
    cmd_seq: u64,
    back: usize,
    ttl_ms: u64,
    flag: bool,
}

fn harm() -> impl Strategy<Value = Harm> {
    let ttl = prop_oneof![Just(0), Just(1), Just(90_000), Just(u64::MAX)];
    (0_u8..9, 0..3_u128, 0..4_u64, 0..9_u64, 0..6_usize, ttl, any::<bool>()).prop_map(
        |(kind, number, counter, cmd_seq, back, ttl_ms, flag)| Harm {
            kind,
            number,
            counter,
            cmd_seq,
            back,
            ttl_ms,
            flag,
        },
    )
}

impl Harm {
    fn body(&self, bench: &Bench) -> ControlBody {
        let Self { number, counter, cmd_seq, ttl_ms, flag, .. } = *self;
        let re = bench.heard[bench.heard.len().saturating_sub(1 + self.back)].id;
        match self.kind {
            0 => ControlBody::Offer(offer(number, counter, Phase::Apply)),
            1 => ControlBody::Start(Grant { ttl_ms, ..grant(number, counter, re) }),
            2 => ControlBody::Renew(Grant { ttl_ms, ..grant(number, counter, re) }),
            3 => ControlBody::Stop(halt(number, counter)),
            4 => ControlBody::Kill(halt(number, counter)),
            5 => ControlBody::Drain(Drain { cmd_seq, drain: flag }),
            6 if cmd_seq == 0 => ControlBody::Cycle(Cycle { cmd_seq }),
            7 if flag => ControlBody::Nack(Nack { re, lease: None, reason: NackReason::Stale, note: None }),
            _ => ControlBody::Ack(Ack { re }),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_leave_the_session_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bench = Bench::connected();
        bench.deliver(&bytes);
        prop_assert_eq!(bench.session.dropped(), 1);
    }

    #[test]
    fn a_control_plane_that_means_harm_cannot_start_two_runs_or_one_twice(
        harms in proptest::collection::vec(harm(), 1..300),
    ) {
        let mut bench = Bench::connected();
        let mut started = std::collections::BTreeSet::new();
        let mut running = None;
        for harm in harms {
            let known = bench.events.len();
            let body = harm.body(&bench);
            bench.say(body);
            for event in bench.events.split_off(known) {
                match event {
                    Event::Open(offer) => {
                        prop_assert_eq!(running, None);
                        let _ = bench.session.opened(bench.at(), offer.lease);
                    }
                    Event::Start { grant, .. } => {
                        prop_assert_eq!(running, None);
                        prop_assert!(started.insert(grant.lease));
                        running = Some(grant.lease);
                    }
                    Event::Stop { lease, .. } | Event::Kill { lease, .. }
                        if running == Some(lease) =>
                    {
                        let Offer { run, .. } = offer(bench_run(&bench), lease.counter, Phase::Apply);
                        let report = Finished { run, lease, ..super::plane::finished(0, 0) };
                        bench.session.finished(bench.at(), report, &mut bench.disk).unwrap();
                        running = None;
                    }
                    _ => {}
                }
            }
            bench.poll();
            prop_assert!(bench.session.unacknowledged() <= 4);
            bench.pass(700);
        }
    }
}

/// The number of the run that the journal says was begun.
fn bench_run(bench: &Bench) -> u128 {
    let begun = bench.disk.record.as_ref().and_then(|record| record.begun).unwrap().run;
    (0..3).find(|number| super::plane::run(*number) == begun).unwrap()
}
