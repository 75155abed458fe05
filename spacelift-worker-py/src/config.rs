//! The launcher's configuration, and durations.

use std::path::Path;
use std::time::Duration;

use pyo3::prelude::*;
use serde_json::{Value, json};
use spacelift_worker_core::config::{self, CommsProtocol, LauncherConfig, Mount, Parsed, duration};

use crate::failure::{Class, Failure};

/// Parses pairs, beside which there are names whose values are not UTF-8, and gives configuration, problems and warnings as JSON. No secret stands in it.
#[pyfunction]
pub(crate) fn parse_config(pairs: Vec<(String, String)>, not_utf8: Vec<String>) -> String {
    let mut parsed = config::parse(pairs);
    parsed.leave_out(not_utf8);
    let Parsed { config, problems, warnings } = parsed;
    let problems: Vec<Value> = problems
        .iter()
        .map(|problem| {
            json!({
                "variable": problem.variable,
                "found": problem.found.to_string(),
                "expected": problem.expected,
                "remedy": problem.remedy,
            })
        })
        .collect();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    json!({ "config": settings(&config), "problems": problems, "warnings": warnings }).to_string()
}

fn settings(config: &LauncherConfig) -> Value {
    let seconds = |duration: Duration| duration.as_secs_f64();
    let path =
        |path: &Option<std::path::PathBuf>| path.as_deref().map(Path::display).map(|path| path.to_string());
    let mounts = |mounts: &[Mount]| -> Vec<Value> {
        mounts.iter().map(|mount| json!({ "host": mount.host, "container": mount.container })).collect()
    };
    let allowed: Vec<&str> =
        config.environment.allowed.iter().map(|variable| variable.name.as_str()).collect();
    let vcs: Vec<Value> = config
        .vcs_mappings
        .iter()
        .map(|mapping| json!({ "name": mapping.name, "base_endpoint": mapping.base_endpoint }))
        .collect();
    json!({
        "comms": {
            "protocol": if config.comms.protocol == CommsProtocol::Poll { "poll" } else { "mqtt" },
            "url": config.comms.url,
            "brokers": config.comms.brokers,
            "keep_alive": seconds(config.comms.keep_alive),
            "additional_root_cas": config.comms.additional_root_cas.len(),
        },
        "timeouts": {
            "logs": seconds(config.timeouts.logs),
            "run": seconds(config.timeouts.run),
            "stop_grace": seconds(config.timeouts.stop_grace),
            "drain_grace": seconds(config.timeouts.drain_grace),
        },
        "environment": { "allowed": allowed, "masked": config.environment.masked },
        "logs": {
            "run_logs_on_standard_output": config.logs.run_logs_on_standard_output,
            "debug": config.logs.debug,
        },
        "docker": {
            "config_dir": path(&config.docker.config_dir),
            "extra_mounts": mounts(&config.docker.extra_mounts),
            "read_only_mounts": mounts(&config.docker.read_only_mounts),
            "write_only_mounts": mounts(&config.docker.write_only_mounts),
            "network": config.docker.network,
            "runtime": config.docker.runtime,
            "default_image": config.docker.default_image,
            "default_ansible_image": config.docker.default_ansible_image,
        },
        "state_dir": path(&config.storage.state_dir),
        "proxy_exceptions": config.proxy.exceptions,
        "initialization_policy": path(&config.initialization_policy),
        "policy": {
            "timeout": seconds(config.policy.timeout),
            "programs": config.policy.programs,
            "program_variables": config.policy.program_variables,
            "strict": config.policy.strict,
        },
        "sensitive_output_upload": config.sensitive_output_upload,
        "metadata": config.metadata,
        "vcs_mappings": vcs,
    })
}

/// The page of all variables, in Markdown.
#[pyfunction]
pub(crate) fn config_reference() -> String {
    config::reference()
}

/// A duration in Go's grammar, in nanoseconds.
#[pyfunction]
pub(crate) fn parse_duration(text: &str) -> Result<i64, Failure> {
    let not_one =
        |error| Failure::new(Class::Config, "duration", format!("{text:?} is no duration: {error}"));
    duration::parse_nanos(text).map_err(not_one)
}
