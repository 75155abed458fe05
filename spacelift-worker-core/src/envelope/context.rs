//! What a sealed file is for: public, authenticated, compared exactly. It never holds anything secret.

use std::collections::BTreeMap;

use crate::ids::{PoolId, RunId};

const MAX_ENTRIES: usize = 16;
const MAX_KEY_LEN: usize = 32;
const MAX_VALUE_LEN: usize = 256;

/// Why a context cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A key stands there twice.
    #[error("the context has the key {0} twice")]
    Duplicate(String),
    /// A key of another form.
    #[error("a context's key must be 1 to 32 characters out of a-z and _")]
    Key,
    /// More than 16 entries.
    #[error("a context has at most 16 entries")]
    TooMany,
    /// A value of another form.
    #[error("the context's {0} must be 1 to 256 printable ASCII characters without quote and backslash")]
    Value(String),
}

/// What a sealed file is for: at most 16 entries, sorted by key.
///
/// Keys are 1 to 32 characters out of `a`-`z` and `_`; values 1 to 256 bytes from 0x20 to 0x7E without `"` and `\`,
/// which have no place in the header's fixed form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, String>);

impl Context {
    /// Of what one phase of a run leaves for somebody else of its pool.
    pub(super) fn of_phase(
        purpose: &str,
        pool: PoolId,
        stack: &str,
        run: RunId,
        phase: &str,
        state_version: u64,
    ) -> Result<Self, ContextError> {
        Self::new([
            ("phase", phase.to_owned()),
            ("pool", pool.to_string()),
            ("purpose", purpose.to_owned()),
            ("run", run.to_string()),
            ("stack", stack.to_owned()),
            ("state_version", state_version.to_string()),
        ])
    }

    /// A context of these entries, in whatever order.
    ///
    /// # Errors
    /// [`ContextError`]
    pub fn new<K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Result<Self, ContextError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let mut sorted = BTreeMap::new();
        for (key, value) in entries {
            let (key, value) = (key.into(), value.into());
            if !(1..=MAX_KEY_LEN).contains(&key.len())
                || !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                return Err(ContextError::Key);
            }
            if !(1..=MAX_VALUE_LEN).contains(&value.len()) || !value.bytes().all(is_plain) {
                return Err(ContextError::Value(key));
            }
            if sorted.len() == MAX_ENTRIES {
                return Err(ContextError::TooMany);
            }
            if sorted.contains_key(&key) {
                return Err(ContextError::Duplicate(key));
            }
            sorted.insert(key, value);
        }
        Ok(Self(sorted))
    }

    /// The entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of one key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The first key, in order, whose value is not the same in `other`, a missing one included.
    pub(super) fn first_difference(&self, other: &Self) -> Option<String> {
        let differs = |key: &&String| self.0.get(*key) != other.0.get(*key);
        self.0.keys().chain(other.0.keys()).filter(differs).min().cloned()
    }
}

/// Whether JSON writes the byte as itself in a string, in the fixed form.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}
