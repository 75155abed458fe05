//! Explores the worlds that are named, or all of them, and says how many states there are.

use std::io::Write;
use std::process::ExitCode;

use spacelift_worker_model::explore::explore;
use spacelift_worker_model::story;
use spacelift_worker_model::world::World;

/// States of the wide world that are enough.
const ENOUGH: usize = 25_000_000;

fn main() -> ExitCode {
    let (mut names, mut settings) = (Vec::new(), Vec::new());
    let (mut threads, mut most) = (2, ENOUGH);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        match argument.as_str() {
            "--threads" => threads = number(arguments.next()).unwrap_or(threads),
            "--states" => most = number(arguments.next()).unwrap_or(most),
            setting if setting.contains('=') => settings.push(setting.to_owned()),
            name => names.push(name.to_owned()),
        }
    }
    let mut out = std::io::stdout().lock();
    let mut end = ExitCode::SUCCESS;
    let _ = writeln!(
        out,
        "{:<12} {:>12} {:>13} {:>6} {:>8}  end",
        "world", "states", "steps", "depth", "seconds"
    );
    for mut world in World::all() {
        if !names.is_empty() && !names.iter().any(|name| name == world.name) {
            continue;
        }
        for setting in &settings {
            if !world.set(setting) {
                let _ = writeln!(out, "there is no setting {setting}");
                return ExitCode::FAILURE;
            }
        }
        let verbose = std::env::var_os("MODEL_VERBOSE").is_some();
        let report = explore(&world, threads, most, &mut |depth, states| {
            if verbose {
                eprintln!("{} depth {depth}: {states}; {}", world.name, world.sizes());
            }
        });
        let verdict = match (&report.found, report.complete) {
            (Some(_), _) => "A LAW IS BROKEN",
            (None, true) => "every state seen, no law broken",
            (None, false) => "bounded, no law broken",
        };
        let _ = writeln!(
            out,
            "{:<12} {:>12} {:>13} {:>6} {:>8.1}  {verdict}",
            world.name,
            report.states,
            report.steps,
            report.depth,
            report.time.as_secs_f64(),
        );
        if let Some(way) = &report.found {
            let _ = writeln!(out, "{}", story::tell(&world, way));
            end = ExitCode::FAILURE;
        }
        let _ = out.flush();
    }
    end
}
