//! Every way in which a run or a worker ends, with processes that do not want to: afterwards no process, no file, no socket and no
//! lease is left.

use std::fs;

use spacelift_worker_tests::system::{Launcher, LauncherSetup, Mothership, Pool, Site, Traces, eventually};

/// Leaves what it can behind: a process in a session of its own, a file, and a shell that ignores SIGTERM.
const STUBBORN: &str = "setsid sleep 1000 & echo x > litter; echo $$ >> \"$SITE_TARGET/pids\"; trap '' TERM; echo planning; while :; do sleep 0.1; done";

/// The same until the test lets it end.
const PATIENT: &str = "setsid sleep 1000 & echo x > litter; echo planning; while [ ! -e \"$SITE_TARGET/go\" ]; do sleep 0.1; done; cp template rendered";

/// A worker in the middle of a plan.
struct Scene {
    mothership: Mothership,
    pool: Pool,
    site: Site,
    worker: Launcher,
    run: String,
    traces: Traces,
    /// The sockets of the launcher when it was idle.
    sockets: usize,
}

impl Scene {
    fn planning(plan: &str, more: &[(&str, &str)]) -> Self {
        Self::with(&["--mqtt-listen", "127.0.0.1:0"], plan, more)
    }

    fn with(serve: &[&str], plan: &str, more: &[(&str, &str)]) -> Self {
        let mothership = Mothership::start_with(serve);
        let pool = mothership.create_pool("pool");
        let site = Site::create(&mothership, &pool, "site", &["--plan", plan]);
        let setup = LauncherSetup::new(&pool).set("SPACELIFT_WORKER_STOP_GRACE", "1s");
        let setup = more.iter().fold(setup, |setup, (name, value)| setup.set(name, value));
        let worker = setup.start();
        mothership.await_workers("IDLE", 1);
        let sockets = sockets(&worker);
        let run = mothership.trigger(&["site"]);
        mothership.await_logs(&run, "planning");
        let traces = worker.traces();
        // What is looked for afterwards is there before.
        let seen = traces.of_runs();
        assert!(seen.iter().filter(|trace| trace.starts_with("process")).count() >= 2, "{seen:?}");
        assert!(seen.iter().any(|trace| trace.ends_with("/litter")), "{seen:?}");
        assert!(mothership.open_leases() == 1);
        Self { mothership, pool, site, worker, run, traces, sockets }
    }

    /// The worker's id at the control plane.
    fn id(&self) -> String {
        let workers = self.mothership.json(&["worker", "list", "pool"]);
        workers[0]["id"].as_str().unwrap_or_default().to_owned()
    }

    fn let_it_end(&self) {
        fs::write(self.site.target("go"), "").unwrap_or_default();
    }

    /// The run ended so, and the launcher with this code.
    fn ended(mut self, states: &str, code: i32) {
        assert_eq!(self.worker.process.exit_code(), code, "{}", self.worker.process.stderr());
        self.mothership.await_run(&self.run, states);
        self.traces.are_gone();
        self.mothership.await_workers("IDLE", 0);
        assert_eq!(self.mothership.open_leases(), 0);
    }

    /// The run ended so, and the launcher goes on, with nothing left of the run.
    fn goes_on(&mut self, states: &str) {
        self.mothership.await_run(&self.run, states);
        eventually("an idle launcher without a trace of its run", || self.is_clean().then_some(()));
        assert_eq!(self.mothership.open_leases(), 0);
        assert!(self.worker.process.is_running());
    }

    fn is_clean(&self) -> bool {
        self.traces.of_runs().is_empty() && sockets(&self.worker) <= self.sockets
    }
}

fn sockets(worker: &Launcher) -> usize {
    let descriptors =
        fs::read_dir(format!("/proc/{}/fd", worker.process.pid())).into_iter().flatten().flatten();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn after_sigterm_the_run_is_finished_and_nothing_is_left() {
    let scene = Scene::planning(PATIENT, &[]);
    scene.worker.process.signal("TERM");
    scene.mothership.await_workers("DRAINED", 1);
    scene.let_it_end();
    scene.ended("UNCONFIRMED", 0);
}

#[test]
fn after_a_second_sigterm_the_run_is_ended_and_nothing_is_left() {
    let scene = Scene::planning(STUBBORN, &[]);
    scene.worker.process.signal("TERM");
    scene.mothership.await_workers("DRAINED", 1);
    scene.worker.process.signal("TERM");
    scene.ended("FAILED", 0);
}

#[test]
fn after_the_drain_grace_the_run_is_ended_and_nothing_is_left() {
    let scene = Scene::planning(STUBBORN, &[("SPACELIFT_WORKER_DRAIN_GRACE", "1s")]);
    scene.worker.process.signal("TERM");
    scene.ended("FAILED", 0);
}

#[test]
fn after_a_cycle_nothing_is_left() {
    let scene = Scene::planning(STUBBORN, &[]);
    scene.mothership.text(&["pool", "cycle", "pool", "--yes"]);
    scene.ended("FAILED", 4);
}

#[test]
fn after_a_drain_the_run_is_finished_nothing_is_left_of_it_and_an_undrain_brings_the_next() {
    let mut scene = Scene::planning(PATIENT, &[]);
    let id = scene.id();
    scene.mothership.text(&["worker", "drain", &id]);
    scene.mothership.await_workers("DRAINED", 1);
    scene.let_it_end();
    scene.goes_on("UNCONFIRMED");
    scene.mothership.text(&["run", "discard", &scene.run]);
    let next = scene.mothership.trigger(&["site"]);
    assert_eq!(scene.mothership.json(&["run", "show", &next])["state"], "QUEUED");
    scene.mothership.text(&["worker", "undrain", &id]);
    scene.run = next;
    scene.goes_on("UNCONFIRMED");
}

#[test]
fn after_a_stop_and_after_a_kill_nothing_is_left_of_the_run() {
    let mut scene = Scene::planning(STUBBORN, &[]);
    scene.mothership.text(&["run", "stop", &scene.run]);
    scene.goes_on("STOPPED");
    scene.run = scene.mothership.trigger(&["site"]);
    scene.mothership.await_logs(&scene.run, "planning");
    scene.mothership.text(&["run", "kill", &scene.run]);
    scene.goes_on("STOPPED");
}

#[test]
fn after_the_logs_timeout_nothing_is_left_of_the_run() {
    let mut scene = Scene::planning(STUBBORN, &[("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "15s")]);
    scene.goes_on("FAILED");
    scene.mothership.await_logs(&scene.run, "logs timeout");
}

#[test]
fn after_the_run_timeout_nothing_is_left_of_the_run() {
    let mut scene = Scene::planning(STUBBORN, &[("SPACELIFT_LAUNCHER_RUN_TIMEOUT", "20s")]);
    scene.goes_on("FAILED");
    scene.mothership.await_logs(&scene.run, "run timeout");
}

#[test]
fn a_worker_that_fell_silent_loses_its_plan_to_another_one_and_leaves_nothing_of_it() {
    let serve = ["--mqtt-listen", "127.0.0.1:0", "--lost-after", "16", "--lease", "20"];
    let scene = Scene::with(&serve, STUBBORN, &[]);
    scene.worker.process.signal("STOP");
    scene.mothership.await_run(&scene.run, "QUEUED");
    let second = LauncherSetup::new(&scene.pool).start();
    let pids = || fs::read_to_string(scene.site.target("pids")).unwrap_or_default();
    eventually("the plan on the other worker", || (pids().lines().count() == 2).then_some(()));
    scene.worker.process.signal("CONT");
    eventually("the end of the plan on the first one", || scene.traces.of_runs().is_empty().then_some(()));
    scene.mothership.text(&["run", "kill", &scene.run]);
    scene.mothership.await_run(&scene.run, "STOPPED");
    assert_eq!(pids().lines().count(), 2, "neither began it again");
    for mut worker in [scene.worker, second] {
        let traces = worker.traces();
        worker.process.signal("TERM");
        assert_eq!(worker.process.exit_code(), 0, "{}", worker.process.stderr());
        traces.are_gone();
    }
    assert_eq!(scene.mothership.open_leases(), 0);
}

#[test]
fn after_a_reset_a_busy_worker_ends_its_run_with_its_lease_and_a_third_sigterm_does_not_wait_for_a_report_that_nobody_takes()
 {
    let serve = ["--mqtt-listen", "127.0.0.1:0", "--lost-after", "16", "--lease", "20"];
    let mut scene = Scene::with(&serve, STUBBORN, &[]);
    let new = scene.mothership.reset_pool(&scene.pool);
    eventually("the end of the plan", || scene.traces.of_runs().is_empty().then_some(()));
    assert!(scene.worker.process.is_running(), "it has a report to deliver");
    let second = LauncherSetup::new(&new).start();
    let pids = || fs::read_to_string(scene.site.target("pids")).unwrap_or_default();
    eventually("the plan on a worker of the new certificate", || (pids().lines().count() == 2).then_some(()));
    for _ in 0..3 {
        // Signals of one kind that wait are delivered once.
        scene.worker.process.signal("TERM");
        std::thread::park_timeout(std::time::Duration::from_millis(300));
    }
    assert_eq!(scene.worker.process.exit_code(), 0, "{}", scene.worker.process.stderr());
    scene.traces.are_gone();
    scene.mothership.text(&["run", "kill", &scene.run]);
    scene.mothership.await_run(&scene.run, "STOPPED");
    drop(second);
}

#[test]
fn drift_runs_keep_to_the_limit_of_their_pool_and_others_pass_them() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool_with("pool", &["--drift-limit", "1"]);
    let sites =
        ["one", "two", "three"].map(|slug| Site::create(&mothership, &pool, slug, &["--plan", PATIENT]));
    let _workers = [LauncherSetup::new(&pool).start(), LauncherSetup::new(&pool).start()];
    mothership.await_workers("IDLE", 2);
    let first = mothership.trigger(&["one", "--type", "drift"]);
    mothership.await_logs(&first, "planning");
    let second = mothership.trigger(&["two", "--type", "drift"]);
    // The worker that the second one does not get is free for what is no drift run.
    let tracked = mothership.trigger(&["three"]);
    mothership.await_logs(&tracked, "planning");
    fs::write(sites[2].target("go"), "").unwrap_or_default();
    mothership.await_run(&tracked, "UNCONFIRMED");
    mothership.await_workers("IDLE", 1);
    assert_eq!(mothership.json(&["run", "show", &second])["state"], "QUEUED");
    let queue = mothership.json(&["queue", "pool"]).to_string();
    assert!(queue.contains(&second), "{queue}");
    fs::write(sites[0].target("go"), "").unwrap_or_default();
    fs::write(sites[1].target("go"), "").unwrap_or_default();
    mothership.await_run(&first, "FINISHED");
    mothership.await_run(&second, "FINISHED");
}
