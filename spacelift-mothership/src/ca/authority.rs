//! The authority itself: its key and certificate in the data folder, and what it signs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use spacelift_worker_core::crypto::CryptoError;
use spacelift_worker_core::ids::PoolId;
use spacelift_worker_core::secret::SecretText;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use super::certificate::{self, IssuedCertificate, Revoked, TEN_YEARS, Validity, at, server_name, unhex};
use super::request::{RequestError, requested_key};
use crate::store::private_file;

/// A server's certificate is made anew when less than this is left, in seconds: a year.
const RENEW_BEFORE: i64 = 365 * 24 * 3600;

/// The common name of the control plane as a client of a broker.
const CONTROL_PLANE: &str = "controlplane";

/// Why the authority could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// A file of it cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it holds something else.
    #[error("{} is damaged; restore the folder from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or list could not be made.
    #[error("a certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// There is no randomness.
    #[error("a certificate could not be numbered")]
    Randomness(#[from] CryptoError),
    /// A name for the server is neither a DNS name nor an address.
    #[error("{name} is neither a DNS name nor an IP address; check --hostname")]
    Name {
        /// The name.
        name: String,
    },
    /// The request for a certificate is refused.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// A certificate and its key, for TLS.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate (PEM).
    pub certificate_pem: String,
    /// Its key (PEM, PKCS#8).
    pub key_pem: SecretText,
    /// Where the certificate lies.
    pub certificate_path: PathBuf,
    /// Where the key lies.
    pub key_path: PathBuf,
}

/// The certificate authority of one data folder.
pub struct Authority {
    folder: PathBuf,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads the authority from its folder, or makes a new one that holds for ten years.
    ///
    /// # Errors
    /// [`CaError::File`], [`CaError::Damaged`].
    pub fn load_or_create(folder: &Path, now_ms: u64) -> Result<Self, CaError> {
        let (key_path, certificate_path) = (folder.join("ca.key"), folder.join("ca.pem"));
        // The key is written first: without its certificate it is made use of, never replaced.
        let key = load_or_create_key(&key_path)?;
        if !certificate_path.exists() {
            let made = certificate::authority(Validity::ten_years(now_ms))?.self_signed(&key)?;
            write(&certificate_path, made.pem().as_bytes())?;
        }
        let certificate_pem = read(&certificate_path)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)
            .map_err(|_| CaError::Damaged { path: certificate_path })?;
        Ok(Self { folder: folder.to_owned(), certificate_pem, issuer })
    }

    /// The authority's certificate (PEM): what workers trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Where the authority's certificate lies.
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The server's certificate for these names and addresses, and always for `localhost`, `127.0.0.1` and `::1`. Kept
    /// while the names are the same and a year of it is left.
    ///
    /// # Errors
    /// [`CaError::Name`] for what is neither a DNS name nor an address.
    pub fn server(&self, hostnames: &[String], now_ms: u64) -> Result<Identity, CaError> {
        let mut names = Vec::new();
        for name in hostnames.iter().map(String::as_str).chain(["localhost", "127.0.0.1", "::1"]) {
            let name = server_name(name).ok_or_else(|| CaError::Name { name: name.to_owned() })?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let params = certificate::server(&names, Validity::ten_years(now_ms))?;
        let good_until = now_ms / 1000 + RENEW_BEFORE.unsigned_abs();
        self.identity("server", &params, |pem| {
            names_and_end(pem).is_some_and(|(has, end)| {
                has == names && u64::try_from(end).is_ok_and(|end| end > good_until)
            })
        })
    }

    /// With what this control plane connects to an outside broker that trusts this authority.
    ///
    /// # Errors
    /// [`CaError::File`], [`CaError::Make`].
    pub fn control_plane(&self, now_ms: u64) -> Result<Identity, CaError> {
        let params = certificate::client(CONTROL_PLANE, Validity::ten_years(now_ms))?;
        let good_until = now_ms / 1000 + RENEW_BEFORE.unsigned_abs();
        self.identity("controlplane", &params, |pem| {
            names_and_end(pem).is_some_and(|(_, end)| u64::try_from(end).is_ok_and(|end| end > good_until))
        })
    }

    /// A pool's certificate from its request. The request gives the key alone: the subject is `CN=<pool>`.
    ///
    /// # Errors
    /// [`CaError::Request`] says what is wrong with the request.
    pub fn pool(
        &self,
        request_pem: &str,
        pool: PoolId,
        validity: Validity,
    ) -> Result<IssuedCertificate, CaError> {
        let key = requested_key(request_pem)?;
        let params = certificate::client(&pool.to_string(), validity)?;
        let made = params.signed_by(&key, &self.issuer)?;
        let serial = params.serial_number.unwrap_or_else(|| SerialNumber::from_slice(&[]));
        Ok(IssuedCertificate::new(&made, &serial))
    }

    /// Writes the list of revoked certificates to `crl.pem`, for brokers that read one, and gives its path.
    ///
    /// # Errors
    /// [`CaError::File`], [`CaError::Make`].
    pub fn write_revocation_list(&self, revoked: &[Revoked], now_ms: u64) -> Result<PathBuf, CaError> {
        let seconds = |ms: u64| i64::try_from(ms / 1000).unwrap_or(i64::MAX);
        let entry = |each: &Revoked| {
            Some(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&unhex(&each.serial)?),
                revocation_time: at!(seconds(each.revoked_at)),
                reason_code: Some(RevocationReason::Superseded),
                invalidity_date: None,
            })
        };
        let list = CertificateRevocationListParams {
            this_update: at!(seconds(now_ms)),
            // It is written again at each start and each reset; a broker must not refuse everyone in between.
            next_update: at!(seconds(now_ms).saturating_add(TEN_YEARS)),
            crl_number: SerialNumber::from_slice(&now_ms.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().filter_map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.folder.join("crl.pem");
        write(&path, list.signed_by(&self.issuer)?.pem()?.as_bytes())?;
        Ok(path)
    }

    /// Reads an identity from its two files, or makes it where there is none or an unfit one.
    fn identity(
        &self,
        name: &str,
        params: &CertificateParams,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Identity, CaError> {
        let key_path = self.folder.join(format!("{name}.key"));
        let certificate_path = self.folder.join(format!("{name}.pem"));
        let key = load_or_create_key(&key_path)?;
        let kept = if certificate_path.exists() { Some(read(&certificate_path)?) } else { None };
        let certificate_pem = match kept.filter(|pem| fits(pem)) {
            Some(pem) => pem,
            None => {
                let pem = params.signed_by(&key, &self.issuer)?.pem();
                write(&certificate_path, pem.as_bytes())?;
                pem
            }
        };
        let key_pem = SecretText::new(key.serialize_pem());
        Ok(Identity { certificate_pem, key_pem, certificate_path, key_path })
    }
}

/// An ECDSA P-256 key from its file; a new one where there is none.
fn load_or_create_key(path: &Path) -> Result<KeyPair, CaError> {
    if !path.exists() {
        let pem = SecretText::new(KeyPair::generate()?.serialize_pem());
        let failed = |source| CaError::File { path: path.to_owned(), source };
        private_file::write_new(path, pem.expose().as_bytes()).map_err(failed)?;
    }
    let pem = SecretText::new(read(path)?);
    KeyPair::from_pem(pem.expose()).map_err(|_| CaError::Damaged { path: path.to_owned() })
}

/// The alternative names of a certificate, in order, and the end of its validity in Unix seconds.
fn names_and_end(pem: &str) -> Option<(Vec<String>, i64)> {
    let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
    let certificate = block.parse_x509().ok()?;
    let names = certificate.subject_alternative_name().ok()?.map(|extension| {
        let names = extension.value.general_names.iter();
        names.filter_map(alternative_name).collect()
    });
    Some((names.unwrap_or_default(), certificate.validity().not_after.timestamp()))
}

fn alternative_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or_else(|_| v6()).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn read(path: &Path) -> Result<String, CaError> {
    fs::read_to_string(path).map_err(|source| CaError::File { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    private_file::replace(path, bytes).map_err(|source| CaError::File { path: path.to_owned(), source })
}
