//! A file of 1 KiB, beside the bare operations that it takes.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use spacelift_worker_benches::{Pairs, context, median};
use spacelift_worker_core::envelope::{Trust, seal, unseal};
use spacelift_worker_core::pool::PoolKey;

use super::{Bar, Table, Work, milliseconds};
use crate::aws_lc::AwsLc;

const PLAIN: [u8; 1024] = [5; 1024];

/// One key, loaded once for each operation, as a library would hold it.
struct Bare {
    signing: RsaKeyPair,
    verifying: ParsedPublicKey,
    encrypting: OaepPublicEncryptingKey,
    decrypting: OaepPrivateDecryptingKey,
    aead: AwsLc,
}

impl Bare {
    fn new(work: &Work) -> Self {
        let size = if work.bits == 4096 { KeySize::Rsa4096 } else { KeySize::Rsa2048 };
        let signing = RsaKeyPair::generate(size).expect("a key");
        let der: Pkcs8V1Der<'_> = signing.as_der().expect("PKCS#8");
        let private = PrivateDecryptingKey::from_pkcs8(der.as_ref()).expect("a key");
        let encrypting = OaepPublicEncryptingKey::new(private.public_key()).expect("a key");
        let verifying = ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, signing.public_key().as_ref());
        Self {
            verifying: verifying.expect("a key"),
            encrypting,
            decrypting: OaepPrivateDecryptingKey::new(private).expect("a key"),
            signing,
            aead: AwsLc::new(),
        }
    }

    fn wrap(&self) -> Vec<u8> {
        let mut wrapped = vec![0; self.encrypting.ciphertext_size()];
        self.encrypting.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut wrapped, None).expect("wrapped");
        wrapped
    }

    fn unwrap(&self, wrapped: &[u8]) {
        let mut key = vec![0; self.decrypting.min_output_size()];
        self.decrypting.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut key, None).expect("unwrapped");
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
        signature
    }
}

pub(crate) fn measure(work: &Work, table: &mut Table) {
    let (key, context, bare) = (PoolKey::generate(work.bits).expect("a key"), context(), Bare::new(work));
    let recipient = key.public_key();
    let trust = Trust::SignedBy(vec![key.public_key()]);
    let sealed = seal(&recipient, &context, Some(&key), &PLAIN).expect("sealed");
    let message = sealed.split(|byte| *byte == b'\n').next().expect("a line").to_vec();
    let (wrapped, signature, mut pieces) = (bare.wrap(), bare.sign(&message), Vec::new());
    bare.aead.seal(&PLAIN, &mut pieces);
    let mut out = Vec::new();

    let pairs = in_turn(
        work,
        || seal(&recipient, &context, Some(&key), black_box(&PLAIN)).expect("sealed").len(),
        || {
            out.clear();
            bare.aead.seal(black_box(&PLAIN), &mut out);
            bare.wrap().len() + bare.sign(&message).len()
        },
    );
    row(table, "seal 1 KiB, against OAEP, PSS signature and AES-GCM alone", &pairs);
    let pairs = in_turn(
        work,
        || unseal(&[&key], &context, &trust, black_box(&sealed)).expect("opened").len(),
        || {
            bare.verifying.verify_sig(&message, &signature).expect("verified");
            bare.unwrap(&wrapped);
            out.clear();
            bare.aead.open(black_box(&pieces), &mut out);
            out.len()
        },
    );
    row(table, "unseal 1 KiB, against OAEP, PSS verification and AES-GCM alone", &pairs);
}

fn row(table: &mut Table, what: &str, pairs: &Pairs) {
    let (ours, rival) = (milliseconds(median(&pairs.ours)), milliseconds(median(&pairs.rival)));
    table.row(what, ours, rival, pairs.ratio(), &Bar::AtMost(1.1));
}

/// Many short turns, since a turn is short enough to be disturbed as a whole.
pub(crate) fn in_turn(
    work: &Work,
    mut ours: impl FnMut() -> usize,
    mut rival: impl FnMut() -> usize,
) -> Pairs {
    let mut pairs = Pairs::default();
    let timed = |work: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    for _ in 0..work.pairs * 20 {
        pairs.push(timed(&mut ours), timed(&mut rival));
    }
    pairs
}
