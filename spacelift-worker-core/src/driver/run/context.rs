//! What all runs of a worker share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::driver::blob::BlobClient;
use crate::driver::logs::{LineSink, LogMask};
use crate::driver::policy::PolicyHost;
use crate::exec::Executor;
use crate::ids::{PoolId, WorkerId};
use crate::mask::{MaskSettings, SecretSet, Secrets, TooManySecrets};
use crate::pool::PoolCredentials;
use crate::run::{Assignment, Inputs, RunEnvironment, RunSettings};
use crate::secret::SecretText;

/// What all runs of a worker share.
pub(crate) struct RunContext {
    pub(crate) credentials: Arc<PoolCredentials>,
    pub(crate) worker: WorkerId,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) blobs: BlobClient,
    /// Absent: every run is allowed.
    pub(crate) policy: Option<Arc<PolicyHost>>,
    /// What steps see and logs never show.
    pub(crate) environment: Arc<RunEnvironment>,
    /// What the launcher's own log, and what it tells the control plane, never show.
    pub(crate) log_mask: LogMask,
    /// Run logs as JSON lines, when switched on.
    pub(crate) lines: Option<LineSink>,
    /// Marks every process of a run as this state folder's.
    pub(crate) mark: String,
    /// Below it each run has a folder.
    pub(crate) scratch: PathBuf,
    pub(crate) settings: RunSettings,
    /// Somebody decides by hand whether a run is taken, and is shown what a policy would see of it.
    pub(crate) describes: bool,
}

impl RunContext {
    pub(super) fn pool(&self) -> PoolId {
        self.credentials.pool_id()
    }

    /// The secrets of one run, the launcher's own included, and a line about each that cannot be masked.
    pub(super) fn secrets_of(
        &self,
        assignment: &Assignment,
    ) -> Result<(Secrets, Vec<String>), TooManySecrets> {
        let secrets = self.environment.secrets_of(assignment, &Inputs::default());
        masked(self.environment.mask_settings(), secrets)
    }
}

/// Registers values to mask, each with the name of its variable.
pub(crate) fn masked(
    settings: MaskSettings,
    values: Vec<(String, SecretText)>,
) -> Result<(Secrets, Vec<String>), TooManySecrets> {
    let mut set = SecretSet::with_settings(settings);
    let mut warnings = Vec::new();
    for (name, value) in values {
        if let Err(why) = set.add(value.expose().as_bytes()) {
            warnings.push(format!("{name} {why}"));
        }
    }
    Ok((Secrets::new(set)?, warnings))
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext").field("worker", &self.worker).finish_non_exhaustive()
    }
}
