//! Runs in containers of a real Docker Engine: the whole path, and everything that goes wrong on it.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use spacelift_worker_tests::system::{BUSYBOX, Dockerd, LauncherSetup, Mothership, Pool, Site};

/// A launcher whose runs are in containers of this Engine.
fn launcher(engine: &Dockerd, pool: &Pool) -> LauncherSetup {
    LauncherSetup::new(pool)
        .set("SPACELIFT_WORKER_EXECUTOR", "docker")
        .set("SPACELIFT_DEFAULT_RUNNER_IMAGE", BUSYBOX)
        .set("DOCKER_HOST", &engine.host())
}

/// Lets the user of containers write to the target of a site, and gives the mount for it.
fn shared(site: &Site) -> String {
    let target = site.target("").display().to_string();
    let target = target.trim_end_matches('/');
    fs::set_permissions(target, fs::Permissions::from_mode(0o777)).unwrap();
    format!("{target}:{target}")
}

#[test]
fn a_run_is_planned_in_a_container_and_applied_in_one_of_another_worker() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &["--before-plan", "id; pwd"]);
    let mut first = launcher(&engine, &pool).start();
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "+secret of the workspace");
    assert!(log.contains("uid=1983(spacelift) gid=1983(spacelift)"), "{log}");
    assert!(log.contains("/mnt/workspace/source"), "{log}");
    engine.assert_nothing_left();

    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0, "{}", first.process.stderr());
    let _second = launcher(&engine, &pool).set("SPACELIFT_WORKER_WO_EXTRA_MOUNTS", &shared(&site)).start();
    mothership.await_workers("IDLE", 1);
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    engine.assert_nothing_left();
}
