//! A masker as a stream over buffers, with a set of secrets that several streams may share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use spacelift_worker_core::mask::{Forms, MaskSettings, Masker, NotRegistered, Notice, SecretSet, Secrets};
use spacelift_worker_core::output::Output;

use crate::failure::Failure;
use crate::streams::{Step, Stream, Transform};

/// What commands in a stream could not get, oldest first.
type Notices = Arc<Mutex<VecDeque<Notice>>>;

/// A masker whose notices are kept.
pub(crate) struct Noted {
    masker: Masker,
    notices: Notices,
}

impl Noted {
    fn note(notices: &Notices, new: Vec<Notice>) {
        if !new.is_empty() {
            notices.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
    }
}

impl Transform for Noted {
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        self.masker.push(input, out);
        Self::note(&self.notices, self.masker.take_notices());
        Ok(())
    }

    fn finish(self, out: &mut dyn Output) -> Result<(), Failure> {
        Self::note(&self.notices, self.masker.finish(out));
        Ok(())
    }

    /// A mask has 5 bytes and stands for 4 or more; the beginning of a command may be held beside the rest.
    fn bound(&self, input: usize) -> usize {
        let bytes = input.saturating_add(self.masker.held());
        bytes.saturating_add(bytes / 4).saturating_add(64)
    }
}

/// The set of a masker before its first secret and its first byte, when it may still be set.
struct Begun {
    secrets: Secrets,
    stream: Stream<Noted>,
}

/// A masker of the header.
#[derive(Default)]
pub(crate) struct MaskStream {
    settings: MaskSettings,
    commands: bool,
    begun: Option<Begun>,
    notices: Notices,
}

impl MaskStream {
    fn settings(&mut self) -> Result<&mut MaskSettings, Failure> {
        match &self.begun {
            None => Ok(&mut self.settings),
            Some(_) => Err(Failure::state("the masker has begun; set this before its first secret and byte")),
        }
    }

    pub(crate) fn set_forms(&mut self, forms: Forms) -> Result<(), Failure> {
        self.settings()?.forms = forms;
        Ok(())
    }

    pub(crate) fn set_terminal(&mut self, on: bool) -> Result<(), Failure> {
        self.settings()?.terminal = on;
        Ok(())
    }

    pub(crate) fn set_well_known(&mut self, on: bool) -> Result<(), Failure> {
        self.settings()?.well_known = on;
        Ok(())
    }

    pub(crate) fn set_commands(&mut self, on: bool) -> Result<(), Failure> {
        self.settings()?;
        self.commands = on;
        Ok(())
    }

    fn begun(&mut self) -> Result<&mut Begun, Failure> {
        let begun = match self.begun.take() {
            Some(begun) => begun,
            None => {
                let secrets = Secrets::new(SecretSet::with_settings(self.settings))?;
                Self::begin(secrets, self.commands, &self.notices)
            }
        };
        Ok(self.begun.insert(begun))
    }

    fn begin(secrets: Secrets, commands: bool, notices: &Notices) -> Begun {
        let masker = if commands { secrets.masker_with_commands() } else { secrets.masker() };
        Begun { secrets, stream: Stream::new(Noted { masker, notices: notices.clone() }) }
    }

    pub(crate) fn add(&mut self, value: &[u8]) -> Result<Result<(), NotRegistered>, Failure> {
        Ok(self.begun()?.secrets.add(value)?)
    }

    /// Another stream under the same secrets.
    pub(crate) fn sibling(&mut self) -> Result<Self, Failure> {
        let (settings, commands) = (self.settings, self.commands);
        let secrets = self.begun()?.secrets.clone();
        let notices = Notices::default();
        let begun = Some(Self::begin(secrets, commands, &notices));
        Ok(Self { settings, commands, begun, notices })
    }

    pub(crate) fn push(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Failure> {
        self.begun()?.stream.update(input, out)
    }

    pub(crate) fn finish(&mut self, out: &mut [u8]) -> Result<Step, Failure> {
        self.begun()?.stream.finish(out)
    }

    pub(crate) fn bound(&mut self, input: usize) -> Result<usize, Failure> {
        Ok(self.begun()?.stream.bound(input))
    }

    pub(crate) fn held(&self) -> usize {
        let open = self.begun.as_ref().and_then(|begun| begun.stream.open());
        open.map_or(0, |noted| noted.masker.held())
    }

    /// The oldest notice that nobody took.
    pub(crate) fn notice(&self) -> Option<String> {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.front().map(ToString::to_string)
    }

    /// Takes it.
    pub(crate) fn take_notice(&self) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    }
}
