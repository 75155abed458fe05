//! Both backends say the same of every token of the policies' vectors, under every algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;
use crate::crypto::{Backend, with_backend};

const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "ES512", "EdDSA",
];

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

fn key(jwk: &Value) -> JwsKey {
    match jwk["kty"].as_str().unwrap() {
        "RSA" => JwsKey::rsa(&bytes(&jwk["n"]), &bytes(&jwk["e"])),
        "EC" => {
            let curve = JwsCurve::from_name(jwk["crv"].as_str().unwrap()).unwrap();
            JwsKey::ec(curve, &bytes(&jwk["x"]), &bytes(&jwk["y"]))
        }
        "OKP" => JwsKey::ed25519(&bytes(&jwk["x"])),
        _ => Ok(JwsKey::symmetric(SecretBytes::new(bytes(&jwk["k"])))),
    }
    .unwrap()
}

#[test]
fn the_backends_agree_on_every_token_under_every_algorithm_and_key() {
    let file = include_str!("../../../../tests/vectors/policy/jwt/tokens.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let keys = ["RSA JWK", "P-256 JWK", "P-384 JWK", "P-521 JWK", "Ed25519 JWK", "secret JWK"];
    let mut verified = 0;
    for token in file["tokens"].as_object().unwrap().values() {
        let token = token.as_str().unwrap();
        let Some((signed, signature)) = token.rsplit_once('.') else { continue };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { continue };
        for name in keys {
            let jwk: Value = serde_json::from_str(file["keys"][name].as_str().unwrap()).unwrap();
            for algorithm in ALGORITHMS.map(|name| JwsAlgorithm::from_name(name).unwrap()) {
                let says = |backend| {
                    with_backend(backend, || {
                        key(&jwk).verify(algorithm, signed.as_bytes(), &signature).is_ok()
                    })
                };
                let (one, other) = (says(Backend::AwsLc), says(Backend::PureRust));
                assert_eq!(one, other, "{algorithm:?} by {name}: {token}");
                verified += usize::from(one);
            }
        }
    }
    assert!(verified > 60, "{verified} were verified");
}

#[test]
fn the_backends_agree_on_points_beside_their_curve() {
    for backend in [Backend::AwsLc, Backend::PureRust] {
        with_backend(backend, || {
            for curve in [JwsCurve::P256, JwsCurve::P384, JwsCurve::P521] {
                let len = curve.coordinate_len();
                for (x, y) in [(0, 0), (1, 1), (0xff, 0xff)] {
                    let key = JwsKey::ec(curve, &vec![x; len], &vec![y; len]);
                    assert_eq!(key.unwrap_err(), JwsKeyError::Damaged, "{backend:?} {curve:?} {x} {y}");
                }
            }
        });
    }
}
