//! Masks one stream, with or without commands in it.

use std::fmt;

use zeroize::Zeroizing;

use super::commands::{Commands, Event};
use super::secrets::{NotRegistered, Secrets, TooManySecrets};
use super::stream::Stream;
use crate::output::Output;

/// What a command in the output asked for and could not get. The caller says so in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Notice {
    /// A word is not masked.
    #[error("a word of `::add-mask` {0}")]
    NotRegistered(NotRegistered),
    /// There are too many secrets now.
    #[error("`::add-mask`: {0}; nothing more of this output is shown")]
    Closed(TooManySecrets),
}

/// Masks one stream. **A masker dropped without [`finish`](Self::finish) loses the bytes that it holds.**
pub struct Masker {
    secrets: Secrets,
    stream: Stream,
    commands: Option<Commands>,
    notices: Vec<Notice>,
}

impl Masker {
    pub(super) fn new(secrets: Secrets, commands: bool) -> Self {
        let stream = Stream::new(secrets.clone());
        Self { secrets, stream, commands: commands.then(Commands::new), notices: Vec::new() }
    }

    /// Takes the next bytes and appends to `out` whatever is certain by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn Output) {
        let Some(mut commands) = self.commands.take() else { return self.stream.push(bytes, out) };
        let mut rest = bytes;
        while let Some(event) = commands.next(&mut rest) {
            self.handle(event, out);
        }
        self.commands = Some(commands);
    }

    /// Ends the stream: appends what is held, with the beginning of a secret masked if it has 8 bytes or more.
    ///
    /// What a command asked for that nothing ended, and could not get, is returned.
    pub fn finish(mut self, out: &mut dyn Output) -> Vec<Notice> {
        if let Some(commands) = self.commands.take() {
            self.handle(commands.finish(), out);
        }
        self.stream.finish(out);
        self.notices
    }

    /// How many bytes may still become a secret and are therefore held.
    pub fn held(&self) -> usize {
        self.stream.held()
    }

    /// What commands in the bytes by now asked for and could not get.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn handle(&mut self, event: Event<'_>, out: &mut dyn Output) {
        match event {
            Event::Text(text) => self.stream.push(text, out),
            Event::Words(words) => {
                if let Err(error) = self.add(&words) {
                    self.close(error, out);
                }
            }
            Event::TooMany => self.close(TooManySecrets, out),
        }
    }

    fn add(&mut self, words: &[Zeroizing<Vec<u8>>]) -> Result<(), TooManySecrets> {
        let notices = &mut self.notices;
        let words = words.iter().map(|word| word.as_slice());
        self.secrets.add_all(words, |_, why| {
            // Once is enough.
            if !notices.contains(&Notice::NotRegistered(why)) {
                notices.push(Notice::NotRegistered(why));
            }
        })?;
        self.stream.refresh();
        Ok(())
    }

    /// What cannot be masked must not be shown.
    fn close(&mut self, error: TooManySecrets, out: &mut dyn Output) {
        let notice = Notice::Closed(error);
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
        self.stream.close(out);
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("held", &self.stream.held()).finish_non_exhaustive()
    }
}
