//! A real workload: OpenTofu with a provider out of a mirror, planned on one worker and applied on another. `make opentofu` builds
//! both, and runs this; without `SLW_OPENTOFU`, the folder that it fills, nothing happens here.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spacelift_worker_tests::system::{Dockerd, Folder, LauncherSetup, Mothership};

const MAIN: &str = r#"
terraform {
  required_providers {
    time = { source = "hashicorp/time" }
  }
  backend "local" {}
}

variable "password" {
  type = string
}

resource "time_static" "installed" {
  triggers = { password = var.password }
}

output "installed" {
  value = time_static.installed.unix
}
"#;

const PASSWORD: &str = "correct-horse-battery";

/// The folder with `tofu` and `mirror`.
fn opentofu() -> Option<PathBuf> {
    let folder = std::env::var_os("SLW_OPENTOFU").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: `make opentofu` builds OpenTofu and runs this");
    }
    folder
}

/// Where a run sees things.
struct Scene<'a> {
    /// The mirror of providers.
    mirror: &'a Path,
    /// A folder for the state, and one for providers that were unpacked.
    state: &'a Path,
    cache: &'a Path,
    arguments: &'a [&'a str],
}

impl Scene<'_> {
    fn create_stack(&self, mothership: &Mothership) {
        let source = Folder::new();
        source.write("main.tf", MAIN);
        let mirror = self.mirror.display();
        let line =
            format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{mirror}\"\n  }}\n}}\n");
        source.write("tofu.rc", &line);
        let (state, cache) = (self.state.display(), self.cache.display());
        let init = format!("tofu init -input=false -no-color -backend-config=path={state}/terraform.tfstate");
        let cache = format!("TF_PLUGIN_CACHE_DIR={cache}");
        let password = format!("TF_VAR_password={PASSWORD}");
        let fixed = [
            "stack",
            "create",
            "--name",
            "clock",
            "--pool",
            "pool",
            "--source",
            source.path().to_str().unwrap(),
            "--init",
            &init,
            "--plan",
            "tofu plan -input=false -no-color -out=plan.tfplan",
            // What was linked to the cache does not travel with the workspace.
            "--before-apply",
            &init,
            "--apply",
            "tofu apply -input=false -no-color plan.tfplan",
            "--env",
            "TF_CLI_CONFIG_FILE=tofu.rc",
            "--env",
            "CHECKPOINT_DISABLE=1",
            "--env",
            &cache,
            "--secret-env",
            &password,
        ];
        mothership.text(&[&fixed, self.arguments].concat());
    }
}

/// What the state says of the resource.
fn installed(state: &Folder) -> Value {
    let text = fs::read_to_string(state.join("terraform.tfstate")).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["resources"][0]["type"], "time_static", "{state}");
    state["outputs"]["installed"]["value"].clone()
}

fn open_to_all(folder: &Folder) {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
}

#[test]
fn it_plans_in_a_container_and_applies_in_one_of_another_worker_with_the_provider_out_of_the_cache() {
    let Some(tofu) = opentofu() else { return };
    let Some(engine) = Dockerd::start().unwrap() else { return };
    let tree = engine.busybox_tree();
    fs::copy(tofu.join("tofu"), tree.join("bin/tofu")).unwrap();
    let copied = Command::new("cp").arg("-R").arg(tofu.join("mirror")).arg(&tree).status().unwrap();
    assert!(copied.success());
    engine.import("slw/opentofu:1", &tree);

    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let (state, cache) = (Folder::new(), Folder::new());
    open_to_all(&state);
    open_to_all(&cache);
    Scene {
        mirror: Path::new("/mirror"),
        state: Path::new("/mnt/state"),
        cache: Path::new("/mnt/providers"),
        arguments: &["--image", "slw/opentofu:1"],
    }
    .create_stack(&mothership);
    let mounts = format!("{}:/mnt/providers,{}:/mnt/state", cache.path().display(), state.path().display());
    let setup = || LauncherSetup::in_containers(&pool, &engine).set("SPACELIFT_WORKER_EXTRA_MOUNTS", &mounts);

    let mut first = setup().start();
    let run = mothership.trigger(&["clock"]);
    mothership.await_run(&run, "UNCONFIRMED");
    let log = mothership.await_logs(&run, "Plan: 1 to add");
    assert!(log.contains("Installing hashicorp/time"), "{log}");
    assert!(cache.join("registry.opentofu.org/hashicorp/time").is_dir(), "the plan filled the cache");
    assert!(!state.join("terraform.tfstate").exists(), "the plan changed something");
    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0);

    let _second = setup().start();
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    let log = mothership.await_logs(&run, "Apply complete! Resources: 1 added");
    assert!(log.contains("from the shared cache directory"), "{log}");
    assert!(installed(&state).as_i64().unwrap() > 1_700_000_000);
    assert!(!log.contains(PASSWORD), "{log}");
    engine.assert_nothing_left();
}

#[test]
fn it_plans_and_applies_as_a_process_and_what_it_prints_is_masked() {
    let Some(tofu) = opentofu() else { return };
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let (state, cache) = (Folder::new(), Folder::new());
    Scene { mirror: &tofu.join("mirror"), state: state.path(), cache: cache.path(), arguments: &[] }
        .create_stack(&mothership);
    let path = format!("{}:{}", tofu.display(), std::env::var("PATH").unwrap());
    let setup = || LauncherSetup::new(&pool).set("PATH", &path).set("SPACELIFT_WHITELIST_ENVS", "PATH");
    let mut first = setup().start();
    let run = mothership.trigger(&["clock"]);
    mothership.await_run(&run, "UNCONFIRMED");
    // The variable is not marked sensitive, so the tool itself shows it.
    let log = mothership.await_logs(&run, "Plan: 1 to add");
    assert!(log.contains("\"password\" = \"*****\""), "{log}");
    first.process.signal("TERM");
    assert_eq!(first.process.exit_code(), 0);
    assert_eq!(mothership.folder().files_with(PASSWORD.as_bytes()), Vec::<PathBuf>::new());

    let _second = setup().start();
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    mothership.await_logs(&run, "Apply complete! Resources: 1 added");
    assert!(installed(&state).as_i64().unwrap() > 1_700_000_000);
}
