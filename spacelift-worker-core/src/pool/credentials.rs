//! Token and private key together: read, and checked against each other and the time.
//!
//! Everything that is wrong is found at once, and each problem names its variable and the remedy. It never reads
//! a variable itself, and no problem shows a secret.

use std::fmt;

use super::key::{PoolKey, PoolKeyError, public_from};
use super::pem::PemError;
use super::token::{Base64Fault, PoolToken, TokenError, decode_base64};
use crate::ids::PoolId;
use crate::secret::SecretText;

/// The variable with the worker pool token.
pub const TOKEN_VARIABLE: &str = "SPACELIFT_TOKEN";
/// The variable with the pool's private key: base64 of the PEM file.
pub const PRIVATE_KEY_VARIABLE: &str = "SPACELIFT_POOL_PRIVATE_KEY";

/// A clock this far behind the issuer's still accepts a new certificate, in seconds.
const NOT_BEFORE_SLACK: i64 = 300;

/// One thing that is wrong with the credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialProblem {
    /// The certificate is for another pool than the token says.
    #[error("{TOKEN_VARIABLE}: the certificate is for {found}, the token for pool {pool}; get a new token")]
    CertificateOfAnotherPool {
        /// The pool of the token.
        pool: PoolId,
        /// The certificate's common name, as far as it is one.
        found: String,
    },
    /// The certificate is no longer valid.
    #[error("{TOKEN_VARIABLE}: the certificate expired on {on}; reset the pool and use the new token")]
    Expired {
        /// When, in UTC.
        on: String,
    },
    /// The private key does not belong to the certificate.
    #[error(
        "{PRIVATE_KEY_VARIABLE}: the key does not fit the certificate in {TOKEN_VARIABLE}; use the key that the pool's certificate request was made with"
    )]
    KeyOfAnotherPool,
    /// The certificate is not valid yet.
    #[error("{TOKEN_VARIABLE}: the certificate is valid only from {from}; check this machine's clock")]
    NotYetValid {
        /// From when on, in UTC.
        from: String,
    },
    /// The private key is cut short.
    #[error(
        "{PRIVATE_KEY_VARIABLE}: the key is cut short: its end is missing; set it to the output of `base64 -w 0` on the whole key file"
    )]
    PrivateKeyCutShort,
    /// The private key is empty.
    #[error(
        "{PRIVATE_KEY_VARIABLE}: the key is empty; set it to the output of `base64 -w 0` on the key file"
    )]
    PrivateKeyEmpty,
    /// The private key is not base64.
    #[error(
        "{PRIVATE_KEY_VARIABLE}: unable to base64 decode privateKey: illegal base64 data at input byte {offset}; set it to the output of `base64 -w 0` on the key file"
    )]
    PrivateKeyNotBase64 {
        /// Where, counted from 0.
        offset: usize,
    },
    /// The private key is base64 of something that is no PEM text.
    #[error(
        "{PRIVATE_KEY_VARIABLE}: this is base64, but not of a key in PEM; set it to the output of `base64 -w 0` on the key file"
    )]
    PrivateKeyNotPem,
    /// The private key cannot be used.
    #[error("{PRIVATE_KEY_VARIABLE}: {}", innermost(.0))]
    PrivateKey(PoolKeyError),
    /// The token cannot be used.
    #[error("{TOKEN_VARIABLE}: {0}")]
    Token(TokenError),
}

impl CredentialProblem {
    /// The variable to look at.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::CertificateOfAnotherPool { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Token(_) => TOKEN_VARIABLE,
            Self::KeyOfAnotherPool
            | Self::PrivateKey(_)
            | Self::PrivateKeyCutShort
            | Self::PrivateKeyEmpty
            | Self::PrivateKeyNotBase64 { .. }
            | Self::PrivateKeyNotPem => PRIVATE_KEY_VARIABLE,
        }
    }
}

/// Everything that is wrong with the credentials, at least one thing; a line each when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialProblems(Vec<CredentialProblem>);

impl CredentialProblems {
    /// The problems, the token's first.
    pub fn problems(&self) -> &[CredentialProblem] {
        &self.0
    }
}

impl fmt::Display for CredentialProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CredentialProblems {}

/// A worker's membership of its pool: a token, and the private key that its certificate is for.
#[derive(Debug)]
pub struct PoolCredentials {
    token: PoolToken,
    key: PoolKey,
    older_keys: Vec<PoolKey>,
}

impl PoolCredentials {
    /// Reads both values and checks them against each other and the time, in Unix seconds.
    ///
    /// `private_key` is base64 of a PEM text, as documented; a PEM text as it is will do, too.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(
        token: &SecretText,
        private_key: &SecretText,
        now_unix_secs: u64,
    ) -> Result<Self, CredentialProblems> {
        let mut problems = Vec::new();
        let token =
            PoolToken::parse(token).map_err(|error| problems.push(CredentialProblem::Token(error))).ok();
        if let Some(token) = &token {
            check_certificate(token, now_unix_secs, &mut problems);
        }
        let key = read_private_key(private_key).map_err(|problem| problems.push(problem)).ok();
        match (token, key) {
            (Some(token), Some(key)) => {
                if key.public_key() != public_from(token.certificate().public_key.clone()) {
                    problems.push(CredentialProblem::KeyOfAnotherPool);
                }
                if problems.is_empty() {
                    return Ok(Self { token, key, older_keys: Vec::new() });
                }
                Err(CredentialProblems(problems))
            }
            _ => Err(CredentialProblems(problems)),
        }
    }

    /// Adds keys that the pool had before: they open run state, and nothing is sealed to or signed with them.
    #[must_use]
    pub fn with_older_keys(mut self, keys: Vec<PoolKey>) -> Self {
        self.older_keys = keys;
        self
    }

    /// The token.
    pub fn token(&self) -> &PoolToken {
        &self.token
    }

    /// The pool.
    pub fn pool_id(&self) -> PoolId {
        self.token.parts().pool_id
    }

    /// The pool's key: signs, authenticates, opens, and is what run state is sealed to.
    pub fn key(&self) -> &PoolKey {
        &self.key
    }

    /// Every key that may open run state: the pool's, then the older ones.
    pub fn opening_keys(&self) -> Vec<&PoolKey> {
        std::iter::once(&self.key).chain(&self.older_keys).collect()
    }
}

fn check_certificate(token: &PoolToken, now_unix_secs: u64, problems: &mut Vec<CredentialProblem>) {
    let facts = token.certificate();
    let pool = token.parts().pool_id;
    if facts.common_name.as_deref() != Some(pool.to_string().as_str()) {
        // A common name is anybody's text; only a ULID is shown as it is.
        let found = facts.common_name.as_deref().and_then(|name| name.parse::<PoolId>().ok());
        let found = found.map_or_else(|| "something else".to_owned(), |other| format!("pool {other}"));
        problems.push(CredentialProblem::CertificateOfAnotherPool { pool, found });
    }
    let now = i64::try_from(now_unix_secs).unwrap_or(i64::MAX);
    if now > facts.not_after {
        problems.push(CredentialProblem::Expired { on: utc(facts.not_after) });
    } else if now.saturating_add(NOT_BEFORE_SLACK) < facts.not_before {
        problems.push(CredentialProblem::NotYetValid { from: utc(facts.not_before) });
    }
}

fn read_private_key(text: &SecretText) -> Result<PoolKey, CredentialProblem> {
    let trimmed = text.expose().trim();
    if trimmed.is_empty() {
        return Err(CredentialProblem::PrivateKeyEmpty);
    }
    if trimmed.starts_with("-----") {
        return parse_pem(text);
    }
    let bytes = decode_base64(trimmed).map_err(|fault| match fault {
        Base64Fault::CutShort => CredentialProblem::PrivateKeyCutShort,
        Base64Fault::Illegal { offset } => CredentialProblem::PrivateKeyNotBase64 { offset },
    })?;
    let pem = std::str::from_utf8(&bytes).map_err(|_| CredentialProblem::PrivateKeyNotPem)?;
    parse_pem(&SecretText::from(pem))
}

fn parse_pem(text: &SecretText) -> Result<PoolKey, CredentialProblem> {
    PoolKey::from_pem(text).map_err(|error| match error {
        PoolKeyError::Pem(PemError::CutShort) => CredentialProblem::PrivateKeyCutShort,
        PoolKeyError::Pem(PemError::NotPem) => CredentialProblem::PrivateKeyNotPem,
        error => CredentialProblem::PrivateKey(error),
    })
}

/// The last error of a chain: one line says all of it.
fn innermost(error: &PoolKeyError) -> String {
    match error {
        PoolKeyError::Key(error) => error.to_string(),
        PoolKeyError::Pem(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// `YYYY-MM-DD HH:MM:SS UTC` of a Unix time in seconds.
pub(crate) fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, so that the leap day ends a year; 146,097 days are 400 years of the Gregorian calendar.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(utc(1_700_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(utc(4_102_444_799), "2099-12-31 23:59:59 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59 UTC");
    }
}
