//! Configurations, runtimes and sessions behind the header, with what keeps them alive and what a fork does to them.

use std::collections::BTreeMap;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use spacelift_worker_core::config::{self, Parsed};
use spacelift_worker_core::driver::{HostOptions, HostSession, log_on_this_thread};
use spacelift_worker_core::files::{self, Environment};
use spacelift_worker_core::launcher::{Launcher, LauncherBuilder};
use spacelift_worker_core::preflight::Preflight;
use spacelift_worker_core::secret::SecretText;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::boundary::{Callback, block_signals, generation, with_signals_blocked};
use crate::failure::Failure;
use crate::status::SLW_ERR_IO;
use crate::text::CText;

/// Variables of a launcher, by name.
#[derive(Default)]
pub(crate) struct ConfigPairs {
    pairs: BTreeMap<String, SecretText>,
    /// Names of those that are not UTF-8.
    not_utf8: Vec<String>,
    pub(crate) warnings: Vec<CText>,
}

impl ConfigPairs {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.not_utf8.retain(|other| other != name);
        self.pairs.insert(name.to_owned(), SecretText::from(value));
    }

    pub(crate) fn set_from_environment(&mut self) {
        let environment = files::from_env();
        self.pairs.extend(environment.pairs.into_iter().map(|(name, value)| (name, SecretText::from(value))));
        self.not_utf8 = environment.not_utf8;
    }

    fn plain(&self) -> impl Iterator<Item = (String, String)> {
        self.pairs.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()))
    }

    /// Says everything that is wrong with the variables, and keeps what is merely odd.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let mut parsed: Parsed = config::parse(self.plain());
        parsed.leave_out(self.not_utf8.iter().cloned());
        self.warnings = parsed.warnings.iter().map(|warning| CText::from(warning.to_string())).collect();
        parsed.into_result().map(|_| ()).map_err(Failure::from)
    }

    pub(crate) fn builder(&self) -> LauncherBuilder {
        let pairs = self.plain().collect();
        Launcher::from_environment(Environment { pairs, not_utf8: self.not_utf8.clone() })
    }
}

/// What a preflight found.
pub(crate) struct Found {
    pub(crate) passed: bool,
    pub(crate) exit_code: i32,
    pub(crate) table: CText,
    pub(crate) json: CText,
}

impl Found {
    /// Looks, on this thread.
    pub(crate) fn look(builder: &LauncherBuilder, probe: bool) -> Result<Self, Failure> {
        let runtime = with_signals_blocked(|| Builder::new_current_thread().enable_all().build());
        let runtime = runtime.map_err(|error| Failure::of(SLW_ERR_IO, &error))?;
        let found: Preflight = runtime.block_on(builder.preflight(probe));
        // A name that is still being looked up does not keep the caller waiting.
        runtime.shutdown_background();
        let json = serde_json::to_value(&found).unwrap_or(Value::Null);
        Ok(Self {
            passed: found.passed(),
            exit_code: i32::from(found.code()),
            table: CText::from(found.to_string()),
            json: CText::from(json.to_string()),
        })
    }
}

/// A launcher until it is started.
pub(crate) struct ReadyLauncher {
    launcher: Option<Launcher>,
    born: u32,
}

impl ReadyLauncher {
    pub(crate) fn build(pairs: &ConfigPairs) -> Result<Self, Failure> {
        Ok(Self { launcher: Some(pairs.builder().build()?), born: generation() })
    }

    pub(crate) fn build_many(pairs: &ConfigPairs, count: usize) -> Result<Vec<Self>, Failure> {
        let launchers = pairs.builder().build_many(count)?;
        Ok(launchers
            .into_iter()
            .map(|launcher| Self { launcher: Some(launcher), born: generation() })
            .collect())
    }

    pub(crate) fn get(&self) -> Result<&Launcher, Failure> {
        self.launcher.as_ref().ok_or_else(|| Failure::state("the launcher was started; make another one"))
    }

    /// Works until a signal, a cycle or a failure, and gives the exit code.
    pub(crate) fn run(&mut self) -> Result<i32, Failure> {
        let launcher = self.take()?;
        let log = crate::logging::to_standard_error(&launcher);
        // The signals that it listens to come to this thread, too.
        let mut builder = Builder::new_multi_thread();
        let for_threads = log.clone();
        builder.worker_threads(1).thread_name("spacelift-worker").enable_all();
        builder.on_thread_start(move || log_on_this_thread(&for_threads));
        let runtime = builder.build().map_err(|error| Failure::of(SLW_ERR_IO, &error))?;
        let end = runtime.block_on(async { runtime.spawn(launcher.run()).await });
        runtime.shutdown_background();
        let end = end.map_err(|error| Failure::panic(error.to_string()))?;
        tracing::dispatcher::with_default(&log, || tracing::info!(%end, "the launcher ends"));
        Ok(i32::from(end.code()))
    }

    pub(crate) fn take(&mut self) -> Result<Launcher, Failure> {
        if self.born != generation() {
            return Err(Failure::forked("slw_launcher"));
        }
        self.get()?;
        self.launcher.take().ok_or_else(|| Failure::state("the launcher was started"))
    }
}

impl Drop for ReadyLauncher {
    fn drop(&mut self) {
        if self.born != generation() {
            // Its folder is the parent's.
            let _ = ManuallyDrop::new(self.launcher.take());
        }
    }
}

/// The threads on which sessions run.
pub(crate) struct Threads {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    born: u32,
}

impl Threads {
    /// This many threads; 0 is one.
    pub(crate) fn start(count: u32, log: Option<tracing::Dispatch>) -> Result<Self, Failure> {
        let count = usize::try_from(count.max(1)).unwrap_or(1);
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(count).thread_name("spacelift-worker").enable_all();
        builder.on_thread_start(move || {
            block_signals();
            if let Some(log) = &log {
                log_on_this_thread(log);
            }
        });
        let runtime =
            with_signals_blocked(|| builder.build()).map_err(|error| Failure::of(SLW_ERR_IO, &error))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Mutex::new(Some(runtime)), born: generation() })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tasks are started on.
    pub(crate) fn handle(&self) -> Result<&Handle, Failure> {
        if self.born != generation() {
            return Err(Failure::forked("slw_runtime"));
        }
        if self.lock().is_none() {
            return Err(Failure::state("the runtime was shut down"));
        }
        Ok(&self.handle)
    }

    /// Ends every task, and waits for what blocks until the time is over.
    pub(crate) fn shut_down(&self, timeout: Duration) -> Result<(), Failure> {
        if self.born != generation() {
            return Err(Failure::forked("slw_runtime"));
        }
        let runtime = self.lock().take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(timeout);
        }
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let runtime = self.lock().take();
        if self.born != generation() {
            let _ = ManuallyDrop::new(runtime);
        } else if let Some(runtime) = runtime {
            // Waits for nothing, so that it may happen on one of its own threads.
            runtime.shutdown_background();
        }
    }
}

/// How a host wants its session.
#[derive(Default)]
pub(crate) struct SessionChoices {
    pub(crate) options: HostOptions,
    pub(crate) log: Option<(tracing::Level, Arc<Callback>)>,
}

impl SessionChoices {
    pub(crate) fn set_log(&mut self, level: tracing::Level, callback: Arc<Callback>) {
        self.drop_log();
        self.log = Some((level, callback));
    }

    /// A session has the callback by now, or nobody has.
    fn drop_log(&mut self) {
        if let Some((_, callback)) = self.log.take()
            && Arc::strong_count(&callback) == 1
        {
            callback.retire();
        }
    }
}

impl Drop for SessionChoices {
    fn drop(&mut self) {
        self.drop_log();
    }
}

/// A session with what it needs.
pub(crate) struct HostedSession {
    session: Option<HostSession>,
    threads: Option<Arc<Threads>>,
    wake: Mutex<Option<Arc<Callback>>>,
    log: Option<Arc<Callback>>,
    born: u32,
}

impl HostedSession {
    pub(crate) fn start(
        threads: Option<Arc<Threads>>,
        launcher: &mut ReadyLauncher,
        choices: &SessionChoices,
    ) -> Result<Self, Failure> {
        let threads = match (threads, &choices.log) {
            (Some(_), Some(_)) => {
                return Err(Failure::invalid("runtime", "must be NULL for a session with a log of its own"));
            }
            (Some(threads), None) => threads,
            (None, None) => Arc::new(Threads::start(0, None)?),
            (None, Some((level, callback))) => {
                let log = crate::logging::dispatch(launcher.get()?, *level, callback.clone());
                Arc::new(Threads::start(0, Some(log))?)
            }
        };
        let handle = threads.handle()?.clone();
        let started = launcher.take()?.start(&handle, &choices.options);
        let session = started.map_err(|error: io::Error| Failure::of(SLW_ERR_IO, &error))?;
        Ok(Self {
            session: Some(session),
            threads: Some(threads),
            wake: Mutex::new(None),
            log: choices.log.as_ref().map(|(_, callback)| callback.clone()),
            born: generation(),
        })
    }

    pub(crate) fn get(&self) -> Result<&HostSession, Failure> {
        let forked = || Failure::forked("slw_session");
        self.session.as_ref().filter(|_| self.born == generation()).ok_or_else(forked)
    }

    /// Calls this when events begin to wait, and no longer what was called before.
    pub(crate) fn set_wake(&self, callback: Option<Arc<Callback>>) -> Result<(), Failure> {
        let session = self.get()?;
        let before = std::mem::replace(
            &mut *self.wake.lock().unwrap_or_else(PoisonError::into_inner),
            callback.clone(),
        );
        session.set_wake(callback.map(|callback| {
            let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || callback.call(&[]));
            wake
        }));
        if let Some(before) = before {
            before.retire();
        }
        Ok(())
    }
}

impl Drop for HostedSession {
    fn drop(&mut self) {
        if self.born != generation() {
            let _ = (ManuallyDrop::new(self.session.take()), ManuallyDrop::new(self.threads.take()));
            return;
        }
        let _ = self.set_wake(None);
        // Tells the worker to go, then its threads, if nobody else has them.
        drop(self.session.take());
        drop(self.threads.take());
        if let Some(log) = &self.log {
            log.retire();
        }
    }
}
