//! Sealed outputs: from the run of one stack to runs of other stacks, all of one pool.
//!
//! As a workspace, they are sealed to the pool's key and signed by it, and never read otherwise: their signer must be their
//! recipient. Their purpose is their own, so that neither is ever taken for the other.

use super::context::{Context, ContextError};
use super::seal::{SealError, seal as seal_bytes};
use super::unseal::{UnsealError, Unsealer, all_of};
use crate::ids::{PoolId, RunId};
use crate::pool::PoolKey;
use crate::secret::SecretBytes;

/// The context of outputs.
///
/// `pool` comes from the reader's own token, the rest from the offer that it opened: `stack` and `run` are those that made the
/// outputs, `phase` and `state_version` the ones in which they were made.
///
/// # Errors
/// [`ContextError::Value`] when `stack` or `phase` has no place in a context.
pub fn context(
    pool: PoolId,
    stack: &str,
    run: RunId,
    phase: &str,
    state_version: u64,
) -> Result<Context, ContextError> {
    Context::of_phase("outputs", pool, stack, run, phase, state_version)
}

/// Seals outputs to the pool and signs them.
///
/// # Errors
/// [`SealError`]
pub fn seal(pool: &PoolKey, context: &Context, outputs: &SecretBytes) -> Result<Vec<u8>, SealError> {
    seal_bytes(&pool.public_key(), context, Some(pool), outputs.expose())
}

/// Opens outputs that one of these keys, the pool's present and older ones, was used to seal and to sign.
///
/// # Errors
/// [`UnsealError`]
pub fn unseal(keys: &[&PoolKey], expected: &Context, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
    all_of(Unsealer::signed_by_recipient(keys, expected), sealed)
}
