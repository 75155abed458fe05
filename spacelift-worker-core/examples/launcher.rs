//! A custom launcher: takes runs of a worker pool and runs them as local processes.
//!
//! Configured by `SPACELIFT_TOKEN`, `SPACELIFT_POOL_PRIVATE_KEY` and the documented variables. Exit codes: 0 after
//! SIGTERM, 1 for a failure, 2 for a wrong configuration, 3 when no connection could be made, 4 when the pool was cycled.

use std::process::ExitCode;

use spacelift_worker_core::driver::{main_if_asked, protect_process};
use spacelift_worker_core::launcher::Launcher;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    // The run initialization policy is evaluated by this program, too, in a process of its own.
    main_if_asked().unwrap_or_else(launch)
}

#[tokio::main]
async fn launch() -> ExitCode {
    // Runs must not read the pool's key out of this process.
    if let Err(error) = protect_process() {
        eprintln!("the process cannot be protected: {error}");
        return ExitCode::FAILURE;
    }

    // Everything that is wrong is said at once, one line each.
    let launcher = match Launcher::from_env().build() {
        Ok(launcher) => launcher,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(2);
        }
    };

    // The launcher's own log: JSON lines on standard error, without a secret in them.
    let log = launcher.log_layer(std::io::stderr()).with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(log).init();
    launcher.log_panics(std::io::stderr());

    // Until SIGTERM, a cycled pool, or something that cannot be mended.
    let end = launcher.run().await;
    tracing::info!(%end, "the launcher ends");
    end.exit_code()
}
