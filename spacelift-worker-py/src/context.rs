//! What a sealed file is for.

use spacelift_worker_core::envelope::Context;

use crate::failure::Failure;

/// Pairs of texts, in whatever order.
pub(crate) fn context(pairs: Vec<(String, String)>) -> Result<Context, Failure> {
    Ok(Context::new(pairs)?)
}
