//! Sealed workspaces: from the phase that made one to the worker that goes on with it, both of one pool.
//!
//! A workspace is sealed to the pool's key and signed by it, and never read otherwise: its signer must be its recipient.

use std::sync::Arc;

use super::context::{Context, ContextError};
use super::seal::{SealError, Sealer};
use super::unseal::Unsealer;
use crate::ids::{PoolId, RunId};
use crate::pool::PoolKey;

/// The context of a workspace.
///
/// `pool` comes from the reader's own token, the rest from the offer that it opened; `phase` is the one that made
/// the workspace, `state_version` the run's when it was sealed.
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
    Context::of_phase("workspace", pool, stack, run, phase, state_version)
}

/// Seals a workspace to the pool and signs it.
///
/// # Errors
/// [`SealError`]
pub fn sealer(pool: &PoolKey, context: &Context, plain_len: Option<u64>) -> Result<Sealer, SealError> {
    Sealer::new(&pool.public_key(), context, Some(pool), plain_len)
}

/// Opens a workspace that one of these keys, the pool's present and older ones, was used to seal and to sign.
pub fn unsealer<'a>(keys: &[&'a PoolKey], expected: &Context) -> Unsealer<'a> {
    Unsealer::signed_by_recipient(keys, expected)
}

/// As [`unsealer`], with keys that live as long as the reader needs them.
pub fn unsealer_with_shared_keys(keys: &[Arc<PoolKey>], expected: &Context) -> Unsealer<'static> {
    Unsealer::shared_signed_by_recipient(keys, expected)
}
