//! A launcher that is killed, and what its successor on the same state makes of it.

use std::fs;
use std::path::Path;

use spacelift_worker_tests::system::{Launcher, LauncherSetup, Mothership, Site, eventually};

/// Whether a process is there and no zombie.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

/// What commands wrote to a file of the target, line by line.
fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A run whose command wrote its process id, and whose launcher was killed and is started again.
struct Killed {
    mothership: Mothership,
    _worker: Launcher,
    site: Site,
    run: String,
    /// Of the command.
    pid: String,
}

impl Killed {
    fn at(stack: &[&str]) -> Self {
        let mothership = Mothership::start();
        let pool = mothership.create_pool("pool");
        let site = Site::create(&mothership, &pool, "site", &[&["--auto-deploy"], stack].concat());
        let mut worker = LauncherSetup::new(&pool).start();
        let run = mothership.trigger(&["site"]);
        let pid = eventually("the command", || lines(&site.target("pids")).pop());
        worker.process.signal("KILL");
        worker.process.exit_code();
        assert!(is_alive(&pid), "a child outlives its launcher");
        worker.restart();
        Self { mothership, _worker: worker, site, run, pid }
    }

    fn pids(&self) -> Vec<String> {
        lines(&self.site.target("pids"))
    }
}

#[test]
fn a_change_that_began_under_a_killed_launcher_is_ended_and_reported_and_never_begun_again() {
    let apply = "echo $$ >> \"$SITE_TARGET/pids\"; echo began; sleep 1000";
    let killed = Killed::at(&["--apply", apply]);
    killed.mothership.await_run(&killed.run, "FAILED");
    assert!(!is_alive(&killed.pid), "its successor ended it before it said a word");
    killed.mothership.await_workers("IDLE", 1);
    assert_eq!(killed.pids(), std::slice::from_ref(&killed.pid));
}

#[test]
fn a_plan_that_began_under_a_killed_launcher_is_made_again() {
    let plan = "echo $$ >> \"$SITE_TARGET/pids\"; [ $(wc -l < \"$SITE_TARGET/pids\") -gt 1 ] || sleep 1000; cp template rendered";
    let killed = Killed::at(&["--plan", plan]);
    killed.mothership.await_run(&killed.run, "FINISHED");
    assert!(!is_alive(&killed.pid));
    assert_eq!(killed.pids().len(), 2);
    assert!(killed.site.deployed().is_some());
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
