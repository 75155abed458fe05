//! What is new each time: the hour, random bytes, identifiers. The one place that reads a clock or draws randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use spacelift_worker_core::crypto::{CryptoError, fill_random};
use spacelift_worker_core::ids::{MessageId, PoolId, RunId, WorkerId};

/// The time in Unix milliseconds; 0 when the clock stands before 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Random bytes.
///
/// # Errors
/// [`CryptoError::Randomness`].
pub fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

macro_rules! fresh {
    ($(#[$doc:meta])* $function:ident -> $id:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`CryptoError::Randomness`].
        pub fn $function(now_ms: u64) -> Result<$id, CryptoError> {
            Ok($id::from_parts(now_ms, u128::from_le_bytes(random()?)))
        }
    };
}

fresh! {
    /// An identifier for a new pool.
    pool_id -> PoolId
}
fresh! {
    /// An identifier for a new run.
    run_id -> RunId
}
fresh! {
    /// An identifier for a new message.
    message_id -> MessageId
}
fresh! {
    /// An identifier for a worker: for tests, since workers make their own.
    worker_id -> WorkerId
}
