//! `io.jwt.decode_verify(token, constraints)`: `[true, header, payload]`, or `[false, {}, {}]`.

use regorus::Value;

use super::constraints::Constraints;
use super::token::{Header, Token, object};
use crate::policy::builtins::extension::{Missing, text};

pub(super) fn decode_verify(args: &[Value]) -> Result<Value, Missing> {
    let [token, constraints] = args else { return Err(Missing::refused("takes two arguments")) };
    let constraints = Constraints::read(constraints)?;
    let unverified = || Ok(Value::from(vec![Value::from(false), Value::new_object(), Value::new_object()]));
    let mut encoded = text(token, "the token")?.to_owned();
    loop {
        let token = Token::split(&encoded)?;
        let header_value = token.header()?;
        let header = Header::parse(&header_value)?;
        if !constraints.admit(&header) {
            return unverified();
        }
        if !constraints.verify(&header, &token.signed(), &token.signature()?) {
            return unverified();
        }
        let payload = token.payload_bytes()?;
        // A token in a token, each signed (RFC 7519, 5.2). It is shorter than the one around it, so this ends.
        if header.cty.eq_ignore_ascii_case("JWT") {
            encoded = String::from_utf8_lossy(&payload).into_owned();
            continue;
        }
        let payload = object(&payload, "the token's payload")?;
        return match constraints.claims_hold(&payload)? {
            true => Ok(Value::from(vec![Value::from(true), header_value, payload])),
            false => unverified(),
        };
    }
}
