//! A custom launcher: takes runs of a worker pool and runs them as local processes.
//!
//! `launcher preflight` says what it needs and whether that is there, and ends; `--probe` tries the endpoints, too, and `--json`
//! says it for programs.
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

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "preflight") {
        return preflight(&arguments[1..]).await;
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

/// What a worker needs, as a table or as JSON, and an exit code.
async fn preflight(options: &[String]) -> ExitCode {
    if let Some(unknown) = options.iter().find(|option| !["--probe", "--json"].contains(&option.as_str())) {
        eprintln!("launcher preflight [--probe] [--json]: {unknown} is not an option");
        return ExitCode::from(2);
    }
    let has = |name: &str| options.iter().any(|option| option == name);
    let found = Launcher::from_env().preflight(has("--probe")).await;
    match serde_json::to_string(&found) {
        Ok(json) if has("--json") => println!("{json}"),
        _ => println!("{found}"),
    }
    found.exit_code()
}
