//! What a launcher decides about all of its runs. Reads nothing itself.

use std::time::Duration;

use crate::config::LauncherConfig;

/// What a launcher decides about all of its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSettings {
    /// How long things may take.
    pub timeouts: RunTimeouts,
    /// Whether the exact commands are echoed to the log (`SPACELIFT_DEBUG`). Default: no.
    pub debug: bool,
    /// Whether sensitive outputs are handed on (`SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED`). Default: no.
    pub sensitive_outputs: bool,
}

impl From<&LauncherConfig> for RunSettings {
    fn from(config: &LauncherConfig) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let timeouts = RunTimeouts {
            run_ms: ms(config.timeouts.run),
            logs_ms: ms(config.timeouts.logs),
            stop_grace_ms: ms(config.timeouts.stop_grace),
            ..RunTimeouts::default()
        };
        Self { timeouts, debug: config.logs.debug, sensitive_outputs: config.sensitive_output_upload }
    }
}

/// How long things may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunTimeouts {
    /// The whole phase. Default: 70 minutes (`SPACELIFT_LAUNCHER_RUN_TIMEOUT`).
    pub run_ms: u64,
    /// Without output while a command runs. Default: 7 minutes (`SPACELIFT_LAUNCHER_LOGS_TIMEOUT`).
    pub logs_ms: u64,
    /// From SIGTERM to SIGKILL. Default: 10 seconds.
    pub stop_grace_ms: u64,
    /// From SIGTERM to SIGKILL when the pool is cycled. Default: 8 seconds, so that a pool is empty within 20.
    pub cycle_grace_ms: u64,
    /// How long a killed command may take to be gone before the run is reported all the same. Default: 10 seconds.
    pub kill_wait_ms: u64,
    /// How long the last log segments may take before the run is reported without them. Default: 60 seconds.
    pub flush_ms: u64,
    /// The same when there is no time: cycled, killed, or the lease has ended. Default: 3 seconds.
    pub hurried_flush_ms: u64,
}

impl Default for RunTimeouts {
    fn default() -> Self {
        Self {
            run_ms: 70 * 60_000,
            logs_ms: 7 * 60_000,
            stop_grace_ms: 10_000,
            cycle_grace_ms: 8_000,
            kill_wait_ms: 10_000,
            flush_ms: 60_000,
            hurried_flush_ms: 3_000,
        }
    }
}
