//! Sealing and opening take the same little memory whatever the length; `make sparse` takes 20 GiB, here it is 64 MiB.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::process::Command;

use spacelift_worker_tests::system::program;

const LEN: &str = "67108864";

fn measured(arguments: &[&str]) {
    let output = Command::new(program("examples/constant_memory")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(LEN));
}

#[test]
fn a_stream_of_64_mib_takes_no_more_than_8() {
    measured(&["stream", LEN]);
}

#[test]
fn files_of_64_mib_take_no_more_than_8() {
    let folder = tempfile::tempdir().unwrap();
    measured(&["files", LEN, &folder.path().to_string_lossy()]);
}
