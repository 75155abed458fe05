//! Tells the crate what it is built by and for, for `slw_build_info`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=SLW_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=SLW_PROFILE={}", variable("PROFILE"));
    println!("cargo::rustc-env=SLW_RUSTC={}", said_by(&variable("RUSTC"), &["--version"]));
    // Only who builds for others names a commit: the tree of a developer's changes with every edit.
    println!("cargo::rerun-if-env-changed=SLW_BUILD_COMMIT");
    println!("cargo::rustc-env=SLW_COMMIT={}", variable("SLW_BUILD_COMMIT"));
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    let text =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    text.replace(['"', '\\'], "")
}
