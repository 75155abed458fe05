//! What makes a worker a member of its pool: the token and the pool's private key, read, checked against each other.
//!
//! | value | who has it |
//! | --- | --- |
//! | [`PoolToken`] | the pool's operator and each worker; it holds no private key |
//! | [`PoolKey`] | the pool's operator and each worker; the control plane never sees it |
//! | [`ControlKey`] | the control plane alone; a token carries its public half |
//!
//! One key must never be talked into a signature for another purpose, so there is no arbitrary `sign`: each purpose has
//! its own method and its own prefix, and every prefix starts unlike a JWT, a TLS transcript and a certificate request.
//!
//! Nothing here opens files, reads variables or asks for the time: texts and the time come in as arguments.

mod credentials;
#[cfg(feature = "encrypted-keys")]
mod encrypted;
mod endpoint;
mod jwt;
mod key;
mod pem;
mod signing;
mod token;

#[cfg(feature = "driver")]
pub(crate) use credentials::utc;
pub use credentials::{
    CredentialProblem, CredentialProblems, PRIVATE_KEY_VARIABLE, PoolCredentials, TOKEN_VARIABLE,
};
pub use endpoint::{BrokerEndpoint, DEFAULT_BROKER_PORT, EndpointError};
pub use jwt::{CertificateThumbprint, JWT_MAX_LIFE_SECS, JwtClaims, JwtError, UnverifiedJwt};
pub use key::{CsrError, PoolKey, PoolKeyError, PoolPublicKey, PublicKeyError};
pub use pem::PemError;
pub use signing::{ControlKey, OFFER_SIGNATURE_PREFIX, OfferSignatureError, verify_offer};
pub use token::{DEFAULT_NAMESPACE, PoolToken, TokenError, TokenParts};

#[cfg(test)]
mod tests;
