//! Networks as they are: the whole path through a proxy that opens tunnels, and a control plane whose authority no token names.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Pool, Site, TunnelProxy};

#[test]
fn a_run_is_planned_and_applied_although_broker_and_storage_are_reached_through_a_proxy_alone() {
    let mothership = Mothership::start_with(&["--mqtt-listen", "127.0.0.1:0", "--hostname", "plane.test"]);
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &["--auto-deploy"]);
    // The name means nothing on this machine, so that nobody gets there without the proxy.
    let proxy = TunnelProxy::start(None);
    let mut worker = LauncherSetup::new(&pool)
        .set("HTTPS_PROXY", &proxy.url("worker:hunter2-hunter2"))
        .set("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "plane.test")
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "deployed");
    assert!(site.deployed().unwrap().contains("secret of the workspace"));
    let token: Value = serde_json::from_slice(&STANDARD.decode(&pool.token).unwrap()).unwrap();
    let broker = token["broker"]["endpoint"].as_str().unwrap().trim_start_matches("tls://").to_owned();
    let asked = proxy.asked();
    let to = |place: &str| asked.iter().filter(|head| head.starts_with(&format!("CONNECT {place}"))).count();
    assert_eq!(to(&broker), 1, "{asked:?}");
    assert!(to("plane.test:") - to(&broker) >= 4, "source, workspace both ways, logs: {asked:?}");
    assert_eq!(to("plane.test:"), asked.len());
    assert!(asked.iter().all(|head| head.contains("Proxy-Authorization: Basic ")), "{asked:?}");
    worker.process.signal("TERM");
    assert_eq!(worker.process.exit_code(), 0);
    assert!(!worker.process.stderr().contains("hunter2"), "{}", worker.process.stderr());
}

/// A token that names no authority, as one whose broker has a certificate of a public one.
fn without_authority(pool: &Pool) -> LauncherSetup {
    let mut token: Value = serde_json::from_slice(&STANDARD.decode(&pool.token).unwrap()).unwrap();
    assert!(token.as_object_mut().unwrap().remove("ca").is_some());
    LauncherSetup::new(pool).set("SPACELIFT_TOKEN", &STANDARD.encode(token.to_string()))
}

fn root_cas(pem: &str) -> String {
    STANDARD.encode(json!({"caCertificates": [STANDARD.encode(pem)]}).to_string())
}

#[test]
fn an_authority_in_additional_root_cas_is_trusted_for_broker_and_storage_and_none_is_without_it() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let other = Mothership::start();
    let authority = |of: &Mothership| std::fs::read_to_string(of.data().join("ca/ca.pem")).unwrap();
    for setup in [
        without_authority(&pool),
        without_authority(&pool).set("ADDITIONAL_ROOT_CAS", &root_cas(&authority(&other))),
    ] {
        let mut refused = setup.start();
        assert_eq!(refused.process.exit_code(), 3, "{}", refused.process.stderr());
        assert!(refused.process.stderr().contains("certificate"), "{}", refused.process.stderr());
    }
    let _worker =
        without_authority(&pool).set("ADDITIONAL_ROOT_CAS", &root_cas(&authority(&mothership))).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+secret of the workspace");
}
