//! What was computed once is looked up from then on.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Results by their arguments. Small: each part of a world has its own, so that threads seldom meet.
#[derive(Debug)]
pub struct Memo<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Copy, V: Clone> Memo<K, V> {
    /// The result for these arguments, computed if it is not known.
    pub fn get(&self, key: K, compute: impl FnOnce() -> V) -> V {
        if let Some(value) = self.known().get(&key) {
            return value.clone();
        }
        let value = compute();
        self.known().entry(key).or_insert(value).clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A set of fingerprints, in shards.
#[derive(Debug)]
pub struct Fingerprints(Vec<Mutex<std::collections::HashSet<u64>>>);

impl Default for Fingerprints {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(64).collect())
    }
}

impl Fingerprints {
    /// Whether a fingerprint is in the set.
    pub fn contains(&self, fingerprint: u64) -> bool {
        self.shard(fingerprint).contains(&fingerprint)
    }

    /// Adds a fingerprint.
    pub fn insert(&self, fingerprint: u64) {
        self.shard(fingerprint).insert(fingerprint);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, fingerprint: u64) -> MutexGuard<'_, std::collections::HashSet<u64>> {
        self.0[fingerprint as usize % 64].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
