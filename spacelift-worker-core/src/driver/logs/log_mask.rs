//! What the launcher's own log never shows: the launcher's secrets, and those of the runs that it has in hand.
//!
//! Masks values before they become JSON, whose escapes could hide one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::mask::Secrets;

/// The secrets of a launcher and of its runs. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct LogMask {
    own: Secrets,
    /// Each holds the launcher's own, too.
    runs: Arc<RwLock<BTreeMap<u64, Secrets>>>,
}

impl LogMask {
    /// Of a launcher without a run.
    pub(crate) fn new(own: Secrets) -> Self {
        Self { own, runs: Arc::default() }
    }

    /// Masks the secrets of a run, too, until the guard goes. They hold the launcher's own.
    pub(crate) fn hold(&self, run: &Secrets) -> RunMasked {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        let key = runs.last_key_value().map_or(0, |(last, _)| last + 1);
        runs.insert(key, run.clone());
        RunMasked { mask: self.clone(), key }
    }

    /// A text with its secrets masked.
    pub(crate) fn text(&self, text: &str) -> String {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let mut all = runs.values();
        let first = all.next().unwrap_or(&self.own).mask_text(text);
        all.fold(first, |text, run| run.mask_text(&text))
    }

    /// Masks every text of a document, names included. A number that is a secret becomes a text.
    pub(crate) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.text(&text);
                if masked == text { Value::Number(number) } else { Value::String(masked) }
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            Value::Bool(_) | Value::Null => value,
        }
    }
}

/// As long as it lives, the log does not show the secrets of its run.
#[derive(Debug)]
pub(crate) struct RunMasked {
    mask: LogMask,
    key: u64,
}

impl Drop for RunMasked {
    fn drop(&mut self) {
        self.mask.runs.write().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The masks of launchers that write one log. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogMasks(Arc<RwLock<Vec<LogMask>>>);

impl LogMasks {
    /// Masks what this launcher masks, too, for as long as anyone but this list holds its mask.
    pub(crate) fn add(&self, mask: LogMask) {
        let mut masks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        masks.retain(|known| !Arc::ptr_eq(&known.runs, &mask.runs) && Arc::strong_count(&known.runs) > 1);
        masks.push(mask);
    }

    /// Masks every text of a document, names included. A number that is a secret becomes a text.
    pub(crate) fn value(&self, value: Value) -> Value {
        let masks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        masks.iter().fold(value, |value, mask| mask.value(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mask::SecretSet;

    fn secrets(values: &[&str]) -> Secrets {
        let mut set = SecretSet::new();
        values.iter().for_each(|value| set.add(value.as_bytes()).unwrap());
        Secrets::new(set).unwrap()
    }

    #[test]
    fn a_run_is_masked_while_it_is_in_hand() {
        let mask = LogMask::new(secrets(&["hunter2"]));
        assert_eq!(mask.text("hunter2 swordfish"), "***** swordfish");
        let held = mask.hold(&secrets(&["hunter2", "swordfish"]));
        assert_eq!(mask.text("hunter2 swordfish"), "***** *****");
        let other = mask.hold(&secrets(&["hunter2", "tr0ub4dor"]));
        assert_eq!(mask.text("hunter2 swordfish tr0ub4dor"), "***** ***** *****");
        drop((held, other));
        assert_eq!(mask.text("hunter2 swordfish tr0ub4dor"), "***** swordfish tr0ub4dor");
    }

    #[test]
    fn launchers_that_write_one_log_mask_each_others_secrets_until_they_are_gone() {
        let masks = LogMasks::default();
        let (one, other) = (LogMask::new(secrets(&["hunter2"])), LogMask::new(secrets(&["swordfish"])));
        masks.add(one.clone());
        masks.add(other.clone());
        masks.add(other.clone());
        let run = one.hold(&secrets(&["hunter2", "tr0ub4dor"]));
        let said = || masks.value(json!("hunter2 swordfish tr0ub4dor"));
        assert_eq!(said(), json!("***** ***** *****"));
        drop(one);
        masks.add(other.clone());
        // Its run is still there, and with it the mask
        assert_eq!(said(), json!("***** ***** *****"));
        drop(run);
        masks.add(other);
        assert_eq!(said(), json!("hunter2 ***** tr0ub4dor"));
    }

    #[test]
    fn every_part_of_a_document_is_masked() {
        let mask = LogMask::new(secrets(&["pass \"word\"\n", "48151623", "hunter2"]));
        let document = json!({
            "text": "it is pass \"word\"\n, really", "number": 48_151_623, "other": 4, "none": null, "yes": true,
            "list": ["hunter2", {"hunter2": [["hunter2"]]}],
        });
        let masked = json!({
            "text": "it is *****, really", "number": "*****", "other": 4, "none": null, "yes": true,
            "list": ["*****", {"*****": [["*****"]]}],
        });
        assert_eq!(mask.value(document), masked);
    }
}
