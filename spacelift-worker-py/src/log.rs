//! What launchers of this process say, kept until Python takes it. No thread of the library enters the interpreter.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use pyo3::prelude::*;
use spacelift_worker_core::driver::{JsonLayer, Wake, log_on_this_thread};
use spacelift_worker_core::launcher::Launcher;
use tracing::Dispatch;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::prelude::*;

use crate::failure::{Class, Failure};
use crate::runtime;

/// Lines that wait; with more than these the newest are counted and not kept.
const CAPACITY: usize = 1024;

/// The one log of the process. Says nothing until a level is set.
pub(crate) struct Log {
    layer: JsonLayer,
    level: Arc<RwLock<LevelFilter>>,
    dispatch: Dispatch,
    lines: Lines,
    process: u32,
}

impl Log {
    /// The log of this process, made when it is first needed.
    pub(crate) fn get() -> Result<&'static Self, Failure> {
        static LOG: OnceLock<Log> = OnceLock::new();
        if let Some(log) = LOG.get() {
            return log.here();
        }
        let made = Self::new().map_err(|error| Failure::new(Class::Worker, "log", error))?;
        LOG.get_or_init(|| made).here()
    }

    fn here(&'static self) -> Result<&'static Self, Failure> {
        if self.process == std::process::id() { Ok(self) } else { Err(runtime::forked()) }
    }

    fn new() -> io::Result<Self> {
        let lines = Lines::new()?;
        let layer = JsonLayer::of_launchers(lines.clone());
        let level = Arc::new(RwLock::new(LevelFilter::OFF));
        let most = Arc::clone(&level);
        let is_kept = dynamic_filter_fn(move |metadata, _| {
            *metadata.level() <= *most.read().unwrap_or_else(PoisonError::into_inner)
        });
        let subscriber = tracing_subscriber::registry().with(layer.clone().with_filter(is_kept));
        Ok(Self { layer, level, dispatch: Dispatch::new(subscriber), lines, process: std::process::id() })
    }

    /// What this launcher masks is masked in the log from now on.
    pub(crate) fn mask(&self, launcher: &Launcher) {
        launcher.mask_log(&self.layer);
    }

    /// Keeps what is said by work on this thread.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    /// Keeps what this thread says, for threads of the runtime.
    pub(crate) fn on_this_thread(&self) {
        log_on_this_thread(&self.dispatch);
    }
}

/// Lines that wait to be taken, and a descriptor that is readable while there are any. Clones are handles to the same.
#[derive(Clone)]
struct Lines {
    waiting: Arc<Mutex<Waiting>>,
    wake: Arc<Wake>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    dropped: u64,
}

impl Lines {
    fn new() -> io::Result<Self> {
        Ok(Self { waiting: Arc::default(), wake: Arc::new(Wake::new()?) })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Waiting {
        // Before the lines: what comes between is told of once too often, and not once too seldom.
        self.wake.clear();
        std::mem::take(&mut *self.waiting())
    }
}

/// A line is written whole, with its end.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.waiting();
        if waiting.lines.len() < CAPACITY {
            waiting.lines.push_back(line.to_vec());
        } else {
            waiting.dropped += 1;
        }
        let is_first = waiting.lines.len() == 1;
        drop(waiting);
        if is_first {
            self.wake.set();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From which level on what launchers say is kept.
#[pyfunction]
pub(crate) fn set_log_level(level: &str) -> Result<(), Failure> {
    let level: LevelFilter = level.parse().map_err(Failure::argument)?;
    *Log::get()?.level.write().unwrap_or_else(PoisonError::into_inner) = level;
    Ok(())
}

/// A descriptor that is readable while lines wait.
#[pyfunction]
pub(crate) fn log_fd() -> Result<RawFd, Failure> {
    Ok(Log::get()?.lines.wake.as_fd().as_raw_fd())
}

/// Makes it readable.
#[pyfunction]
pub(crate) fn wake_log() -> Result<(), Failure> {
    Log::get()?.lines.wake.set();
    Ok(())
}

/// The lines that wait, each JSON, and how many more there were no room for.
#[pyfunction]
pub(crate) fn take_log() -> Result<(Vec<String>, u64), Failure> {
    let Waiting { lines, dropped } = Log::get()?.lines.take();
    let lines = lines.into_iter().map(|line| String::from_utf8_lossy(&line).trim_end().to_owned());
    Ok((lines.collect(), dropped))
}

/// Says something, for the tests of who hears it. In no release.
#[cfg(debug_assertions)]
#[pyfunction]
pub(crate) fn say(text: &str, times: u32) -> Result<(), Failure> {
    Log::get()?.during(|| (0..times).for_each(|number| tracing::info!(number, "{text}")));
    Ok(())
}
