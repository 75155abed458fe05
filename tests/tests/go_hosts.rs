//! The Go package: its own tests against the library that was built beside these.
//!
//! `SLW_GO_TEST_FLAGS` adds flags of `go test`, and what the environment has beside (`GOEXPERIMENT`) holds: `make sanitize` sets
//! them.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::path::Path;
use std::process::Command;

use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Process, SilentPool, Site, program};
use spacelift_worker_tests::tools::Tool;

/// The module needs nothing from a network, and the toolchain is the one that is there.
fn go(go: &Path, folder: &str) -> Command {
    // The package links it from there.
    program("examples/libspacelift_worker.so");
    let mut command = Command::new(go);
    command.current_dir(workspace().join(folder));
    command.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOFLAGS", "-mod=readonly");
    command.env("CGO_ENABLED", "1");
    command
}

#[track_caller]
fn assert_success(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

#[test]
fn vet_has_nothing_to_say_and_every_file_is_formatted() {
    let Some(program) = Tool::Go.find().unwrap() else { return };
    assert_success(go(&program, "go").args(["vet", "-tags", "slw_dev", "./..."]));
    let unformatted = assert_success(
        Command::new(program.with_file_name("gofmt"))
            .arg("-l")
            .args(["go", "examples"].map(|folder| workspace().join(folder))),
    );
    assert_eq!(unformatted, "");
}

#[test]
fn the_tests_of_the_package_pass_with_the_garbage_collector_always_at_work_too() {
    let Some(program) = Tool::Go.find().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let _silent = SilentPool::start(folder.path());
    let flags = std::env::var("SLW_GO_TEST_FLAGS").unwrap_or_default();
    for gogc in ["100", "1"] {
        let mut command = go(&program, "go");
        command.args(["test", "-count=1", "-timeout=10m", "-tags", "slw_dev"]).args(flags.split_whitespace());
        // A thousand sessions once are enough.
        if gogc == "1" {
            command.arg("-short");
        }
        println!(
            "{}",
            assert_success(command.arg("./...").env("GOGC", gogc).env("SLW_TEST_POOL", folder.path()))
        );
    }
}

#[test]
fn a_launcher_in_go_runs_the_steps_of_plan_and_apply_itself_and_ends_when_it_is_asked() {
    let Some(program) = Tool::Go.find().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("launcher");
    let mut build = go(&program, "examples/go/launcher");
    assert_success(build.args(["build", "-buildvcs=false", "-tags", "slw_dev", "-o"]).arg(&built));
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &[]);
    let setup = LauncherSetup::new(&pool);
    let mut command = Command::new(built);
    command.env_clear().envs(setup.pairs()).env("LAUNCHER_STACK", "site");
    let mut launcher = Process::start(&mut command, folder.path(), "launcher");
    let run = mothership.trigger(&["site"]);
    mothership.await_run(&run, "UNCONFIRMED");
    mothership.text(&["run", "confirm", &run]);
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));
    launcher.signal("TERM");
    assert_eq!(launcher.exit_code(), 0, "{}", launcher.stderr());
    assert!(launcher.stderr().contains("\"outcome\":\"succeeded\""), "{}", launcher.stderr());
}

#[test]
fn without_a_c_compiler_the_package_does_not_build_and_says_why() {
    let Some(program) = Tool::Go.find().unwrap() else { return };
    let output =
        go(&program, "go").args(["build", "-tags", "slw_dev", "."]).env("CGO_ENABLED", "0").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("spaceliftworker_needs_cgo_and_a_c_compiler"), "{said}");
}

#[test]
fn the_module_needs_the_standard_library_alone() {
    let module = std::fs::read_to_string(workspace().join("go/go.mod")).unwrap();
    assert!(!module.contains("require"), "{module}");
}

#[test]
fn a_vendored_copy_has_the_header_and_the_place_of_the_archives() {
    let Some(program) = Tool::Go.find().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let module = "github.com/spacelift-worker/spacelift-worker/go";
    let text = format!(
        "module example.test/host\n\ngo 1.24\n\nrequire {module} v0.0.0\n\nreplace {module} => {}\n",
        workspace().join("go").display()
    );
    std::fs::write(folder.path().join("go.mod"), text).unwrap();
    let source = format!(
        "package main\n\nimport worker \"{module}\"\n\nfunc main() {{ println(worker.Version()) }}\n"
    );
    std::fs::write(folder.path().join("main.go"), source).unwrap();
    let mut command = go(&program, "go");
    assert_success(command.current_dir(folder.path()).args(["mod", "vendor"]));
    let vendored = folder.path().join("vendor").join(module);
    for name in
        ["include/spacelift/worker.h", "lib/linux_amd64/empty.go", "lib/linux_arm64/empty.go", "session.go"]
    {
        assert!(vendored.join(name).exists(), "{name} is not vendored");
    }
}
