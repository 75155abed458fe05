//! Sealed offers: from the control plane to one worker of a pool.
//!
//! The sealed part carries no signature of its own: the offer around it has one, over all sealed bytes, which
//! [`verify_offer`](crate::pool::verify_offer) checks before anything is opened. The pool's key never signs an offer.

use super::context::{Context, ContextError};
use super::seal::{SealError, seal as seal_bytes};
use super::unseal::{Trust, UnsealError, unseal as unseal_bytes};
use crate::ids::{Lease, PoolId, RunId, WorkerId};
use crate::pool::{PoolKey, PoolPublicKey};
use crate::secret::SecretBytes;

/// The context of an offer: exactly purpose, pool, worker, run, phase and lease.
///
/// # Errors
/// [`ContextError::Value`] when `phase` has no place in a context.
pub fn context(
    pool: PoolId,
    worker: WorkerId,
    run: RunId,
    phase: &str,
    lease: Lease,
) -> Result<Context, ContextError> {
    Context::new([
        ("lease", lease.to_string()),
        ("phase", phase.to_owned()),
        ("pool", pool.to_string()),
        ("purpose", "offer".to_owned()),
        ("run", run.to_string()),
        ("worker", worker.to_string()),
    ])
}

/// Seals an offer's payload to the pool.
///
/// # Errors
/// [`SealError`]
pub fn seal(pool: &PoolPublicKey, context: &Context, payload: &[u8]) -> Result<Vec<u8>, SealError> {
    seal_bytes(pool, context, None, payload)
}

/// Opens an offer's payload whose outer signature was verified, or that comes from a control plane without a key.
///
/// # Errors
/// [`UnsealError`]
pub fn unseal(keys: &[&PoolKey], expected: &Context, sealed: &[u8]) -> Result<SecretBytes, UnsealError> {
    unseal_bytes(keys, expected, &Trust::Unsigned, sealed)
}
