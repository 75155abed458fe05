//! `docker_bench [SMALL]`: what a container costs, beside Docker's own command line on the same Engine in the same run. Prints a
//! table; ends with 1 when a bar is not held.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use spacelift_worker_tests::system::{
    BUSYBOX, Dockerd, Folder, Launcher, LauncherSetup, Mothership, Pool, Site, eventually, resident_kib,
};
use spacelift_worker_tests::tools::Tool;

/// How often a first line is awaited, and how many bytes are printed.
struct Size {
    tries: usize,
    bytes: u64,
}

fn main() -> ExitCode {
    let small = std::env::args().nth(1).is_some_and(|argument| argument == "small");
    let size =
        if small { Size { tries: 2, bytes: 20_000_000 } } else { Size { tries: 15, bytes: 500_000_000 } };
    match measure(&size) {
        Ok(kept) if kept || small => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure(size: &Size) -> Result<bool, String> {
    let found = |tool: Tool| {
        tool.find().map_err(|error| error.to_string())?.ok_or_else(|| "Docker is not there".to_owned())
    };
    let docker = found(Tool::Docker)?;
    let engine = Dockerd::start().map_err(|error| error.to_string())?.ok_or("Docker is not there")?;
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let out = Folder::new();
    fs::set_permissions(out.path(), fs::Permissions::from_mode(0o777)).map_err(|error| error.to_string())?;
    let scene = Scene { docker, engine, mothership, pool, out };

    println!("| what | ours | `docker run` | ours to theirs | bar |\n| --- | --- | --- | --- | --- |");
    let first_line = scene.first_line(size.tries)?;
    let output = scene.endless_output(size.bytes)?;
    let delay = scene.log_delay()?;
    Ok(first_line && output && delay)
}

struct Scene {
    docker: PathBuf,
    engine: Dockerd,
    mothership: Mothership,
    pool: Pool,
    out: Folder,
}

impl Scene {
    fn docker_run(&self, script: &str) -> Command {
        let mut command = Command::new(&self.docker);
        let mount = format!("{}:/out", self.out.path().display());
        command.env("DOCKER_HOST", self.engine.host());
        command.args(["run", "--rm", "--user", "1983", "--volume", &mount, BUSYBOX, "sh", "-c", script]);
        command
    }

    fn worker(&self) -> LauncherSetup {
        let mount = format!("{}:/out", self.out.path().display());
        LauncherSetup::in_containers(&self.pool, &self.engine).set("SPACELIFT_WORKER_EXTRA_MOUNTS", &mount)
    }

    fn stack(&self, name: &str, script: &str) {
        Site::create(&self.mothership, &self.pool, name, &["--plan", script]);
    }

    /// Runs a stack to the end of its plan, and frees it for the next run.
    fn run(&self, stack: &str) {
        let run = self.mothership.trigger(&[stack]);
        self.mothership.await_run(&run, "UNCONFIRMED");
        self.mothership.text(&["run", "discard", &run]);
    }

    /// From the start of a run on its worker to the first line that its command prints; and from the start of the command line.
    fn first_line(&self, tries: usize) -> Result<bool, String> {
        let script = "echo the first line";
        self.stack("first", script);
        let worker = self.worker().start();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..=tries {
            let began = Instant::now();
            let mut child =
                self.docker_run(script).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
            let mut line = String::new();
            let stdout = child.stdout.take().ok_or("no output of docker")?;
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
            let took = began.elapsed();
            child.wait().map_err(|error| error.to_string())?;
            self.run("first");
            let took_ours = eventually("the lines of a run", || {
                let begun = times(&worker.process.stderr(), "a run begins");
                let printed = times(&worker.process.stdout(), "the first line");
                (begun.len() > number && printed.len() > number).then(|| printed[number] - begun[number])
            });
            // The first one fills caches on both sides.
            if number > 0 {
                theirs.push(took.as_secs_f64());
                ours.push(took_ours);
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = ours / theirs;
        println!(
            "| from assignment to the first line, median of {tries} | {:.0} ms | {:.0} ms | {ratio:.2} × | ≤ 1.3 × |",
            ours * 1e3,
            theirs * 1e3
        );
        Ok(ratio <= 1.3)
    }

    /// How fast a command gets rid of what it prints, and what the launcher takes meanwhile.
    fn endless_output(&self, bytes: u64) -> Result<bool, String> {
        let line = "x".repeat(99);
        let script = format!(
            "read a b </proc/uptime; yes {line} | head -c {bytes}; read c d </proc/uptime; echo $a $c > /out/took"
        );
        self.stack("endless", &script);
        let mut piped = Command::new("sh");
        let run = self.docker_run(&script);
        piped.args(["-c", "\"$@\" | cat >/dev/null", "sh"]).arg(run.get_program()).args(run.get_args());
        piped.env("DOCKER_HOST", self.engine.host());
        let worker = self.worker().set("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "false").start();
        self.mothership.await_workers("IDLE", 1);
        let (mut ours, mut theirs, mut grown) = (Vec::new(), Vec::new(), 0);
        for _ in 0..3 {
            piped.status().map_err(|error| error.to_string())?;
            theirs.push(self.rate(bytes)?);
            let watch = Watch::start(worker.process.pid());
            self.run("endless");
            grown = grown.max(watch.grown_kib());
            ours.push(self.rate(bytes)?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = ours / theirs;
        let mb = bytes / 1_000_000;
        println!(
            "| {mb} MB of output, median of 3 | {ours:.0} MB/s | {theirs:.0} MB/s | {ratio:.2} × | ≥ 0.8 × |"
        );
        let grown = grown as f64 / 1024.0;
        println!("| … the launcher grows meanwhile by | {grown:.1} MiB | | | ≤ 32 MiB |");
        Ok(ratio >= 0.8 && grown <= 32.0)
    }

    /// In MB a second.
    fn rate(&self, bytes: u64) -> Result<f64, String> {
        let path = self.out.join("took");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::remove_file(path).map_err(|error| error.to_string())?;
        let times: Vec<f64> = text.split_whitespace().filter_map(|time| time.parse().ok()).collect();
        let [began, ended] = times[..] else { return Err(format!("no two times in {text:?}")) };
        Ok(bytes as f64 / 1e6 / (ended - began).max(0.01))
    }

    /// From the time that a line was printed at, cut to hundredths of a second, to the time at which the launcher passed it on.
    fn log_delay(&self) -> Result<bool, String> {
        let script = "i=0; while [ $i -lt 200 ]; do read up rest </proc/uptime; echo \"at $up\"; sleep 0.02; i=$((i+1)); done";
        self.stack("delay", script);
        let worker = self.worker().start();
        self.run("delay");
        let boot = boot_time()?;
        let delays: Vec<f64> = eventually("200 lines", || {
            let delays = delays(&worker, boot);
            (delays.len() == 200).then_some(delays)
        });
        let most = delays.iter().copied().fold(0.0, f64::max) * 1e3;
        let half = median(delays) * 1e3;
        println!("| delay of a line, median of 200 | {half:.0} ms | | | |");
        println!("| … and at most | {most:.0} ms | | | < 100 ms |");
        Ok(most < 100.0)
    }
}

/// When the launcher passed each line on, since it was printed.
fn delays(worker: &Launcher, boot: f64) -> Vec<f64> {
    let stdout = worker.process.stdout();
    let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| {
            let printed: f64 = line["msg"].as_str()?.strip_prefix("at ")?.parse().ok()?;
            Some(seconds(line["ts"].as_str()?)? - boot - printed)
        })
        .collect()
}

/// The times of all lines with this message.
fn times(log: &str, message: &str) -> Vec<f64> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["msg"] == message).filter_map(|line| seconds(line["ts"].as_str()?)).collect()
}

/// Seconds of the Unix epoch's day of a time such as `2026-01-02T03:04:05.678Z`.
fn seconds(text: &str) -> Option<f64> {
    let (_, time) = text.trim_end_matches('Z').split_once('T')?;
    let parts: Vec<f64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// When the machine was started, in seconds of today, which may be negative.
fn boot_time() -> Result<f64, String> {
    let uptime = || {
        let text = fs::read_to_string("/proc/uptime").map_err(|error| error.to_string())?;
        text.split(' ').next().and_then(|up| up.parse::<f64>().ok()).ok_or_else(|| "no uptime".to_owned())
    };
    // It is cut to hundredths of a second, and exact where it changes.
    let first = uptime()?;
    loop {
        let up = uptime()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        if up > first {
            let day = 24.0 * 3600.0;
            return Ok(now.as_secs_f64().rem_euclid(day) - up);
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Watches the memory of a process.
struct Watch {
    at_first: u64,
    most: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let at_first = resident_kib(pid).unwrap_or(0);
        let (most, ends) = (Arc::new(AtomicU64::new(at_first)), Arc::new(AtomicBool::new(false)));
        let (most_too, ends_too) = (Arc::clone(&most), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            while !ends_too.load(Ordering::Relaxed) {
                most_too.fetch_max(resident_kib(pid).unwrap_or(0), Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        Self { at_first, most, ends, thread }
    }

    fn grown_kib(self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        // It has nothing to say.
        let _ = self.thread.join();
        self.most.load(Ordering::Relaxed).saturating_sub(self.at_first)
    }
}
