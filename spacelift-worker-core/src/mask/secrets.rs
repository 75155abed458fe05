//! What counts as a secret: a set of values with their forms, and a handle through which streams share it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::forms::{Forms, Spelling};
use super::matcher::Matcher;
use super::stream::Masker;

/// The shortest value that is registered, and the shortest form, in bytes.
pub(super) const SHORTEST: usize = 4;

/// Words that are no secret, in any case.
const COMMON: [&str; 6] = ["true", "false", "null", "none", "yes", "no"];

/// Why a value is not registered: masking it would make logs unreadable and protect nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRegistered {
    /// Empty, or blanks alone.
    #[error("is blank and not masked")]
    Blank,
    /// Under 4 bytes, without the blanks around it.
    #[error("is shorter than 4 bytes and not masked")]
    TooShort,
    /// `true`, `false`, `null`, `none`, `yes` or `no`, in any case.
    #[error("is a common word and not masked")]
    CommonWord,
}

/// The secrets are too many or too long to search for. Nothing that may hold one may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secrets to mask are too many or too long to search for; mask fewer or shorter values")]
pub struct TooManySecrets;

/// The values to mask, each in all its forms. Forms of equal spelling are kept once.
#[derive(Clone, Default)]
pub struct SecretSet {
    forms: Forms,
    patterns: BTreeSet<Spelling>,
}

impl SecretSet {
    /// An empty set that will hold every form of each value.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set that will hold the given forms of each value.
    pub fn with_forms(forms: Forms) -> Self {
        Self { forms, patterns: BTreeSet::new() }
    }

    /// Registers a value in all forms of this set.
    ///
    /// # Errors
    ///
    /// Why the value is not registered. The caller warns about it and names the variable, never the value.
    pub fn add(&mut self, value: &[u8]) -> Result<(), NotRegistered> {
        let trimmed = value.trim_ascii();
        if trimmed.is_empty() {
            return Err(NotRegistered::Blank);
        }
        if COMMON.iter().any(|word| trimmed.eq_ignore_ascii_case(word.as_bytes())) {
            return Err(NotRegistered::CommonWord);
        }
        if trimmed.len() < SHORTEST {
            return Err(NotRegistered::TooShort);
        }
        self.patterns.extend(self.forms.of(value).into_iter().filter(|form| form.len() >= SHORTEST));
        Ok(())
    }

    /// How many different spellings are looked for.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The spellings, in byte order.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|pattern| &**pattern)
    }
}

impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A shared set of secrets. Clones are handles to the same set, from any thread.
///
/// A secret added here applies to all bytes that the maskers of this set have not yet let go.
#[derive(Clone)]
pub struct Secrets(Arc<Shared>);

struct Shared {
    /// The whole set. Whoever holds it may replace the matcher.
    set: Mutex<SecretSet>,
    /// The set, ready for searching.
    matcher: RwLock<Arc<Matcher>>,
    /// Rises after each replacement, so that a stream sees one without taking the lock.
    generation: AtomicU64,
}

impl Secrets {
    /// Makes a set ready for searching.
    ///
    /// # Errors
    ///
    /// Its spellings are longer than 64 MiB together. In all forms, a value takes 30 to 100 times its length.
    pub fn new(set: SecretSet) -> Result<Self, TooManySecrets> {
        let matcher = RwLock::new(Arc::new(Matcher::new(&set)?));
        Ok(Self(Arc::new(Shared { set: Mutex::new(set), matcher, generation: AtomicU64::new(0) })))
    }

    /// Adds a value; all its forms apply at once when this returns.
    ///
    /// The inner result tells why a value was not registered, as [`SecretSet::add`] does.
    ///
    /// # Errors
    ///
    /// The set is too large now; the value is not masked, and the caller must not show anything that may hold it.
    pub fn add(&self, value: &[u8]) -> Result<Result<(), NotRegistered>, TooManySecrets> {
        self.update(|set| set.add(value))
    }

    /// Adds any number of values at the cost of one, and returns what `change` returns. A `change` that takes values
    /// away leaves what streams already hold as it is.
    ///
    /// # Errors
    ///
    /// The set is too large now; nothing was added.
    pub fn update<R>(&self, change: impl FnOnce(&mut SecretSet) -> R) -> Result<R, TooManySecrets> {
        let mut set: MutexGuard<'_, SecretSet> = self.0.set.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = set.clone();
        let answer = change(&mut next);
        if next.patterns != set.patterns {
            let matcher = Arc::new(Matcher::new(&next)?);
            *self.0.matcher.write().unwrap_or_else(PoisonError::into_inner) = matcher;
            self.0.generation.fetch_add(1, Ordering::Release);
            *set = next;
        }
        Ok(answer)
    }

    /// A masker for one stream.
    pub fn masker(&self) -> Masker {
        Masker::new(self.clone())
    }

    /// Masks a text that is complete in itself: a note, an error, a line.
    pub fn mask_text(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let mut masker = self.masker();
        masker.push(text.as_bytes(), &mut out);
        masker.finish(&mut out);
        // A secret that is no UTF-8 may take half a character with it.
        match String::from_utf8(out) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// Which replacement of the matcher is the newest.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The newest matcher.
    pub(super) fn matcher(&self) -> Arc<Matcher> {
        Arc::clone(&self.0.matcher.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
