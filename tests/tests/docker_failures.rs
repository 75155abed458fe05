//! What goes wrong between a run and its container: each is told apart, in words to act on, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use spacelift_worker_tests::system::{
    Dockerd, DockerdOptions, Folder, LauncherSetup, Mothership, Pool, Site, eventually,
};

/// The reason of a run that fails on a launcher with more variables, and its log.
fn failed(
    engine: &Dockerd,
    (mothership, pool): (&Mothership, &Pool),
    stack: (&str, &[&str]),
    variables: &[(&str, &str)],
) -> String {
    Site::create(mothership, pool, stack.0, stack.1);
    let mut setup = LauncherSetup::in_containers(pool, engine);
    for (name, value) in variables {
        setup = setup.set(name, value);
    }
    let _worker = setup.start();
    let run = mothership.trigger(&[stack.0]);
    let shown = mothership.await_run(&run, "FAILED");
    let reason = shown["history"].as_array().unwrap().last().unwrap()["note"].as_str().unwrap().to_owned();
    let log = mothership.text(&["run", "logs", &run]);
    assert!(log.contains(&reason), "the log does not say why: {reason}\n{log}");
    engine.assert_nothing_left();
    reason
}

#[test]
fn an_image_that_cannot_run_a_step_says_what_it_lacks() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let place = (&mothership, &pool);

    let tree = engine.busybox_tree();
    fs::remove_file(tree.join("bin/sh")).unwrap();
    engine.import("slw/shell-less:1", &tree);
    let reason = failed(&engine, place, ("shell-less", &["--image", "slw/shell-less:1"]), &[]);
    assert!(reason.contains("slw/shell-less:1 has no shell `sh`"), "{reason}");

    let tree = engine.busybox_tree();
    fs::write(tree.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    engine.import("slw/user-less:1", &tree);
    let reason = failed(&engine, place, ("user-less", &["--image", "slw/user-less:1"]), &[]);
    assert!(reason.contains("slw/user-less:1 has no user 1983"), "{reason}");

    let never = [("SPACELIFT_WORKER_IMAGE_PULL", "never")];
    let reason = failed(&engine, place, ("nowhere", &["--image", "slw/nowhere:1"]), &never);
    assert!(
        reason.contains("slw/nowhere:1 is not there, and SPACELIFT_WORKER_IMAGE_PULL is `never`"),
        "{reason}"
    );

    let unreachable = "127.0.0.1:9/runner:1";
    let reason = failed(&engine, place, ("unreachable", &["--image", unreachable]), &[]);
    assert!(reason.contains("127.0.0.1:9/runner:1 cannot be pulled"), "{reason}");
}

#[test]
fn a_network_or_a_runtime_that_is_not_there_is_named() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let place = (&mothership, &pool);
    let network = [("SPACELIFT_WORKER_NETWORK", "private-net")];
    let reason = failed(&engine, place, ("network", &[]), &network);
    assert!(
        reason.contains("no network private-net") && reason.contains("SPACELIFT_WORKER_NETWORK"),
        "{reason}"
    );
    let runtime = [("SPACELIFT_WORKER_RUNTIME", "kata")];
    let reason = failed(&engine, place, ("runtime", &[]), &runtime);
    assert!(reason.contains("no runtime kata") && reason.contains("SPACELIFT_WORKER_RUNTIME"), "{reason}");

    // And what is there is used.
    engine.json("POST", "/networks/create", &serde_json::json!({"Name": "private-net"}));
    let shown = "ip -o addr show eth0";
    Site::create(&mothership, &pool, "good", &["--plan", shown]);
    let _worker = LauncherSetup::in_containers(&pool, &engine)
        .set("SPACELIFT_WORKER_NETWORK", "private-net")
        .set("SPACELIFT_WORKER_RUNTIME", "runc")
        .start();
    let run = mothership.trigger(&["good"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "inet 172.18.");
    engine.ask("DELETE", "/networks/private-net", &[]);
    engine.assert_nothing_left();
}

#[test]
fn a_command_that_needs_too_much_memory_is_told_so() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let hungry = "echo hungry; head -c 300m /dev/zero | tail | wc -c; echo not reached";
    let memory = [("SPACELIFT_WORKER_CONTAINER_MEMORY", "64m")];
    let plan = format!("set -o pipefail; {hungry}");
    let reason = failed(&engine, (&mothership, &pool), ("hungry", &["--plan", &plan]), &memory);
    assert!(reason.contains("memory limit of 64 MiB") && reason.contains("OOM"), "{reason}");
    assert!(reason.contains("SPACELIFT_WORKER_CONTAINER_MEMORY"), "{reason}");
}

#[test]
fn a_link_in_the_place_of_the_workspace_leads_nowhere() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "cd /mnt && mv workspace elsewhere && ln -s /etc workspace && ls -l /mnt";
    let user = [("SPACELIFT_WORKER_CONTAINER_USER", "0")];
    let reason = failed(&engine, (&mothership, &pool), ("link", &["--plan", plan]), &user);
    assert!(reason.contains("Cannot hand on the workspace: it is no folder any more"), "{reason}");
    // The user of the documentation cannot put one there.
    let reason = failed(&engine, (&mothership, &pool), ("tight", &["--plan", plan]), &[]);
    assert!(reason.contains("PLANNING ended with exit code 1"), "{reason}");
}

#[test]
fn too_many_processes_are_a_failure_of_the_command_alone() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "for i in $(seq 200); do sleep 100 & done; wait";
    let pids = [("SPACELIFT_WORKER_CONTAINER_PIDS", "40")];
    let reason = failed(&engine, (&mothership, &pool), ("forks", &["--plan", plan]), &pids);
    assert!(reason.contains("PLANNING ended with exit code"), "{reason}");
}

#[test]
fn an_engine_that_dies_in_mid_run_ends_the_run_and_the_next_run_works_again() {
    let Some(mut engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", "echo planning; sleep 1000"]);
    Site::create(&mothership, &pool, "next", &[]);
    let _worker = LauncherSetup::in_containers(&pool, &engine).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "planning");
    engine.kill();
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("The command of PLANNING was lost"), "{shown}");
    assert!(shown.contains("does not answer"), "{shown}");

    let run = mothership.trigger(&["next"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("The run could not be prepared") && shown.contains("does not answer"), "{shown}");

    engine.restart();
    eventually("the end of what was left", || engine.containers().is_empty().then_some(()));
    let run = mothership.trigger(&["next"]);
    mothership.await_run(&run, "UNCONFIRMED");
    engine.assert_nothing_left();
}

#[test]
fn a_launcher_does_not_start_without_its_engine_or_a_mount() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let refused = |setup: LauncherSetup| {
        let mut worker = setup.start();
        assert_eq!(worker.process.exit_code(), 1);
        worker.process.stderr()
    };
    let setup = || LauncherSetup::in_containers(&pool, &engine);
    let told = refused(setup().set("DOCKER_HOST", "unix:///nowhere/docker.sock"));
    assert!(told.contains("Docker Engine at unix:///nowhere/docker.sock does not answer"), "{told}");
    for variable in [
        "SPACELIFT_WORKER_EXTRA_MOUNTS",
        "SPACELIFT_WORKER_RO_EXTRA_MOUNTS",
        "SPACELIFT_WORKER_WO_EXTRA_MOUNTS",
    ] {
        let told = refused(setup().set(variable, "/nowhere/cache:/mnt/cache"));
        assert!(told.contains(&format!("{variable}: there is no /nowhere/cache")), "{told}");
    }
    let taken = format!("{}:/mnt/workspace/cache", engine.folder().path().display());
    let told = refused(setup().set("SPACELIFT_WORKER_EXTRA_MOUNTS", &taken));
    assert!(told.contains("/mnt/workspace/cache of a container is the run's own"), "{told}");
    engine.assert_nothing_left();
}

/// A file system in memory of so many MiB, for an Engine's data.
struct SmallDisk(Folder);

impl SmallDisk {
    fn mount(mib: u32) -> Self {
        let folder = Folder::new();
        let size = format!("size={mib}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).status();
        assert!(mounted.unwrap().success());
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the Engine may still be on its way out.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_of_the_engine_is_told_as_that() {
    let disk = SmallDisk::mount(64);
    let options = DockerdOptions { data: Some(disk.path()), ..DockerdOptions::default() };
    let Some(engine) = Dockerd::start_with(options).unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let ballast = disk.path().join("ballast");
    // All that is left; the last write fails, which is what it is for.
    let _ = fs::write(&ballast, vec![0; 64 << 20]);
    let reason = failed(&engine, (&mothership, &pool), ("full", &[]), &[]);
    assert!(reason.contains("the disk of the Docker Engine is full"), "{reason}");
    fs::remove_file(ballast).unwrap();
    Site::create(&mothership, &pool, "room", &[]);
    let _worker = LauncherSetup::in_containers(&pool, &engine).start();
    let run = mothership.trigger(&["room"]);
    mothership.await_run(&run, "UNCONFIRMED");
    engine.assert_nothing_left();
}
