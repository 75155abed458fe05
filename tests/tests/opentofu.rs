//! A real workload: OpenTofu with a provider out of a mirror, planned on one worker and applied on another, by the commands of
//! `docs/opentofu.md`. `make opentofu` builds both, and runs this; without `SLW_OPENTOFU`, the folder that it fills, nothing happens here.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::system::{Dockerd, Folder, LauncherSetup, Mothership, program};

const MAIN: &str = r#"
terraform {
  required_providers {
    time = { source = "hashicorp/time" }
  }
  backend "local" {
    path = "STATE/terraform.tfstate"
  }
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

/// Where the tool looks for providers.
const RC: &str = "provider_installation {\n  filesystem_mirror {\n    path = \"MIRROR\"\n  }\n}\n";

const PASSWORD: &str = "correct-horse-battery";

/// The folder with `tofu` and `mirror`.
fn opentofu() -> Option<PathBuf> {
    let folder = std::env::var_os("SLW_OPENTOFU").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: `make opentofu` builds OpenTofu and runs this");
    }
    folder
}

/// Creates the stack by the command of the page, with more arguments. Paths are those that a run sees.
fn create_stack(mothership: &Mothership, mirror: &Path, state: &Path, cache: &Path, arguments: &str) {
    let source = Folder::new();
    source.write("main.tf", &MAIN.replace("STATE", state.to_str().unwrap()));
    source.write("tofu.rc", &RC.replace("MIRROR", mirror.to_str().unwrap()));
    let page = fs::read_to_string(workspace().join("docs/opentofu.md")).unwrap();
    let command = page.split("```").find_map(|block| block.strip_prefix("sh\n")).unwrap().trim_end();
    let command =
        format!("{command} --env TF_CLI_CONFIG_FILE=tofu.rc --env CHECKPOINT_DISABLE=1 {arguments}");
    let bin = program("mothership").parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let created = Command::new("sh")
        .args(["-ec", &command])
        .current_dir(source.path())
        .env("PATH", path)
        .env("MOTHERSHIP_DATA", mothership.data())
        .env("CACHE", cache)
        .env("TF_VAR_password", PASSWORD)
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
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
    let (mirror, seen) = (Path::new("/mirror"), Path::new("/mnt/state"));
    create_stack(&mothership, mirror, seen, Path::new("/mnt/providers"), "--image slw/opentofu:1");
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
    create_stack(&mothership, &tofu.join("mirror"), state.path(), cache.path(), "");
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
