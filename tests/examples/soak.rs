//! `soak --seconds S --seed N [--launchers N]`: the whole system under faults, and what held. Ends with 1 when something did not, and
//! keeps what everybody wrote.

use std::process::ExitCode;
use std::time::Duration;

use spacelift_worker_tests::soak::{Options, soak};
use spacelift_worker_tests::tools::Tool;

fn main() -> ExitCode {
    let mut options = Options { time: Duration::from_secs(120), seed: 1, launchers: 8 };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return usage() };
        let Ok(value) = value.parse::<u64>() else { return usage() };
        match name.as_str() {
            "--seconds" => options.time = Duration::from_secs(value),
            "--seed" => options.seed = value,
            "--launchers" => options.launchers = usize::try_from(value).unwrap_or(8).max(2),
            _ => return usage(),
        }
    }
    let mosquitto = match Tool::Mosquitto.find() {
        Ok(Some(path)) => path,
        Ok(None) => {
            eprintln!("mosquitto is not there: SLW_MOSQUITTO names it");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let Some(folder) = std::env::var_os("TMPDIR").map(std::path::PathBuf::from) else {
        eprintln!("TMPDIR must name an empty folder for everything that is written: tests/soak.sh makes one");
        return ExitCode::FAILURE;
    };
    println!("seed {}, {} s, {} launchers", options.seed, options.time.as_secs(), options.launchers);
    let report = soak(options, &mosquitto, &folder);
    println!("{report}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    eprintln!("usage: soak --seconds S --seed N --launchers N");
    ExitCode::FAILURE
}
