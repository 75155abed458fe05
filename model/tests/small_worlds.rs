//! Small worlds, as many states of them as a test has time for. `make model` sees more.

#![expect(clippy::expect_used, clippy::panic, reason = "tests may panic")]

use spacelift_worker_model::explore::explore;
use spacelift_worker_model::story;
use spacelift_worker_model::world::World;

/// Explores a world with these settings and at most so many states; whether every state was seen.
fn holds(name: &str, settings: &[&str], most: usize) -> bool {
    let mut world = World::all().into_iter().find(|world| world.name == name).expect("a world of this name");
    for setting in settings {
        assert!(world.set(setting), "there is no setting {setting}");
    }
    let report = explore(&world, 2, most, &mut |_, _| {});
    if let Some(way) = &report.found {
        panic!("after {} states of {name}:\n{}", report.states, story::tell(&world, way));
    }
    assert!(report.states > 1_000, "{name} has only {} states", report.states);
    report.complete
}

#[test]
fn no_law_is_broken_by_a_message_that_comes_twice() {
    assert!(holds("small", &["crashes=0", "losses=0", "delays=0", "flight=2"], 1_000_000));
}

#[test]
fn no_law_is_broken_near_the_beginning_of_any_world() {
    for world in ["small", "two-workers", "two-runs", "drain", "cycle", "stop", "link", "wide"] {
        holds(world, &[], 12_000);
    }
}
