//! Looks at everything that a launcher needs before it is one. Changes nothing: no folder is made, no worker registers.

use std::fmt::Display;
use std::sync::Arc;

use futures_util::future::join_all;

use super::LauncherBuilder;
use super::build::{self, POLICY};
use super::comms::{self, Place, Ways};
use super::executor;
use super::setup::Problems;
use crate::driver::{self, LogMask, ProbeFound};
use crate::exec::NeedFound;
use crate::pool::{PoolCredentials, utc};
use crate::preflight::{
    Area, LEAST_CORES, LEAST_MEMORY, LEAST_SPACE, Preflight, Region, Verdict, cores, free_space, memory,
};
use crate::run::RunEnvironment;

/// A pool's certificate that ends sooner is worth a warning, in seconds.
const SOON: i64 = 30 * 24 * 3600;

impl LauncherBuilder {
    /// Looks at the variables, the credentials, the policy, memory, cores and disk space, and lists the endpoints that this worker
    /// needs. With `probe`, each of them is tried: its name, a connection, TLS, the dates of its certificate.
    ///
    /// An endpoint without which there is no worker fails, one that is documented for its region warns.
    pub async fn preflight(&self, probe: bool) -> Preflight {
        let mut found = Preflight::default();
        let environment = RunEnvironment::new(&self.parsed.config, self.environment.clone());
        let mut problems = Problems::default();
        let Some((secrets, unmasked)) =
            problems.take(driver::masked(environment.mask_settings(), environment.secrets()))
        else {
            // Nothing else may be shown when it cannot be masked.
            failed(&mut found, "secrets", problems);
            return found;
        };
        self.variables(&mut found, &unmasked);
        let credentials = self.credentials(&mut found);
        self.initialization_policy(&mut found);
        self.machine(&mut found);
        self.executor_needs(&mut found).await;
        if let Some(credentials) = credentials {
            self.endpoints(&mut found, &credentials, probe).await;
        } else {
            found.add(Area::Network, "endpoints", Verdict::Untried, "the token names them");
        }
        let mask = LogMask::new(secrets);
        found.masked(|text| mask.text(text))
    }

    fn variables(&self, found: &mut Preflight, unmasked: &[String]) {
        for problem in &self.parsed.problems {
            found.add(Area::Configuration, "variables", Verdict::Failed, problem);
        }
        let told = |warning: &&String| {
            self.parsed.problems.iter().any(|problem| warning.starts_with(&format!("{} ", problem.variable)))
        };
        for warning in self.warnings.iter().chain(unmasked.iter().filter(|warning| !told(warning))) {
            found.add(Area::Configuration, "variables", Verdict::Warned, warning);
        }
        if self.parsed.problems.is_empty() {
            found.add(Area::Configuration, "variables", Verdict::Passed, "every one can be read");
        }
    }

    fn credentials(&self, found: &mut Preflight) -> Option<Arc<PoolCredentials>> {
        const WHAT: &str = "key and certificate";
        let mut problems = Problems::default();
        let Some(credentials) = build::credentials(&self.parsed, &mut problems) else {
            if problems.is_empty() {
                found.add(Area::Configuration, WHAT, Verdict::Untried, "a variable is missing");
            }
            failed(found, WHAT, problems);
            return None;
        };
        let until = credentials.token().certificate().not_after;
        let now = i64::try_from(driver::unix_time().as_secs()).unwrap_or(i64::MAX);
        let verdict = if until.saturating_sub(now) < SOON { Verdict::Warned } else { Verdict::Passed };
        let detail = format!("of pool {}, valid to {}", credentials.pool_id(), utc(until));
        found.add(Area::Configuration, WHAT, verdict, detail);
        Some(Arc::new(credentials))
    }

    fn initialization_policy(&self, found: &mut Preflight) {
        const WHAT: &str = "policy";
        let Some(path) = &self.parsed.config.initialization_policy else {
            return found.add(Area::Configuration, WHAT, Verdict::Passed, "none: every run is allowed");
        };
        match self.policy(path) {
            Ok(_) => {
                found.add(Area::Configuration, WHAT, Verdict::Passed, format!("{} is valid", path.display()))
            }
            Err(error) => {
                let detail = format!("{POLICY}: {}", driver::chain(&error));
                found.add(Area::Configuration, WHAT, Verdict::Failed, detail);
            }
        }
    }

    fn machine(&self, found: &mut Preflight) {
        let mut add = |what, enough: Option<bool>, detail: String| {
            let verdict = match enough {
                Some(true) => Verdict::Passed,
                Some(false) => Verdict::Failed,
                None => Verdict::Untried,
            };
            found.add(Area::Machine, what, verdict, detail);
        };
        let untold = || "the system does not tell".to_owned();
        let bytes = memory();
        let shown = bytes.map_or_else(untold, |bytes| gib(bytes).to_string());
        add("memory", bytes.map(|bytes| bytes >= LEAST_MEMORY), format!("{shown}; 2 GiB are needed"));
        let count = cores();
        let shown = count.map_or_else(untold, |count| count.to_string());
        add("cores", count.map(|count| count >= LEAST_CORES), format!("{shown}; {LEAST_CORES} are needed"));
        let folder = self.parsed.config.storage.state_dir.clone().unwrap_or_else(std::env::temp_dir);
        match free_space(&folder) {
            Ok((there, free)) => {
                let detail =
                    format!("{} free in {}; {} are needed", gib(free), there.display(), gib(LEAST_SPACE));
                add("disk space", Some(free >= LEAST_SPACE), detail);
            }
            Err(error) => {
                let detail = format!("{} cannot be written to: {error}", folder.display());
                add("disk space", Some(false), detail);
            }
        }
    }

    async fn executor_needs(&self, found: &mut Preflight) {
        let mut problems = Problems::default();
        let configured = || executor::of(&self.parsed.config, &self.environment);
        let chosen = self.executor.clone().or_else(|| problems.take(configured()));
        let Some((_, executor)) = chosen else { return failed(found, "executor", problems) };
        for need in executor.needs().await {
            let (verdict, detail) = match need.found {
                NeedFound::Good(detail) => (Verdict::Passed, detail),
                NeedFound::Dubious(detail) => (Verdict::Warned, detail),
                NeedFound::Bad(detail) => (Verdict::Failed, detail),
            };
            found.add(Area::Machine, &need.what, verdict, detail);
        }
    }

    async fn endpoints(&self, found: &mut Preflight, credentials: &Arc<PoolCredentials>, probe: bool) {
        let (config, mut problems) = (&self.parsed.config, Problems::default());
        let worker = problems.take(build::worker_id());
        let ways = worker.and_then(|worker| comms::ways(config, credentials, worker, &mut problems));
        let Some(Ways { transport, dialer, https, .. }) = ways else {
            return failed(found, "TLS and proxies", problems);
        };
        let own = transport.places(config, https.clone());
        let region = own.first().map_or(Region::SelfHosted, |place| Region::of(&place.host));
        found.add(Area::Network, "region", Verdict::Passed, region.name());
        let known = |host: &str| own.iter().any(|place| place.host == host);
        let documented = region.endpoints().iter().filter(|endpoint| !known(endpoint.host));
        let documented = documented.map(|endpoint| Place {
            host: endpoint.host.to_owned(),
            port: 443,
            purpose: endpoint.purpose,
            tls: Some(https.clone()),
            needed: false,
        });
        let documented: Vec<Place> = documented.collect();
        let now = i64::try_from(driver::unix_time().as_secs()).unwrap_or(i64::MAX);
        let tried = own.iter().chain(&documented).map(|place| async {
            if probe {
                dialer.probe(&place.host, place.port, place.tls.clone(), now).await
            } else {
                Vec::new()
            }
        });
        let tried = join_all(tried).await;
        for (place, steps) in own.iter().chain(&documented).zip(tried) {
            let name = driver::authority(&place.host, place.port);
            if steps.is_empty() {
                found.add(Area::Network, &name, Verdict::Untried, place.purpose);
            }
            for step in steps {
                let (verdict, detail) = match step.found {
                    ProbeFound::Good(detail) => (Verdict::Passed, detail),
                    ProbeFound::Dubious(detail) => (Verdict::Warned, detail),
                    ProbeFound::Bad(detail) if place.needed => (Verdict::Failed, detail),
                    ProbeFound::Bad(detail) => (Verdict::Warned, format!("{detail}; for {}", place.purpose)),
                };
                found.add(Area::Network, &format!("{name} {}", step.step), verdict, detail);
            }
        }
    }
}

fn failed(found: &mut Preflight, what: &str, problems: Problems) {
    for problem in problems.into_error().problems() {
        found.add(Area::Configuration, what, Verdict::Failed, problem);
    }
}

fn gib(bytes: u64) -> impl Display {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
