//! A pool, workers, and runs through plan, confirmation and apply, each part a process of its own.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use serde_json::Value;
use spacelift_worker_tests::system::{LauncherSetup, Mosquitto, Mothership, Site};
use spacelift_worker_tests::tools::Tool;

/// Plans with one launcher, applies with another.
fn plan_here_apply_there(mothership: &Mothership) {
    let pool = mothership.create_pool("pool");
    let site = Site::create(mothership, &pool, "site", &[]);
    let mut first = LauncherSetup::new(&pool).set("SPACELIFT_METADATA_name", "first").start();
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+secret of the workspace");

    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0, "{}", first.process.stderr());
    let _second = LauncherSetup::new(&pool).set("SPACELIFT_METADATA_name", "second").start();
    mothership.await_workers("IDLE", 1);
    assert_eq!(site.deployed(), None);
    mothership.text(&["run", "confirm", &run]);
    let shown = mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    mothership.await_logs(&run, "deployed");

    let states: Vec<&str> =
        shown["history"].as_array().unwrap().iter().filter_map(|state| state["state"].as_str()).collect();
    let published = [
        "QUEUED",
        "PREPARING",
        "INITIALIZING",
        "PLANNING",
        "UNCONFIRMED",
        "CONFIRMED",
        "PREPARING_APPLY",
        "APPLYING",
        "FINISHED",
    ];
    assert_eq!(states, published);
}

#[test]
fn a_run_is_planned_by_one_worker_and_applied_by_another() {
    plan_here_apply_there(&Mothership::start());
}

#[test]
fn the_same_path_goes_over_mosquitto_with_client_certificates_and_acl_patterns() {
    let Some(program) = Tool::Mosquitto.find().unwrap() else { return };
    let port = Mosquitto::free_port();
    let url = format!("tls://127.0.0.1:{port}");
    let mothership = Mothership::start_with(&["--broker-url", &url]);
    let broker = Mosquitto::start(&program, port, &mothership.data().join("ca"));
    spacelift_worker_tests::system::eventually("the control plane on the broker", || {
        broker.log().contains("u'controlplane'").then_some(())
    });
    plan_here_apply_there(&mothership);
    assert!(broker.log().contains("p2, c0"), "no worker came with a persistent session: {}", broker.log());
}

#[test]
fn what_waits_in_storage_can_be_read_by_nobody_but_the_pool() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let _worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let sealed = spacelift_worker_tests::system::files_with(&mothership.data(), b"\"purpose\":\"workspace\"");
    assert_eq!(sealed.len(), 1);
    let bytes = std::fs::read(&sealed[0]).unwrap();
    // A workspace in clear would begin like a zstd frame after its header, or hold its file names.
    let body = &bytes[bytes.iter().position(|byte| *byte == b'\n').unwrap()..];
    for clear in [&b"secret of the workspace"[..], b"template", &[0x28, 0xb5, 0x2f, 0xfd]] {
        assert!(!body.windows(clear.len()).any(|window| window == clear));
    }
}

#[test]
fn a_restart_of_the_control_plane_forgets_nothing() {
    let mut mothership = Mothership::start_with(&["--mqtt-listen", "127.0.0.1:0"]);
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &[]);
    let worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    let before = mothership.await_run(&run, "UNCONFIRMED");
    drop(worker);
    mothership.crash_and_restart();
    let after = mothership.json(&["run", "show", &run]);
    assert_eq!(after["history"], before["history"]);
    assert_eq!(mothership.json(&["pool", "list"]).as_array().map(Vec::len), Some(1));
    // The embedded broker took another port, so the pool's operator would hand out the token anew; here a fixed port
    // would do the same. The run itself goes on with a worker of a fresh token.
    let pool = mothership.reset_pool(&pool);
    let _worker = LauncherSetup::new(&pool).start();
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().is_some());
}

#[test]
fn a_reset_shuts_out_the_old_certificate_at_once() {
    let mothership = Mothership::start();
    let old = mothership.create_pool("pool");
    let mut connected = LauncherSetup::new(&old).start();
    mothership.await_workers("IDLE", 1);
    let new = mothership.reset_pool(&old);
    let mut refused = LauncherSetup::new(&old).start();
    assert_eq!(refused.process.exit_code(), 3, "{}", refused.process.stderr());
    let _welcome = LauncherSetup::new(&new).start();
    mothership.await_workers("IDLE", 1);
    assert!(connected.process.is_running(), "a worker that lost its connection keeps trying");
}

#[test]
fn a_drained_worker_takes_no_run_and_an_undrained_one_does() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let _worker = LauncherSetup::new(&pool).start();
    let worker = mothership.await_workers("IDLE", 1).remove(0);
    let id = worker["id"].as_str().unwrap();
    mothership.text(&["worker", "drain", id]);
    mothership.await_workers("DRAINED", 1);
    let run = mothership.trigger(&["site"]);
    let queue = mothership.json(&["queue", "pool"]).to_string();
    assert!(queue.contains(&run), "{queue}");
    assert_eq!(mothership.json(&["run", "show", &run])["state"], "QUEUED");
    mothership.text(&["worker", "undrain", id]);
    mothership.await_run(&run, "UNCONFIRMED");
}

#[test]
fn a_discarded_run_frees_its_stack_for_the_next_one() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let _worker = LauncherSetup::new(&pool).start();
    let first = mothership.trigger(&["site"]);
    mothership.await_run(&first, "UNCONFIRMED");
    let second = mothership.trigger(&["site"]);
    assert_eq!(mothership.json(&["run", "show", &second])["state"], "QUEUED");
    mothership.text(&["run", "discard", &first]);
    mothership.await_run(&first, "DISCARDED");
    mothership.await_run(&second, "UNCONFIRMED");
}

#[test]
fn the_last_line_of_a_run_that_printed_faster_than_its_log_could_leave_is_there() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "head -c 40000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo the last line; false";
    let _site = Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let _worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "FAILED");
    let log = mothership.await_logs(&run, "the last line");
    assert!(log.len() > 40_000_000, "{} bytes", log.len());
}

#[test]
fn a_task_and_a_proposed_run_need_no_confirmation() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &[]);
    let _worker = LauncherSetup::new(&pool).start();
    let proposed = mothership.trigger(&["site", "--type", "proposed"]);
    mothership.await_run(&proposed, "FINISHED");
    assert_eq!(site.deployed(), None);
    let command = format!("echo by a task > {}", site.target("task").display());
    let task = mothership.trigger(&["site", "--type", "task", "--command", &command]);
    mothership.await_run(&task, "FINISHED");
    assert_eq!(std::fs::read_to_string(site.target("task")).unwrap(), "by a task\n");
}

#[test]
fn cycling_a_pool_ends_idle_and_busy_workers_within_twenty_seconds() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "trap '' TERM; echo stubborn; while :; do sleep 1; done";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let mut workers = [LauncherSetup::new(&pool).start(), LauncherSetup::new(&pool).start()];
    mothership.await_workers("IDLE", 2);
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    let began = std::time::Instant::now();
    mothership.text(&["pool", "cycle", "pool", "--yes"]);
    for worker in &mut workers {
        assert_eq!(worker.process.exit_code(), 4, "{}", worker.process.stderr());
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    let shown: Value = mothership.await_run(&run, "FAILED,STOPPED");
    assert!(shown.to_string().contains("cycled"), "{shown:#}");
}

#[test]
fn a_second_and_a_third_signal_end_a_run_that_does_not_want_to() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "trap '' TERM; echo stubborn; while :; do sleep 1; done";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let mut worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "stubborn");
    worker.process.signal("TERM");
    mothership.await_workers("DRAINED", 1);
    assert!(worker.process.is_running(), "the first signal waits for the run");
    worker.process.signal("TERM");
    worker.process.signal("TERM");
    assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
    mothership.await_run(&run, "FAILED,STOPPED");
}
