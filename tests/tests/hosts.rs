//! A worker in the hands of a host that pulls events: it decides about offers, and it may run the steps itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::process::Command;
use std::time::Duration;

use spacelift_worker_core::driver::{HostEvent, HostOptions, HostSession, Next, Offers, Steps};
use spacelift_worker_core::exec::{ExecSignal, ExitStatus};
use spacelift_worker_core::ids::Lease;
use spacelift_worker_core::launcher::Launcher;
use spacelift_worker_core::protocol::message::{NackReason, Outcome, RunState};
use spacelift_worker_tests::system::{LauncherSetup, Mothership, Site};
use tokio::runtime::Runtime;

/// Longer than anything here takes, so that a broken promise is an error and no endless test.
const LIMIT: Duration = Duration::from_secs(60);

fn options(offers: Offers, steps: Steps) -> HostOptions {
    let mut options = HostOptions::default();
    (options.offers, options.steps, options.lines) = (offers, steps, true);
    options
}

/// A host with its runtime, which ends after it.
struct Host {
    session: HostSession,
    _runtime: Runtime,
    _setup: LauncherSetup,
}

impl Host {
    fn start(setup: LauncherSetup, options: &HostOptions) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let launcher = Launcher::from_pairs(setup.pairs()).build().unwrap();
        let session = launcher.start(runtime.handle(), options).unwrap();
        Self { session, _runtime: runtime, _setup: setup }
    }

    /// The next event of which `wanted` makes something. The others are passed on to `others`.
    fn until<T>(&self, mut wanted: impl FnMut(HostEvent) -> Option<T>) -> T {
        loop {
            match self.session.next(Some(LIMIT)) {
                Next::Event(event) => {
                    let shown = format!("{event:?}");
                    if let Some(found) = wanted(event) {
                        return found;
                    }
                    assert!(!shown.starts_with("Ended"), "{shown}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn offered(&self) -> Lease {
        self.until(|event| match event {
            HostEvent::Offered { lease, stack, document, .. } => {
                assert_eq!(stack, "site");
                assert!(document["run"]["id"].is_string(), "{document}");
                Some(lease)
            }
            _ => None,
        })
    }

    /// Takes an offer and runs its steps, up to the report.
    fn work(&self) -> (Outcome, Vec<RunState>, Vec<String>) {
        let lease = self.offered();
        let accepted = self.session.accept(lease).unwrap();
        let (mut states, mut lines, mut done) = (Vec::new(), Vec::new(), false);
        let outcome = self.until(|event| {
            match event {
                HostEvent::OperationDone { id } => done |= id == accepted,
                HostEvent::State { state, .. } => states.push(state),
                HostEvent::Line { line } => lines.push(line),
                HostEvent::Step { step, argv, env, cwd } => {
                    let output = Command::new(&argv[0])
                        .args(&argv[1..])
                        .env_clear()
                        .envs(env.iter().map(|(name, value)| (name, value.expose())))
                        .current_dir(cwd)
                        .output()
                        .unwrap();
                    self.session.step_output(step, output.stdout).unwrap();
                    self.session.step_exited(step, ExitStatus::Code(output.status.code().unwrap())).unwrap();
                }
                HostEvent::RunEnded { outcome, .. } => return Some(outcome),
                _ => {}
            }
            None
        });
        assert!(done, "the end of a command is an event");
        (outcome, states, lines)
    }
}

#[test]
fn a_host_takes_offers_and_runs_the_steps_of_plan_and_apply_itself() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    let site = Site::create(&mothership, &pool, "site", &["--env", "TOKEN=hunter2-hunter2"]);
    let setup = LauncherSetup::new(&pool).unset("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED");
    let host = Host::start(setup, &options(Offers::Ask, Steps::Host));
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);

    let (outcome, states, lines) = host.work();
    assert_eq!((outcome, states.last()), (Outcome::Succeeded, Some(&RunState::Planning)));
    assert!(lines.iter().any(|line| line.contains("+secret of the workspace")), "{lines:?}");
    mothership.await_run(&run, "UNCONFIRMED");

    mothership.text(&["run", "confirm", &run]);
    let (outcome, states, _) = host.work();
    assert_eq!((outcome, states.last()), (Outcome::Succeeded, Some(&RunState::Applying)));
    mothership.await_run(&run, "FINISHED");
    assert!(site.deployed().unwrap().contains("+secret of the workspace"));

    host.session.drain().unwrap();
    let exit_code = host.until(|event| match event {
        HostEvent::Ended { exit_code, .. } => Some(exit_code),
        _ => None,
    });
    assert_eq!(exit_code, 0);
    assert!(matches!(host.session.next(None), Next::Closed));
}

#[test]
fn a_run_that_the_host_refuses_is_given_to_another_worker() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &[]);
    let host = Host::start(LauncherSetup::new(&pool), &options(Offers::Ask, Steps::Library));
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    let lease = host.offered();

    let wrong = host.session.accept(Lease { generation: 9, counter: 9 }).unwrap();
    let reason = host.until(|event| match event {
        HostEvent::OperationFailed { id, reason } if id == wrong => Some(reason),
        _ => None,
    });
    assert!(reason.contains("9.9"), "{reason}");
    let _other = LauncherSetup::new(&pool).start();
    mothership.await_workers("IDLE", 1);
    host.session.refuse(lease, NackReason::Unsupported, Some("not here".to_owned())).unwrap();
    let note = host.until(|event| match event {
        HostEvent::Refused { note, .. } => note,
        _ => None,
    });
    assert_eq!(note, "not here");
    mothership.await_run(&run, "UNCONFIRMED");
}

#[test]
fn closing_a_session_ends_the_step_in_hand_and_releases_every_thread_that_waits() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", "sleep 1000"]);
    let host = Host::start(LauncherSetup::new(&pool), &options(Offers::Accept, Steps::Host));
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    let step = host.until(|event| match event {
        HostEvent::Step { step, argv, .. } if argv.iter().any(|word| word.contains("sleep 1000")) => {
            Some(step)
        }
        HostEvent::Step { step, .. } => {
            host.session.step_exited(step, ExitStatus::Code(0)).unwrap();
            None
        }
        _ => None,
    });
    std::thread::scope(|threads| {
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let mut seen = Vec::new();
                    while let Next::Event(event) = host.session.next(None) {
                        if let HostEvent::StepSignal { step, signal: ExecSignal::Kill } = event {
                            let _ = host.session.step_exited(step, ExitStatus::Signal(9));
                        }
                        seen.push(format!("{event:?}"));
                    }
                    seen
                })
            })
            .collect();
        host.session.close(Duration::ZERO);
        let seen: Vec<String> = waiting.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let told = |word: &str| seen.iter().filter(|event| event.starts_with(word)).count();
        assert_eq!((told("Ended"), told("RunEnded")), (1, 1), "{seen:?}");
        assert!(
            seen.iter().any(|event| event.starts_with("StepSignal") && event.contains("Kill")),
            "{seen:?}"
        );
    });
    assert!(host.session.step_output(step, vec![1]).is_err());
    assert!(host.session.drain().is_err(), "nobody is there to do it");
    mothership.await_run(&run, "STOPPED");
}

#[test]
fn a_host_that_says_that_its_machine_goes_has_its_worker_end_the_run_and_leave() {
    let mothership = Mothership::start();
    let pool = mothership.create_pool("pool");
    Site::create(&mothership, &pool, "site", &["--plan", "echo planning; exec sleep 1000"]);
    let setup = LauncherSetup::new(&pool).unset("SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED");
    let host = Host::start(setup, &options(Offers::Accept, Steps::Library));
    mothership.await_workers("IDLE", 1);
    let run = mothership.trigger(&["site"]);
    mothership.await_logs(&run, "planning");
    host.session.notice(Duration::from_secs(5)).unwrap();
    let code = host.until(|event| match event {
        HostEvent::Ended { exit_code, .. } => Some(exit_code),
        _ => None,
    });
    assert_eq!(code, 0);
    mothership.await_run(&run, "FAILED");
}
