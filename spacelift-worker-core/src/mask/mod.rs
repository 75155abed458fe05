//! Secrets never reach a log: every occurrence of a secret in a stream becomes `*****`.
//!
//! No byte of any occurrence of a registered secret, in any of its forms, comes out of a [`Masker`]; every other byte
//! comes out unchanged and in order, but for a prefix of a secret of 8 bytes or more that is still held at
//! [`Masker::finish`], which is masked; `::add-mask` lines, which are swallowed; and well-known secrets.
//!
//! 1. The output depends on the bytes and on the set of secrets, never on how the bytes were cut into writes.
//! 2. Overlapping and touching occurrences become one [`MASK`], whatever their length.
//! 3. Held back is only the longest suffix that may still become a secret; no timer releases it.
//! 4. Values are found in many spellings: [`Forms`].
//! 5. Control sequences, carriage returns and NUL inside of a value do not hide it: [`MaskSettings::terminal`].
//! 6. A secret added while streams run applies to all bytes that they have not yet let go: [`Secrets::add`], and
//!    `::add-mask` lines in what a [`Secrets::masker_with_commands`] reads.
//! 7. What is blank, short or a common word is not registered, and the reason comes back: [`NotRegistered`], [`Notice`].
//! 8. Well-known secrets are masked unnamed when that is switched on: [`MaskSettings::well_known`].
//! 9. Time is linear in the bytes, memory in the secrets.
//!
//! Not promised: secrets encoded twice, reversed, spelled with blanks or wrapped in the middle. This module never
//! decides which value is secret, and never logs.
//!
//! ```text
//! bytes ── commands ──> stream ─┬─ as it is ──> lane ─┬─ matchers: filter, automaton
//!                               └─ as shown ──> lane ─┴─ known: shapes
//!                                                │
//!          out <── held bytes <── regions <──────┘
//! ```
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

mod commands;
mod forms;
mod held;
mod known;
mod lane;
mod levels;
mod masker;
mod matcher;
mod regions;
mod secrets;
mod stream;
mod terminal;
mod view;

pub use forms::Forms;
pub use masker::{Masker, Notice};
pub use secrets::{MaskSettings, NotRegistered, SecretSet, Secrets, TooManySecrets};
pub use stream::MASK;
