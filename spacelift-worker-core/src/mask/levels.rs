//! Patterns that come one after the other, in several matchers: so that adding one does not make all of them anew.
//!
//! A matcher is made for what was added last; together with an earlier one, when that is not several times larger
//! (the logarithmic method of Bentley and Saxe, "Decomposable searching problems", 1980). There are few matchers at any time,
//! and a pattern is put into a new one a few dozen times at most, however many follow it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::forms::Spelling;
use super::matcher::Matcher;
use super::secrets::TooManySecrets;

/// The most bytes that all patterns may have together: 17 bytes of memory for each.
const MOST: usize = 64 << 20;

/// A matcher stays as it is when it has this many times the bytes of the next one.
const LARGER: usize = 4;

/// Matchers of different patterns, from the largest to the smallest.
#[derive(Default)]
pub(super) struct Levels(Vec<Level>);

struct Level {
    matcher: Arc<Matcher>,
    bytes: usize,
}

impl Levels {
    /// Adds patterns; whether any of them was new.
    pub(super) fn add(&mut self, patterns: BTreeSet<Spelling>) -> Result<bool, TooManySecrets> {
        let new = patterns.into_iter().filter(|pattern| !self.has(pattern)).collect::<Vec<_>>();
        let mut bytes = new.iter().map(|pattern| pattern.len()).sum::<usize>();
        if bytes + self.0.iter().map(|level| level.bytes).sum::<usize>() > MOST {
            return Err(TooManySecrets);
        }
        if new.is_empty() {
            return Ok(false);
        }
        let mut patterns = new;
        while let Some(last) = self.0.pop_if(|last| last.bytes < LARGER * bytes) {
            bytes += last.bytes;
            patterns.extend_from_slice(last.matcher.patterns());
        }
        // Sorting takes runs that are in order as they are.
        patterns.sort();
        self.0.push(Level { matcher: Arc::new(Matcher::new(patterns)), bytes });
        Ok(true)
    }

    fn has(&self, pattern: &Spelling) -> bool {
        self.0.iter().any(|level| level.matcher.patterns().binary_search(pattern).is_ok())
    }

    pub(super) fn matchers(&self) -> Arc<[Arc<Matcher>]> {
        self.0.iter().map(|level| Arc::clone(&level.matcher)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_stay_few_and_hold_every_pattern_once() {
        let mut levels = Levels::default();
        for number in 0..2_000 {
            let pattern = |number| Spelling::from(format!("pattern {number}").as_bytes());
            assert_eq!(levels.add([pattern(number), pattern(number / 2)].into()), Ok(true));
            assert!(levels.0.len() <= 7, "{}", levels.0.len());
        }
        let all: BTreeSet<&Spelling> = levels.0.iter().flat_map(|level| level.matcher.patterns()).collect();
        assert_eq!(all.len(), 2_000);
        assert_eq!(levels.0.iter().map(|level| level.matcher.patterns().len()).sum::<usize>(), 2_000);
        assert_eq!(levels.add([Spelling::from(b"pattern 7".as_slice())].into()), Ok(false));
    }
}
