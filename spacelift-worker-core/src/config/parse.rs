//! From pairs to a configuration, its problems and its warnings, all in one go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::containers;
use super::list::{self, AllowedVariable, When};
use super::problem::{ConfigError, Found, Problem, Warning};
use super::reader::Reader;
use super::root_cas;
use super::settings::{
    ChildEnvironment, Comms, CommsProtocol, Identity, LauncherConfig, Logs, PolicySettings, Proxy, Spot,
    Storage, Timeouts, VcsMapping,
};
use super::storage_host::StorageHost;
use super::vars::{self, Spelling};

/// What names of variables begin with that are meant for a launcher.
const OURS: &str = "SPACELIFT_";

/// A configuration together with everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The configuration; where a value is faulty, the default stands in its place, so that later checks can report
    /// their own problems in the same breath. Not to be run with while there are problems.
    pub config: LauncherConfig,
    /// What must be put right, in the order of the table.
    pub problems: Vec<Problem>,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

impl Parsed {
    /// Adds variables that are not UTF-8: a problem where it is one of ours, since without a policy or a list of what is masked
    /// a launcher would do what nobody meant, and else a warning.
    pub fn leave_out(&mut self, not_utf8: impl IntoIterator<Item = String>) {
        for name in not_utf8 {
            if name.starts_with(OURS) || vars::all().any(|variable| variable.is(&name)) {
                let remedy = "write it in UTF-8, or unset the variable";
                self.problems.push(Problem::new(name, Found::Hidden, "UTF-8", remedy));
            } else {
                self.warnings.push(Warning::NotUtf8 { name });
            }
        }
    }

    /// The configuration, if there is no problem.
    ///
    /// # Errors
    ///
    /// All problems.
    pub fn into_result(self) -> Result<LauncherConfig, ConfigError> {
        match ConfigError::from_problems(self.problems) {
            Some(error) => Err(error),
            None => Ok(self.config),
        }
    }
}

/// Parses `(name, value)` pairs; the last of equal names counts, a blank value counts as absent.
pub fn parse<I>(pairs: I) -> Parsed
where
    I: IntoIterator<Item = (String, String)>,
{
    let mut reader = Reader::new(pairs.into_iter().collect());
    let config = LauncherConfig {
        identity: identity(&mut reader),
        comms: comms(&mut reader),
        proxy: proxy(&reader),
        metadata: metadata(&reader),
        initialization_policy: reader.text(&vars::POLICY).map(PathBuf::from),
        policy: policy(&mut reader),
        timeouts: Timeouts {
            logs: reader.duration(&vars::LOGS_TIMEOUT),
            run: reader.duration(&vars::RUN_TIMEOUT),
            stop_grace: reader.duration(&vars::STOP_GRACE),
            drain_grace: reader.duration(&vars::DRAIN_GRACE),
        },
        spot: Spot {
            watch: reader.boolean(&vars::SPOT),
            endpoint: reader
                .url(vars::SPOT_ENDPOINT.name)
                .unwrap_or_else(|| vars::SPOT_ENDPOINT.default.to_owned()),
        },
        sensitive_output_upload: reader.boolean(&vars::SENSITIVE_OUTPUT),
        environment: environment(&mut reader),
        logs: Logs {
            run_logs_on_standard_output: reader.boolean(&vars::RUN_LOGS),
            mask_well_known: reader.boolean(&vars::WELL_KNOWN),
            debug: reader.boolean(&vars::DEBUG),
        },
        executor: containers::executor(&mut reader),
        docker: containers::docker(&mut reader),
        storage: storage(&mut reader),
        vcs_mappings: vcs_mappings(&mut reader),
    };
    for warning in unknown_names(&reader, &config.environment) {
        reader.warn(warning);
    }
    let (problems, warnings) = reader.finish();
    Parsed { config, problems, warnings }
}

fn identity(reader: &mut Reader) -> Identity {
    Identity {
        token: reader.secret(&vars::TOKEN, "set it to the worker pool's token"),
        private_key: reader.secret(
            &vars::PRIVATE_KEY,
            "set it to the pool's private key, as base64 (base64 -w0 spacelift.key)",
        ),
    }
}

fn comms(reader: &mut Reader) -> Comms {
    let protocol = match reader.given(vars::PROTOCOL.name).unwrap_or(vars::PROTOCOL.default) {
        "mqtt" => CommsProtocol::Mqtt,
        "poll" => CommsProtocol::Poll,
        other => {
            let found = Found::Value(other.to_owned());
            reader.problem(vars::PROTOCOL.name, found, "mqtt or poll", "write one of the two, in lower case");
            CommsProtocol::default()
        }
    };
    let problem_free = reader.given(vars::URL.name).is_none();
    let url = reader.url(vars::URL.name);
    if protocol == CommsProtocol::Poll && problem_free {
        let remedy = format!("set it, or set {} to mqtt", vars::PROTOCOL.name);
        reader.problem(vars::URL.name, Found::Nothing, "the control plane's address for poll", remedy);
    }
    let additional_root_cas = match reader.given(vars::ROOT_CAS.name).map(root_cas::parse) {
        None => Vec::new(),
        Some(Ok(certificates)) => certificates,
        Some(Err(remedy)) => {
            let found = Found::Value(reader.text(&vars::ROOT_CAS).unwrap_or_default());
            reader.problem(vars::ROOT_CAS.name, found, root_cas::EXPECTED, remedy);
            Vec::new()
        }
    };
    let brokers = reader.list(&vars::BROKERS, "brokers, separated by commas", |entry| Ok(entry.to_owned()));
    Comms { protocol, url, brokers, keep_alive: keep_alive(reader), additional_root_cas }
}

/// AWS IoT Core takes 30 to 1,200 seconds, and counts what is shorter or longer as the nearest of them.
fn keep_alive(reader: &mut Reader) -> Duration {
    let (shortest, longest) = (Duration::from_secs(30), Duration::from_secs(1_200));
    let found = reader.duration(&vars::KEEP_ALIVE);
    if (shortest..=longest).contains(&found) {
        return found;
    }
    let text = Found::Value(reader.text(&vars::KEEP_ALIVE).unwrap_or_default());
    reader.problem(vars::KEEP_ALIVE.name, text, "a duration from 30s to 20m", "write such as 30s or 1m");
    shortest
}

fn proxy(reader: &Reader) -> Proxy {
    let exceptions = reader.either_case(&vars::NO_PROXY).unwrap_or_default();
    Proxy {
        http: reader.secret_in_either_case(&vars::HTTP_PROXY),
        https: reader.secret_in_either_case(&vars::HTTPS_PROXY),
        exceptions: list::entries(exceptions).map(str::to_owned).collect(),
    }
}

fn metadata(reader: &Reader) -> BTreeMap<String, String> {
    reader
        .names()
        .filter_map(|name| {
            let tag = name.strip_prefix(vars::METADATA.name).filter(|tag| !tag.is_empty())?;
            Some((tag.to_owned(), reader.given(name).unwrap_or_default().to_owned()))
        })
        .collect()
}

fn policy(reader: &mut Reader) -> PolicySettings {
    let expected = "absolute paths of programs, separated by commas";
    let path = |entry: &str| match entry.starts_with('/') {
        true => Ok(entry.to_owned()),
        false => Err("write the path from / on, such as /usr/local/bin/verify".to_owned()),
    };
    let name = |entry: &str| match list::is_name(entry) {
        true => Ok(entry.to_owned()),
        false => Err("write the name alone".to_owned()),
    };
    let mut program_variables =
        reader.list(&vars::POLICY_PROGRAM_ENVS, "names of variables, separated by commas", name);
    for secret in [&vars::TOKEN, &vars::PRIVATE_KEY] {
        if program_variables.iter().any(|name| name == secret.name) {
            program_variables.retain(|name| name != secret.name);
            reader.warn(Warning::NeverPassed {
                list: vars::POLICY_PROGRAM_ENVS.name,
                name: secret.name.to_owned(),
            });
        }
    }
    PolicySettings {
        timeout: reader.duration(&vars::POLICY_TIMEOUT),
        programs: reader.list(&vars::POLICY_PROGRAMS, expected, path),
        program_variables,
        strict: reader.boolean(&vars::POLICY_STRICT),
    }
}

fn environment(reader: &mut Reader) -> ChildEnvironment {
    let expected = "names of variables, separated by commas";
    let name = |entry: &str| AllowedVariable::parse(entry).ok_or_else(|| "write the name alone".to_owned());
    let mut allowed = reader.list(&vars::WHITELIST, expected, name);
    let mut masked = Vec::new();
    // The documentation knows no prefix here. Whoever writes one means the variable all the same.
    for entry in reader.list(&vars::MASK, expected, name) {
        match entry.when {
            When::Always => {}
            When::ReadOnly => masked.push(format!("ro_{}", entry.name)),
            When::WriteOnly => masked.push(format!("wo_{}", entry.name)),
        }
        masked.push(entry.name);
    }
    for secret in [&vars::TOKEN, &vars::PRIVATE_KEY] {
        if allowed.iter().any(|entry| entry.name == secret.name) {
            allowed.retain(|entry| entry.name != secret.name);
            reader.warn(Warning::NeverPassed { list: vars::WHITELIST.name, name: secret.name.to_owned() });
        }
    }
    ChildEnvironment { allowed, masked }
}

fn storage(reader: &mut Reader) -> Storage {
    let expected = "host names, addresses and networks, separated by commas";
    let remedy = "write such as minio.internal, 10.1.2.3 or 10.0.0.0/8, without scheme and port";
    Storage {
        state_dir: reader.text(&vars::STATE_DIR).map(PathBuf::from),
        allowed_hosts: reader.list(&vars::ALLOWED_STORAGE_HOSTS, expected, |entry| {
            StorageHost::parse(entry).ok_or_else(|| remedy.to_owned())
        }),
    }
}

fn vcs_mappings(reader: &mut Reader) -> Vec<VcsMapping> {
    let (names, endpoints) = (&vars::VCS_NAME, &vars::VCS_ENDPOINT);
    let mut numbers: Vec<u32> = reader
        .names()
        .filter(|name| names.is(name) || endpoints.is(name))
        .filter_map(|name| name.rsplit('_').next()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut mappings = Vec::new();
    for number in numbers {
        let (name_of, endpoint_of) =
            (format!("{}{number}", names.name), format!("{}{number}", endpoints.name));
        let name = reader.given(&name_of).map(str::to_owned);
        let given = reader.given(&endpoint_of).is_some();
        let base_endpoint = reader.url(&endpoint_of);
        match (name, given) {
            (None, false) => {}
            (None, true) => {
                let remedy = format!("set it, or remove {endpoint_of}");
                reader.problem(name_of, Found::Nothing, "the name of the VCS agent pool", remedy);
            }
            (Some(_), false) => {
                let remedy = format!("set it, or remove {name_of}");
                reader.problem(endpoint_of, Found::Nothing, "the address of the system", remedy);
            }
            (Some(name), true) => {
                mappings.extend(base_endpoint.map(|base_endpoint| VcsMapping { name, base_endpoint }));
            }
        }
    }
    mappings
}

/// A warning for each `SPACELIFT_*` name that is neither in the table nor on a list of names.
fn unknown_names(reader: &Reader, environment: &ChildEnvironment) -> Vec<Warning> {
    let listed = |name: &str| {
        environment.allowed.iter().any(|entry| entry.name == name)
            || environment.masked.iter().any(|entry| entry == name)
    };
    reader
        .names()
        .filter(|name| name.starts_with(OURS))
        .filter(|name| !vars::all().any(|variable| variable.is(name)) && !listed(name))
        .map(|name| Warning::UnknownVariable { name: name.to_owned(), nearest: nearest(name) })
        .collect()
}

/// The known name that is most like `name`, unless it takes changes in a third of it to get there.
fn nearest(name: &str) -> Option<&'static str> {
    vars::all()
        .filter(|variable| variable.spelling == Spelling::Exact)
        .map(|variable| (distance(name, variable.name), variable.name))
        .min()
        .filter(|(distance, known)| distance * 3 <= known.len().saturating_sub("SPACELIFT_".len()))
        .map(|(_, known)| known)
}

/// How many characters must be inserted, removed or replaced to get from `a` to `b` (Levenshtein 1965).
fn distance(a: &str, b: &str) -> usize {
    // An environment may hold names of any length; these are none of ours.
    if a.len() > 100 {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
