//! One form of token is accepted, and everything that differs from it in one point is refused.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::crypto::{RsaPrivateKey, self_signed_der};

struct Pool {
    key: PoolKey,
    certificate: CertificateThumbprint,
}

impl Pool {
    fn new(name: &str) -> Self {
        let raw = RsaPrivateKey::generate(2048).unwrap();
        let pem = pem::encode("CERTIFICATE", &self_signed_der(&raw, name, 0, 2_000_000_000)).to_string();
        let key = PoolKey::from_der(&raw.to_pkcs8_der().unwrap()).unwrap();
        Self { key, certificate: CertificateThumbprint::from_pem(&pem).unwrap() }
    }

    fn verify(&self, token: &str) -> Result<JwtClaims, JwtError> {
        UnverifiedJwt::parse(token)?.verify(&self.key.public_key(), self.certificate)
    }

    fn header(&self) -> Value {
        serde_json::to_value(Header::of(&self.key.public_key(), self.certificate)).unwrap()
    }

    /// Signs any texts, as an owner of the key could who does not keep to the form.
    fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = match signed.strip_prefix("eyJ") {
            Some(rest) => self.key.sign(PREFIX, rest.as_bytes()).unwrap(),
            None => self.key.sign(b"", signed.as_bytes()).unwrap(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new("one"));
static OTHER: LazyLock<Pool> = LazyLock::new(|| Pool::new("two"));

fn claims() -> JwtClaims {
    JwtClaims {
        pool: PoolId::from_parts(1, 2),
        worker: WorkerId::from_parts(3, 4),
        audience: "https://app.example".to_owned(),
        issued_at: 1_700_000_000,
        expires_at: 1_700_000_060,
        id: "a".to_owned(),
        process: "b".to_owned(),
        method: "POST".to_owned(),
        target: "/x?y=z".to_owned(),
        body: JwtClaims::body_digest(b"{}"),
        nonce: None,
    }
}

fn signed(claims: &JwtClaims) -> String {
    POOL.key.sign_jwt(POOL.certificate, claims).unwrap().expose().to_owned()
}

#[test]
fn what_is_signed_is_verified_and_says_what_was_claimed() {
    for claims in [claims(), JwtClaims { nonce: Some("n".to_owned()), ..claims() }] {
        let token = signed(&claims);
        assert!(token.starts_with("eyJ"), "{token}");
        assert_eq!(POOL.verify(&token), Ok(claims.clone()));
        assert_eq!(UnverifiedJwt::parse(&token).unwrap().claimed_pool(), claims.pool);
    }
}

#[test]
fn every_changed_character_is_noticed() {
    let token = signed(&claims());
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        POOL.verify(std::str::from_utf8(&changed).unwrap()).unwrap_err();
        POOL.verify(&token[..at]).unwrap_err();
    }
    POOL.verify(&format!("{token}=")).unwrap_err();
    POOL.verify(&format!("{token}.")).unwrap_err();
}

#[test]
fn another_algorithm_is_refused_whatever_signs_it() {
    let body = serde_json::to_string(&claims()).unwrap();
    for alg in ["none", "None", "HS256", "RS256", "PS384", "PS512", "ES256", "ps256", ""] {
        let mut header = POOL.header();
        header["alg"] = json!(alg);
        assert_eq!(POOL.verify(&POOL.sign(&header.to_string(), &body)), Err(JwtError::Form), "{alg}");
    }
    let unsigned = POOL.sign(&POOL.header().to_string(), &body);
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    assert_eq!(POOL.verify(&format!("{unsigned}.")), Err(JwtError::Signature));
}

#[test]
fn a_header_that_brings_its_own_key_or_asks_for_more_is_refused() {
    let body = serde_json::to_string(&claims()).unwrap();
    for (field, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("jwk", json!({"kty": "RSA"})),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = POOL.header();
        header[field] = value;
        assert_eq!(POOL.verify(&POOL.sign(&header.to_string(), &body)), Err(JwtError::Form), "{field}");
    }
    for field in ["alg", "kid", "typ", "x5t#S256"] {
        let mut header = POOL.header();
        header.as_object_mut().unwrap().remove(field);
        assert_eq!(POOL.verify(&POOL.sign(&header.to_string(), &body)), Err(JwtError::Form), "{field}");
    }
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let header = POOL.header().to_string();
    let body = serde_json::to_string(&claims()).unwrap();
    let twice = header.replacen('{', r#"{"alg":"none","#, 1);
    let claimed_twice = body.replacen('{', r#"{"sub":"01ARZ3NDEKTSV4RRFFQ69G5FAV","#, 1);
    let more = body.replacen('{', r#"{"admin":true,"#, 1);
    let values = |text: &str| {
        let object: Value = serde_json::from_str(text).unwrap();
        json!(object.as_object().unwrap().values().collect::<Vec<_>>()).to_string()
    };
    for (header, body) in [
        (&twice, &body),
        (&header, &claimed_twice),
        (&header, &more),
        (&values(&header), &body),
        (&header, &values(&body)),
        (&header, &format!("{body} x")),
        (&header, &String::new()),
    ] {
        assert_eq!(POOL.verify(&POOL.sign(header, body)), Err(JwtError::Form), "{header} {body}");
    }
}

#[test]
fn a_foreign_key_and_a_certificate_that_was_replaced_are_refused() {
    let foreign = OTHER.key.sign_jwt(OTHER.certificate, &claims()).unwrap();
    assert_eq!(POOL.verify(foreign.expose()), Err(JwtError::ForeignKey));
    let replaced = POOL.key.sign_jwt(OTHER.certificate, &claims()).unwrap();
    assert_eq!(POOL.verify(replaced.expose()), Err(JwtError::ForeignKey));
    let forged = OTHER.sign(&POOL.header().to_string(), &serde_json::to_string(&claims()).unwrap());
    assert_eq!(POOL.verify(&forged), Err(JwtError::Signature));
}

#[test]
fn a_token_lives_for_a_minute_at_most() {
    let until = |expires_at| POOL.verify(&signed(&JwtClaims { expires_at, ..claims() })).map(|_| ());
    assert_eq!(until(1_700_000_001), Ok(()));
    assert_eq!(until(1_700_000_060), Ok(()));
    for wrong in [1_700_000_061, 1_700_000_000, 1_699_999_999, 0, u64::MAX] {
        assert_eq!(until(wrong), Err(JwtError::Life), "{wrong}");
    }
}

#[test]
fn an_endless_token_is_not_even_decoded() {
    assert_eq!(POOL.verify(&"eyJ".repeat(MAX_LEN)), Err(JwtError::Form));
}

#[test]
fn a_text_without_a_certificate_has_no_thumbprint() {
    for text in ["", "hello", POOL.key.to_pem().unwrap().expose(), &POOL.key.csr("x").unwrap()] {
        CertificateThumbprint::from_pem(text).unwrap_err();
    }
}
