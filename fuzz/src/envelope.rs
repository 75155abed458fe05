//! Sealed files: a header that is read can be written in one way only, none panics a reader, a reader in pieces says what a
//! reader of the whole says, an error stays, and nothing comes out that was not verified.

use std::sync::LazyLock;

use serde_json::Value;
use spacelift_worker_core::envelope::{
    Context, Header, Trust, UnsealError, Unsealer, inspect, unseal, workspace,
};
use spacelift_worker_core::pool::PoolKey;
use spacelift_worker_core::secret::SecretText;

use super::cuts::pieces;

/// The key that the vectors are sealed to. It was made for them, and protects nothing.
pub static KEY: LazyLock<Option<PoolKey>> = LazyLock::new(|| {
    let keys = include_str!("../../tests/vectors/envelope/keys.json");
    let keys: Value = serde_json::from_str(keys).ok()?;
    PoolKey::from_pem(&SecretText::new(keys["pool"]["private"].as_str()?.to_owned())).ok()
});

/// A sealed file, opened for whatever it says that it is for.
pub fn envelope(data: &[u8]) {
    let key = KEY.as_ref();
    assert!(key.is_some(), "the vectors have a key");
    let Some(key) = key else { return };
    let header = inspect(data);
    if let Ok(header) = &header {
        assert!(
            written_again(header, data).as_deref() == data.split(|byte| *byte == b'\n').next(),
            "{header:?}"
        );
    }
    let context = header.as_ref().map(|header| header.context().clone()).unwrap_or_default();
    let public = key.public_key();
    for trust in [Trust::SignedBy(vec![public]), Trust::Unsigned] {
        let reader = || Unsealer::new(&[key], &context, &trust);
        let whole = unseal(&[key], &context, &trust, data).map(|plain| plain.expose().to_vec());
        assert_eq!(in_pieces(reader(), data), whole);
        // For another purpose it is refused, whoever signed it.
        let Ok(other) = Context::new(context.iter().skip(1).chain([("zz", "another purpose")])) else {
            continue;
        };
        assert!(unseal(&[key], &other, &trust, data).is_err());
        if let Err(error) = &header {
            assert_eq!(whole.as_ref().err(), Some(error), "the header's fault comes first");
        }
    }
    // A workspace is a file whose signer is its recipient, and whatever opens as one is signed.
    let opened = in_pieces(workspace::unsealer(&[key], &context), data);
    let signed = unseal(&[key], &context, &Trust::SignedBy(vec![key.public_key()]), data);
    assert_eq!(opened.ok(), signed.ok().map(|plain| plain.expose().to_vec()));
}

/// The header line from what was read of it, by another writer; the wrapped key from the line itself.
fn written_again(header: &Header, data: &[u8]) -> Option<Vec<u8>> {
    let line: Value = serde_json::from_slice(data.split(|byte| *byte == b'\n').next()?).ok()?;
    let signer = header.signer().map_or(String::new(), |kid| format!(r#""signer":"{kid}","#));
    let entries: Vec<String> =
        header.context().iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
    let text = format!(
        r#"{{"v":1,"type":"spacelift-worker/sealed","alg":"RSA-OAEP-256","enc":"Cobblestone-256","kid":"{}","key":{},{signer}"context":{{{}}}}}"#,
        header.recipient(),
        line["key"],
        entries.join(","),
    );
    Some(text.into_bytes())
}

fn in_pieces(mut unsealer: Unsealer<'_>, data: &[u8]) -> Result<Vec<u8>, UnsealError> {
    let mut plain = Vec::new();
    for piece in pieces(data, &[1, 0, 255, 7, 200, 255, 255]) {
        if let Err(error) = unsealer.update(piece, &mut plain) {
            let given = plain.len();
            assert_eq!(unsealer.update(data, &mut plain), Err(error.clone()), "the first error stays");
            assert_eq!(unsealer.finish(&mut plain), Err(error.clone()), "to the end");
            assert_eq!(plain.len(), given, "and nothing more comes out");
            return Err(error);
        }
    }
    unsealer.finish(&mut plain).map(|()| plain)
}
