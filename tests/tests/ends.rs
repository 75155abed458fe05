//! What ends a run: a policy, a timeout, a person. Each says which it was, and leaves no process behind.

use spacelift_worker_tests::system::{LauncherSetup, Mothership, Site, eventually};

const DENY: &str = r#"package spacelift

deny["nothing may be planned on this worker"] { input.static_run_environment.stack_slug == "site" }

sample { true }
"#;

#[test]
fn a_run_that_the_policy_denies_starts_no_process_and_says_why() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let witness = "touch \"$SITE_TARGET/started\"";
    let site = Site::create(&mothership, &pool, "site", &["--before-init", witness, "--plan", witness]);
    let worker = LauncherSetup::new(&pool)
        .set_file("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "policy.rego", DENY)
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "FAILED");
    assert!(!site.target("started").exists(), "a process was started");
    mothership.await_logs(&run, "nothing may be planned on this worker");
    let sampled = worker.process.stderr();
    assert!(sampled.contains("\"msg\":\"Sample ") && sampled.contains("/deny\""), "{sampled}");
}

#[test]
fn a_run_that_prints_nothing_is_ended_with_its_whole_process_tree() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "setsid sleep 1000 & echo $! > \"$SITE_TARGET/pid\"; sleep 1000";
    let site = Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let _worker = LauncherSetup::new(&pool).set("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "1s").start();
    let run = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("logs") && shown.contains("1s"), "{shown}");
    let pid = std::fs::read_to_string(site.target("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(!stat.is_ok_and(|stat| !stat.contains(") Z")), "a process outlived its run");
}

#[test]
fn a_run_that_takes_too_long_is_ended_although_it_prints() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", "while :; do echo still at it; sleep 0.1; done"]);
    let _worker = LauncherSetup::new(&pool).set("SPACELIFT_LAUNCHER_RUN_TIMEOUT", "2s").start();
    let run = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("run timeout") || shown.contains("2s"), "{shown}");
    mothership.await_logs(&run, "still at it");
}

#[test]
fn a_stop_is_polite_and_a_kill_is_not() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "trap 'echo asked to stop; exit 1' TERM; echo planning; while :; do sleep 0.1; done";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let _worker = LauncherSetup::new(&pool).start();
    let stopped = mothership.trigger(&["site"]);
    mothership.await_logs(&stopped, "planning");
    mothership.text(&["run", "stop", &stopped]);
    mothership.await_run(&stopped, "STOPPED");
    mothership.await_logs(&stopped, "asked to stop");

    let killed = mothership.trigger(&["site"]);
    mothership.await_logs(&killed, "planning");
    mothership.text(&["run", "kill", &killed]);
    mothership.await_run(&killed, "STOPPED,FAILED");
    assert!(!mothership.text(&["run", "logs", &killed]).contains("asked to stop"));
}

#[test]
fn a_failing_command_fails_the_run_with_its_code() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", "echo broken; exit 7"]);
    let _worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains('7'), "{shown}");
}

#[test]
fn a_secret_reaches_no_log_no_database_and_no_storage() {
    const SECRET: &str = "correct-horse-battery-staple";
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan =
        "echo \"password: $PASSWORD\"; printf %s \"$PASSWORD\" | base64; echo \"$PASSWORD\" > rendered";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let worker = LauncherSetup::new(&pool)
        .set("PASSWORD", SECRET)
        .set("SPACELIFT_WHITELIST_ENVS", "PASSWORD")
        .set("SPACELIFT_MASK_ENVS", "PASSWORD")
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let logs = mothership.await_logs(&run, "password: *****");
    assert!(!logs.contains("Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"), "{logs}");
    eventually("the line on standard output", || {
        worker.run_lines().iter().any(|line| line == "password: *****").then_some(())
    });
    assert_eq!(mothership.folder().files_with(SECRET.as_bytes()), Vec::<std::path::PathBuf>::new());
    assert!(!worker.process.stdout().contains(SECRET) && !worker.process.stderr().contains(SECRET));
}
