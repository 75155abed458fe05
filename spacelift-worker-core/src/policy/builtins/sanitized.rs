//! `sanitized(x)`: what Spacelift shows in place of a secret. Not a way to keep one.

use std::fmt::Write as _;

use crate::crypto;

/// The last 8 hexadecimal digits of the SHA-256 of `text`, in lower case.
///
/// Source: Spacelift, concepts, resources, sanitization. It speaks of "the last 8 bytes"; its examples, which the tests
/// recompute, have 8 digits.
pub(in crate::policy) fn sanitized(text: &str) -> String {
    let digest = crypto::sha256(text.as_bytes());
    digest[digest.len() - 4..].iter().fold(String::with_capacity(8), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_examples_come_out() {
        for (text, digits) in [
            ("mysql", "eae35047"),
            ("5.7", "fc40d152"),
            ("db.t3.micro", "4f8189cd"),
            ("exampledb", "59832d41"),
            ("default.mysql5.7", "bead1390"),
        ] {
            assert_eq!(sanitized(text), digits, "{text}");
        }
    }
}
