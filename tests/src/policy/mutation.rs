//! Small changes to a document: at each place, what stands there is gone, `null`, a number, or a list.

use serde_json::{Value, json};

/// A change to a document.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Where, parts joined by dots.
    pub path: String,
    /// What became of it.
    pub kind: &'static str,
    /// The document with the change.
    pub document: Value,
}

/// Every change to a document: four at each place below its root.
pub fn mutations(document: &Value) -> Vec<Mutation> {
    let mut places = Vec::new();
    collect(document, &mut Vec::new(), &mut places);
    let kinds = [
        ("gone", None),
        ("null", Some(Value::Null)),
        ("number", Some(json!(7))),
        ("list", Some(json!(["x", { "y": 1 }]))),
    ];
    let changed = |path: &Vec<String>| {
        kinds.clone().map(|(kind, value)| {
            let mut document = document.clone();
            change(&mut document, path, value);
            Mutation { path: path.join("."), kind, document }
        })
    };
    places.iter().flat_map(changed).collect()
}

fn collect(value: &Value, path: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in inner {
        path.push(name);
        places.push(path.clone());
        collect(value, path, places);
        path.pop();
    }
}

/// Puts `value` where `path` leads, or takes away what is there.
pub(super) fn change(document: &mut Value, path: &[String], value: Option<Value>) {
    let [front @ .., last] = path else { return };
    let Some(parent) = front.iter().try_fold(document, |value, part| match value {
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        value => value.get_mut(part),
    }) else {
        return;
    };
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(last.clone(), value)),
        (Value::Object(fields), None) => drop(fields.remove(last)),
        (Value::Array(items), value) => {
            let index = last.parse::<usize>().unwrap_or(items.len());
            match (items.get_mut(index), value) {
                (Some(item), Some(value)) => *item = value,
                (Some(_), None) => drop(items.remove(index)),
                (None, _) => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_changed_in_four_ways() {
        let document = json!({ "a": { "b": 1 }, "c": [true] });
        let all = mutations(&document);
        assert_eq!(all.len(), 4 * 4);
        let of = |path: &str| -> Vec<Value> {
            all.iter().filter(|change| change.path == path).map(|change| change.document.clone()).collect()
        };
        assert_eq!(of("a.b")[0], json!({ "a": {}, "c": [true] }));
        assert_eq!(of("a")[1], json!({ "a": null, "c": [true] }));
        assert_eq!(of("c.0")[0], json!({ "a": { "b": 1 }, "c": [] }));
        assert_eq!(of("c.0")[2], json!({ "a": { "b": 1 }, "c": [7] }));
    }
}
