//! What a certificate is made of, and what is told about one that was made.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyUsagePurpose, SanType, SerialNumber,
};
use spacelift_worker_core::crypto::{CryptoError, sha256};

use crate::fresh;

/// A Unix time in seconds as rcgen takes it; times before 1970 become 1970. A macro, since rcgen does not export the type.
macro_rules! at {
    ($unix_seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from($unix_seconds).unwrap_or(0))
    };
}
pub(super) use at;

/// Ten years, in seconds.
pub(super) const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;

/// How far a certificate's beginning lies back, in seconds: clocks differ.
const BACKDATED: i64 = 3600;

/// From when to when a certificate is valid, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
}

impl Validity {
    /// Until `seconds` from `now_ms`; a negative number makes a certificate that has expired. It begins an hour earlier,
    /// since clocks differ.
    pub fn seconds(now_ms: u64, seconds: i64) -> Self {
        let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        let not_after = now.saturating_add(seconds);
        Self { not_before: now.min(not_after).saturating_sub(BACKDATED), not_after }
    }

    /// Ten years from `now_ms`.
    pub fn ten_years(now_ms: u64) -> Self {
        Self::seconds(now_ms, TEN_YEARS)
    }
}

/// A certificate that was made from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// PEM.
    pub pem: String,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// SHA-256 of the DER form in lower-case hex.
    pub fingerprint: String,
}

/// An entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The serial number in lower-case hex.
    pub serial: String,
    /// Unix milliseconds.
    pub revoked_at: u64,
}

impl IssuedCertificate {
    pub(super) fn new(certificate: &Certificate, serial: &SerialNumber) -> Self {
        Self {
            pem: certificate.pem(),
            serial: hex(&serial.to_bytes()),
            fingerprint: hex(&sha256(certificate.der())),
        }
    }
}

/// What every certificate of this authority has in common.
fn params(common_name: &str, validity: Validity, serial: SerialNumber) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = at!(validity.not_before);
    params.not_after = at!(validity.not_after);
    params.serial_number = Some(serial);
    params
}

/// The authority's own. It signs certificates and revocation lists, and no other authority.
pub(super) fn authority(validity: Validity) -> Result<CertificateParams, CryptoError> {
    let mut params = params("mothership", validity, serial()?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A server's, for these names and addresses.
pub(super) fn server(names: &[String], validity: Validity) -> Result<CertificateParams, CryptoError> {
    let first = names.first().map_or("localhost", String::as_str);
    let mut params = leaf(first, validity, ExtendedKeyUsagePurpose::ServerAuth)?;
    params.subject_alt_names = names.iter().filter_map(|name| alternative_name(name)).collect();
    Ok(params)
}

/// A client's.
pub(super) fn client(common_name: &str, validity: Validity) -> Result<CertificateParams, CryptoError> {
    leaf(common_name, validity, ExtendedKeyUsagePurpose::ClientAuth)
}

fn leaf(
    common_name: &str,
    validity: Validity,
    purpose: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, CryptoError> {
    let mut params = params(common_name, validity, serial()?);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn alternative_name(name: &str) -> Option<SanType> {
    match name.parse::<IpAddr>() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => name.try_into().ok().map(SanType::DnsName),
    }
}

/// 16 random bytes, positive and without a leading zero (RFC 5280, 4.1.2.2: "positive integer", at most 20 octets).
fn serial() -> Result<SerialNumber, CryptoError> {
    let mut bytes: [u8; 16] = fresh::random()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// A name as a certificate holds it: addresses in their one form, DNS names in lower case. `None` for anything else.
pub(super) fn server_name(name: &str) -> Option<String> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of lower-case hex; `None` for anything else.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
