//! Outputs from one stack's run to another's, with processes: sealed on the way, masked in every log, sensitive ones only where
//! a worker is told to hand them on.

use std::path::PathBuf;

use spacelift_worker_tests::system::{Dockerd, Launcher, LauncherSetup, Mothership, Pool, Site, eventually};

/// The value of the sensitive output. No command holds it in one piece, so that only outputs can bring it anywhere.
const SECRET: &str = "correct-horse-battery";

/// Writes a plain and a sensitive output, and prints the secret afterwards.
const APPLY: &str = r#"password=$(printf correct-; printf horse-battery)
printf '{"url": {"sensitive": false, "value": "https://db.example"}, "password": {"sensitive": true, "value": "%s"}}' "$password" > "$SPACELIFT_OUTPUTS_FILE""#;
const AFTER_RUN: &str = r#"if [ "$TF_VAR_spacelift_run_state" = APPLYING ]; then echo "afterwards: $(printf correct-; printf horse-battery)"; fi"#;

/// Shows both inputs, and keeps them where the test finds them.
const SHOW: &str = r#"echo "url is [$DB_URL], password is [${PASSWORD-unset}]"; cp template rendered"#;
const KEEP: &str = r#"printf '%s %s' "$DB_URL" "${PASSWORD-unset}" > "$SITE_TARGET/deployed"; echo "applied [${PASSWORD-unset}]""#;

/// A database, and a site that takes its address and password.
struct Stacks {
    mothership: Mothership,
    pool: Pool,
    _database: Site,
    site: Site,
}

impl Stacks {
    fn with_apply(apply: &str) -> Self {
        let mothership = Mothership::start();
        let pool = mothership.create_pool("pool");
        let arguments = ["--auto-deploy", "--apply", apply, "--after-run", AFTER_RUN];
        let database = Site::create(&mothership, &pool, "database", &arguments);
        let arguments =
            ["--auto-deploy", "--plan", SHOW, "--apply", KEEP, "--env", "DB_URL=overridden by the input"];
        let site = Site::create(&mothership, &pool, "site", &arguments);
        let outputs = ["--output", "url=DB_URL", "--output", "password=PASSWORD"];
        mothership.text(&[&["stack", "depend", "site", "--on", "database"][..], &outputs].concat());
        Self { mothership, pool, _database: database, site }
    }

    /// The only run of the site, triggered by one of the database.
    fn run_of_site(&self) -> String {
        eventually("a run of the dependent stack", || {
            let runs = self.mothership.json(&["run", "list", "site"]);
            Some(runs.as_array()?.first()?["id"].as_str()?.to_owned())
        })
    }

    /// Nothing of the control plane and nothing of the launcher holds the secret, as it is or in base64.
    fn secret_is_nowhere(&self, worker: &Launcher) {
        for spelled in [SECRET, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"] {
            let found = self.mothership.folder().files_with(spelled.as_bytes());
            assert_eq!(found, Vec::<PathBuf>::new(), "with the control plane");
            let found = spacelift_worker_tests::system::files_with(worker.folder(), spelled.as_bytes());
            assert_eq!(found, Vec::<PathBuf>::new(), "with the launcher, its logs included");
        }
    }
}

#[test]
fn a_dependent_run_gets_plain_and_sensitive_outputs_and_no_log_and_no_file_shows_the_sensitive_one() {
    let stacks = Stacks::with_apply(APPLY);
    let mothership = &stacks.mothership;
    let worker =
        LauncherSetup::new(&stacks.pool).set("SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED", "true").start();
    let run = mothership.trigger(&["database"]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "afterwards: *****");
    let following = stacks.run_of_site();
    let shown = mothership.await_run(&following, "FINISHED").to_string();
    assert!(shown.contains(&run), "it says what triggered it: {shown}");
    assert_eq!(stacks.site.deployed().as_deref(), Some("https://db.example correct-horse-battery"));
    let log = mothership.await_logs(&following, "applied [*****]");
    assert!(log.contains("url is [https://db.example], password is [*****]"), "{log}");
    stacks.secret_is_nowhere(&worker);
    let sealed = mothership.folder().files_with(b"\"purpose\":\"outputs\"");
    assert_eq!(sealed.len(), 1, "{sealed:?}");
}

#[test]
fn without_the_switch_the_sensitive_output_stays_where_it_is_and_both_runs_say_so() {
    let stacks = Stacks::with_apply(APPLY);
    let mothership = &stacks.mothership;
    let worker = LauncherSetup::new(&stacks.pool).start();
    let run = mothership.trigger(&["database"]);
    mothership.await_run(&run, "FINISHED");
    let log = mothership.await_logs(&run, "afterwards: *****");
    assert!(log.contains("Not handed on, since they are sensitive: password."), "{log}");
    let following = stacks.run_of_site();
    mothership.await_run(&following, "FINISHED");
    assert_eq!(stacks.site.deployed().as_deref(), Some("https://db.example unset"));
    let log = mothership.await_logs(&following, "applied [unset]");
    assert!(log.contains("the input database.password => PASSWORD is not set"), "{log}");
    stacks.secret_is_nowhere(&worker);
}

#[test]
fn outputs_of_a_run_in_a_container_reach_a_run_in_another_one() {
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let stacks = Stacks::with_apply(APPLY);
    let mothership = &stacks.mothership;
    let worker = LauncherSetup::in_containers(&stacks.pool, &engine)
        .set("SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED", "true")
        .set("SPACELIFT_WORKER_WO_EXTRA_MOUNTS", &stacks.site.mount())
        .start();
    let run = mothership.trigger(&["database"]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "afterwards: *****");
    let following = stacks.run_of_site();
    mothership.await_run(&following, "FINISHED");
    assert_eq!(stacks.site.deployed().as_deref(), Some("https://db.example correct-horse-battery"));
    mothership.await_logs(&following, "applied [*****]");
    stacks.secret_is_nowhere(&worker);
    engine.assert_nothing_left();
}

#[test]
fn outputs_that_cannot_be_read_fail_the_run_and_trigger_nothing() {
    let stacks = Stacks::with_apply(r#"printf '{"password": "hunter2-' > "$SPACELIFT_OUTPUTS_FILE""#);
    let mothership = &stacks.mothership;
    let _worker = LauncherSetup::new(&stacks.pool).start();
    let run = mothership.trigger(&["database"]);
    let shown = mothership.await_run(&run, "FAILED").to_string();
    assert!(shown.contains("outputs.json: it is no JSON: line 1") && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("changes are made"), "{shown}");
    assert_eq!(mothership.json(&["run", "list", "site"]).as_array().map(Vec::len), Some(0));

    let by_hand = mothership.trigger(&["site"]);
    let shown = mothership.await_run(&by_hand, "FAILED").to_string();
    let words = "job assignment failed: the following inputs are missing: database.url => DB_URL, database.password => PASSWORD";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn only_stacks_of_one_pool_depend_on_each_other_and_never_in_a_circle() {
    let stacks = Stacks::with_apply(APPLY);
    let mothership = &stacks.mothership;
    let other = mothership.create_pool("other");
    Site::create(mothership, &other, "elsewhere", &[]);
    for (arguments, words) in [
        (["stack", "depend", "elsewhere", "--on", "database"], "both must use the same one"),
        (["stack", "depend", "database", "--on", "site"], "depends on database already"),
        (["stack", "depend", "site", "--on", "site"], "depends on site already"),
        (["stack", "depend", "site", "--on", "nowhere"], "there is no stack nowhere"),
        (["stack", "undepend", "database", "--on", "site"], "there is no dependency"),
    ] {
        let output = mothership.output(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
    let listed = mothership.text(&["stack", "dependencies", "site"]);
    assert!(listed.contains("url=DB_URL password=PASSWORD"), "{listed}");
    mothership.text(&["stack", "undepend", "site", "--on", "database"]);
    assert_eq!(mothership.json(&["stack", "dependencies", "site"]).as_array().map(Vec::len), Some(0));
}
