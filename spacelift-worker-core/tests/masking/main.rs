//! The promise of masking, from outside: against a reference that is slow and plain, point by point, and in the spellings of real
//! tools.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

#[path = "../../../fuzz/src/mask/reference.rs"]
pub mod reference;

mod points;
mod random;
mod streams;
mod vectors;
