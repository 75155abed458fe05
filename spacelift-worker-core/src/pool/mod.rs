//! A worker pool's credentials: its token and its private key.
