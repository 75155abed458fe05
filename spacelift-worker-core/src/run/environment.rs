//! What the steps of a run see, and what its logs never show. The rules stand in `run_env`; here a run's own data meets
//! the launcher's.

use std::collections::BTreeMap;
use std::fmt;

use super::assignment::Assignment;
use super::outputs::Inputs;
use super::plan::Step;
use crate::config::{ChildEnvironment, Identity, LauncherConfig};
use crate::mask::MaskSettings;
use crate::run_env::{Sources, SuppliedVariable};
use crate::secret::SecretText;
use zeroize::Zeroizing;

/// The launcher's part of every run's environment.
#[derive(Clone, Default)]
pub struct RunEnvironment {
    lists: ChildEnvironment,
    identity: Identity,
    proxies: Vec<(String, SecretText)>,
    host: BTreeMap<String, SecretText>,
    well_known: bool,
}

impl RunEnvironment {
    /// From the launcher's configuration and its own environment, of which the lists pass a part.
    pub fn new(config: &LauncherConfig, host: BTreeMap<String, SecretText>) -> Self {
        let proxies = [("HTTP_PROXY", &config.proxy.http), ("HTTPS_PROXY", &config.proxy.https)];
        let proxies = proxies.into_iter().flat_map(|(name, url)| {
            let parts = url.as_ref().map(|url| credentials(url.expose())).unwrap_or_default();
            parts.into_iter().map(move |part| (name.to_owned(), part))
        });
        Self {
            lists: config.environment.clone(),
            identity: config.identity.clone(),
            proxies: proxies.collect(),
            host,
            well_known: config.logs.mask_well_known,
        }
    }

    /// The whole environment of one step. `inputs` are the variables made of other stacks' outputs.
    pub fn of_step(
        &self,
        assignment: &Assignment,
        inputs: &Inputs,
        step: &Step,
    ) -> BTreeMap<String, SecretText> {
        self.sources(&supplied(assignment), &inputs.variables, &step.variables, step.write_only).environment()
    }

    /// How values are looked for, and whether more than them is masked.
    pub fn mask_settings(&self) -> MaskSettings {
        MaskSettings { well_known: self.well_known, ..MaskSettings::default() }
    }

    /// The same over that of an image, with a `PATH` of its own.
    pub fn of_step_over_an_image(
        &self,
        assignment: &Assignment,
        inputs: &Inputs,
        step: &Step,
    ) -> BTreeMap<String, SecretText> {
        self.sources(&supplied(assignment), &inputs.variables, &step.variables, step.write_only)
            .environment_over_an_image()
    }

    /// What must never show in the launcher's own log, with the name of its variable for warnings.
    pub fn secrets(&self) -> Vec<(String, SecretText)> {
        self.with_proxies(self.sources(&[], &[], &BTreeMap::new(), false).secrets(&self.identity))
    }

    /// What must never show in the log of this run, the launcher's own secrets included.
    pub fn secrets_of(&self, assignment: &Assignment, inputs: &Inputs) -> Vec<(String, SecretText)> {
        self.with_proxies(
            self.sources(&supplied(assignment), &inputs.variables, &BTreeMap::new(), false)
                .secrets(&self.identity),
        )
    }

    fn with_proxies(&self, mut secrets: Vec<(String, SecretText)>) -> Vec<(String, SecretText)> {
        secrets.extend(self.proxies.iter().cloned());
        secrets
    }

    fn sources<'a>(
        &'a self,
        supplied: &'a [SuppliedVariable],
        inputs: &'a [SuppliedVariable],
        computed: &'a BTreeMap<String, String>,
        write_only: bool,
    ) -> Sources<'a> {
        static NO_HOOKS: BTreeMap<String, SecretText> = BTreeMap::new();
        Sources {
            lists: &self.lists,
            host: &self.host,
            write_only,
            supplied,
            inputs,
            hooks: &NO_HOOKS,
            computed,
        }
    }
}

impl fmt::Debug for RunEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunEnvironment").field("lists", &self.lists).finish_non_exhaustive()
    }
}

/// What must not show of a proxy's URL: the user with the password as they are written, and the password alone, as it is
/// written and as it is meant.
fn credentials(url: &str) -> Vec<SecretText> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((user, _)) = authority.rsplit_once('@') else { return Vec::new() };
    let Some((_, password)) = user.split_once(':') else { return vec![user.into()] };
    let mut parts: Vec<SecretText> = vec![user.into(), password.into()];
    parts.extend(decoded(password).filter(|meant| meant.expose() != password));
    parts
}

/// A text without its percent-encoding (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<SecretText> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    std::str::from_utf8(&bytes).ok().map(SecretText::from)
}

fn supplied(assignment: &Assignment) -> Vec<SuppliedVariable> {
    let variables = assignment.payload().environment.iter().map(|variable| SuppliedVariable {
        name: variable.name.clone(),
        value: variable.value.as_str().into(),
        secret: variable.secret,
    });
    variables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_proxy_are_secret_as_written_and_as_meant() {
        let parts = |url| credentials(url).iter().map(|part| part.expose().to_owned()).collect::<Vec<_>>();
        assert_eq!(parts("http://me:p%40ss%2@proxy:3128"), ["me:p%40ss%2", "p%40ss%2", "p@ss%2"]);
        assert_eq!(parts("me:hunter2@proxy"), ["me:hunter2", "hunter2"]);
        assert_eq!(parts("https://token@proxy"), ["token"]);
        assert_eq!(parts("http://proxy:3128"), [""; 0]);
    }
}
