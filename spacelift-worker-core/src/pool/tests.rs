//! Tests of the pool's credentials: what is accepted, and one clear line for everything that is not.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::crypto::{self, RsaPrivateKey, sha256};
use crate::ids::PoolId;
use crate::secret::{SecretBytes, SecretText};

const NOW: u64 = 1_750_000_000;
const FROM: i64 = 1_700_000_000;
const TO: i64 = 1_800_000_000;

struct Pool {
    id: PoolId,
    key: PoolKey,
    raw: RsaPrivateKey,
}

impl Pool {
    fn new(number: u64) -> Self {
        let raw = RsaPrivateKey::generate(2048).unwrap();
        let key = PoolKey::from_der(&raw.to_pkcs8_der().unwrap()).unwrap();
        Self { id: PoolId::from_parts(number, 1), key, raw }
    }

    fn certificate(&self, common_name: &str, from: i64, to: i64) -> String {
        pem::encode("CERTIFICATE", &crypto::self_signed_der(&self.raw, common_name, from, to)).to_string()
    }

    fn fields(&self) -> Value {
        json!({
            "broker": {"endpoint": "tls://mqtt.example.com:1984"},
            "certificate": self.certificate(&self.id.to_string(), FROM, TO),
            "pool_ulid": self.id.to_string(),
            "namespace": "acme",
        })
    }

    fn private_key(&self) -> SecretText {
        SecretText::new(STANDARD.encode(self.key.to_pem().unwrap().expose()))
    }
}

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new(1));
static OTHER: LazyLock<Pool> = LazyLock::new(|| Pool::new(2));

fn token(fields: &Value) -> SecretText {
    SecretText::new(STANDARD.encode(fields.to_string()))
}

fn with(change: impl FnOnce(&mut Value)) -> SecretText {
    let mut fields = POOL.fields();
    change(&mut fields);
    token(&fields)
}

fn without(field: &str) -> SecretText {
    with(|fields| drop(fields.as_object_mut().unwrap().remove(field)))
}

fn problem(token: &SecretText, key: &SecretText) -> String {
    let problems = PoolCredentials::parse(token, key, NOW).unwrap_err();
    assert_eq!(problems.problems().len(), 1, "{problems}");
    let text = problems.to_string();
    assert!(text.starts_with(problems.problems()[0].variable()) && !text.contains('\n'), "{text}");
    text
}

#[test]
fn a_token_and_its_key_make_credentials() {
    let credentials = PoolCredentials::parse(&token(&POOL.fields()), &POOL.private_key(), NOW).unwrap();
    assert_eq!(credentials.pool_id(), POOL.id);
    let parts = credentials.token().parts();
    assert_eq!(parts.broker_endpoint.to_string(), "mqtt.example.com:1984");
    assert_eq!(parts.namespace, "acme");
    assert_eq!(parts.signing_key, None);
    assert_eq!(credentials.opening_keys().len(), 1);
    let rotated = credentials.with_older_keys(vec![PoolKey::from_pem(&OTHER.key.to_pem().unwrap()).unwrap()]);
    assert_eq!(rotated.opening_keys()[1].public_key(), OTHER.key.public_key());
}

#[test]
fn wrapped_lines_white_space_around_and_a_plain_pem_key_are_accepted() {
    let text = token(&POOL.fields());
    let (head, tail) = text.expose().split_at(76);
    let wrapped = SecretText::new(format!("  {head}\r\n{tail}\n"));
    PoolCredentials::parse(&wrapped, &POOL.key.to_pem().unwrap(), NOW).unwrap();
}

#[test]
fn a_token_without_namespace_gets_the_default_and_keeps_what_it_does_not_know() {
    let read = PoolToken::parse(&with(|fields| {
        fields.as_object_mut().unwrap().remove("namespace");
        fields["region"] = "eu".into();
        fields["broker"]["kind"] = "iot".into();
    }))
    .unwrap();
    assert_eq!(read.parts().namespace, DEFAULT_NAMESPACE);
    let again = PoolToken::parse(&read.encode()).unwrap();
    assert_eq!(again.other_fields()["region"], "eu");
    assert_eq!(again.other_fields()["broker"]["kind"], "iot");
    assert_eq!(again.parts(), read.parts());
}

#[test]
fn a_token_that_a_control_plane_makes_is_read_back() {
    let made = PoolToken::new(TokenParts {
        broker_endpoint: "[::1]:18883".parse().unwrap(),
        certificate_pem: POOL.certificate(&POOL.id.to_string(), FROM, TO),
        pool_id: POOL.id,
        namespace: "acme/eu".to_owned(),
        ca_pem: Some(OTHER.certificate("ca", FROM, TO)),
        signing_key: Some(OTHER.key.public_key()),
    })
    .unwrap();
    let read = PoolToken::parse(&made.encode()).unwrap();
    assert_eq!(read.parts(), made.parts());
}

#[test]
fn a_token_cut_anywhere_is_refused_with_the_variable_name() {
    let whole = token(&POOL.fields());
    let key = POOL.private_key();
    for at in [1, 2, 3, 4, 100, whole.len() / 2, whole.len() / 2 + 1, whole.len() - 5, whole.len() - 2] {
        let text = problem(&SecretText::from(&whole.expose()[..at]), &key);
        assert!(text.starts_with("SPACELIFT_TOKEN: the token is cut short"), "{at}: {text}");
    }
}

#[test]
fn a_token_that_is_not_base64_says_where() {
    let text = problem(&SecretText::new(format!("{}!", token(&json!({})).expose())), &POOL.private_key());
    assert!(text.contains("illegal base64 data at input byte 4;"), "{text}");
    let text = problem(&SecretText::from("eyJh\nYmN{"), &POOL.private_key());
    assert!(text.contains("illegal base64 data at input byte 8;"), "{text}");
}

#[test]
fn other_things_in_place_of_a_token_are_named() {
    let key = POOL.private_key();
    for (text, part) in [
        (SecretText::from(" \n"), "is empty"),
        (SecretText::new(STANDARD.encode("[1]")), "JSON object"),
        (SecretText::new(STANDARD.encode("hello world!")), "JSON object"),
        (SecretText::new(STANDARD.encode("{]")), "JSON object"),
        (POOL.private_key(), "JSON object"),
        (without("broker"), "no broker.endpoint"),
        (without("certificate"), "no certificate"),
        (without("pool_ulid"), "no pool_ulid"),
        (with(|fields| fields["certificate"] = 1.into()), "no certificate"),
        (with(|fields| fields["pool_ulid"] = "x".into()), "not a ULID"),
        (with(|fields| fields["namespace"] = "a/#".into()), "namespace"),
        (with(|fields| fields["broker"]["endpoint"] = "tcp://h".into()), "scheme"),
        (with(|fields| fields["ca"] = "x".into()), "ca is not a certificate"),
        (with(|fields| fields["signing_key"] = "x".into()), "signing_key"),
        (with(|fields| fields["signing_key"] = POOL.key.public_key().to_pem().into()), "own key"),
        (with(|fields| fields["certificate"] = "x".into()), "no line -----BEGIN"),
        (
            with(|fields| fields["certificate"] = POOL.key.public_key().to_pem().into()),
            "label is PUBLIC KEY, not CERTIFICATE",
        ),
    ] {
        let shown = problem(&text, &key);
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_the_date() {
    let dated = |from, to| {
        with(|fields| fields["certificate"] = POOL.certificate(&POOL.id.to_string(), from, to).into())
    };
    let key = POOL.private_key();
    let text = problem(&dated(FROM, NOW as i64 - 1), &key);
    assert!(text.contains("expired on 2025-06-15 15:06:39 UTC; reset the pool"), "{text}");
    let text = problem(&dated(NOW as i64 + 301, TO), &key);
    assert!(text.contains("only from 2025-06-15 15:11:41 UTC; check this machine's clock"), "{text}");
    PoolCredentials::parse(&dated(NOW as i64 + 300, TO), &key, NOW).unwrap();
    PoolCredentials::parse(&dated(FROM, NOW as i64), &key, NOW).unwrap();
}

#[test]
fn a_certificate_of_another_pool_is_refused() {
    let named = |name: &str| with(|fields| fields["certificate"] = POOL.certificate(name, FROM, TO).into());
    let text = problem(&named(&OTHER.id.to_string()), &POOL.private_key());
    assert!(text.contains(&format!("is for pool {}, the token for pool {}", OTHER.id, POOL.id)), "{text}");
    assert!(problem(&named("workers.spacelift.io"), &POOL.private_key()).contains("something else"));
}

#[test]
fn private_keys_that_cannot_be_used_are_named() {
    let good = token(&POOL.fields());
    let base64 = |text: &str| SecretText::new(STANDARD.encode(text));
    let key = POOL.private_key();
    let pem = POOL.key.to_pem().unwrap();
    for (text, part) in [
        (OTHER.private_key(), "does not fit the certificate"),
        (SecretText::from(""), "is empty"),
        (SecretText::from(&key.expose()[..key.len() / 2]), "cut short"),
        (SecretText::from(&key.expose()[..key.len() / 2 + 1]), "cut short"),
        (SecretText::from(&pem.expose()[..pem.len() / 2]), "cut short"),
        (SecretText::new(format!("{}!", &key.expose()[..400])), "illegal base64 data at input byte 400;"),
        (base64("hello world"), "not of a key in PEM"),
        (SecretText::new(STANDARD.encode([0xff; 30])), "not of a key in PEM"),
        (base64(&POOL.certificate("x", FROM, TO)), "label is CERTIFICATE"),
        (base64(&POOL.key.public_key().to_pem()), "label is PUBLIC KEY"),
        (base64("-----BEGIN EVIL-----\n-----END EVIL-----"), "label is unknown"),
        (
            base64("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"),
            "passphrase",
        ),
        (base64("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), "no RSA key"),
    ] {
        let shown = problem(&good, &text);
        assert!(shown.starts_with("SPACELIFT_POOL_PRIVATE_KEY: ") && shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn several_problems_come_at_once_and_show_no_secret() {
    let expired = with(|fields| {
        fields["certificate"] = POOL.certificate(&OTHER.id.to_string(), FROM, FROM + 1).into();
    });
    let problems = PoolCredentials::parse(&expired, &OTHER.private_key(), NOW).unwrap_err();
    assert_eq!(problems.problems().len(), 3);
    assert_eq!(problems.to_string().lines().count(), 3);
    let both = PoolCredentials::parse(&SecretText::from("hunter2!"), &SecretText::from("hunter2!"), NOW)
        .unwrap_err();
    assert_eq!(both.problems().len(), 2);
    assert!(!format!("{both} {both:?}").contains("hunter2"));
}

#[test]
fn debug_of_keys_and_tokens_shows_no_secret() {
    let kid = POOL.key.public_key().kid();
    assert_eq!(kid.len(), 43);
    assert_eq!(format!("{:?}", POOL.key), format!("PoolKey {{ kid: \"{kid}\", .. }}"));
    let control = ControlKey::from_pem(&POOL.key.to_pem().unwrap()).unwrap();
    assert_eq!(format!("{control:?}"), format!("ControlKey {{ kid: \"{kid}\", .. }}"));
    let secret = with(|fields| fields["password"] = "hunter2".into());
    let read = PoolToken::parse(&secret).unwrap();
    assert_eq!(
        format!("{read:?}"),
        format!(
            "PoolToken {{ pool_id: PoolId({}), broker_endpoint: BrokerEndpoint {{ host: \"mqtt.example.com\", port: 1984 }}, .. }}",
            POOL.id
        )
    );
}

#[test]
fn debug_of_credentials_shows_their_token_and_keys_as_those_do_alone() {
    let credentials = PoolCredentials::parse(&token(&POOL.fields()), &POOL.private_key(), NOW).unwrap();
    let (token, key) = (credentials.token(), &POOL.key);
    assert_eq!(
        format!("{credentials:?}"),
        format!("PoolCredentials {{ token: {token:?}, key: {key:?}, older_keys: [] }}")
    );
}

#[test]
fn keys_survive_their_pem() {
    let public = POOL.key.public_key();
    assert_eq!(PoolPublicKey::from_pem(&public.to_pem()).unwrap(), public);
    assert_eq!(PoolPublicKey::from_certificate_pem(&POOL.certificate("x", FROM, TO)).unwrap(), public);
    let again = PoolKey::from_pem(&POOL.key.to_pem().unwrap()).unwrap();
    assert_eq!(again.public_key(), public);
    assert_eq!(
        PoolKey::from_der(&SecretBytes::new(vec![1, 2, 3])).unwrap_err().to_string(),
        "the private key is not acceptable"
    );
}

#[test]
fn a_certificate_request_carries_the_key_and_the_name() {
    let csr = POOL.key.csr("workers.spacelift.io").unwrap();
    let (label, der) = pem::first_block(&csr).unwrap();
    assert_eq!(label, "CERTIFICATE REQUEST");
    let contains = |part: &[u8]| der.expose().windows(part.len()).any(|window| window == part);
    assert!(contains(b"workers.spacelift.io"));
    assert!(contains(&POOL.raw.public_key().to_spki_der()));
}

#[test]
fn a_name_that_no_certificate_may_have_is_refused() {
    for name in ["", &"x".repeat(65), "two\nlines", "nul\0"] {
        assert_eq!(POOL.key.csr(name).unwrap_err(), CsrError::CommonName, "{name:?}");
    }
    assert!(POOL.key.csr(&"\u{fc}".repeat(64)).is_ok(), "characters count, not bytes");
}

#[test]
fn an_offer_is_believed_from_the_named_control_plane_alone() {
    let control = ControlKey::generate(2048).unwrap();
    let signature = control.sign_offer(&sha256(b"sealed")).unwrap();
    let key = control.public_key();
    assert_eq!(verify_offer(&key, b"sealed", &signature), Ok(()));
    assert_eq!(verify_offer(&key, b"sealed!", &signature), Err(OfferSignatureError::Foreign));
    assert_eq!(
        verify_offer(&POOL.key.public_key(), b"sealed", &signature),
        Err(OfferSignatureError::Foreign)
    );
    assert_eq!(verify_offer(&key, b"sealed", &format!("{signature}=")), Err(OfferSignatureError::Form));
    assert_eq!(verify_offer(&key, b"sealed", ""), Err(OfferSignatureError::Foreign));
    // The same bytes signed for another purpose are no offer.
    let raw = RsaPrivateKey::from_pkcs8_der(
        pem::first_block(control.to_pem().unwrap().expose()).unwrap().1.expose(),
    )
    .unwrap();
    let other =
        raw.sign_pss_sha256(&[b"spacelift-worker/sealed/v1\n", &sha256(b"sealed")[..]].concat()).unwrap();
    let other = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(other);
    assert_eq!(verify_offer(&key, b"sealed", &other), Err(OfferSignatureError::Foreign));
}
