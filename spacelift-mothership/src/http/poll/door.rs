//! Who may ask what: the token of one request against the request itself, the clock, and what was used before.

use std::sync::{Mutex, PoisonError};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use spacelift_worker_core::crypto::CertificateFacts;
use spacelift_worker_core::ids::PoolId;
use spacelift_worker_core::pool::JwtClaims;

use super::replay::{Replay, Replays};

/// How far in the future a token may begin, in seconds: a worker knows the server's clock by the answer to an earlier
/// request, which took a while on its way.
const SLACK_SECS: u64 = 5;

/// The longest identifier of a token, in bytes.
const MAX_ID_LEN: usize = 64;

/// A request as it came, without what was signed about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) method: &'a str,
    /// Path and query as on the wire.
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
    /// The pool of the path.
    pub(super) pool: PoolId,
    /// Unix seconds.
    pub(super) now: u64,
}

/// Why a genuine token does not open the door for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Closed {
    #[error("the token is for another server, request or body")]
    Request,
    #[error("the token's time is not now by this server's clock")]
    Clock,
    #[error("the token lacks this server's current nonce")]
    Nonce,
    #[error("the token was used before")]
    Replayed,
    #[error("too many requests of this pool")]
    Flood,
    #[error("the pool's certificate is not valid now by this server's clock: reset the pool for a new one")]
    Expired,
}

/// Whether a certificate in PEM is valid at this hour, in Unix seconds; one that cannot be read is not.
pub(super) fn is_valid(certificate_pem: &str, now: u64) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else { return false };
    let Ok(facts) = CertificateFacts::from_der(&der) else { return false };
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    facts.not_before <= now && now <= facts.not_after
}

/// What stays the same for a life of the server, and what was used in it.
#[derive(Debug)]
pub(super) struct Door {
    /// The origins under which workers reach this server.
    audiences: Vec<String>,
    /// New in each life of the server: a token of an earlier life is of no use, although what was used in it is forgotten.
    pub(super) nonce: String,
    used: Mutex<Replays>,
}

impl Door {
    pub(super) fn new(audiences: Vec<String>, nonce: String) -> Self {
        Self { audiences, nonce, used: Mutex::default() }
    }

    /// Compares what a verified token says with the request, and uses the token up.
    pub(super) fn admit(&self, claims: &JwtClaims, facts: Facts<'_>) -> Result<(), Closed> {
        let is_about_this = claims.pool == facts.pool
            && self.audiences.contains(&claims.audience)
            && claims.method == facts.method
            && claims.target == facts.target
            && claims.body == JwtClaims::body_digest(facts.body)
            && (1..=MAX_ID_LEN).contains(&claims.id.len())
            && (1..=MAX_ID_LEN).contains(&claims.process.len());
        if !is_about_this {
            return Err(Closed::Request);
        }
        if claims.issued_at > facts.now.saturating_add(SLACK_SECS) || claims.expires_at <= facts.now {
            return Err(Closed::Clock);
        }
        if claims.nonce.as_ref() != Some(&self.nonce) {
            return Err(Closed::Nonce);
        }
        // A panic elsewhere leaves the memory whole: it changes by one insertion.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.use_up(claims.pool, &claims.id, claims.expires_at, facts.now).map_err(|replay| match replay {
            Replay::Used => Closed::Replayed,
            Replay::Full => Closed::Flood,
        })
    }
}

#[cfg(test)]
mod tests {
    use spacelift_worker_core::ids::WorkerId;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn door() -> Door {
        Door::new(vec!["https://a.example".into(), "https://b.example:8443".into()], "n".into())
    }

    fn claims() -> JwtClaims {
        JwtClaims {
            pool: PoolId::from_parts(1, 1),
            worker: WorkerId::from_parts(2, 2),
            audience: "https://a.example".into(),
            issued_at: NOW,
            expires_at: NOW + 60,
            id: "i".into(),
            process: "p".into(),
            method: "POST".into(),
            target: "/x?y=1".into(),
            body: JwtClaims::body_digest(b"body"),
            nonce: Some("n".into()),
        }
    }

    fn facts() -> Facts<'static> {
        Facts { method: "POST", target: "/x?y=1", body: b"body", pool: PoolId::from_parts(1, 1), now: NOW }
    }

    #[test]
    fn a_token_opens_for_its_request_and_once() {
        let door = door();
        assert_eq!(door.admit(&claims(), facts()), Ok(()));
        assert_eq!(door.admit(&claims(), facts()), Err(Closed::Replayed));
        let other = JwtClaims { id: "j".into(), audience: "https://b.example:8443".into(), ..claims() };
        assert_eq!(door.admit(&other, facts()), Ok(()));
    }

    #[test]
    fn a_token_for_anything_else_is_refused() {
        for (what, claims) in [
            ("server", JwtClaims { audience: "https://evil.example".into(), ..claims() }),
            ("scheme", JwtClaims { audience: "http://a.example".into(), ..claims() }),
            ("port", JwtClaims { audience: "https://b.example".into(), ..claims() }),
            ("method", JwtClaims { method: "GET".into(), ..claims() }),
            ("path", JwtClaims { target: "/z?y=1".into(), ..claims() }),
            ("query", JwtClaims { target: "/x?y=2".into(), ..claims() }),
            ("body", JwtClaims { body: JwtClaims::body_digest(b"BODY"), ..claims() }),
            ("pool", JwtClaims { pool: PoolId::from_parts(1, 2), ..claims() }),
            ("no id", JwtClaims { id: String::new(), ..claims() }),
            ("long id", JwtClaims { id: "i".repeat(65), ..claims() }),
            ("no process", JwtClaims { process: String::new(), ..claims() }),
        ] {
            assert_eq!(door().admit(&claims, facts()), Err(Closed::Request), "{what}");
        }
    }

    #[test]
    fn a_token_of_another_hour_is_refused() {
        let at = |issued_at: u64| {
            door().admit(&JwtClaims { issued_at, expires_at: issued_at + 60, ..claims() }, facts())
        };
        assert_eq!(at(NOW - 59), Ok(()));
        assert_eq!(at(NOW - 60), Err(Closed::Clock));
        assert_eq!(at(NOW + 5), Ok(()));
        assert_eq!(at(NOW + 6), Err(Closed::Clock));
    }

    #[test]
    fn a_token_of_an_earlier_life_of_the_server_is_refused_although_its_use_is_forgotten() {
        for nonce in [None, Some("m".into())] {
            assert_eq!(door().admit(&JwtClaims { nonce, ..claims() }, facts()), Err(Closed::Nonce));
        }
    }

    #[test]
    fn a_refused_token_is_not_used_up() {
        let door = door();
        assert_eq!(door.admit(&claims(), Facts { body: b"other", ..facts() }), Err(Closed::Request));
        assert_eq!(door.admit(&claims(), facts()), Ok(()));
    }
}
