//! Sealed files: none panics a reader, a reader in pieces says what a reader of the whole says, and what does not open
//! gives no secret away.

use std::sync::LazyLock;

use spacelift_worker_core::envelope::{Context, Trust, UnsealError, Unsealer, inspect, unseal};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;

use super::cuts::pieces;

/// The key that the vectors are sealed to. It was made for them, and protects nothing.
static KEY: LazyLock<Option<PoolKey>> = LazyLock::new(|| {
    let keys = include_str!("../../tests/vectors/envelope/keys.json");
    let keys: serde_json::Value = serde_json::from_str(keys).ok()?;
    PoolKey::from_pem(&SecretText::new(keys["pool"]["private"].as_str()?.to_owned())).ok()
});

/// A sealed file, opened for whatever it says that it is for.
pub fn envelope(data: &[u8]) {
    let key = KEY.as_ref();
    assert!(key.is_some(), "the vectors have a key");
    let Some(key) = key else { return };
    let header = inspect(data);
    let context = header.map(|header| header.context().clone()).unwrap_or_default();
    for trust in [Trust::SignedBy(vec![key.public_key()]), Trust::Unsigned] {
        let whole = unseal(&[key], &context, &trust, data).map(|plain| plain.expose().to_vec());
        assert_eq!(in_pieces(key, &context, &trust, data), whole);
    }
}

fn in_pieces(key: &PoolKey, context: &Context, trust: &Trust, data: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut plain = Vec::new();
    let mut unsealer = Unsealer::new(&[key], context, trust);
    for piece in pieces(data, &[1, 0, 255, 7, 200, 255, 255]) {
        if let Err(error) = unsealer.update(piece, &mut plain) {
            assert_eq!(unsealer.update(b"", &mut Vec::new()), Err(error.clone()), "the first error stays");
            return Err(error);
        }
    }
    unsealer.finish(&mut plain).map(|()| plain)
}
