//! `launcher preflight`: what a worker needs, with one thing missing after the other.

use spacelift_worker_tests::system::{LauncherSetup, Mosquitto, Mothership};

/// What was said of things that are not the machine's.
fn lines(found: &[(String, String)]) -> Vec<&str> {
    let of_machine = |line: &str| ["memory", "cores", "disk space"].iter().any(|what| line.ends_with(what));
    found.iter().map(|(line, _)| line.as_str()).filter(|line| !of_machine(line)).collect()
}

#[test]
fn a_worker_with_all_that_it_needs_passes_step_by_step() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let (code, found) = LauncherSetup::new(&pool).preflight(&["--probe"]);
    assert_eq!(code, 0, "{found:?}");
    let broker =
        found.iter().find(|(line, _)| line.contains("127.0.0.1") && line.ends_with(" certificate")).unwrap();
    assert!(broker.1.starts_with("valid from 20") && broker.1.ends_with(" UTC"), "{broker:?}");
    let steps: Vec<String> =
        lines(&found).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    let expected =
        ["variables", "certificate", "policy", "region", "name", "connection", "TLS", "certificate"];
    assert_eq!(steps, expected);
    for what in ["passed memory", "passed cores", "passed disk space"] {
        assert!(found.iter().any(|(line, _)| line == what), "{what} is not in {found:?}");
    }

    let (code, found) = LauncherSetup::new(&pool).preflight(&[]);
    assert_eq!(code, 0, "{found:?}");
    let (last, purpose) = found.last().unwrap();
    assert!(last.starts_with("untried 127.0.0.1:") && purpose == "the broker", "{found:?}");

    let url = mothership.url();
    let (code, found) = LauncherSetup::polling(&pool, &url).preflight(&["--probe"]);
    assert_eq!(code, 0, "{found:?}");
    let place = url.trim_start_matches("https://");
    assert!(lines(&found).contains(&format!("passed {place} TLS").as_str()), "{found:?}");
}

#[test]
fn an_endpoint_that_cannot_be_reached_or_trusted_is_exit_code_3() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let nobody = format!("https://127.0.0.1:{}", Mosquitto::free_port());
    let (code, found) = LauncherSetup::polling(&pool, &nobody).preflight(&["--probe"]);
    assert_eq!(code, 3, "{found:?}");
    assert!(found.last().unwrap().0.starts_with("failed 127.0.0.1:"), "{found:?}");
    assert!(found.last().unwrap().0.ends_with(" connection"), "{found:?}");

    let unresolved = LauncherSetup::polling(&pool, "https://nowhere.invalid");
    let (code, found) = unresolved.preflight(&["--probe"]);
    assert_eq!((code, found.last().unwrap().0.as_str()), (3, "failed nowhere.invalid:443 name"));

    // Another control plane, whose authority the token does not name.
    let stranger = Mothership::start();
    let (code, found) = LauncherSetup::polling(&pool, &stranger.url()).preflight(&["--probe"]);
    let (last, detail) = found.last().unwrap();
    assert!(code == 3 && last.ends_with(" TLS") && detail.contains("certificate"), "{found:?}");
}

#[test]
fn what_is_wrong_with_the_configuration_is_exit_code_2_and_told_all_at_once() {
    let mothership = Mothership::start();
    let (pool, other) = (mothership.create_pool("pool"), mothership.create_pool("other"));
    let mut mixed = pool.clone();
    mixed.key_pem = other.key_pem;
    let setup = LauncherSetup::new(&mixed)
        .set("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "soon")
        .set("SPACELIFT_MASK_ENVS", "PASSWORD")
        .set("PASSWORD", "undef1ned_secret")
        .set_file(
            "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY",
            "policy.rego",
            "package spacelift\n\ndeny[\"no\"] { undef1ned_secret }\n",
        );
    let (code, found) = setup.preflight(&["--probe"]);
    assert_eq!(code, 2, "{found:?}");
    let expected = ["failed variables", "failed key and certificate", "failed policy", "untried endpoints"];
    assert_eq!(lines(&found), expected);
    let all = format!("{found:?}");
    assert!(all.contains("SPACELIFT_LAUNCHER_LOGS_TIMEOUT") && all.contains("the key does not fit"), "{all}");
    assert!(all.contains("{ ***** }") && !all.contains("undef1ned_secret"), "{all}");
}

#[test]
fn people_get_a_table() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let mut launcher = LauncherSetup::new(&pool).start_with(&["preflight"]);
    assert_eq!(launcher.process.exit_code(), 0);
    let table = launcher.process.stdout();
    let line = table.lines().find(|line| line.contains("key and certificate")).unwrap();
    assert!(line.starts_with("passed ") && line.contains("valid to 20"), "{table}");
    let mut launcher = LauncherSetup::new(&pool).start_with(&["preflight", "--everything"]);
    assert_eq!(launcher.process.exit_code(), 2);
}
