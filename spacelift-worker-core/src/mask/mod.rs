//! Secrets never reach a log: every occurrence of a secret in a stream becomes `*****`.
//!
//! No byte of any occurrence of a registered secret, in any of its forms, comes out of a [`Masker`]; every other byte
//! comes out unchanged and in order, but for a prefix of a secret of 8 bytes or more that is still held at
//! [`Masker::finish`], which is masked.
//!
//! 1. The output depends on the bytes and on the set of secrets, never on how the bytes were cut into writes.
//! 2. Overlapping and touching occurrences become one [`MASK`], whatever their length.
//! 3. Held back is only the longest suffix that may still become a secret; no timer releases it.
//! 4. A secret added while streams run applies to all bytes that they have not yet let go.
//! 5. Time is linear in the bytes, memory in the secrets.
//!
//! Not promised: secrets encoded twice, reversed, spelled with blanks or wrapped in the middle. This module never
//! decides what is secret, and never logs.
//!
//! ```
//! use spacelift_worker_core::mask::{SecretSet, Secrets};
//!
//! let mut set = SecretSet::new();
//! set.add(b"hunter2")?;
//! let secrets = Secrets::new(set)?;
//!
//! let (mut masker, mut out) = (secrets.masker(), Vec::new());
//! masker.push(b"the password is hunt", &mut out);
//! assert_eq!(out, b"the password is ");
//! masker.push(b"er2.\n", &mut out);
//! masker.finish(&mut out);
//! assert_eq!(out, b"the password is *****.\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod forms;
mod matcher;
mod secrets;
mod stream;
#[cfg(test)]
mod tests;

pub use forms::Forms;
pub use secrets::{NotRegistered, SecretSet, Secrets, TooManySecrets};
pub use stream::{MASK, Masker};
