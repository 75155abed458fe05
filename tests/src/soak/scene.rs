//! The processes of a soak, what happens to them, and what is left of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ledger::{RunSeen, is_terminal};
use super::{Dice, Fault, FaultyWire, Options, growth_an_hour, schedule, violations};
use crate::system::{Folder, Launcher, LauncherSetup, Mosquitto, Mothership, Pool, files_with, resident_kib};

const STACKS: usize = 14;
/// The first ones belong to the pool of the launcher that is never killed, and never cycled.
const STEADY_STACKS: usize = 2;
const SECRET: &str = "the-secret-of-the-soak";
/// How long everything may take to come to its end once the faults are over.
const PATIENCE: Duration = Duration::from_secs(300);
/// Leases and losses in seconds: shorter than usual, so that a soak sees them end.
const TIMINGS: [&str; 8] = ["--lost-after", "35", "--lease", "45", "--answer", "15", "--run-timeout", "90"];
/// Exit codes of a launcher that was asked to end, could not connect, was cycled, was killed, or was asked to end so early that it did
/// not listen yet: it does before it connects.
const EXPECTED_ENDS: [i32; 5] = [0, 3, 4, 137, 143];

/// What a soak found.
#[derive(Debug)]
pub struct Report {
    faults: BTreeMap<&'static str, usize>,
    ends: BTreeMap<i32, usize>,
    states: BTreeMap<String, usize>,
    applied: usize,
    settled_in: Duration,
    growth: Option<f64>,
    /// What must not be, a line each.
    pub violations: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |pairs: Vec<String>| pairs.join(", ");
        let faults = self.faults.iter().map(|(name, times)| format!("{name} {times}")).collect();
        let ends = self.ends.iter().map(|(code, times)| format!("{code}: {times}")).collect();
        let states = self.states.iter().map(|(state, times)| format!("{state} {times}")).collect();
        writeln!(f, "| what | |\n| --- | --- |")?;
        writeln!(f, "| faults | {} |", join(faults))?;
        writeln!(f, "| launchers ended, by exit code | {} |", join(ends))?;
        writeln!(f, "| runs | {} |", join(states))?;
        writeln!(f, "| applied | {} |", self.applied)?;
        writeln!(f, "| settled after the faults in | {:.1} s |", self.settled_in.as_secs_f64())?;
        match self.growth {
            Some(growth) => writeln!(
                f,
                "| memory of the first launcher, after five minutes | {growth:+.0} KiB an hour |"
            )?,
            None => writeln!(f, "| memory of the first launcher, after five minutes | too short to tell |")?,
        }
        writeln!(f, "| violations | {} |", self.violations.len())?;
        self.violations.iter().try_for_each(|line| writeln!(f, "violated: {line}"))
    }
}

/// What comes back when.
#[derive(Debug)]
enum Due {
    Broker,
    Plane,
    Launcher(usize),
    Resume(usize),
    FastBroker,
    Undrain(String),
}

struct Scene {
    broker: Mosquitto,
    broker_wire: FaultyWire,
    storage_wire: FaultyWire,
    mothership: Mothership,
    launchers: Vec<Launcher>,
    /// Launchers that are away on purpose.
    away: BTreeSet<usize>,
    is_plane_up: bool,
    is_broker_up: bool,
    due: Vec<(Instant, Due)>,
    /// The run of each stack that may still be open.
    open: Vec<Option<String>>,
    ledger: PathBuf,
    mark: String,
    dice: Dice,
    ends: BTreeMap<i32, usize>,
    faults: BTreeMap<&'static str, usize>,
}

/// Runs it. The report names every violation; everything that the processes wrote stands in `folder`, which is the folder for
/// temporary files of everything in it.
///
/// # Panics
/// When the system cannot be set up.
pub fn soak(options: Options, mosquitto: &Path, folder: &Path) -> Report {
    let mut scene = Scene::new(options, mosquitto, folder);
    let plan = schedule(options.seed, options.time, options.launchers);
    let began = Instant::now();
    let mut next = plan.iter().peekable();
    let mut memory = Memory::default();
    while began.elapsed() < options.time {
        let elapsed = began.elapsed();
        while let Some((at, fault)) = next.next_if(|(at, _)| *at <= elapsed) {
            eprintln!("{:7.1} s {fault:?}", at.as_secs_f64());
            scene.fault(*fault);
        }
        scene.bring_back();
        scene.tend_launchers();
        let number = scene.dice.below(STACKS);
        scene.tend_run(number, true);
        memory.sample(scene.launchers.first().map(|first| first.process.pid()), elapsed);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let settling = Instant::now();
    scene.mend();
    while settling.elapsed() < PATIENCE && !scene.is_quiet() {
        scene.bring_back();
        scene.tend_launchers();
        for number in 0..STACKS {
            scene.tend_run(number, false);
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
    let settled_in = settling.elapsed();
    scene.judge(settled_in, growth_an_hour(&memory.samples), folder)
}

impl Scene {
    fn new(options: Options, mosquitto: &Path, folder: &Path) -> Self {
        let (broker_port, listen) = (Mosquitto::free_port(), Mosquitto::free_port());
        let (broker_wire, storage_wire) = (FaultyWire::to(broker_port), FaultyWire::proxy());
        let url = format!("tls://127.0.0.1:{}", broker_wire.port());
        let listen = format!("127.0.0.1:{listen}");
        let mut serve = vec!["--broker-url", &url, "--listen", &listen, "--hostname", "storage.test"];
        serve.extend(["--hostname", "127.0.0.1", "--hostname", "localhost"]);
        serve.extend(TIMINGS);
        let mothership = Mothership::start_in(Folder::new(), &serve);
        let broker = Mosquitto::start(mosquitto, broker_port, &mothership.data().join("ca"));
        let (pool, steady) = (mothership.create_pool("pool"), mothership.create_pool("steady"));
        let mut scene = Self {
            broker,
            broker_wire,
            storage_wire,
            mothership,
            launchers: Vec::new(),
            away: BTreeSet::new(),
            is_plane_up: true,
            is_broker_up: true,
            due: Vec::new(),
            open: vec![None; STACKS],
            ledger: folder.join("ledger"),
            mark: format!("soak-{}-{}", std::process::id(), options.seed),
            dice: Dice::new(options.seed ^ 0x5eed),
            ends: BTreeMap::new(),
            faults: BTreeMap::new(),
        };
        for number in 0..STACKS {
            scene.create_stack(if number < STEADY_STACKS { &steady } else { &pool }, number, folder);
        }
        let proxy = format!("http://127.0.0.1:{}", scene.storage_wire.port());
        scene.launchers = (0..options.launchers)
            .map(|number| {
                LauncherSetup::new(if number == 0 { &steady } else { &pool })
                    .set("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "storage.test")
                    .set("HTTPS_PROXY", &proxy)
                    // As docs/observing.md says, under Memory.
                    .set("MALLOC_MMAP_THRESHOLD_", "131072")
                    .start()
            })
            .collect();
        scene
    }

    fn create_stack(&self, pool: &Pool, number: usize, folder: &Path) {
        let source = folder.join(format!("source-{number}"));
        fs::create_dir_all(&source).expect("a folder");
        fs::write(source.join("main"), "what is built\n").expect("a file");
        let pauses = ["0.1", "0.6", "2.5"];
        let pause = pauses.get(number % pauses.len()).copied().unwrap_or("1");
        let plan =
            format!("echo planning $SPACELIFT_RUN_ID with $SOAK_SECRET; sleep {pause}; cp main planned");
        let apply = format!("test -s planned && sleep {pause} && echo $SPACELIFT_RUN_ID >> \"$SOAK_LEDGER\"");
        let (name, secret) = (format!("s{number}"), format!("SOAK_SECRET={SECRET}-{number}"));
        let (ledger, mark) =
            (format!("SOAK_LEDGER={}", self.ledger.display()), format!("SOAK_MARK={}", self.mark));
        let source = source.display().to_string();
        let mut arguments =
            vec!["stack", "create", "--name", &name, "--pool", &pool.name, "--source", &source];
        arguments.extend(["--plan", &plan, "--apply", &apply, "--env", &ledger, "--env", &mark]);
        arguments.extend(["--secret-env", &secret]);
        if number.is_multiple_of(2) {
            arguments.push("--auto-deploy");
        }
        self.mothership.text(&arguments);
    }

    fn after(&mut self, pause: Duration, due: Due) {
        self.due.push((Instant::now() + pause, due));
    }

    fn fault(&mut self, fault: Fault) {
        let name = match fault {
            Fault::KillBroker(pause) if self.is_broker_up => {
                self.is_broker_up = false;
                self.broker.crash();
                self.after(pause, Due::Broker);
                "kill broker"
            }
            Fault::KillPlane(pause) if self.is_plane_up => {
                self.is_plane_up = false;
                self.mothership.crash();
                self.after(pause, Due::Plane);
                "kill control plane"
            }
            Fault::KillLauncher(number, pause) if self.signal(number, "KILL") => {
                self.after(pause, Due::Launcher(number));
                "kill launcher"
            }
            Fault::EndLauncher(number) if self.signal(number, "TERM") => {
                self.away.remove(&number);
                "end launcher"
            }
            Fault::SuspendLauncher(number, pause) if self.signal(number, "STOP") => {
                self.after(pause, Due::Resume(number));
                "suspend launcher"
            }
            Fault::CutBroker => {
                self.broker_wire.cut();
                "cut"
            }
            Fault::TruncateBroker(bytes) => {
                self.broker_wire.truncate(bytes);
                "truncate"
            }
            Fault::DeafenBroker => {
                self.broker_wire.half_open();
                "half open"
            }
            Fault::SlowBroker(delay, pause) => {
                self.broker_wire.delay(delay);
                self.after(pause, Due::FastBroker);
                "slow"
            }
            Fault::CutStorage => {
                self.storage_wire.cut();
                "cut storage"
            }
            Fault::TruncateStorage(bytes) => {
                self.storage_wire.truncate(bytes);
                "truncate storage"
            }
            Fault::DeafenStorage => {
                self.storage_wire.half_open();
                "half open storage"
            }
            Fault::Drain(pause) => match self.drain() {
                Some(worker) => {
                    self.after(pause, Due::Undrain(worker));
                    "drain"
                }
                None => "missed",
            },
            Fault::Cycle => match self.ask(&["pool", "cycle", "pool", "--yes"]) {
                Some(_) => "cycle",
                None => "missed",
            },
            _ => "missed",
        };
        *self.faults.entry(name).or_default() += 1;
    }

    /// Signals a launcher that is not away; it is from now on.
    fn signal(&mut self, number: usize, signal: &str) -> bool {
        let Some(launcher) = self.launchers.get_mut(number) else { return false };
        let here = launcher.process.is_running() && self.away.insert(number);
        if here {
            launcher.process.signal(signal);
        }
        here
    }

    fn drain(&mut self) -> Option<String> {
        let workers = self.ask(&["worker", "list", "pool"])?;
        let idle: Vec<&str> = workers.as_array()?.iter().filter_map(|worker| worker["id"].as_str()).collect();
        let worker = self.dice.one_of(&idle)?.to_owned();
        self.ask(&["worker", "drain", &worker])?;
        Some(worker)
    }

    /// What the control plane answers, if it is there.
    fn ask(&self, arguments: &[&str]) -> Option<Value> {
        if !self.is_plane_up {
            return None;
        }
        let output = self.mothership.output(&[arguments, &["--json"]].concat());
        let answer = serde_json::from_slice(&output.stdout).ok();
        output.status.success().then(|| answer.unwrap_or(Value::Null))
    }

    fn bring_back(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.due).into_iter().partition(|(at, _)| *at <= now);
        self.due = later;
        let due: Vec<(Instant, Due)> = due;
        for (_, due) in due {
            match due {
                Due::Broker => {
                    self.broker.restart();
                    self.is_broker_up = true;
                }
                Due::Plane => {
                    self.mothership.restart();
                    self.is_plane_up = true;
                }
                Due::Launcher(number) => {
                    self.away.remove(&number);
                }
                Due::Resume(number) => {
                    self.away.remove(&number);
                    if let Some(launcher) = self.launchers.get(number) {
                        launcher.process.signal("CONT");
                    }
                }
                Due::FastBroker => self.broker_wire.delay(Duration::ZERO),
                Due::Undrain(worker) => {
                    if self.ask(&["worker", "undrain", &worker]).is_none() && !self.is_plane_up {
                        self.after(Duration::from_secs(1), Due::Undrain(worker));
                    }
                }
            }
        }
    }

    /// Starts those again that have ended and are not away.
    fn tend_launchers(&mut self) {
        for (number, launcher) in self.launchers.iter_mut().enumerate() {
            if !self.away.contains(&number) && !launcher.process.is_running() {
                *self.ends.entry(launcher.process.exit_code()).or_default() += 1;
                launcher.restart();
            }
        }
    }

    /// Confirms what waits for it on a stack, and triggers where nothing is open.
    fn tend_run(&mut self, number: usize, trigger: bool) {
        let open = self.open.get(number).cloned().flatten();
        let now_open = match open {
            None if trigger => self
                .ask(&["run", "trigger", &format!("s{number}")])
                .and_then(|run| run["id"].as_str().map(str::to_owned)),
            None => None,
            Some(run) => match self.state(&run) {
                Some(state) if is_terminal(&state) => None,
                Some(state) if state == "UNCONFIRMED" => {
                    self.ask(&["run", "confirm", &run]);
                    Some(run)
                }
                _ => Some(run),
            },
        };
        if let Some(open) = self.open.get_mut(number) {
            *open = now_open;
        }
    }

    fn state(&self, run: &str) -> Option<String> {
        Some(self.ask(&["run", "show", run])?["state"].as_str()?.to_owned())
    }

    /// Ends every fault: what was to come back later comes now.
    fn mend(&mut self) {
        let rest = std::mem::take(&mut self.due);
        self.due = rest.into_iter().map(|(_, due)| (Instant::now(), due)).collect();
        self.bring_back();
    }

    /// Whether every run has ended, those that were triggered without an answer among them.
    fn is_quiet(&mut self) -> bool {
        let Some(runs) = self.runs() else { return false };
        for (number, open) in self.open.iter_mut().enumerate() {
            let mut waiting = runs.iter().filter(|(stack, run)| *stack == number && !is_terminal(&run.state));
            // The oldest holds its stack.
            *open = waiting.next_back().map(|(_, run)| run.id.clone());
        }
        self.open.iter().all(Option::is_none)
    }

    /// Every run of every stack, newest first.
    fn runs(&self) -> Option<Vec<(usize, RunSeen)>> {
        let mut all = Vec::new();
        for number in 0..STACKS {
            for run in self.ask(&["run", "list", &format!("s{number}")])?.as_array()? {
                let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
                all.push((number, RunSeen { id: text("id"), state: text("state") }));
            }
        }
        Some(all)
    }

    fn judge(mut self, settled_in: Duration, growth: Option<f64>, folder: &Path) -> Report {
        let runs: Vec<RunSeen> = self.runs().unwrap_or_default().into_iter().map(|(_, run)| run).collect();
        let ledger = fs::read_to_string(&self.ledger).unwrap_or_default();
        let mut violations = violations(&runs, &ledger);
        if runs.is_empty() {
            violations.push("no run is known".to_owned());
        }
        for (number, launcher) in self.launchers.iter_mut().enumerate() {
            launcher.process.signal("TERM");
            let code = launcher.process.exit_code();
            if code != 0 {
                violations.push(format!("launcher {number} ended with {code} when it was asked to end"));
            }
        }
        let code = self.mothership.stop();
        if code != 0 {
            violations.push(format!("the control plane ended with {code} when it was asked to end"));
        }
        for code in self.ends.keys().filter(|code| !EXPECTED_ENDS.contains(code)) {
            violations.push(format!("a launcher ended with {code}"));
        }
        violations
            .extend(orphans(&self.mark).into_iter().map(|orphan| format!("a process is left: {orphan}")));
        for file in files_with(folder, SECRET.as_bytes()) {
            violations.push(format!("a secret stands in {}", file.display()));
        }
        if let Some(growth) = growth.filter(|growth| *growth > 1024.0) {
            violations.push(format!("the first launcher grows by {growth:.0} KiB an hour"));
        }
        let mut states = BTreeMap::new();
        for run in &runs {
            *states.entry(run.state.clone()).or_default() += 1;
        }
        if !violations.is_empty() {
            self.mothership.keep();
            self.broker.keep();
            self.launchers.iter_mut().for_each(Launcher::keep);
        }
        let applied = ledger.lines().count();
        Report { faults: self.faults, ends: self.ends, states, applied, settled_in, growth, violations }
    }
}

/// Memory of one process, from its first five minutes on.
#[derive(Debug, Default)]
struct Memory {
    process: Option<(u32, Duration)>,
    samples: Vec<(f64, u64)>,
}

impl Memory {
    fn sample(&mut self, pid: Option<u32>, now: Duration) {
        let Some(pid) = pid else { return };
        match self.process {
            Some((known, since)) if known == pid => {
                if now.saturating_sub(since) >= Duration::from_secs(300)
                    && let Some(size) = resident_kib(pid)
                {
                    self.samples.push((now.as_secs_f64(), size));
                }
            }
            _ => {
                self.process = Some((pid, now));
                self.samples.clear();
            }
        }
    }
}

/// Processes with this mark in their environment.
fn orphans(mark: &str) -> Vec<String> {
    let marked = |pid: &str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|window| window == mark.as_bytes())
    };
    let processes = fs::read_dir("/proc").expect("/proc");
    processes
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && marked(name))
        .map(|pid| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!("{pid} {}", String::from_utf8_lossy(&command).replace('\0', " "))
        })
        .collect()
}
