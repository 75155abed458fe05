//! How runs in containers end before their time: asked, killed, too late, with their launcher, with their pool.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::{Duration, Instant};

use serde_json::json;
use spacelift_worker_tests::system::{
    BUSYBOX, Dockerd, Launcher, LauncherSetup, Mothership, Site, eventually,
};

/// A child in a session of its own, and a grandchild, each of which tells when it is asked to end.
const FAMILY: &str = "(trap 'echo grandchild asked; exit 1' TERM; while :; do sleep 0.1; done) & \
    setsid sh -c \"trap 'echo child asked; exit 1' TERM; while :; do sleep 0.1; done\" & \
    trap 'wait; echo parent asked; exit 1' TERM; echo planning; while :; do sleep 0.1; done";

/// Takes no notice of SIGTERM.
const STUBBORN: &str = "trap '' TERM; setsid sleep 1000 & echo stubborn; while :; do sleep 0.1; done";

struct Scene {
    engine: Dockerd,
    mothership: Mothership,
    worker: Launcher,
}

/// An Engine, a control plane and a launcher with more variables, and a stack with this plan.
fn scene(plan: &str, variables: &[(&str, &str)]) -> Option<Scene> {
    let engine = Dockerd::start().unwrap()?;
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", plan, "--after-run", "echo after the run"]);
    let mut setup = LauncherSetup::in_containers(&pool, &engine);
    for (name, value) in variables {
        setup = setup.set(name, value);
    }
    let worker = setup.start();
    mothership.await_workers("IDLE", 1);
    Some(Scene { engine, mothership, worker })
}

#[test]
fn a_stop_reaches_every_process_in_the_container() {
    let Some(Scene { engine, mothership, worker: _worker }) = scene(FAMILY, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "planning");
    mothership.text(&["run", "stop", &run]);
    mothership.await_run(&run, "STOPPED");
    let log = mothership.await_logs(&run, "parent asked");
    assert!(log.contains("grandchild asked") && log.contains("\nchild asked"), "{log}");
    // The container outlives a polite end, for the hooks at the end of the run.
    mothership.await_logs(&run, "after the run");
    engine.assert_nothing_left();
}

#[test]
fn a_kill_takes_the_container_with_everything_in_it() {
    let Some(Scene { engine, mothership, worker: _worker }) = scene(FAMILY, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "planning");
    mothership.text(&["run", "kill", &run]);
    mothership.await_run(&run, "STOPPED,FAILED");
    assert!(!mothership.text(&["run", "logs", &run]).contains("asked"));
    engine.assert_nothing_left();
}

#[test]
fn a_run_that_does_not_want_to_end_is_killed_after_its_grace_and_its_last_hooks_run_in_a_fresh_container() {
    let Some(Scene { engine, mothership, worker: _worker }) =
        scene(STUBBORN, &[("SPACELIFT_WORKER_STOP_GRACE", "1s")])
    else {
        return;
    };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    mothership.text(&["run", "stop", &run]);
    mothership.await_run(&run, "STOPPED");
    let log = mothership.text(&["run", "logs", &run]);
    assert!(log.contains("after the run"), "{log}");
    engine.assert_nothing_left();
}

#[test]
fn both_timeouts_end_a_container() {
    let variables = [("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "1s"), ("SPACELIFT_WORKER_STOP_GRACE", "1s")];
    let Some(Scene { engine, mothership, worker }) = scene(STUBBORN, &variables) else { return };
    let run = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("logs timeout"), "{shown}");
    engine.assert_nothing_left();
    drop(worker);

    let pool = mothership.create_pool("second");
    Site::create(&mothership, &pool, "prints", &["--plan", "while :; do echo still at it; sleep 0.1; done"]);
    let _worker =
        LauncherSetup::in_containers(&pool, &engine).set("SPACELIFT_LAUNCHER_RUN_TIMEOUT", "2s").start();
    let run = mothership.trigger(&["prints"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("run timeout"), "{shown}");
    engine.assert_nothing_left();
}

#[test]
fn a_container_goes_with_a_launcher_that_is_killed() {
    let Some(Scene { engine, mothership, worker }) = scene(STUBBORN, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    assert_eq!(engine.containers().len(), 1);
    worker.process.signal("KILL");
    eventually("the end of the container", || engine.containers().is_empty().then_some(()));
    engine.assert_nothing_left();
}

#[test]
fn the_next_launcher_finds_orphans_by_their_label_and_leaves_the_others_alone() {
    let Some(Scene { engine, mothership, mut worker }) = scene("true", &[]) else { return };
    worker.process.signal("KILL");
    worker.process.exit_code();
    // What an Engine that was cut off from its launcher, and does not know it yet, still runs.
    let mark = std::fs::read_to_string(worker.folder().join("state/mark")).unwrap();
    let orphan = |mark: &str| {
        let labels = json!({"spacelift-worker.mark": mark});
        let body =
            json!({"Image": BUSYBOX, "Cmd": ["sleep", "1000"], "Labels": labels, "Volumes": {"/data": {}}});
        let id = engine.json("POST", "/containers/create", &body)["Id"].as_str().unwrap().to_owned();
        assert_eq!(engine.ask("POST", &format!("/containers/{id}/start"), &[]).0, 204);
        id
    };
    let (mine, other) = (orphan(&mark), orphan("somebody-elses"));
    worker.restart();
    mothership.await_workers("IDLE", 1);
    let left: Vec<String> =
        engine.containers().iter().map(|left| left["Id"].as_str().unwrap().to_owned()).collect();
    assert!(!left.contains(&mine));
    assert_eq!(left, std::slice::from_ref(&other));
    engine.ask("DELETE", &format!("/containers/{other}?force=true&v=true"), &[]);
    engine.assert_nothing_left();
}

#[test]
fn cycling_a_pool_ends_idle_and_busy_workers_within_twenty_seconds() {
    let Some(Scene { engine, mothership, mut worker }) = scene(STUBBORN, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    let began = Instant::now();
    mothership.text(&["pool", "cycle", "pool", "--yes"]);
    assert_eq!(worker.process.exit_code(), 4, "{}", worker.process.stderr());
    assert!(began.elapsed() < Duration::from_secs(20));
    engine.assert_nothing_left();
    mothership.await_run(&run, "FAILED,STOPPED");
}

#[test]
fn a_drained_launcher_ends_its_run_first_and_leaves_nothing() {
    let plan = "echo planning; sleep 5; echo planned";
    let Some(Scene { engine, mothership, mut worker }) = scene(plan, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    // Its log comes later: up to five seconds, or when it has ended.
    mothership.await_run(&run, "PLANNING");
    worker.process.signal("TERM");
    mothership.await_workers("DRAINED", 1);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "planned");
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    engine.assert_nothing_left();
}

#[test]
fn further_signals_end_a_run_and_its_container() {
    let Some(Scene { engine, mothership, mut worker }) = scene(STUBBORN, &[]) else { return };
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    worker.process.signal("TERM");
    mothership.await_workers("DRAINED", 1);
    worker.process.signal("TERM");
    worker.process.signal("TERM");
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    engine.assert_nothing_left();
    mothership.await_run(&run, "FAILED,STOPPED");
}
