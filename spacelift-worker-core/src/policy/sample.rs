//! The line that is logged of a sampled evaluation.

use serde_json::{Value, json};

use super::decision::Decision;
use crate::ids::MessageId;

/// The line that Spacelift's launcher logs when `sample` is true: `level`, `msg` and `sample`. Whoever logs it adds time and
/// caller, and passes it through the masker: body and input may have secrets in them.
///
/// `body` is the policy's text; `random` makes the line's key unique (80 bits are used).
///
/// Source: Spacelift, concepts, run, user-provided metadata: the one public line of this kind.
pub fn sample_line(body: &str, input: &Value, decision: &Decision, now_unix_ns: u64, random: u128) -> Value {
    // The time part runs backwards, so that the newest sample sorts first.
    let inverted = ((1 << 48) - 1_u64).saturating_sub(now_unix_ns / 1_000_000);
    let key = MessageId::from_parts(inverted, random);
    json!({
        "level": "info",
        "msg": format!("Sample 0/INITIALIZATION/{key}/{}", decision.outcome()),
        "sample": {
            "body": body,
            "input": input,
            "outcome": decision.outcome(),
            "results": decision.results(),
            "error": decision.failure().map(|failure| failure.detail.clone()).unwrap_or_default(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_documented_shape() {
        let (body, input) = ("package spacelift\nsample { true }\n", json!({ "run": {} }));
        let decision = Decision::new(vec![], true);
        // 2021-09-02T13:17:37.785219048Z, the time of the documented line, whose key begins with 7YGHCNF7W6.
        let line = sample_line(body, &input, &decision, 1_630_588_657_785_219_048, 0);
        assert_eq!(
            line,
            json!({
                "level": "info",
                "msg": "Sample 0/INITIALIZATION/7YGHCNF7W60000000000000000/allow",
                "sample": {
                    "body": body,
                    "input": input,
                    "outcome": "allow",
                    "results": { "deny": [], "sample": true },
                    "error": "",
                },
            })
        );
    }
}
