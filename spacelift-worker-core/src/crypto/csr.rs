//! Certificate signing requests (PKCS#10, RFC 2986), signed with RSASSA-PKCS1-v1_5 and SHA-256 as OpenSSL does.
//!
//! It never puts anything but a common name into a request.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm,
    SigningKey,
};

use super::{CryptoError, RsaPrivateKey};

struct Signer<'a> {
    key: &'a RsaPrivateKey,
    public: Vec<u8>,
}

impl<'a> Signer<'a> {
    fn new(key: &'a RsaPrivateKey) -> Self {
        Self { key, public: key.public_key().to_pkcs1_der() }
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign_pkcs1_sha256(message).map_err(|_| rcgen::Error::RingUnspecified)
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// A certificate request in DER with the subject `CN=common_name`.
pub(crate) fn certificate_request_der(
    key: &RsaPrivateKey,
    common_name: &str,
) -> Result<Vec<u8>, CryptoError> {
    let request =
        params(common_name).serialize_request(&Signer::new(key)).map_err(|_| CryptoError::Backend)?;
    Ok(request.der().as_ref().to_vec())
}

/// A self-signed certificate in DER, valid from one Unix time in seconds to another.
#[cfg(test)]
pub(crate) fn self_signed_der(key: &RsaPrivateKey, common_name: &str, from: i64, to: i64) -> Vec<u8> {
    let mut params = params(common_name);
    let at = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds as u64);
    (params.not_before, params.not_after) = (at(from), at(to));
    params.serial_number = Some(1_u64.into());
    params.self_signed(&Signer::new(key)).unwrap().der().as_ref().to_vec()
}
