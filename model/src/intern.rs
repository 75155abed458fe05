//! Equal values are kept once and have a number, from 1. Reading one by its number waits for nobody.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

const SHARDS: usize = 64;

/// A value, and what was found out about it since.
#[derive(Debug, Default)]
pub struct Kept<T, X> {
    /// The value.
    pub value: Arc<T>,
    /// What was found out.
    pub known: X,
}

/// Values in pieces that double, so that none ever moves.
type Pieces<T, X> = [OnceLock<Box<[OnceLock<Kept<T, X>>]>>; 32];

/// A table of values.
#[derive(Debug)]
pub struct Interner<T, X = ()> {
    hasher: RandomState,
    numbers: Vec<Mutex<HashMap<Arc<T>, u32>>>,
    pieces: Pieces<T, X>,
    last: AtomicU32,
    none: Kept<T, X>,
}

impl<T: Default, X: Default> Default for Interner<T, X> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            numbers: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            pieces: std::array::from_fn(|_| OnceLock::new()),
            last: AtomicU32::new(0),
            none: Kept::default(),
        }
    }
}

/// The piece of a number from 1, and the place in it.
fn place(number: u32) -> (usize, usize) {
    let piece = number.ilog2();
    (piece as usize, (number - (1 << piece)) as usize)
}

impl<T: Hash + Eq, X: Default> Interner<T, X> {
    /// The number of a value.
    pub fn number(&self, value: T) -> u32 {
        let shard = &self.numbers[self.hasher.hash_one(&value) as usize % SHARDS];
        let mut numbers = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.get(&value) {
            return *number;
        }
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (piece, at) = place(number);
        let value = Arc::new(value);
        let slots = self.pieces[piece]
            .get_or_init(|| std::iter::repeat_with(OnceLock::new).take(1 << piece).collect());
        let _ = slots[at].set(Kept { value: Arc::clone(&value), known: X::default() });
        numbers.insert(value, number);
        number
    }

    /// What is kept under a number that was given out; a default value under any other.
    pub fn kept(&self, number: u32) -> &Kept<T, X> {
        let slot = (number > 0).then(|| place(number)).and_then(|(piece, at)| {
            self.pieces[piece].get().and_then(|slots| slots.get(at)).and_then(OnceLock::get)
        });
        slot.unwrap_or(&self.none)
    }

    /// The value of a number that was given out; the default of any other.
    pub fn value(&self, number: u32) -> &T {
        &self.kept(number).value
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.last.load(Ordering::Relaxed) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let table = Interner::<u64>::default();
        let numbers: Vec<u32> = (0..100).map(|at| table.number(at)).collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
        assert_eq!((table.number(7), table.len()), (8, 100));
        assert_eq!((*table.value(100), *table.value(0), *table.value(101)), (99, 0, 0));
    }
}
