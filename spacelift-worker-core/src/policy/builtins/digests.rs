//! `crypto.md5`, `crypto.sha…` and `crypto.hmac.…`, which give hexadecimal digits.

use regorus::Value;

use super::extension::{Function, Missing, text};
use crate::crypto::{Digest, constant_time_eq, digest, hex, hmac};

/// Name, number of arguments, function.
pub(super) const FUNCTIONS: [(&str, u8, Function); 8] = [
    ("crypto.md5", 1, |args| hash(Digest::Md5, args)),
    ("crypto.sha1", 1, |args| hash(Digest::Sha1, args)),
    ("crypto.sha256", 1, |args| hash(Digest::Sha256, args)),
    ("crypto.hmac.md5", 2, |args| mac(Digest::Md5, args)),
    ("crypto.hmac.sha1", 2, |args| mac(Digest::Sha1, args)),
    ("crypto.hmac.sha256", 2, |args| mac(Digest::Sha256, args)),
    ("crypto.hmac.sha512", 2, |args| mac(Digest::Sha512, args)),
    ("crypto.hmac.equal", 2, equal),
];

fn hash(function: Digest, args: &[Value]) -> Result<Value, Missing> {
    let [data] = args else { return Err(Missing::refused("takes one argument")) };
    Ok(Value::from(hex(&digest(function, text(data, "its argument")?.as_bytes()))))
}

fn mac(function: Digest, args: &[Value]) -> Result<Value, Missing> {
    let (message, key) = two_texts(args)?;
    Ok(Value::from(hex(&hmac(function, key.as_bytes(), message.as_bytes()))))
}

fn equal(args: &[Value]) -> Result<Value, Missing> {
    let (a, b) = two_texts(args)?;
    Ok(Value::from(constant_time_eq(a.as_bytes(), b.as_bytes())))
}

fn two_texts(args: &[Value]) -> Result<(&str, &str), Missing> {
    let [first, second] = args else { return Err(Missing::refused("takes two arguments")) };
    Ok((text(first, "its first argument")?, text(second, "its second argument")?))
}
