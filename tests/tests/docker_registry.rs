//! Images of a registry that wants a login: credentials from a file, from a helper, wrong, none.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_tests::system::{
    Dockerd, DockerdOptions, Folder, LauncherSetup, Mothership, Registry, Site, archive,
};

const PASSWORD: &str = "password-of-the-registry";

struct Scene {
    engine: Dockerd,
    mothership: Mothership,
    registry: Registry,
    setup: LauncherSetup,
    config: Folder,
}

fn scene() -> Option<Scene> {
    let options = DockerdOptions { shares_network: true, ..DockerdOptions::default() };
    let engine = Dockerd::start_with(options).unwrap()?;
    let registry = Registry::start(archive(&engine.busybox_tree()), "robot", PASSWORD);
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--image", &registry.image()]);
    let config = Folder::new();
    let setup = LauncherSetup::in_containers(&pool, &engine)
        .set("SPACELIFT_WORKER_NETWORK", "none")
        .set("SPACELIFT_DOCKER_CONFIG_DIR", config.path().to_str().unwrap());
    Some(Scene { engine, mothership, registry, setup, config })
}

#[test]
fn an_image_is_pulled_with_the_credentials_of_a_file_and_the_log_says_how_far_it_is() {
    let Some(Scene { engine, mothership, registry, setup, config }) = scene() else { return };
    let auth = STANDARD.encode(format!("robot:{PASSWORD}"));
    config.write("config.json", &json!({"auths": {registry.host(): {"auth": auth}}}).to_string());
    let worker = setup.start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "+secret of the workspace");
    let image = registry.image();
    assert!(log.contains(&format!("Pulling the image {image}\n")), "{log}");
    assert!(log.contains(&format!("Pulled the image {image} in ")), "{log}");
    for text in [log, worker.process.stderr(), worker.process.stdout()] {
        assert!(!text.contains(PASSWORD) && !text.contains(&auth), "{text}");
    }
    // What is there, and has a tag that does not move, is not pulled again.
    let asked = registry.asked().len();
    mothership.text(&["run", "discard", &run]);
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    assert_eq!(registry.asked().len(), asked);
    engine.assert_nothing_left();
}

#[test]
fn a_credential_helper_is_asked_and_sees_nothing_of_the_pool() {
    let Some(Scene { engine, mothership, registry, setup, config }) = scene() else { return };
    config.write("config.json", &json!({"credHelpers": {registry.host(): "slw-test"}}).to_string());
    let seen = config.join("seen");
    let script = format!(
        "#!/bin/sh\nread -r host; {{ echo \"$1 $host\"; env; }} > {}\nprintf '{{\"Username\":\"robot\",\"Secret\":\"{PASSWORD}\"}}'\n",
        seen.display()
    );
    let helper = config.write("docker-credential-slw-test", &script);
    fs::set_permissions(helper, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", config.path().display());
    let _worker = setup.set("PATH", &path).set("CLOUD_PROFILE", "registry").start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with(&format!("get {}\n", registry.host())), "{seen}");
    assert!(seen.contains("CLOUD_PROFILE=registry"), "{seen}");
    assert!(!seen.contains("SPACELIFT_TOKEN") && !seen.contains("PRIVATE_KEY"), "{seen}");
    engine.assert_nothing_left();
}

#[test]
fn without_the_right_login_the_run_says_that_it_wants_one() {
    let Some(Scene { engine, mothership, registry, setup, config }) = scene() else { return };
    let _worker = setup.start();
    let mut reasons = Vec::new();
    let wrong = STANDARD.encode("robot:wrong-password");
    let broken = json!({"credHelpers": {registry.host(): "is-not-installed"}});
    for content in [json!({}), json!({"auths": {registry.host(): {"auth": wrong}}}), broken] {
        config.write("config.json", &content.to_string());
        let run = mothership.trigger(&["site"]);
        let shown: Value = mothership.await_run(&run, "FAILED");
        reasons.push(shown["history"].as_array().unwrap().last().unwrap()["note"].to_string());
    }
    assert!(
        reasons[0].contains("wants a login") && reasons[0].contains("SPACELIFT_DOCKER_CONFIG_DIR"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("wants a login"), "{reasons:?}");
    assert!(reasons[2].contains("docker-credential-is-not-installed cannot be started"), "{reasons:?}");
    assert!(!reasons.concat().contains("wrong-password"), "{reasons:?}");
    engine.assert_nothing_left();
}
