//! Decryption of a message that comes in pieces.

use std::fmt;

use zeroize::Zeroizing;

use super::chunks::Chunks;
use super::{Damaged, PREFIX_LEN, SEALED_CHUNK_LEN, TAG_LEN};
use crate::envelope::key::InputKey;
use crate::output::Output;

/// Decrypts the chunks of one message in their order. Who calls it stops at the first error.
pub(crate) struct ChunkDecryptor {
    pub(super) chunks: Chunks,
    next: u64,
}

impl ChunkDecryptor {
    /// Checks the commitment in `prefix`, the first [`PREFIX_LEN`] bytes of a ciphertext.
    pub(crate) fn new(key: &[u8; 32], context: &[u8], prefix: &[u8]) -> Result<Self, Damaged> {
        Ok(Self { chunks: Chunks::committed(key, context, prefix)?, next: 0 })
    }

    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn append(&mut self, sealed: &[u8], out: &mut dyn Output) -> Result<(), Damaged> {
        let number = self.number();
        self.chunks.open(number, sealed, out)
    }
}

enum State {
    /// Salt and commitment are not there yet.
    Prefix {
        key: InputKey,
        context: Vec<u8>,
    },
    Chunks(ChunkDecryptor),
    Failed,
}

/// Decrypts one message that comes in pieces.
pub struct Decryptor {
    state: State,
    /// Ciphertext of less than a prefix or a chunk.
    pending: Vec<u8>,
}

impl Decryptor {
    /// A message under `key` for `context`.
    pub fn new(key: &[u8; 32], context: &[u8]) -> Self {
        let state = State::Prefix { key: Zeroizing::new(*key), context: context.to_vec() };
        Self { state, pending: Vec::new() }
    }

    /// Takes the next piece of ciphertext and appends what is verified to `out`.
    ///
    /// # Errors
    /// [`Damaged`], again at each further call. What was appended before is verified, but not the whole message.
    pub fn update(&mut self, sealed: &[u8], out: &mut dyn Output) -> Result<(), Damaged> {
        // The state is put back only when all went well, so that the first error stays.
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Prefix { key, context } => {
                let (head, rest) = sealed.split_at(sealed.len().min(PREFIX_LEN - self.pending.len()));
                self.pending.extend_from_slice(head);
                if self.pending.len() < PREFIX_LEN {
                    State::Prefix { key, context }
                } else {
                    let mut chunks = ChunkDecryptor::new(&key, &context, &self.pending)?;
                    self.pending.clear();
                    self.open_full(&mut chunks, rest, out)?;
                    State::Chunks(chunks)
                }
            }
            State::Chunks(mut chunks) => {
                self.open_full(&mut chunks, sealed, out)?;
                State::Chunks(chunks)
            }
            State::Failed => return Err(Damaged),
        };
        Ok(())
    }

    fn open_full(
        &mut self,
        chunks: &mut ChunkDecryptor,
        sealed: &[u8],
        out: &mut dyn Output,
    ) -> Result<(), Damaged> {
        let mut rest = sealed;
        if !self.pending.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(SEALED_CHUNK_LEN - self.pending.len()));
            self.pending.extend_from_slice(head);
            rest = tail;
            if self.pending.len() == SEALED_CHUNK_LEN {
                chunks.append(&self.pending, out)?;
                self.pending.clear();
            }
        }
        let (full, tail) = rest.as_chunks::<SEALED_CHUNK_LEN>();
        for chunk in full {
            chunks.append(chunk, out)?;
        }
        self.pending.extend_from_slice(tail);
        Ok(())
    }

    /// Verifies the end of the message and appends its last bytes to `out`. Only now is the message whole.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn finish(self, out: &mut dyn Output) -> Result<(), Damaged> {
        match self.state {
            // "The final chunk … MUST be shorter than 16 KiB": a full one never stays pending, and nothing pending is
            // too short to be a chunk.
            State::Chunks(mut chunks) if self.pending.len() >= TAG_LEN => chunks.append(&self.pending, out),
            _ => Err(Damaged),
        }
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor").finish_non_exhaustive()
    }
}
