//! Engines and launchers in other places: an Engine behind TLS, a launcher in a container of the Engine that it uses.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use spacelift_worker_tests::system::{
    Dockerd, DockerdOptions, Folder, LauncherSetup, Mosquitto, Mothership, Pool, Site, eventually, program,
};
use spacelift_worker_tests::tools::Tool;

/// An authority in a folder, with a certificate for a server on loopback and one for a client, as Docker names them.
fn certificates(openssl: &Path, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let run = |arguments: &str| {
        let done = Command::new(openssl).current_dir(folder).args(arguments.split(' ')).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    run(&format!("req -x509 {key} -keyout ca-key.pem -out ca.pem -subj /CN=authority -days 2"));
    for (name, kind, place) in [
        ("server", "serverAuth", "subjectAltName=IP:127.0.0.1"),
        ("client", "clientAuth", "subjectAltName=DNS:client"),
    ] {
        fs::write(folder.join("extensions"), format!("extendedKeyUsage={kind}\n{place}\n")).unwrap();
        run(&format!("req {key} -keyout {name}-key.pem -out {name}.csr -subj /CN={name}"));
        run(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out {name}.pem -days 2 -extfile extensions"
        ));
    }
    fs::rename(folder.join("client.pem"), folder.join("cert.pem")).unwrap();
    fs::rename(folder.join("client-key.pem"), folder.join("key.pem")).unwrap();
}

#[test]
fn an_engine_behind_tls_is_reached_with_a_certificate_and_trusted_by_its_own_authority_alone() {
    let Some(openssl) = Tool::OpenSsl.find().unwrap() else { return };
    let folder = Folder::new();
    let (own, foreign) = (folder.join("own"), folder.join("foreign"));
    certificates(&openssl, &own);
    certificates(&openssl, &foreign);
    let at = |name: &str| own.join(name).display().to_string();
    let port = Mosquitto::free_port();
    let arguments = [
        ["-H".to_owned(), format!("tcp://127.0.0.1:{port}")],
        ["--tlsverify".to_owned(), format!("--tlscacert={}", at("ca.pem"))],
        [format!("--tlscert={}", at("server.pem")), format!("--tlskey={}", at("server-key.pem"))],
    ];
    let options =
        DockerdOptions { shares_network: true, arguments: arguments.concat(), ..DockerdOptions::default() };
    let Some(engine) = Dockerd::start_with(options).unwrap() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let setup = |certificates: &Path| {
        LauncherSetup::in_containers(&pool, &engine)
            .set("SPACELIFT_WORKER_NETWORK", "none")
            .set("DOCKER_HOST", &format!("tcp://127.0.0.1:{port}"))
            .set("DOCKER_TLS_VERIFY", "1")
            .set("DOCKER_CERT_PATH", certificates.to_str().unwrap())
    };
    let mut refused = setup(&foreign).start();
    assert_eq!(refused.process.exit_code(), 1);
    let told = refused.process.stderr();
    assert!(told.contains("does not answer") && told.contains("certificate"), "{told}");

    let mut plain = setup(&own).unset("DOCKER_TLS_VERIFY").start();
    assert_eq!(plain.process.exit_code(), 1, "an Engine that wants TLS was reached without");

    let _worker = setup(&own).start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+secret of the workspace");
    engine.assert_nothing_left();
}

/// Starts the launcher in a container that sees `state` as `seen`, and gives the container's identifier.
fn launcher_in_container(engine: &Dockerd, pool: &Pool, state: &Path, seen: &str) -> String {
    let launcher = program("examples/launcher");
    let setup = LauncherSetup::in_containers(pool, engine)
        .set("SPACELIFT_WORKER_NETWORK", "none")
        .set("SPACELIFT_WORKER_STATE_DIR", seen);
    let environment: Vec<String> =
        setup.environment().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let socket = engine.socket().display().to_string();
    let binds = [
        format!("{socket}:{socket}"),
        format!("{}:{seen}", state.display()),
        format!("{}:/launcher:ro", launcher.display()),
    ];
    let body = json!({
        "Image": "slw/launcher:1", "Entrypoint": ["/launcher"], "Env": environment,
        "HostConfig": {"NetworkMode": "host", "Binds": binds},
    });
    let id =
        engine.json("POST", "/containers/create?name=launcher", &body)["Id"].as_str().unwrap().to_owned();
    assert_eq!(engine.ask("POST", &format!("/containers/{id}/start"), &[]).0, 204);
    id
}

/// Waits for the end of a container, removes it, and gives its code and what it said.
fn ended(engine: &Dockerd, id: &str) -> (Value, String) {
    let state = eventually("the end of the launcher", || {
        let state = engine.json("GET", &format!("/containers/{id}/json"), &Value::Null)["State"].clone();
        (state["Running"] == false).then_some(state)
    });
    let (_, log) = engine.ask("GET", &format!("/containers/{id}/logs?stderr=true"), &[]);
    engine.ask("DELETE", &format!("/containers/{id}?v=true"), &[]);
    (state["ExitCode"].clone(), String::from_utf8_lossy(&log).into_owned())
}

#[test]
fn a_launcher_in_a_container_works_when_its_folder_has_the_same_path_on_both_sides() {
    let options = DockerdOptions { shares_network: true, ..DockerdOptions::default() };
    let Some(engine) = Dockerd::start_with(options).unwrap() else { return };
    let tree = engine.busybox_tree();
    let listed = Command::new("ldd").arg(program("examples/launcher")).output().unwrap();
    for word in
        String::from_utf8_lossy(&listed.stdout).split_whitespace().filter(|word| word.starts_with('/'))
    {
        let target = tree.join(&word[1..]);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(word, target).unwrap();
    }
    engine.import("slw/launcher:1", &tree);
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let state = Folder::new();

    let id = launcher_in_container(&engine, &pool, state.path(), "/var/lib/worker");
    let (code, log) = ended(&engine, &id);
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("finds no /var/lib/worker/runs on its machine"), "{log}");
    assert!(log.contains("mounted under the same path"), "{log}");

    let id = launcher_in_container(&engine, &pool, state.path(), state.path().to_str().unwrap());
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.await_logs(&run, "+secret of the workspace");
    engine.ask("POST", &format!("/containers/{id}/kill?signal=TERM"), &[]);
    let (code, log) = ended(&engine, &id);
    assert_eq!(code, 0, "{log}");
    engine.assert_nothing_left();
}
