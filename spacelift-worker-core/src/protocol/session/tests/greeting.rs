//! The greeting: first on every connection, and until the control plane has heard it.

use super::plane::Bench;
use crate::protocol::message::*;

#[test]
fn guarantee_7_hello_comes_first_whatever_was_still_to_be_said() {
    let mut bench = Bench::connected();
    bench.begin(1, 1, Phase::Plan);
    bench.session.progress(bench.at(), RunState::Planning, 2, None).unwrap();
    bench.session.handle_connected(bench.at());
    bench.heard.clear();
    bench.poll();
    assert!(matches!(bench.heard[0].body, WorkerBody::Hello(_)));
    assert!(matches!(bench.heard[1].body, WorkerBody::Status(_)));
    assert!(matches!(bench.heard[2].body, WorkerBody::Progress(_)));
    assert_eq!(bench.heard.len(), 3);
}

#[test]
fn guarantee_7_hello_is_said_again_until_the_control_plane_has_heard_it() {
    let hellos = |bench: &Bench| {
        let mut ids = Vec::new();
        for message in &bench.heard {
            if matches!(message.body, WorkerBody::Hello(_)) {
                ids.push(message.id);
            }
        }
        ids
    };
    let mut bench = Bench::new();
    bench.session.handle_connected(bench.at());
    bench.poll();
    assert_eq!(hellos(&bench).len(), 1);
    bench.pass(30_000);
    assert_eq!(hellos(&bench).len(), 3, "nobody acknowledged it");
    bench.ack(hellos(&bench)[2]);
    bench.pass(60_000);
    assert_eq!(hellos(&bench).len(), 3, "it was acknowledged");
}
