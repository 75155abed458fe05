//! The environment of a run's commands: what is passed, what is computed, what is masked.
//!
//! A command inherits nothing: its whole environment is put together here, from the layers of [`Sources`]. Nothing here
//! reads the launcher's environment; whoever does hands its values in.
//!
//! | layer, highest first | what |
//! | --- | --- |
//! | computed | `SPACELIFT_*` and `TF_VAR_spacelift_*` of the run |
//! | hooks | what hooks exported, carried between phases |
//! | inputs | outputs of other stacks, as the run takes them |
//! | supplied | the run's own variables |
//! | allowed | variables of the launcher that `SPACELIFT_WHITELIST_ENVS` names, in the phases it names |
//! | default | [`DEFAULT_PATH`], so that commands are found |
//!
//! Proxies are passed like any other variable: when they are allowed, and not otherwise.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::vars::{PRIVATE_KEY, TOKEN};
use crate::config::{ChildEnvironment, Identity, When};
use crate::secret::SecretText;

/// `PATH` where no layer has one.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A variable that the control plane supplies for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppliedVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretText,
    /// Whether the value is masked.
    pub secret: bool,
}

/// Everything that the environment of one step is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Which variables of the launcher are passed, and which are masked.
    pub lists: &'a ChildEnvironment,
    /// The launcher's own environment.
    pub host: &'a BTreeMap<String, SecretText>,
    /// Whether the step applies, destroys or performs a task. Every other step is read-only.
    pub write_only: bool,
    /// The run's own variables; the last of equal names counts.
    pub supplied: &'a [SuppliedVariable],
    /// Variables made of other stacks' outputs; the last of equal names counts.
    pub inputs: &'a [SuppliedVariable],
    /// What hooks exported.
    pub hooks: &'a BTreeMap<String, SecretText>,
    /// `SPACELIFT_*` and `TF_VAR_spacelift_*`.
    pub computed: &'a BTreeMap<String, String>,
}

impl Sources<'_> {
    /// The whole environment of the step.
    ///
    /// The launcher's token and private key are not passed, whatever the lists say.
    pub fn environment(&self) -> BTreeMap<String, SecretText> {
        let mut environment = BTreeMap::from([("PATH".to_owned(), SecretText::from(DEFAULT_PATH))]);
        environment.extend(self.environment_over_an_image());
        environment
    }

    /// The same where an image brings a `PATH` of its own, which the default must not replace.
    pub fn environment_over_an_image(&self) -> BTreeMap<String, SecretText> {
        let mut environment = BTreeMap::new();
        // From the lowest layer to the highest: a later one replaces an earlier one.
        environment.extend(self.allowed());
        environment.extend(self.own().map(|variable| (variable.name.clone(), variable.value.clone())));
        environment.extend(self.hooks.iter().map(|(name, value)| (name.clone(), value.clone())));
        environment.extend(
            self.computed.iter().map(|(name, value)| (name.clone(), SecretText::from(value.as_str()))),
        );
        environment
    }

    /// Every value that must never show in a log, with the name of its variable for warnings. A pair comes once.
    ///
    /// These are the launcher's own credentials, and the values of every secret variable of the run and of every name on
    /// `SPACELIFT_MASK_ENVS`, in all layers and in every phase: a hook that exports a secret variable anew does not uncover it,
    /// and what is not passed now may have been written to a file before.
    pub fn secrets(&self, identity: &Identity) -> Vec<(String, SecretText)> {
        let mut secrets = Secrets::default();
        secrets.add(TOKEN.name, &identity.token);
        secrets.add(PRIVATE_KEY.name, &identity.private_key);
        if let Some(key) = decoded(&identity.private_key) {
            secrets.add(PRIVATE_KEY.name, &key);
        }
        for variable in self.own().filter(|variable| variable.secret) {
            secrets.add(&variable.name, &variable.value);
        }
        let own = self.own().filter(|variable| variable.secret).map(|variable| &variable.name);
        let names: BTreeSet<&String> = self.lists.masked.iter().chain(own).collect();
        for name in names {
            for value in [self.host.get(name), self.hooks.get(name)].into_iter().flatten() {
                secrets.add(name, value);
            }
            for variable in self.own().filter(|variable| variable.name == *name) {
                secrets.add(name, &variable.value);
            }
            if let Some(value) = self.computed.get(name) {
                secrets.add(name, &SecretText::from(value.as_str()));
            }
        }
        secrets.0
    }

    /// The run's variables, from the lower layer to the higher.
    fn own(&self) -> impl Iterator<Item = &SuppliedVariable> {
        self.supplied.iter().chain(self.inputs)
    }

    /// The launcher's variables that this step sees.
    fn allowed(&self) -> impl Iterator<Item = (String, SecretText)> {
        self.lists.allowed.iter().filter_map(|entry| {
            let now = match entry.when {
                When::Always => true,
                When::ReadOnly => !self.write_only,
                When::WriteOnly => self.write_only,
            };
            let own = [TOKEN.name, PRIVATE_KEY.name].contains(&entry.name.as_str());
            let value = self.host.get(&entry.name).filter(|_| now && !own)?;
            Some((entry.name.clone(), value.clone()))
        })
    }
}

/// Names and values, each pair once.
#[derive(Default)]
struct Secrets(Vec<(String, SecretText)>);

impl Secrets {
    fn add(&mut self, name: &str, value: &SecretText) {
        if !self.0.iter().any(|(known, old)| known == name && old == value) {
            self.0.push((name.to_owned(), value.clone()));
        }
    }
}

/// The key inside of a key that was given as base64, so that its lines are masked, too.
fn decoded(key: &SecretText) -> Option<SecretText> {
    let text: SecretText = key.expose().split_ascii_whitespace().collect::<String>().into();
    String::from_utf8(STANDARD.decode(text.expose()).ok()?).ok().map(SecretText::new)
}

#[cfg(test)]
mod tests;
