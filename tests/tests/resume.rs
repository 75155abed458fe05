//! A launcher that is killed, and what its successor on the same state makes of it.

use std::fs;
use std::path::Path;

use spacelift_worker_tests::system::{LauncherSetup, Mothership, Site, eventually};

/// Whether a process is there and no zombie.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

/// What commands wrote to a file of the target, line by line.
fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_change_that_began_under_a_killed_launcher_is_ended_and_reported_and_never_begun_again() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let apply = "echo $$ >> \"$SITE_TARGET/pids\"; echo began; sleep 1000";
    let site = Site::create(&mothership, &pool, "site", &["--auto-deploy", "--apply", apply]);
    let mut worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    let pids = site.target("pids");
    let pid = eventually("the change", || lines(&pids).pop());
    worker.process.signal("KILL");
    worker.process.exit_code();
    assert!(is_alive(&pid), "a child outlives its launcher");
    worker.restart();
    mothership.await_run(&run, "FAILED");
    assert!(!is_alive(&pid), "its successor ended it before it said a word");
    mothership.await_workers("IDLE", 1);
    assert_eq!(lines(&pids), [pid]);
}

#[test]
fn a_plan_that_began_under_a_killed_launcher_is_made_again() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "echo $$ >> \"$SITE_TARGET/pids\"; [ $(wc -l < \"$SITE_TARGET/pids\") -gt 1 ] || sleep 1000; cp template rendered";
    let site = Site::create(&mothership, &pool, "site", &["--auto-deploy", "--plan", plan]);
    let mut worker = LauncherSetup::new(&pool).start();
    let run = mothership.trigger(&["site"]);
    let pids = site.target("pids");
    let first = eventually("the plan", || lines(&pids).pop());
    worker.process.signal("KILL");
    worker.process.exit_code();
    worker.restart();
    mothership.await_run(&run, "FINISHED");
    assert!(!is_alive(&first));
    assert_eq!(lines(&pids).len(), 2);
    assert!(site.deployed().is_some());
}

#[test]
fn a_worker_that_falls_silent_is_gone_from_the_list() {
    let mothership = Mothership::start_with(&["--mqtt-listen", "127.0.0.1:0", "--lost-after", "16"]);
    let pool = mothership.create_pool("pool");
    let worker = LauncherSetup::new(&pool).start();
    mothership.await_workers("IDLE", 1);
    worker.process.signal("STOP");
    mothership.await_workers("IDLE", 0);
    worker.process.signal("CONT");
    mothership.await_workers("IDLE", 1);
}
