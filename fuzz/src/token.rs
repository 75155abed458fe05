//! Worker pool tokens: whatever is parsed is written again as the same token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use spacelift_worker_core::pool::PoolToken;
use spacelift_worker_core::secret::SecretText;

/// A token as text or, where the bytes begin with a brace, the JSON inside of one.
pub fn token(data: &[u8]) {
    let text = match (data.first(), std::str::from_utf8(data)) {
        (Some(b'{'), _) => STANDARD.encode(data),
        (_, Ok(text)) => text.to_owned(),
        (_, Err(_)) => return,
    };
    match PoolToken::parse(&SecretText::new(text)) {
        Ok(token) => {
            let again = PoolToken::parse(&token.encode());
            assert_eq!(again.as_ref().map(PoolToken::parts), Ok(token.parts()));
            assert_eq!(again.as_ref().map(PoolToken::certificate), Ok(token.certificate()));
            // Fields may be spelled in another way once; from then on the text stays
            assert!(again.map(|again| again.encode()) == Ok(token.encode()), "another token came back");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
