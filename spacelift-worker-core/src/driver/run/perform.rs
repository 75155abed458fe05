//! The longer works of a run: judging, fetching, sealing. Each ends in an answer for the supervisor, and may be dropped
//! at any time.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::context::RunContext;
use super::outputs::{self, HandedOn};
use super::owner::give;
use super::place::Place;
use crate::crypto::{Sha256, hex};
use crate::driver::blob::Source;
use crate::driver::{chain, clock, random};
use crate::envelope::{Context, SealWriter, UnsealReader, workspace};
use crate::exec::{Executor, Notes, PhaseSpec};
use crate::files::workspace::{Limits, pack, unpack};
use crate::policy::Decision;
use crate::protocol::message::{Download, LogManifest, SealedDownload, SealedObject, Upload};
use crate::run::{Assignment, Fetch, Inputs, Outputs, Plan, Verdict};

/// The most bytes of source or workspace that are fetched.
const MAX_ARCHIVE_LEN: u64 = 16 << 30;

/// The end of a work.
pub(super) enum Done {
    /// The policy decided; the value is its sample, when it asks for one.
    Judged {
        verdict: Verdict,
        sample: Option<serde_json::Value>,
    },
    /// The workspace is there, with what other stacks hand on, and the executor of its steps where that is one of the phase's own.
    Fetched(Result<(Option<Box<dyn Executor>>, Inputs), Unready>),
    /// The commands' outputs were read.
    OutputsRead(Result<(Outputs, HandedOn), String>, Upload),
    OutputsPut(Result<SealedObject, String>),
    Sealed(Result<SealedObject, String>),
    Flushed(Option<LogManifest>),
}

/// What a phase lacks to begin.
pub(super) enum Unready {
    Workspace(String),
    Place(String),
}

/// Any failure on the way, told once as a chain.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// Asks the policy. Without one every run is allowed; whatever goes wrong with one denies.
pub(super) async fn evaluate_policy(context: Arc<RunContext>, assignment: Arc<Assignment>) -> Done {
    let Some(policy) = context.policy.clone() else {
        return Done::Judged { verdict: Verdict::Allowed, sample: None };
    };
    let now_ns = u64::try_from(clock::unix_time().as_nanos()).unwrap_or(u64::MAX);
    let judged = tokio::task::spawn_blocking(move || {
        let input = assignment.policy_input(env!("CARGO_PKG_VERSION")).document();
        let decision = policy.evaluate(&input, now_ns);
        for warning in decision.warnings() {
            tracing::warn!(run_ulid = %assignment.payload().run.id, warning, "of the run initialization policy");
        }
        let random = random::bits().unwrap_or_default();
        let sample = decision.sampled().then(|| policy.sample_line(&input, &decision, now_ns, random));
        (verdict(&decision), sample)
    });
    match judged.await {
        Ok((verdict, sample)) => Done::Judged { verdict, sample },
        Err(_) => {
            let reason = "the policy could not be evaluated".to_owned();
            Done::Judged { verdict: Verdict::Denied(vec![reason]), sample: None }
        }
    }
}

fn verdict(decision: &Decision) -> Verdict {
    if decision.allowed() { Verdict::Allowed } else { Verdict::Denied(decision.reasons().to_vec()) }
}

/// Fetches what the phase works on, verifies it, and unpacks it into the run's folder; and meanwhile lets the executor prepare.
pub(super) async fn fetch(
    context: Arc<RunContext>,
    assignment: Arc<Assignment>,
    fetch: Fetch,
    place: Arc<Place>,
    (phase, notes): (PhaseSpec, Notes),
) -> Done {
    let fetched = async {
        let fetched = match &fetch {
            Fetch::Source(download) => fetch_source(&context, download, &place).await,
            Fetch::Workspace(sealed) => fetch_workspace(&context, &assignment, sealed, &place).await,
        };
        let taken = match fetched {
            Ok(()) => outputs::take(&context, &assignment).await,
            Err(error) => Err(error),
        };
        taken.map_err(|error| Unready::Workspace(chain(&*error)))
    };
    let prepared = async {
        let prepared = context.executor.prepare(phase, notes).await;
        prepared.map_err(|error| Unready::Place(chain(&error)))
    };
    let done = match tokio::try_join!(fetched, prepared) {
        Ok((inputs, executor)) => given(&context, &place).await.map(|()| (executor, inputs)),
        Err(unready) => Err(unready),
    };
    Done::Fetched(done)
}

/// Gives the workspace to whoever runs the steps.
async fn given(context: &RunContext, place: &Arc<Place>) -> Result<(), Unready> {
    let Some(owner) = context.executor.view().owner else { return Ok(()) };
    let workspace = place.workspace();
    let given = blocking(move || Ok(give(&workspace, owner)?)).await;
    given.map_err(|error| {
        Unready::Workspace(format!("it cannot be given to user {}: {}", owner.0, chain(&*error)))
    })
}

/// Reads what the commands wrote for other stacks.
pub(super) async fn read_outputs(context: Arc<RunContext>, place: Arc<Place>, upload: Upload) -> Done {
    Done::OutputsRead(outputs::read(&context, &place).await.map_err(|error| chain(&*error)), upload)
}

async fn fetch_source(context: &RunContext, source: &Download, place: &Arc<Place>) -> Result<(), Failure> {
    let archive = place.file("source.tar.zst");
    context.blobs.get_file(&source.url, source.len, &source.sha256, MAX_ARCHIVE_LEN, &archive).await?;
    let place = place.clone();
    blocking(move || {
        fs::create_dir(place.workspace())?;
        unpack(File::open(&archive)?, &place.source(), &Limits::default())?;
        fs::remove_file(&archive)?;
        Ok(())
    })
    .await
}

async fn fetch_workspace(
    context: &Arc<RunContext>,
    assignment: &Assignment,
    sealed: &SealedDownload,
    place: &Arc<Place>,
) -> Result<(), Failure> {
    let expected = workspace_context(context, assignment, sealed.phase.as_str(), sealed.state_version)?;
    let file = place.file("workspace.sealed");
    let download = &sealed.download;
    context.blobs.get_file(&download.url, download.len, &download.sha256, MAX_ARCHIVE_LEN, &file).await?;
    let (context, place) = (context.clone(), place.clone());
    blocking(move || {
        let archive = place.file("workspace.tar.zst");
        let unsealer = workspace::unsealer(&context.credentials.opening_keys(), &expected);
        let mut plain = UnsealReader::new(unsealer, File::open(&file)?);
        let mut out = private_file(&archive)?;
        io::copy(&mut plain, &mut out).map_err(seal_failure)?;
        fs::remove_file(&file)?;
        // Only now is all of it known to be authentic, so only now is it looked into.
        unpack(File::open(&archive)?, &place.workspace(), &Limits::default())?;
        fs::remove_file(&archive)?;
        // What a plan left under the name is not what the apply is asked for.
        let _ = fs::remove_file(place.workspace().join(Plan::outputs_file()));
        Ok(())
    })
    .await
}

/// Packs and seals the workspace, and uploads it.
pub(super) async fn seal(
    context: Arc<RunContext>,
    assignment: Arc<Assignment>,
    upload: Upload,
    state_version: u64,
    place: Arc<Place>,
) -> Done {
    let result = seal_and_put(&context, &assignment, &upload, state_version, &place).await;
    Done::Sealed(result.map_err(|error| chain(&*error)))
}

async fn seal_and_put(
    context: &Arc<RunContext>,
    assignment: &Assignment,
    upload: &Upload,
    state_version: u64,
    place: &Arc<Place>,
) -> Result<SealedObject, Failure> {
    let phase = assignment.payload().phase.as_str();
    let sealed_for = workspace_context(context, assignment, phase, state_version)?;
    let file = place.file("workspace.sealed");
    let (key_of, folder, path) = (context.clone(), place.clone(), file.clone());
    let (len, sha256) = blocking(move || {
        let sealer = workspace::sealer(key_of.credentials.key(), &sealed_for, None)?;
        let out = BufWriter::with_capacity(256 * 1024, private_file(&path)?);
        let mut writer = SealWriter::new(sealer, Digesting { inner: out, hash: Sha256::new(), len: 0 });
        let packed = pack(&folder.workspace_left()?, &mut writer)?;
        for skipped in &packed.skipped {
            tracing::warn!(what = ?skipped, "left out of the workspace");
        }
        let mut digesting = writer.finish()?;
        digesting.flush()?;
        Ok((digesting.len, hex(&digesting.hash.finish())))
    })
    .await?;
    context.blobs.put(&upload.url, &Source::File(file)).await?;
    Ok(SealedObject { name: upload.name.clone(), len, sha256 })
}

fn workspace_context(
    context: &RunContext,
    assignment: &Assignment,
    phase: &str,
    state_version: u64,
) -> Result<Context, Failure> {
    let payload = assignment.payload();
    Ok(workspace::context(context.pool(), &payload.stack.slug, payload.run.id, phase, state_version)?)
}

/// An error of the envelope inside an I/O error is what a person needs to read.
fn seal_failure(error: io::Error) -> Failure {
    match error.into_inner() {
        Some(inner) => inner,
        None => "the sealed workspace could not be read".into(),
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    File::options().create_new(true).write(true).mode(0o600).open(path)
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err("the worker failed while it handled files".into()),
    }
}

/// Counts and digests what passes to a file.
struct Digesting<W> {
    inner: W,
    hash: Sha256,
    len: u64,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
