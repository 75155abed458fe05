//! Secrets planted in each place that text can come from, and every place looked through that text can go to: the
//! uploaded log, what the control plane was told, both outputs of the launcher, and its folder.

use serde_json::Value;
use spacelift_worker_tests::system::{Launcher, LauncherSetup, Mothership, Pool, Site, files_with};

/// Denies, for a reason that quotes a secret, and has its input and its own text logged.
const POLICY: &str = r#"package spacelift

sample { true }
deny[reason] { reason := concat(" ", ["not with", "pol1cy-secret", input.run.commit.message]) }
deny["json \"esc\\aped-secret"] { true }
"#;

/// A launcher that keeps these values secret, each in a variable of its own.
fn launcher(pool: &Pool, secrets: &[&str]) -> LauncherSetup {
    let names: Vec<String> = (0..secrets.len()).map(|number| format!("PLANTED_{number}")).collect();
    let masked = LauncherSetup::new(pool).set("SPACELIFT_MASK_ENVS", &names.join(","));
    names.iter().zip(secrets).fold(masked, |setup, (name, secret)| setup.set(name, secret))
}

/// Nothing that text of a run goes to holds any of these.
#[track_caller]
fn appear_nowhere(secrets: &[&str], mothership: &Mothership, run: &str, worker: &Launcher) {
    let shown = [
        ("the log", mothership.text(&["run", "logs", run])),
        ("the run", mothership.json(&["run", "show", run]).to_string()),
        ("the control plane's own log", mothership.log()),
        ("standard output", worker.process.stdout()),
        ("standard error", worker.process.stderr()),
    ];
    for secret in secrets {
        // As it is, and as JSON has it.
        let json = Value::from(*secret).to_string();
        for spelled in [secret, json.trim_matches('"')] {
            for (place, text) in &shown {
                assert!(!text.contains(spelled), "{spelled} in {place}:\n{text}");
            }
            for folder in [&mothership.data().join("blobs"), worker.folder()] {
                let mut found = files_with(folder, spelled.as_bytes());
                found.retain(|path| !path.ends_with("policy.rego"));
                assert!(found.is_empty(), "{spelled} in {found:?}");
            }
        }
    }
}

#[test]
fn what_a_run_prints_shows_its_secrets_in_no_place() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let secrets = ["out-of-stack", "of-the-host", "l1ne one\nand \"two\"", "added-by-output", "in-a-command"];
    let plan = "printf '%s' \"${PASSWORD%stack}\"; printf 'stack and %s\\n' \"$PLANTED_0\" >&2
printf '%s' \"$PASSWORD\" | base64; printf '%s\\n' \"$LINES_\"
secret=$(printf added-by; printf -- -output); printf '::add-mask %s\\n' \"$secret\"; echo \"[$secret]\"
echo \"in-a-command\"; printf '\\033[1mof-\\033[0mthe-host\\n'; printf 'cut short: %s' \"${PLANTED_0%st}\"";
    let arguments = [
        "--plan",
        plan,
        "--secret-env",
        "PASSWORD=out-of-stack",
        "--secret-env",
        "LINES_=l1ne one\nand \"two\"",
    ];
    Site::create(&mothership, &pool, "site", &arguments);
    let worker = launcher(&pool, &["of-the-host", "in-a-command"])
        .set("SPACELIFT_WHITELIST_ENVS", "PLANTED_0")
        .set("SPACELIFT_DEBUG", "true")
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "cut short");
    for shown in ["***** and *****", "[*****]", "\x1b[1m*****\n", "cut short: *****", "$ echo \"*****\""] {
        assert!(log.contains(shown), "{shown:?} is not in\n{log}");
    }
    appear_nowhere(&secrets, &mothership, &run, &worker);
    appear_nowhere(&["b3V0LW9mLXN0YWNr", "of-the-ho"], &mothership, &run, &worker);
}

#[test]
fn why_a_policy_denies_shows_no_secret_in_any_place() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let secrets = ["pol1cy-secret", "json \"esc\\aped-secret", "of-the-stack"];
    Site::create(&mothership, &pool, "site", &["--secret-env", "PASSWORD=of-the-stack"]);
    let worker = launcher(&pool, &secrets[..2])
        .set_file("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "policy.rego", POLICY)
        .start();
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "FAILED");
    mothership.await_logs(&run, "not with *****");
    let sampled = worker.process.stderr();
    assert!(sampled.contains("\"msg\":\"Sample ") && sampled.contains("*****"), "{sampled}");
    appear_nowhere(&secrets, &mothership, &run, &worker);
}

#[test]
fn an_error_shows_no_secret_in_any_place() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let secrets = ["f0lder-secret"];
    Site::create(&mothership, &pool, "site", &["--project-root", "there/is/no/f0lder-secret"]);
    let worker = launcher(&pool, &secrets).start();
    let run = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("*****"), "{shown}");
    appear_nowhere(&secrets, &mothership, &run, &worker);
}

#[test]
fn what_is_wrong_with_a_setup_is_told_without_its_secrets() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let policy = "package spacelift\n\ndeny[\"no\"] { pol1cy_secret }\n";
    let mut refused = launcher(&pool, &["pol1cy_secret", "7 d4ys"])
        .set("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "7 d4ys")
        .set("HTTPS_PROXY", "ftp://me:pr0xy-pass@127.0.0.1:1")
        .set_file("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "policy.rego", policy)
        .start();
    assert_eq!(refused.process.exit_code(), 2);
    let told = refused.process.stderr();
    assert!(told.contains("deny[\"··\"] { ***** }") && told.contains("found \"*****\""), "{told}");
    let key = pool.key_pem.lines().nth(1).unwrap();
    for secret in ["pol1cy_secret", "7 d4ys", "pr0xy-pass", key, &pool.token] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn secrets_that_nobody_named_are_masked_by_their_shape_where_that_is_switched_on() {
    // The beginning of a classic GitHub token, and 36 letters that the run adds by itself, so that no file of the stack has it.
    let plan = "printf 'ghp_%s\n' \"$(printf 'A1b2C3d4E5%.0s' 1 2 3)A1b2C3\"";
    let token = "ghp_A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3";
    for (switch, shown) in [("false", true), ("true", false)] {
        let mothership = Mothership::start();
        let pool = mothership.create_pool("pool");
        Site::create(&mothership, &pool, "site", &["--plan", plan]);
        let worker =
            LauncherSetup::new(&pool).set("SPACELIFT_WORKER_MASK_WELL_KNOWN_SECRETS", switch).start();
        let run = mothership.trigger(&["site"]);
        mothership.await_run(&run, "UNCONFIRMED");
        if shown {
            mothership.await_logs(&run, token);
        } else {
            mothership.await_logs(&run, "*****");
            appear_nowhere(&[token], &mothership, &run, &worker);
        }
    }
}
