//! The certificate authority of the control plane: who may speak to whom over TLS.
//!
//! | certificate | subject | for |
//! | --- | --- | --- |
//! | the authority's own | `CN=mothership` | signs the others; it stands in tokens |
//! | the server's | `CN=` its first name | HTTPS and the embedded broker |
//! | the control plane's | `CN=controlplane` | this control plane as a client of an outside broker |
//! | a pool's | `CN=<pool ULID>` | the pool's workers; made from a request, whose subject is not taken over |
//!
//! Keys of its own are ECDSA P-256; a pool's key is RSA, since run state is sealed to it. It never sees a pool's private
//! key, and never decides whether a certificate may still connect: the store does.

mod authority;
mod certificate;
mod request;
mod signing_key;

pub use authority::{Authority, CaError, Identity};
pub use certificate::{IssuedCertificate, Revoked, Validity};
pub use request::RequestError;
pub use signing_key::{SigningKeyError, load_or_create_signing_key};

#[cfg(test)]
mod tests;
