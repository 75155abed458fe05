//! What the worker and Open Policy Agent decide on the same documents, and where they may differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use spacelift_worker_core::policy::{InitializationPolicy, PolicyError, PolicyOptions, Surroundings};

use super::corpus::{Case, NOW_UNIX_NS, inputs, read_json};
use super::mutation::mutations;
use super::oracle::{Oracle, Outcome};
use super::programs::{StandIns, allowed};

/// Two decisions that are not the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The name of the policy.
    pub policy: String,
    /// The input, and what was changed in it.
    pub document: String,
    /// Of the worker.
    pub ours: Outcome,
    /// Of Open Policy Agent.
    pub theirs: Outcome,
}

impl Difference {
    /// Whether the worker is less strict: it lets a run start that Open Policy Agent does not, or decides where that fails.
    pub fn is_laxer(&self) -> bool {
        self.ours.allows() && !self.theirs.allows()
    }

    /// The policy, and both decisions in a word each: theirs, ours.
    pub fn key(&self) -> Key {
        (self.policy.clone(), self.theirs.word().to_owned(), self.ours.word().to_owned())
    }
}

/// What an allowed difference is known by: the policy, their decision, our decision.
pub type Key = (String, String, String);

/// The differences that are known, each with its reason.
///
/// # Panics
/// When the list cannot be read.
pub fn known_differences() -> BTreeMap<Key, String> {
    let list = read_json("differences.json");
    let text = |entry: &Value, name: &str| entry[name].as_str().expect("a text").to_owned();
    let entry = |entry: &Value| {
        ((text(entry, "policy"), text(entry, "opa"), text(entry, "worker")), text(entry, "reason"))
    };
    list.as_array().expect("a list").iter().map(entry).collect()
}

/// The documents that a policy judges, by name, and every `step`th of their mutations.
pub fn documents(case: &Case, step: usize) -> Vec<(String, Value)> {
    let common = inputs().into_iter().map(|(name, document)| (name.to_owned(), document));
    let own = case.inputs.iter().enumerate();
    let own = own.map(|(index, document)| (format!("own {index}"), document.clone()));
    let mut all = Vec::new();
    for (name, document) in common.chain(own) {
        let changed = mutations(&document).into_iter().step_by(step);
        all.extend(
            changed.map(|change| (format!("{name}, {} {}", change.path, change.kind), change.document)),
        );
        all.push((name, document));
    }
    all
}

/// Loads a policy as the worker does, with the programs that the oracle has, too.
///
/// # Errors
/// Why the worker refuses it.
pub fn load(name: &str, text: &str) -> Result<InitializationPolicy, PolicyError> {
    InitializationPolicy::with_options(
        name,
        text,
        PolicyOptions { programs: allowed(), ..PolicyOptions::default() },
    )
}

/// Every difference on these documents.
///
/// # Panics
/// When either side refuses the policy.
pub fn differences(case: &Case, documents: &[(String, Value)], oracle: &mut Oracle) -> Vec<Difference> {
    let policy = load(&case.name, &case.text).unwrap_or_else(|error| panic!("{error}"));
    let loaded = oracle.load(&case.name, &case.text);
    loaded.unwrap_or_else(|why| panic!("Open Policy Agent refuses {}: {why}", case.name));
    let difference = |(name, document): &(String, Value)| {
        let surroundings = Surroundings { now_unix_ns: NOW_UNIX_NS, programs: Some(Arc::new(StandIns)) };
        let ours = Outcome::from(&policy.evaluate_in(document, surroundings));
        let (theirs, _) = oracle.decide(document, NOW_UNIX_NS);
        let (policy, document) = (case.name.clone(), name.clone());
        (ours != theirs).then_some(Difference { policy, document, ours, theirs })
    };
    documents.iter().filter_map(difference).collect()
}
