//! What operators stand for in a policy's normal form. The engine's own fail on operands of the wrong kind, which are
//! undefined in Open Policy Agent, and its `in` takes an undefined operand for false.

use regorus::Value;

/// What `some … in` goes through: itself, or undefined where it is no collection.
pub(in crate::policy) const COLLECTION: &str = "__collection";
/// `value in collection`.
pub(in crate::policy) const MEMBER: &str = "__member";
/// `key, value in collection`.
pub(in crate::policy) const MEMBER_WITH_KEY: &str = "__member_with_key";
/// An operand of `+`, `*`, and the left one of `/`: itself, or undefined where it is no number.
pub(in crate::policy) const NUMBER: &str = "__number";
/// The right operand of `/`: not zero, too.
pub(in crate::policy) const DIVISOR: &str = "__divisor";
/// The left operand of `%`: a whole number.
pub(in crate::policy) const WHOLE: &str = "__whole";
/// The right operand of `%`: a whole number, and not zero.
pub(in crate::policy) const MODULUS: &str = "__modulus";
/// An operand of `-`.
pub(in crate::policy) const NUMBER_OR_SET: &str = "__number_or_set";
/// An operand of `&` and `|`.
pub(in crate::policy) const SET: &str = "__set";

/// What an operand becomes.
type Operand = fn(&[Value]) -> Value;

/// Name, number of arguments, function. None has a value where an argument is undefined.
pub(super) const FUNCTIONS: [(&str, u8, Operand); 9] = [
    (COLLECTION, 1, |args| {
        only(args, |value| matches!(value, Value::Array(_) | Value::Set(_) | Value::Object(_)))
    }),
    (MEMBER, 2, member),
    (MEMBER_WITH_KEY, 3, member_with_key),
    (NUMBER, 1, |args| only(args, |value| matches!(value, Value::Number(_)))),
    (DIVISOR, 1, |args| only(args, |value| matches!(value, Value::Number(_)) && !is_zero(value))),
    (WHOLE, 1, |args| only(args, is_whole)),
    (MODULUS, 1, |args| only(args, |value| is_whole(value) && !is_zero(value))),
    (NUMBER_OR_SET, 1, |args| only(args, |value| matches!(value, Value::Number(_) | Value::Set(_)))),
    (SET, 1, |args| only(args, |value| matches!(value, Value::Set(_)))),
];

/// A value, if it can be worked with.
fn only(args: &[Value], can: fn(&Value) -> bool) -> Value {
    match args {
        [value] if can(value) => value.clone(),
        _ => Value::Undefined,
    }
}

fn is_zero(value: &Value) -> bool {
    *value == Value::from(0_u64)
}

fn is_whole(value: &Value) -> bool {
    matches!(value, Value::Number(number) if number.is_integer())
}

fn member(args: &[Value]) -> Value {
    Value::from(match args {
        [value, Value::Array(values)] => values.contains(value),
        [value, Value::Set(values)] => values.contains(value),
        [value, Value::Object(fields)] => fields.values().any(|held| held == value),
        _ => false,
    })
}

fn member_with_key(args: &[Value]) -> Value {
    Value::from(match args {
        [key, value, collection @ (Value::Array(_) | Value::Object(_))] => collection[key] == *value,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json_str(json).unwrap()
    }

    fn call(name: &str, args: &[Value]) -> Value {
        let (_, arity, function) = FUNCTIONS.into_iter().find(|(known, ..)| *known == name).unwrap();
        assert_eq!(usize::from(arity), args.len());
        function(args)
    }

    #[test]
    fn an_operand_is_itself_or_undefined() {
        let set = Value::from(std::collections::BTreeSet::from([Value::from(1_u64)]));
        for (name, takes, leaves) in [
            (NUMBER, ["1", "0", "2.5"], ["null", "\"1\"", "[1]"]),
            (DIVISOR, ["1", "0.5", "-2"], ["0", "0.0", "null"]),
            (WHOLE, ["1", "0", "-7"], ["2.5", "null", "\"1\""]),
            (MODULUS, ["1", "9", "-7"], ["0", "2.5", "null"]),
            (NUMBER_OR_SET, ["1", "0", "2.5"], ["null", "\"1\"", "[1]"]),
        ] {
            takes
                .iter()
                .for_each(|json| assert_eq!(call(name, &[value(json)]), value(json), "{name} {json}"));
            leaves
                .iter()
                .for_each(|json| assert_eq!(call(name, &[value(json)]), Value::Undefined, "{name} {json}"));
        }
        assert_eq!(call(SET, std::slice::from_ref(&set)), set);
        assert_eq!(call(NUMBER_OR_SET, std::slice::from_ref(&set)), set);
        assert_eq!(call(SET, &[value("[1]")]), Value::Undefined);
    }

    #[test]
    fn only_collections_are_gone_through() {
        assert_eq!(call(COLLECTION, &[value("[1]")]), value("[1]"));
        for other in ["null", "1", "\"text\"", "true"] {
            assert_eq!(call(COLLECTION, &[value(other)]), Value::Undefined);
        }
    }

    #[test]
    fn members_are_values_and_nothing_is_a_member_of_what_is_no_collection() {
        let holds = |item: &str, of: &str| call(MEMBER, &[value(item), value(of)]) == Value::from(true);
        assert!(holds("1", "[2, 1]") && holds("1", "{\"a\": 1}"));
        assert!(!holds("\"a\"", "{\"a\": 1}") && !holds("1", "1") && !holds("\"a\"", "\"abc\""));
        let at = |key: &str, of: &str| {
            call(MEMBER_WITH_KEY, &[value(key), value("7"), value(of)]) == Value::from(true)
        };
        assert!(at("1", "[2, 7]") && at("\"a\"", "{\"a\": 7}"));
        assert!(!at("0", "[2, 7]") && !at("7", "null") && !at("9", "[7]"));
    }
}
