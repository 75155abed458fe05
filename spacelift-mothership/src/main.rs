//! The command line of the control plane.

use std::process::ExitCode;

use spacelift_mothership::{cli, serve};

fn main() -> ExitCode {
    cli::main(serve::serve)
}
