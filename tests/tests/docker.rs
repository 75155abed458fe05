//! Runs in containers of a real Docker Engine: the whole path.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use serde_json::Value;
use spacelift_worker_core::driver::docker::{DockerExecutor, DockerOptions, EngineAddress, Limit};
use spacelift_worker_core::exec::{ExecEvent, ExecSpec, Executor as _, PhaseSpec};
use spacelift_worker_core::ids::{Lease, PoolId, RunId, WorkerId};
use spacelift_worker_tests::system::{
    BUSYBOX, Dockerd, Folder, LauncherSetup, Mothership, Site, archive, files_with,
};

#[test]
fn a_run_is_planned_in_a_container_and_applied_in_one_of_another_worker() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(
        &mothership,
        &pool,
        "site",
        &["--before-plan", "id; pwd; echo out 1; echo err 2 >&2; echo out 3; echo err 4 >&2"],
    );
    let mut first = LauncherSetup::in_containers(&pool, &engine).start();
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "+secret of the workspace");
    assert!(log.contains("uid=1983(spacelift) gid=1983(spacelift)"), "{log}");
    assert!(log.contains("/mnt/workspace/source"), "{log}");
    assert!(log.contains("out 1\nerr 2\nout 3\nerr 4\n"), "{log}");
    engine.assert_nothing_left();

    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0, "{}", first.process.stderr());
    let _second = LauncherSetup::in_containers(&pool, &engine)
        .set("SPACELIFT_WORKER_WO_EXTRA_MOUNTS", &site.mount())
        .start();
    mothership.await_workers("IDLE", 1);
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    engine.assert_nothing_left();
}

#[test]
fn hooks_share_one_container_through_a_phase_and_not_beyond() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(
        &mothership,
        &pool,
        "site",
        &[
            "--before-init",
            "echo installed > ~/tool; echo key > /run/secrets/key; sleep 1000 & echo $! > /tmp/agent",
            "--plan",
            "cat ~/tool /run/secrets/key; kill -0 $(cat /tmp/agent) && echo the agent lives; grep secrets /proc/mounts",
            "--apply",
            "ls ~/tool /run/secrets/key || echo a fresh container",
        ],
    );
    let _worker = LauncherSetup::in_containers(&pool, &engine).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "the agent lives");
    assert!(log.contains("installed\nkey\n"), "{log}");
    assert!(log.contains("tmpfs /run/secrets tmpfs rw,nosuid,nodev,noexec"), "{log}");
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "a fresh container");
    assert_eq!(site.deployed(), None);
    engine.assert_nothing_left();
}

#[test]
fn a_container_sees_what_is_listed_and_what_its_image_brings_and_nothing_else() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let changes = ["ENV PATH=/opt/bin:/bin IMAGE=image", "ENTRYPOINT [\"false\"]", "VOLUME /data"];
    let changes =
        changes.map(|change| format!("&changes={}", change.replace(' ', "%20").replace('"', "%22")));
    engine.import_tar("slw/env:1", &changes.concat(), &archive(&engine.busybox_tree()));
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let show = "env | cut -d= -f1 | grep -v '^TF_VAR_spacelift' | sort | tr '\\n' ' '; echo; echo path $PATH";
    let (plan, apply) = (format!("echo plan: $(ls /); {show}"), format!("echo apply: $(ls /); {show}"));
    let arguments = ["--image", "slw/env:1", "--plan", &plan, "--apply", &apply];
    Site::create(&mothership, &pool, "site", &arguments);
    let extra = Folder::new();
    let at = |name: &str| format!("{}:/{name}", extra.path().display());
    let _worker = LauncherSetup::in_containers(&pool, &engine)
        .set("ALWAYS", "1")
        .set("READING", "1")
        .set("WRITING", "1")
        .set("UNLISTED", "1")
        .set("SPACELIFT_WHITELIST_ENVS", "ALWAYS,ro_READING,wo_WRITING")
        .set("SPACELIFT_WORKER_EXTRA_MOUNTS", &at("extra"))
        .set("SPACELIFT_WORKER_RO_EXTRA_MOUNTS", &at("extra-ro"))
        .set("SPACELIFT_WORKER_WO_EXTRA_MOUNTS", &at("extra-wo"))
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "path /opt/bin:/bin");
    let names = |last: &str| {
        format!(
            "ALWAYS HOME HOSTNAME IMAGE PATH PWD {last} SHLVL SITE_TARGET SPACELIFT_RUN_ID SPACELIFT_STACK_ID"
        )
    };
    assert!(log.contains(&names("READING")), "{log}");
    let line = |log: &str, start: &str| log.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let planned = line(&log, "plan:");
    assert!(planned.contains("extra extra-ro ") && !planned.contains("extra-wo"), "{planned}");
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    let log = mothership.await_logs(&run, "apply:");
    let written = log.split("apply:").nth(1).unwrap();
    assert!(written.contains("SPACELIFT_STACK_ID WRITING"), "{log}");
    let applied = line(&log, "apply:");
    assert!(applied.contains("extra extra-wo ") && !applied.contains("extra-ro"), "{applied}");
    // The anonymous volume of the image, too.
    engine.assert_nothing_left();
}

#[test]
fn a_container_is_tight_and_labelled() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let plan = "grep -E '^(Cap|NoNew)' /proc/self/status; echo given $PASSWORD; echo ready; while [ ! -e /go/on ]; do sleep 0.05; done";
    Site::create(&mothership, &pool, "site", &["--plan", plan]);
    let gate = Folder::new();
    fs::set_permissions(gate.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let _worker = LauncherSetup::in_containers(&pool, &engine)
        .set("SPACELIFT_WORKER_EXTRA_MOUNTS", &format!("{}:/go", gate.path().display()))
        .set("PASSWORD", "correct-horse-battery-staple")
        .set("SPACELIFT_WHITELIST_ENVS", "PASSWORD")
        .set("SPACELIFT_MASK_ENVS", "PASSWORD")
        .set("SPACELIFT_WORKER_CONTAINER_MEMORY", "300m")
        .set("SPACELIFT_WORKER_CONTAINER_PIDS", "50")
        .start();
    let run = mothership.trigger(&["site"]);
    let log = mothership.await_logs(&run, "ready");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(log.contains(&format!("{set}:\t0000000000000000")), "{log}");
    }
    assert!(log.contains("NoNewPrivs:\t1"), "{log}");

    let containers = engine.containers();
    assert_eq!(containers.len(), 1);
    let labels = &containers[0]["Labels"];
    assert_eq!(labels["spacelift-worker.run"], run.as_str());
    assert_eq!(labels["spacelift-worker.stack"], "site");
    assert_eq!(labels["spacelift-worker.phase"], "plan");
    let worker = mothership.await_workers("BUSY", 1).remove(0);
    assert_eq!(labels["spacelift-worker.worker"], worker["id"]);
    let pools = mothership.json(&["pool", "list"]);
    assert_eq!(labels["spacelift-worker.pool"], pools[0]["id"]);
    let id = containers[0]["Id"].as_str().unwrap();
    let host = engine.json("GET", &format!("/containers/{id}/json"), &Value::Null)["HostConfig"].clone();
    assert_eq!((&host["Memory"], &host["MemorySwap"]), (&(300 << 20).into(), &(300 << 20).into()));
    assert_eq!((&host["PidsLimit"], &host["Privileged"]), (&50.into(), &false.into()));
    assert_eq!(host["NanoCpus"], cpus(&engine) * 900_000_000);
    assert_eq!((&host["LogConfig"]["Type"], &host["NetworkMode"]), (&"none".into(), &"bridge".into()));
    // What a step is given is nowhere on the Engine's disk, not even while the step runs.
    assert!(log.contains("given *****"), "{log}");
    // The search finds what is there.
    assert!(!files_with(&engine.folder().join("data/containers"), run.as_bytes()).is_empty());
    for folder in ["data/containers", "data/containerd"] {
        let kept = files_with(&engine.folder().join(folder), b"correct-horse-battery-staple");
        assert_eq!(kept, Vec::<std::path::PathBuf>::new());
    }
    fs::write(gate.join("on"), "").unwrap();
    mothership.await_run(&run, "UNCONFIRMED");
    engine.assert_nothing_left();
}

fn cpus(engine: &Dockerd) -> u64 {
    engine.json("GET", "/info", &Value::Null)["NCPU"].as_u64().unwrap()
}

#[test]
fn a_plugin_cache_is_filled_by_a_plan_and_used_by_the_apply_on_another_worker() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    // What a provider's installation comes to: fetched unless the cache has it, and linked from there.
    let init = "[ -e $TF_PLUGIN_CACHE_DIR/provider ] && echo from the cache || { echo downloaded; echo v1 > $TF_PLUGIN_CACHE_DIR/provider; }; ln -sf $TF_PLUGIN_CACHE_DIR/provider .provider";
    let site = Site::create(
        &mothership,
        &pool,
        "site",
        &[
            "--init",
            init,
            "--before-apply",
            init,
            "--env",
            "TF_PLUGIN_CACHE_DIR=/mnt/cache",
            "--plan",
            "cp .provider rendered; cat .provider",
        ],
    );
    let cache = Folder::new();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mounts = format!("{}:/mnt/cache,{}", cache.path().display(), site.mount());
    let setup = || LauncherSetup::in_containers(&pool, &engine).set("SPACELIFT_WORKER_EXTRA_MOUNTS", &mounts);
    let mut first = setup().start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "downloaded");
    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0);
    let _second = setup().start();
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "from the cache");
    assert_eq!(site.deployed().unwrap(), "v1\n");
    engine.assert_nothing_left();
}

#[test]
fn a_preflight_asks_the_engine_for_what_runs_need_of_it() {
    let Some(mut engine) = Dockerd::start().unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let setup = || LauncherSetup::in_containers(&pool, &engine);
    let of_engine = |found: Vec<(String, String)>| -> Vec<(String, String)> {
        found
            .into_iter()
            .filter(|(line, _)| line.contains("Docker") || line.contains(" container "))
            .collect()
    };
    let (code, found) = setup().preflight(&[]);
    let found = of_engine(found);
    let lines: Vec<&str> = found.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(code, 0, "{found:?}");
    let images = ["passed container image", "passed container image"];
    assert_eq!(lines, [&["passed Docker Engine", "passed container network"][..], &images].concat());
    assert!(found[0].1.ends_with(&engine.host()), "{found:?}");
    assert!(
        found[2].1 == BUSYBOX && found[3].1.ends_with("is pulled by the first run that needs it"),
        "{found:?}"
    );

    let (code, found) = setup()
        .set("SPACELIFT_WORKER_NETWORK", "nowhere")
        .set("SPACELIFT_WORKER_RUNTIME", "kata")
        .set("SPACELIFT_WORKER_IMAGE_PULL", "never")
        .preflight(&[]);
    let found = of_engine(found);
    let lines: Vec<&str> = found.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(code, 1, "{found:?}");
    let bad = ["warned container runtime", "failed container network", "passed container image"];
    assert_eq!(lines, [&["passed Docker Engine"][..], &bad, &["warned container image"]].concat());
    assert!(found[2].1.contains("docker network create nowhere"), "{found:?}");

    let setup = setup();
    engine.kill();
    let (code, found) = setup.preflight(&[]);
    let found = of_engine(found);
    assert!(code == 1 && found.len() == 1, "{found:?}");
    assert!(found[0].0 == "failed Docker Engine" && found[0].1.contains("does not answer"), "{found:?}");
}

/// The line about a silent command, without a minute of silence.
#[tokio::test]
async fn what_a_container_takes_is_told_while_it_runs() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let folder = Folder::new();
    fs::create_dir(folder.join("workspace")).unwrap();
    let address = EngineAddress::new(Some(&engine.host()), None).unwrap();
    let mut options = DockerOptions::new(address, BUSYBOX);
    options.nano_cpus = Limit::At(100_000_000);
    let executor = DockerExecutor::new(options);
    let spec = PhaseSpec::new(
        RunId::from_parts(1, 1),
        Lease { generation: 1, counter: 1 },
        WorkerId::from_parts(1, 1),
        PoolId::from_parts(1, 1),
        folder.path().to_owned(),
    );
    let phase = executor.prepare(spec, Arc::new(|_| {})).await.unwrap().unwrap();
    let script = "yes >/dev/null & sleep 2; echo on; wait";
    let command = ExecSpec::new(vec!["sh".into(), "-c".into(), script.into()], "/".into());
    let mut execution = phase.start(command).await.unwrap();
    assert!(matches!(execution.next().await.unwrap(), ExecEvent::Output(_)));
    let usage = execution.usage().await.unwrap();
    assert!(usage.processes >= 3 && usage.memory > 100_000, "{usage:?}");
    assert!((50..1_000).contains(&usage.cpu_ms), "a tenth of a processor for two seconds: {usage:?}");
    assert!(usage.throttled_ms.unwrap() > 500, "{usage:?}");
    drop(execution);
    phase.close().await;
    executor.close().await;
    engine.assert_nothing_left();
}
