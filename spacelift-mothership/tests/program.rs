//! The program as it is installed: its version, its help, its exit codes.

#![expect(clippy::panic, reason = "a test that cannot start the program has to stop and say why")]

use std::process::{Command, Output};

fn mothership(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_mothership");
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"))
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = mothership(&["--version"]);
    assert_eq!(output.stdout, format!("mothership {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn help_names_every_command() {
    let help = String::from_utf8(mothership(&["--help"]).stdout).unwrap();
    for command in ["serve", "pool", "stack", "module", "run", "worker", "queue", "used-by"] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} is missing: {help}"
        );
    }
}

#[test]
fn a_wrong_command_line_ends_with_code_2_and_a_server_that_does_not_run_with_code_1() {
    assert_eq!(mothership(&["dance"]).status.code(), Some(2));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let output = mothership(&["--data", &data, "pool", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim().lines().count(), 1);
}
