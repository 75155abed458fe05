//! The rivals of sealing: AES-256-GCM with nothing around it, and the files of age.
//!
//! The raw rivals encrypt 16 KiB at a time to a reused output, with the nonce counted up. They draw no key, wrap none, sign
//! nothing and derive nothing.

pub(crate) mod age;
pub(crate) mod aws_lc;
pub(crate) mod openssl;
