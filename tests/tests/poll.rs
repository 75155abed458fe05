//! The long-poll transport with processes: the same path as over a broker, directly and through a proxy that ends TLS.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use spacelift_worker_tests::system::{Haproxy, LauncherSetup, Mosquitto, Mothership, Pool, Site, eventually};
use spacelift_worker_tests::tools::Tool;

/// Plans with one launcher and applies with another, which reach the control plane at this address.
fn plan_here_apply_there(mothership: &Mothership, pool: &Pool, url: &str) {
    let site = Site::create(mothership, pool, "site", &[]);
    let mut first = LauncherSetup::polling(pool, url).set("SPACELIFT_METADATA_name", "first").start();
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+secret of the workspace");
    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0, "{}", first.process.stderr());
    mothership.await_workers("IDLE", 0);

    let mut second = LauncherSetup::polling(pool, url).set("SPACELIFT_METADATA_name", "second").start();
    mothership.await_workers("IDLE", 1);
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    mothership.await_logs(&run, "deployed");

    mothership.text(&["pool", "cycle", "pool", "--yes"]);
    assert_eq!(second.process.exit_code(), 4, "{}", second.process.stderr());
}

#[test]
fn a_run_is_planned_by_one_worker_and_applied_by_another_without_a_broker() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    plan_here_apply_there(&mothership, &pool, &mothership.url());
}

#[test]
fn the_same_path_goes_through_a_proxy_that_ends_tls() {
    let Some(program) = Tool::Haproxy.find().unwrap() else { return };
    let port = Mosquitto::free_port();
    let url = format!("https://127.0.0.1:{port}");
    let mothership = Mothership::start_with(&["--mqtt-listen", "127.0.0.1:0", "--public-url", &url]);
    let backend = mothership.url().strip_prefix("https://").unwrap().to_owned();
    let proxy = Haproxy::start(&program, port, &backend, &mothership.data().join("ca"));
    let pool = mothership.create_pool("pool");
    plan_here_apply_there(&mothership, &pool, &url);
    let log = proxy.log();
    for request in ["\"POST /worker/v1/", "\"GET /worker/v1/", "\"DELETE /worker/v1/"] {
        assert!(log.contains(request), "no {request} in {log}");
    }
}

#[test]
fn a_proxy_that_the_control_plane_does_not_know_is_named_as_the_reason() {
    let Some(program) = Tool::Haproxy.find().unwrap() else { return };
    let port = Mosquitto::free_port();
    let mothership = Mothership::start();
    let backend = mothership.url().strip_prefix("https://").unwrap().to_owned();
    let _proxy = Haproxy::start(&program, port, &backend, &mothership.data().join("ca"));
    let pool = mothership.create_pool("pool");
    let mut worker = LauncherSetup::polling(&pool, &format!("https://127.0.0.1:{port}")).start();
    assert_eq!(worker.process.exit_code(), 3, "{}", worker.process.stderr());
    assert!(worker.process.stderr().contains("public URLs"), "{}", worker.process.stderr());
}

#[test]
fn a_reset_shuts_out_a_worker_that_polls_at_once() {
    let mothership = Mothership::start();
    let old = mothership.create_pool("pool");
    let mut connected = LauncherSetup::polling(&old, &mothership.url()).start();
    mothership.await_workers("IDLE", 1);
    let new = mothership.reset_pool(&old);
    eventually("the refusal", || connected.process.stderr().contains("was the pool reset").then_some(()));
    let mut refused = LauncherSetup::polling(&old, &mothership.url()).start();
    assert_eq!(refused.process.exit_code(), 3, "{}", refused.process.stderr());
    let _welcome = LauncherSetup::polling(&new, &mothership.url()).start();
    mothership.await_workers("IDLE", 1);
    assert!(connected.process.is_running(), "a worker that lost its connection keeps trying");
}

#[test]
fn a_restart_of_the_control_plane_is_outlived() {
    let port = Mosquitto::free_port();
    let listen = format!("127.0.0.1:{port}");
    let mut mothership = Mothership::start_with(&["--mqtt-listen", "127.0.0.1:0", "--listen", &listen]);
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let worker = LauncherSetup::polling(&pool, &mothership.url()).start();
    mothership.await_workers("IDLE", 1);
    mothership.crash_and_restart();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = worker.process.stderr();
    assert!(log.contains("not connected"), "{log}");
}

#[test]
fn an_address_that_is_no_control_plane_is_refused_at_the_start() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    for (url, words) in [
        ("http://app.example", "begin it with https://"),
        ("https://app.example/path", "remove the path"),
        ("app.example", "begin it with https://"),
    ] {
        let mut worker = LauncherSetup::polling(&pool, url).start();
        assert_eq!(worker.process.exit_code(), 2, "{}", worker.process.stderr());
        let said = worker.process.stderr();
        assert!(said.contains("SPACELIFT_WORKER_COMMS_URL") && said.contains(words), "{said}");
    }
}
