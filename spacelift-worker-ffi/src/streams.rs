//! A transformation of bytes over buffers of the caller's: in a few at a time, out a few at a time.
//!
//! What does not fit into the output buffer waits here. After an error the same error comes again, and nothing else.

use spacelift_worker_core::envelope::cobblestone::{CHUNK_LEN, Decryptor, Encryptor};
use spacelift_worker_core::envelope::{Sealer, Unsealer};
use spacelift_worker_core::output::{Output, Spilling};
use zeroize::{Zeroize, Zeroizing};

use crate::failure::Failure;
use crate::status::{SLW_MORE_OUTPUT, SLW_OK, slw_status};

/// The tag of a chunk.
const TAG_LEN: usize = 16;
/// More than header and signature line and the salt and commitment behind them.
const HEAD_LEN: usize = 16_384 + 1_366 + 2 + 56;
/// So much input is taken at a time, so that what waits stays short.
const PIECE: usize = 1 << 20;

const FINISHED: &str = "the stream was finished; make a new one";

/// What happens to the bytes.
pub(crate) trait Transform: Send + Sized + 'static {
    /// Takes the next bytes and appends what is ready.
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure>;
    /// Appends the end.
    fn finish(self, out: &mut dyn Output) -> Result<(), Failure>;
    /// The most bytes that come out for `input` bytes, or at the end when there are none.
    fn bound(&self, input: usize) -> usize;
}

enum State<T> {
    Open(T),
    /// Finished; what waits is the end.
    Ended,
    Failed(Failure),
}

/// How far a call came.
pub(crate) struct Step {
    pub(crate) consumed: usize,
    pub(crate) written: usize,
    pub(crate) status: slw_status,
}

/// A transformation and what of its output waits.
pub(crate) struct Stream<T> {
    state: State<T>,
    waiting: Zeroizing<Vec<u8>>,
    /// How much of it was taken.
    taken: usize,
}

impl<T: Transform> Stream<T> {
    pub(crate) fn new(transform: T) -> Self {
        Self { state: State::Open(transform), waiting: Zeroizing::default(), taken: 0 }
    }

    /// Takes input as long as output fits.
    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Failure> {
        self.open_mut()?;
        let (mut consumed, mut written) = (0, self.drain(out));
        let outcome = loop {
            let piece = match &mut self.state {
                State::Failed(failure) => break Err(failure.clone()),
                State::Ended => break Err(Failure::state(FINISHED)),
                State::Open(_) if self.taken < self.waiting.len() => break Ok(SLW_MORE_OUTPUT),
                State::Open(_) if consumed == input.len() => break Ok(SLW_OK),
                State::Open(transform) => {
                    let rest = input.get(consumed..).unwrap_or_default();
                    let piece = rest.get(..PIECE).unwrap_or(rest);
                    self.waiting.clear();
                    self.taken = 0;
                    // Straight into the caller's buffer as far as it goes, which is far if it has the bound's size.
                    let free = out.get_mut(written..).unwrap_or_default();
                    let mut to = Spilling::new(free, &mut self.waiting);
                    let updated = transform.update(piece, &mut to);
                    written += to.len();
                    if let Err(failure) = updated {
                        break Err(failure);
                    }
                    piece.len()
                }
            };
            consumed += piece;
            written += self.drain(out.get_mut(written..).unwrap_or_default());
        };
        self.step(outcome, consumed, written, out)
    }

    /// Ends the stream, and goes on giving what waits.
    pub(crate) fn finish(&mut self, out: &mut [u8]) -> Result<Step, Failure> {
        let mut written = self.drain(out);
        if self.taken < self.waiting.len() {
            return self.step(Ok(SLW_MORE_OUTPUT), 0, written, out);
        }
        let outcome = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => Ok(SLW_OK),
            State::Failed(failure) => Err(failure),
            State::Open(transform) => {
                self.waiting.clear();
                self.taken = 0;
                let mut to = Spilling::new(out.get_mut(written..).unwrap_or_default(), &mut self.waiting);
                let finished = transform.finish(&mut to);
                written += to.len();
                finished.map(|()| {
                    written += self.drain(out.get_mut(written..).unwrap_or_default());
                    if self.taken < self.waiting.len() { SLW_MORE_OUTPUT } else { SLW_OK }
                })
            }
        };
        self.step(outcome, 0, written, out)
    }

    /// The most bytes that a call with `input` bytes writes, or the end when there are none.
    pub(crate) fn bound(&self, input: usize) -> usize {
        let waiting = self.waiting.len() - self.taken;
        match &self.state {
            State::Open(transform) => waiting.saturating_add(transform.bound(input)),
            State::Ended | State::Failed(_) => waiting,
        }
    }

    /// The transformation, until it is finished.
    pub(crate) fn open(&self) -> Option<&T> {
        match &self.state {
            State::Open(transform) => Some(transform),
            State::Ended | State::Failed(_) => None,
        }
    }

    /// Likewise, to change it.
    pub(crate) fn open_mut(&mut self) -> Result<&mut T, Failure> {
        match &mut self.state {
            State::Open(transform) => Ok(transform),
            State::Ended => Err(Failure::state(FINISHED)),
            State::Failed(failure) => Err(failure.clone()),
        }
    }

    fn drain(&mut self, out: &mut [u8]) -> usize {
        let waiting = self.waiting.get(self.taken..).unwrap_or_default();
        let len = waiting.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..len), waiting.get(..len)) {
            to.copy_from_slice(from);
        }
        self.taken += len;
        len
    }

    /// On an error, nothing of this call comes out.
    fn step(
        &mut self,
        outcome: Result<slw_status, Failure>,
        consumed: usize,
        written: usize,
        out: &mut [u8],
    ) -> Result<Step, Failure> {
        outcome.map(|status| Step { consumed, written, status }).inspect_err(|failure| {
            out.get_mut(..written).unwrap_or_default().zeroize();
            self.waiting.zeroize();
            self.taken = 0;
            self.state = State::Failed(failure.clone());
        })
    }
}

/// The most bytes that sealing chunks gives.
fn sealed_bound(input: usize) -> usize {
    let chunks = input / CHUNK_LEN + 2;
    input.saturating_add(HEAD_LEN + CHUNK_LEN).saturating_add(chunks.saturating_mul(TAG_LEN))
}

/// The most bytes that opening chunks gives.
fn plain_bound(input: usize) -> usize {
    input.saturating_add(CHUNK_LEN + TAG_LEN)
}

impl Transform for Sealer {
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::update(self, input, out)?)
    }

    fn finish(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::finish(self, out)?)
    }

    fn bound(&self, input: usize) -> usize {
        sealed_bound(input)
    }
}

impl Transform for Unsealer<'static> {
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Unsealer::update(self, input, out)?)
    }

    fn finish(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Unsealer::finish(self, out)?)
    }

    fn bound(&self, input: usize) -> usize {
        plain_bound(input)
    }
}

impl Transform for Encryptor {
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::update(self, input, out)?)
    }

    fn finish(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::finish(self, out)?)
    }

    fn bound(&self, input: usize) -> usize {
        sealed_bound(input)
    }
}

impl Transform for Decryptor {
    fn update(&mut self, input: &[u8], out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::update(self, input, out)?)
    }

    fn finish(self, out: &mut dyn Output) -> Result<(), Failure> {
        Ok(Self::finish(self, out)?)
    }

    fn bound(&self, input: usize) -> usize {
        plain_bound(input)
    }
}

#[cfg(test)]
mod tests;
