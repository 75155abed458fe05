//! What the control loop does not make itself: identifiers that were never used, and the sealed parts of its messages.

use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::envelope::{Context, ContextError, offer};
use spacelift_worker_core::ids::{Lease, MessageId, PoolId, RunId};
use spacelift_worker_core::protocol::message::{
    ControlBody, ControlMessage, Download, Grant, LogUploads, MAX_MESSAGE_LEN, Message, Offer, OfferPayload,
    OutputVariable, Phase, RunDetails, RunType, SealedDownload, SealedObject, StackDetails, StackInputs,
    Upload, Uploads,
};

use super::naming;
use super::sealing::{SealError, Sealing};
use crate::fresh;
use crate::store::{LeaseRecord, Run, Stack, Store, StoreError, started_state};

/// The longest log segment that is taken: the last one has all that is left of a log, of which workers keep 1 GiB and a line.
const MAX_LOG: u64 = (1 << 30) + (1 << 20);

/// The longest outputs that are taken. Workers take 1 MiB; what sealing adds has room.
const MAX_OUTPUTS: u64 = 2 << 20;

/// The longest workspace that is taken.
const MAX_WORKSPACE: u64 = 16 << 30;

/// Why a message could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// The store failed, or lacks what the run names.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something could not be sealed, signed or stored.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The plan of a run that goes on is gone.
    #[error("the plan's workspace is not there")]
    NoWorkspace,
    /// Stacks on which the run depends have handed nothing on yet. Source: Spacelift prints these words.
    #[error("the following inputs are missing: {}", .0.join(", "))]
    MissingInputs(Vec<String>),
    /// The payload is no JSON.
    #[error("the payload cannot be written down")]
    Encode(#[from] serde_json::Error),
}

impl ComposeError {
    /// Whether trying again can help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Store(StoreError::Database(_)) | Self::Seal(SealError::Blob(_)))
    }
}

/// Makes identifiers and sealed messages.
pub(crate) trait Composer {
    /// An identifier for a message, never used before.
    fn message_id(&mut self, now: u64) -> Result<MessageId, CryptoError>;

    /// The offer of a lease of this run. Its URLs hold until `until`, in Unix milliseconds.
    async fn offer(
        &self,
        run: &Run,
        record: &LeaseRecord,
        until: u64,
    ) -> Result<ControlMessage, ComposeError>;

    /// The offer of this lease will never be read: what was stored for it goes.
    async fn forget_offer(&self, record: &LeaseRecord);

    /// A renewal with places for further log segments, which hold until `until`, in Unix milliseconds.
    async fn renewal(
        &self,
        record: &LeaseRecord,
        grant: Grant,
        until: u64,
    ) -> Result<ControlBody, ComposeError>;
}

/// Seals to the pool's key, and signs by the control plane's.
#[derive(Debug)]
pub(crate) struct Sealer {
    pub(super) store: Store,
    pub(super) sealing: Sealing,
    /// The name of the account that policies see.
    pub(super) account_name: String,
}

impl Composer for Sealer {
    fn message_id(&mut self, now: u64) -> Result<MessageId, CryptoError> {
        fresh::message_id(now)
    }

    async fn offer(
        &self,
        run: &Run,
        record: &LeaseRecord,
        until: u64,
    ) -> Result<ControlMessage, ComposeError> {
        let stack = self.store.stack(&run.stack).await?;
        let payload = self.payload(run, &stack, record, until).await?;
        let context = offer::context(record.pool, record.worker, run.id, record.phase.as_str(), record.lease)
            .map_err(SealError::from)?;
        let certificate = self.store.pool(record.pool).await?.certificate.pem;
        let sealed = self.sealing.seal(&certificate, &context, &serde_json::to_vec(&payload)?)?;
        let body = |sealed, sig| {
            ControlBody::Offer(Offer {
                cmd_seq: record.cmd_seq,
                expires_at: Some(record.times.deadline),
                run: run.id,
                phase: record.phase,
                lease: record.lease,
                sealed,
                sig: Some(sig),
            })
        };
        let message = |sealed, sig| Message {
            id: record.offer_message,
            ts: record.times.offered_at,
            body: body(sealed, sig),
        };
        let inline = message(Sealing::inline(&sealed), sealed.sig.clone());
        if inline.encode().len() <= MAX_MESSAGE_LEN {
            return Ok(inline);
        }
        let part = self.sealing.reference(&sealed, &naming::offer(run.id, record.lease), until).await?;
        Ok(message(part, sealed.sig))
    }

    async fn forget_offer(&self, record: &LeaseRecord) {
        let Ok(name) = naming::offer(record.run, record.lease).parse() else { return };
        // A blob that stays costs room on the disk and nothing else.
        if let Err(error) = self.sealing.blobs.remove(&name).await {
            tracing::warn!(run = %record.run, lease = %record.lease, %error, "the blob of an offer stays");
        }
    }

    async fn renewal(
        &self,
        record: &LeaseRecord,
        grant: Grant,
        until: u64,
    ) -> Result<ControlBody, ComposeError> {
        let logs = self.log_uploads(record.run, record.lease, grant.cmd_seq, until)?;
        let payload = LogUploads { lease: record.lease, logs };
        let payload = serde_json::to_vec(&payload)?;
        let certificate = self.store.pool(record.pool).await?.certificate.pem;
        let context = renewal_context(record).map_err(SealError::from)?;
        let sealed = self.sealing.seal(&certificate, &context, &payload)?;
        let part = if payload.len() * 2 <= MAX_MESSAGE_LEN {
            Sealing::inline(&sealed)
        } else {
            let name = naming::renewal(record.run, record.lease, grant.cmd_seq);
            self.sealing.reference(&sealed, &name, until).await?
        };
        Ok(ControlBody::Renew(Grant { sealed: Some(part), sig: Some(sealed.sig), ..grant }))
    }
}

impl Sealer {
    async fn payload(
        &self,
        run: &Run,
        stack: &Stack,
        record: &LeaseRecord,
        until: u64,
    ) -> Result<OfferPayload, ComposeError> {
        let state_version = run.state_version + 1;
        let goes_on = record.phase == Phase::Apply;
        let workspace = match (&run.workspace, goes_on) {
            (Some(kept), true) => Some(SealedDownload {
                download: self.download(&kept.object.name, kept.object.len, &kept.object.sha256, until)?,
                phase: kept.phase,
                state_version: kept.state_version,
            }),
            (None, true) => return Err(ComposeError::NoWorkspace),
            (_, false) => None,
        };
        let source = &run.spec.source;
        let source = match (goes_on || source.blob.is_empty(), source) {
            (true, _) => None,
            (false, source) => Some(self.download(&source.blob, source.len, &source.sha256, until)?),
        };
        let goes_on_later = (run.spec.run_type, record.phase) == (RunType::Tracked, Phase::Plan);
        let workspace_name = naming::workspace(run.id, record.lease, state_version);
        let hands_on = (run.spec.run_type, record.phase) == (RunType::Tracked, Phase::Apply);
        let outputs_name = naming::outputs(run.id, record.lease, state_version);
        let uploads = Uploads {
            outputs: hands_on.then(|| self.upload(outputs_name, MAX_OUTPUTS, until)).transpose()?,
            workspace: goes_on_later
                .then(|| self.upload(workspace_name, MAX_WORKSPACE, until))
                .transpose()?,
            logs: self.log_uploads(run.id, record.lease, record.cmd_seq, until)?,
        };
        Ok(OfferPayload {
            pool: record.pool,
            worker: record.worker,
            lease: record.lease,
            phase: record.phase,
            state_version,
            run: run_details(run, record.phase),
            stack: stack_details(stack),
            account_name: self.account_name.clone(),
            workflow: stack.code.workflow.clone(),
            command: run.spec.command.clone(),
            hooks: stack.code.hooks.clone(),
            environment: self.store.stack_environment(&stack.slug).await?,
            runner_image: stack.code.runner_image.clone(),
            source,
            workspace,
            inputs: self.inputs(run, until)?,
            uploads,
        })
    }

    /// What the run takes of other stacks.
    fn inputs(&self, run: &Run, until: u64) -> Result<Vec<StackInputs>, ComposeError> {
        let missing = run.spec.inputs.iter().filter(|input| input.outputs.is_none()).flat_map(|input| {
            let shown = |variable: &OutputVariable| {
                format!("{}.{} => {}", input.stack, variable.output, variable.name)
            };
            input.variables.iter().map(shown)
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            return Err(ComposeError::MissingInputs(missing));
        }
        let inputs = run.spec.inputs.iter().filter_map(|input| Some((input, input.outputs.as_ref()?)));
        let inputs = inputs.map(|(input, (made_by, made))| {
            let SealedObject { name, len, sha256 } = &made.object;
            Ok(StackInputs {
                stack: input.stack.clone(),
                run: *made_by,
                outputs: SealedDownload {
                    download: self.download(name, *len, sha256, until)?,
                    phase: made.phase,
                    state_version: made.state_version,
                },
                variables: input.variables.clone(),
            })
        });
        inputs.collect()
    }

    fn log_uploads(
        &self,
        run: RunId,
        lease: Lease,
        cmd_seq: u64,
        until: u64,
    ) -> Result<Vec<Upload>, SealError> {
        naming::logs(run, lease, cmd_seq).map(|name| self.upload(name, MAX_LOG, until)).collect()
    }

    fn download(&self, name: &str, len: u64, sha256: &str, until: u64) -> Result<Download, SealError> {
        let url = self.sealing.links.get(&name.parse()?, until);
        Ok(Download { url, len, sha256: sha256.to_owned() })
    }

    fn upload(&self, name: String, max_len: u64, until: u64) -> Result<Upload, SealError> {
        let url = self.sealing.links.put(&name.parse()?, max_len, until);
        Ok(Upload { name, url })
    }
}

/// Exactly purpose, pool, worker, run and lease.
pub(super) fn renewal_context(record: &LeaseRecord) -> Result<Context, ContextError> {
    let LeaseRecord { pool, worker, run, lease, .. } = record;
    let (pool, worker): (&PoolId, _) = (pool, worker);
    Context::new([
        ("purpose", "renew".to_owned()),
        ("pool", pool.to_string()),
        ("worker", worker.to_string()),
        ("run", run.to_string()),
        ("lease", lease.to_string()),
    ])
}

fn run_details(run: &Run, phase: Phase) -> RunDetails {
    const NANOS: u64 = 1_000_000;
    RunDetails {
        id: run.id,
        run_type: run.spec.run_type,
        state: started_state(phase),
        title: run.spec.title.clone(),
        created_at: run.created_at.saturating_mul(NANOS),
        updated_at: run.updated_at.saturating_mul(NANOS),
        triggered_by: run.spec.triggered_by.clone(),
        commit: run.spec.commit.clone(),
        user_provided_metadata: run.spec.user_provided_metadata.clone(),
        drift_detection: run.spec.drift_detection,
        based_on_local_workspace: false,
    }
}

fn stack_details(stack: &Stack) -> StackDetails {
    StackDetails {
        slug: stack.slug.clone(),
        labels: stack.labels.clone(),
        space: stack.space.clone(),
        auto_deploy: stack.auto_deploy,
        project_root: stack.code.project_root.clone(),
        repository_path: String::new(),
        module: stack.is_module,
    }
}
