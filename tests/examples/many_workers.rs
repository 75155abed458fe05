//! `many_workers N`: so many workers in this process over one runtime, each with a connection of its own over mutual TLS to a real
//! broker. Prints how fast they were all there, what memory one takes, and what they cost while nothing happens.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use spacelift_worker_core::driver::HostCommand;
use spacelift_worker_core::launcher::Launcher;
use spacelift_worker_tests::system::{Folder, Mosquitto, Mothership, resident_kib};
use spacelift_worker_tests::tools::Tool;
use tokio::sync::mpsc;

/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<(), String> {
    let count: usize =
        std::env::args().nth(1).and_then(|count| count.parse().ok()).ok_or("usage: many_workers N")?;
    let program =
        Tool::Mosquitto.find().map_err(|error| error.to_string())?.ok_or("mosquitto is not there")?;
    let port = Mosquitto::free_port();
    let mothership =
        Mothership::start_with(&["--broker-url", &format!("tls://127.0.0.1:{port}"), "--log", "warn"]);
    let broker = Mosquitto::start(&program, port, &mothership.data().join("ca"));
    let pool = mothership.create_pool("pool");
    let folder = Folder::new();
    let key = STANDARD.encode(&pool.key_pem);

    let before = Taken::now()?;
    let mut commands = Vec::with_capacity(count);
    let mut workers = Vec::with_capacity(count);
    let began = Instant::now();
    let state = folder.path().display().to_string();
    let variables = [
        ("SPACELIFT_TOKEN", pool.token.as_str()),
        ("SPACELIFT_POOL_PRIVATE_KEY", &key),
        ("SPACELIFT_WORKER_STATE_DIR", &state),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let launchers =
        Launcher::from_pairs(variables).build_many(count).map_err(|problems| problems.to_string())?;
    for launcher in launchers {
        let (sender, receiver) = mpsc::channel(1);
        commands.push(sender);
        workers.push(tokio::spawn(launcher.run_until(receiver)));
    }
    let built = began.elapsed();
    let connected = loop {
        // Its log names every client once
        let connected = broker.log().matches("New client connected").count();
        if connected > count || began.elapsed() > PATIENCE {
            break began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let known = loop {
        let known = idle(&mothership);
        if known >= count || began.elapsed() > PATIENCE {
            break known;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let there = began.elapsed();
    let after = Taken::now()?;
    tokio::time::sleep(IDLE).await;
    let rested = Taken::now()?;

    let seconds = there.as_secs_f64();
    println!("| {count} workers in one process | |\n| --- | --- |");
    println!("| set up | {:.1} s |", built.as_secs_f64());
    let rate = count as f64 / connected.as_secs_f64();
    println!("| set up and connected | {:.1} s, {rate:.0} a second |", connected.as_secs_f64());
    println!(
        "| set up, connected, greeted and known to the control plane | {known} in {seconds:.1} s, {:.0} a second |",
        known as f64 / seconds
    );
    println!("| processor until then | {:.2} ms a worker |", (after.cpu - before.cpu) * 1e3 / count as f64);
    println!("| resident memory | {:.0} KiB a worker |", (after.memory - before.memory) / count as f64);
    println!(
        "| processor while nothing happens | {:.1} % of a core |",
        (rested.cpu - after.cpu) * 100.0 / IDLE.as_secs_f64()
    );
    for sender in commands {
        let _ = sender.send(HostCommand::Shutdown).await;
    }
    for worker in workers {
        let _ = worker.await;
    }
    if known == count { Ok(()) } else { Err(format!("only {known} of {count} came")) }
}

fn idle(mothership: &Mothership) -> usize {
    let workers = mothership.json(&["worker", "list", "pool"]);
    workers.as_array().map_or(0, |workers| workers.iter().filter(|worker| worker["status"] == "IDLE").count())
}

/// What this process has taken.
struct Taken {
    /// Seconds of the processor.
    cpu: f64,
    /// KiB that are resident.
    memory: f64,
}

impl Taken {
    fn now() -> Result<Self, String> {
        let memory = resident_kib(std::process::id()).ok_or("no VmRSS")? as f64;
        let stat = fs::read_to_string("/proc/self/stat").map_err(|error| error.to_string())?;
        // Fields 14 and 15 of proc_pid_stat(5), counted from behind the name, in ticks of 10 ms
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Ok(Self { cpu: ticks / 100.0, memory })
    }
}
