//! Outputs in and out: read, sealed and put after a phase; fetched, opened and turned into variables before one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, open};

use super::context::RunContext;
use super::perform::{Failure, blocking};
use super::place::Place;
use crate::crypto::{hex, sha256};
use crate::driver::blob::Source;
use crate::driver::chain;
use crate::envelope::{Context, outputs as envelope};
use crate::protocol::message::{SealedObject, StackInputs, Upload};
use crate::run::{Assignment, Inputs, MAX_OUTPUTS_LEN, Outputs, Plan};
use crate::secret::{SecretBytes, SecretText};

/// The most bytes of sealed outputs: what is inside, and room for header and tags.
const MAX_SEALED_LEN: u64 = MAX_OUTPUTS_LEN as u64 + (64 << 10);

/// What became of a run's outputs.
#[derive(Default)]
pub(super) struct HandedOn {
    /// What must show in no log from now on, with the names of the outputs.
    pub(super) secrets: Vec<(String, SecretText)>,
    /// The names of those that are sensitive and stay here.
    pub(super) withheld: Vec<String>,
}

/// Reads the outputs that commands wrote, if they did. What is secret of them comes back whatever happens next.
pub(super) async fn read(
    context: &Arc<RunContext>,
    place: &Arc<Place>,
) -> Result<(Outputs, HandedOn), Failure> {
    let (place, sensitive_too) = (place.clone(), context.settings.sensitive_outputs);
    blocking(move || {
        let Some(bytes) = read_file(&place.workspace_left()?.join(Plan::outputs_file()))? else {
            return Ok((Outputs::default(), HandedOn::default()));
        };
        let mut outputs = Outputs::parse(bytes.expose())?;
        let secrets = outputs.secrets();
        let withheld = if sensitive_too { Vec::new() } else { outputs.withhold_sensitive() };
        Ok((outputs, HandedOn { secrets, withheld }))
    })
    .await
    .map_err(|error| format!("{}: {}", Plan::outputs_file(), chain(&*error)).into())
}

/// Seals outputs and puts them.
pub(super) async fn put(
    context: Arc<RunContext>,
    assignment: Arc<Assignment>,
    outputs: Outputs,
    upload: Upload,
    state_version: u64,
) -> Result<SealedObject, String> {
    let put = async {
        let payload = assignment.payload();
        let phase = payload.phase.as_str();
        let sealed_for =
            envelope::context(context.pool(), &payload.stack.slug, payload.run.id, phase, state_version)?;
        let key_of = context.clone();
        let sealed =
            blocking(move || Ok(envelope::seal(key_of.credentials.key(), &sealed_for, &outputs.encode())?))
                .await?;
        let object =
            SealedObject { name: upload.name, len: sealed.len() as u64, sha256: hex(&sha256(&sealed)) };
        context.blobs.put(&upload.url, &Source::Bytes(Bytes::from(sealed))).await?;
        Ok::<_, Failure>(object)
    };
    put.await.map_err(|error| chain(&*error))
}

/// Fetches and opens what other stacks' runs handed on to this one.
pub(super) async fn take(context: &Arc<RunContext>, assignment: &Assignment) -> Result<Inputs, Failure> {
    let mut all = Inputs::default();
    for inputs in &assignment.payload().inputs {
        let taken = take_one(context, inputs).await;
        let mut taken = taken
            .map_err(|error| format!("the outputs of the stack {}: {}", inputs.stack, chain(&*error)))?;
        all.variables.append(&mut taken.variables);
        all.secrets.append(&mut taken.secrets);
        all.withheld.append(&mut taken.withheld);
    }
    Ok(all)
}

async fn take_one(context: &Arc<RunContext>, inputs: &StackInputs) -> Result<Inputs, Failure> {
    let made = &inputs.outputs;
    let expected: Context = envelope::context(
        context.pool(),
        &inputs.stack,
        inputs.run,
        made.phase.as_str(),
        made.state_version,
    )?;
    let object = &made.download;
    let sealed = context.blobs.get_bytes(&object.url, object.len, &object.sha256, MAX_SEALED_LEN).await?;
    let (context, inputs) = (context.clone(), inputs.clone());
    blocking(move || {
        let plain = envelope::unseal(&context.credentials.opening_keys(), &expected, &sealed)?;
        Ok(Outputs::decode(plain.expose())?.variables(&inputs)?)
    })
    .await
}

/// A file that commands may have written. What else may stand there is not followed and not waited for: the worker may be
/// allowed to read more than they are.
fn read_file(path: &Path) -> Result<Option<SecretBytes>, Failure> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err("it is a link, and must be a file".into()),
        Err(errno) => return Err(io::Error::from(errno).into()),
    };
    if !file.metadata()?.is_file() {
        return Err("it is no file".into());
    }
    let mut bytes = Vec::new();
    let limit = MAX_OUTPUTS_LEN as u64 + 1;
    let read = file.take(limit).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_pipes_and_folders_in_place_of_the_file_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(read_file(&path("absent")).unwrap().is_none());
        std::fs::write(path("file"), "{}").unwrap();
        assert_eq!(read_file(&path("file")).unwrap().unwrap().expose(), b"{}");
        symlink(path("file"), path("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        for (name, words) in
            [("link", "it is a link"), ("pipe", "it is no file"), ("folder", "it is no file")]
        {
            assert!(read_file(&path(name)).unwrap_err().to_string().contains(words), "{name}");
        }
    }

    #[test]
    fn no_more_is_read_than_could_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::write(&path, vec![b' '; MAX_OUTPUTS_LEN + 9]).unwrap();
        let bytes = read_file(&path).unwrap().unwrap();
        assert_eq!(bytes.len(), MAX_OUTPUTS_LEN + 1);
        assert!(Outputs::parse(bytes.expose()).is_err());
    }
}
