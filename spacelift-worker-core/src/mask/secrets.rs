//! What counts as a secret: a set of values with their forms, and a handle through which streams share it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::forms::{Forms, Spelling};
use super::levels::Levels;
use super::masker::Masker;
use super::matcher::Matcher;
use super::terminal::Terminal;

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

/// How values are looked for, and what is masked beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaskSettings {
    /// Which spellings of each value are masked. Default: all.
    pub forms: Forms,
    /// Whether values are found although control sequences (colours, titles, links), carriage returns or NUL stand inside
    /// of them. What stands inside goes with the value. Default: yes.
    pub terminal: bool,
    /// Whether what looks like a well-known secret is masked although nobody named it: AWS access key ids, Azure client
    /// secrets and connection strings, GitHub and Slack tokens, JSON Web Tokens, private keys. Default: no.
    pub well_known: bool,
}

impl Default for MaskSettings {
    fn default() -> Self {
        Self { forms: Forms::default(), terminal: true, well_known: false }
    }
}

/// The values to mask, each in all its forms. Forms of equal spelling are kept once.
#[derive(Clone, Default)]
pub struct SecretSet {
    settings: MaskSettings,
    patterns: BTreeSet<Spelling>,
}

impl SecretSet {
    /// An empty set with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set with these settings.
    pub fn with_settings(settings: MaskSettings) -> Self {
        Self { settings, patterns: BTreeSet::new() }
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
        let forms = self.settings.forms.of(value);
        if self.settings.terminal {
            self.patterns.extend(forms.iter().filter_map(|form| shown(form)));
        }
        self.patterns.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST));
        Ok(())
    }

    /// How many different spellings are looked for.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The spellings that are looked for, in byte order. Each is as secret as its value.
    pub fn spellings(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|pattern| &**pattern)
    }

    /// Whether no value is looked for.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// A form without what a terminal does not show, where there is any: so it stands in what is shown of a text.
fn shown(form: &[u8]) -> Option<Spelling> {
    let length: usize = Terminal::shown_of(form).map(<[u8]>::len).sum();
    (length < form.len() && length >= SHORTEST)
        .then(|| Spelling::written(|emit| Terminal::shown_of(form).for_each(&mut *emit)))
}

impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A shared set of secrets, which only grows. Clones are handles to the same set, from any thread.
///
/// A secret added here applies to all bytes that the maskers of this set have not yet let go.
#[derive(Clone)]
pub struct Secrets(Arc<Shared>);

struct Shared {
    settings: MaskSettings,
    /// Whoever holds it may add.
    levels: Mutex<Levels>,
    /// Those of `levels`, for reading.
    matchers: RwLock<Arc<[Arc<Matcher>]>>,
    /// Rises after each addition, so that a stream sees one without taking a lock.
    generation: AtomicU64,
    /// Bytes that were masked.
    masked: AtomicU64,
}

impl Secrets {
    /// Makes a set ready for searching.
    ///
    /// # Errors
    ///
    /// Its spellings are longer than 64 MiB together. In all forms, a value takes 20 to 100 times its length.
    pub fn new(set: SecretSet) -> Result<Self, TooManySecrets> {
        let mut levels = Levels::default();
        levels.add(set.patterns)?;
        let matchers = RwLock::new(levels.matchers());
        let levels = Mutex::new(levels);
        let (settings, generation, masked) = (set.settings, AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self(Arc::new(Shared { settings, levels, matchers, generation, masked })))
    }

    /// Adds a value; all its forms apply at once when this returns.
    ///
    /// The inner result tells why a value was not registered, as [`SecretSet::add`] does.
    ///
    /// # Errors
    ///
    /// The set is too large now; the value is not masked, and the caller must not show anything that may hold it.
    pub fn add(&self, value: &[u8]) -> Result<Result<(), NotRegistered>, TooManySecrets> {
        let mut answer = Ok(());
        self.add_all([value], |_, why| answer = Err(why))?;
        Ok(answer)
    }

    /// Adds any number of values at once. `refused` is told which of them, from 0, was not registered, and why.
    ///
    /// # Errors
    ///
    /// The set is too large now; nothing was added.
    pub fn add_all<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        mut refused: impl FnMut(usize, NotRegistered),
    ) -> Result<(), TooManySecrets> {
        let mut set = SecretSet::with_settings(self.0.settings);
        for (index, value) in values.into_iter().enumerate() {
            if let Err(why) = set.add(value) {
                refused(index, why);
            }
        }
        let mut levels = self.0.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.add(set.patterns)? {
            *self.0.matchers.write().unwrap_or_else(PoisonError::into_inner) = levels.matchers();
            self.0.generation.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    /// A masker for one stream.
    pub fn masker(&self) -> Masker {
        Masker::new(self.clone(), false)
    }

    /// A masker for the output of a run: `::add-mask` lines in it add secrets, to all streams of this set.
    pub fn masker_with_commands(&self) -> Masker {
        Masker::new(self.clone(), true)
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

    /// How many bytes all maskers of this set have masked by now.
    pub fn masked_bytes(&self) -> u64 {
        self.0.masked.load(Ordering::Relaxed)
    }

    /// More bytes were masked.
    pub(super) fn count_masked(&self, bytes: u64) {
        self.0.masked.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn settings(&self) -> MaskSettings {
        self.0.settings
    }

    /// Which addition is the newest.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The newest matchers.
    pub(super) fn matchers(&self) -> Arc<[Arc<Matcher>]> {
        Arc::clone(&self.0.matchers.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
