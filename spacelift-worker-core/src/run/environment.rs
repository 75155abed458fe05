//! What the steps of a run see, and what its logs never show. The rules stand in `run_env`; here a run's own data meets
//! the launcher's.

use std::collections::BTreeMap;
use std::fmt;

use super::assignment::Assignment;
use super::plan::Step;
use crate::config::{ChildEnvironment, Identity, LauncherConfig};
use crate::run_env::{Sources, SuppliedVariable};
use crate::secret::SecretText;

/// The launcher's part of every run's environment.
#[derive(Clone, Default)]
pub struct RunEnvironment {
    lists: ChildEnvironment,
    identity: Identity,
    host: BTreeMap<String, SecretText>,
}

impl RunEnvironment {
    /// From the launcher's configuration and its own environment, of which the lists pass a part.
    pub fn new(config: &LauncherConfig, host: BTreeMap<String, SecretText>) -> Self {
        Self { lists: config.environment.clone(), identity: config.identity.clone(), host }
    }

    /// The whole environment of one step.
    pub fn of_step(&self, assignment: &Assignment, step: &Step) -> BTreeMap<String, SecretText> {
        self.sources(&supplied(assignment), &step.variables, step.write_only).environment()
    }

    /// What must never show in the launcher's own log, with the name of its variable for warnings.
    pub fn secrets(&self) -> Vec<(String, SecretText)> {
        self.sources(&[], &BTreeMap::new(), false).secrets(&self.identity)
    }

    /// What must never show in the log of this run, the launcher's own secrets included.
    pub fn secrets_of(&self, assignment: &Assignment) -> Vec<(String, SecretText)> {
        self.sources(&supplied(assignment), &BTreeMap::new(), false).secrets(&self.identity)
    }

    fn sources<'a>(
        &'a self,
        supplied: &'a [SuppliedVariable],
        computed: &'a BTreeMap<String, String>,
        write_only: bool,
    ) -> Sources<'a> {
        static NO_HOOKS: BTreeMap<String, SecretText> = BTreeMap::new();
        Sources { lists: &self.lists, host: &self.host, write_only, supplied, hooks: &NO_HOOKS, computed }
    }
}

impl fmt::Debug for RunEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunEnvironment").field("lists", &self.lists).finish_non_exhaustive()
    }
}

fn supplied(assignment: &Assignment) -> Vec<SuppliedVariable> {
    let variables = assignment.payload().environment.iter().map(|variable| SuppliedVariable {
        name: variable.name.clone(),
        value: variable.value.as_str().into(),
        secret: variable.secret,
    });
    variables.collect()
}
