//! What this worker needs, listed and probed.
