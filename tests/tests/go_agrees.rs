//! The vectors of durations and booleans are what Go says today.

use std::process::Command;

use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::tools::Tool;

#[test]
fn the_vectors_of_durations_and_booleans_are_what_go_says() {
    let Some(go) = Tool::Go.find().unwrap() else { return };
    let folder = workspace().join("tests/vectors/environment");
    let output =
        Command::new(go).arg("run").arg(folder.join("main.go")).env("GO111MODULE", "off").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let committed = std::fs::read(folder.join("go.json")).unwrap();
    assert!(output.stdout == committed, "go.json differs: run main.go as its first line says");
}
