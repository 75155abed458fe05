//! What must never be, each with the guarantee of `docs/protocol.md` that it stands for.

use std::fmt;

/// A law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Law {
    /// Guarantee 1: nothing is opened or started by a worker that has something in hand.
    OneAtATime,
    /// Guarantee 1: only an offer that was opened and accepted starts.
    StartsWhatWasAccepted,
    /// Guarantee 2: a lease starts at most once, whatever crashed and whatever came twice.
    StartsOnce,
    /// Guarantee 2: `begun` is in the journal before the start is told.
    BegunIsJournalled,
    /// Guarantee 2: the report is in the journal, byte by byte, before it is sent.
    ReportIsJournalled,
    /// Guarantee 3: no two workers run the same run at the same time.
    OneWorkerARun,
    /// Guarantee 3: a state-changing phase that began is never offered again, and begins once.
    ChangesOnce,
    /// Guarantee 3: the end of a lease never ends a state-changing phase that began.
    ChangesAreNotFenced,
    /// Guarantee 4: a drained worker opens no offer, and the control plane makes it none.
    DrainedTakesNothing,
    /// Guarantee 4: draining ends no run that was started.
    DrainedFinishes,
    /// Guarantee 5: a cycle is acknowledged before it acts, and gives up what was not started.
    CycleIsAcknowledged,
    /// Guarantee 5: within 20 seconds a cycled worker is gone.
    CycledIsGone,
    /// Guarantee 2: the first terminal report wins; a verdict of loss alone is replaced, once.
    FirstVerdictStays,
    /// Every run ends, once the faults end.
    EveryRunEnds,
    /// A run is FINISHED exactly when its last phase succeeded on a worker.
    VerdictIsTrue,
}

impl Law {
    /// Every law.
    pub const ALL: [Self; 15] = [
        Self::OneAtATime,
        Self::StartsWhatWasAccepted,
        Self::StartsOnce,
        Self::BegunIsJournalled,
        Self::ReportIsJournalled,
        Self::OneWorkerARun,
        Self::ChangesOnce,
        Self::ChangesAreNotFenced,
        Self::DrainedTakesNothing,
        Self::DrainedFinishes,
        Self::CycleIsAcknowledged,
        Self::CycledIsGone,
        Self::FirstVerdictStays,
        Self::EveryRunEnds,
        Self::VerdictIsTrue,
    ];
}

/// A set of laws that were broken.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Broken(u16);

impl Broken {
    /// Adds a law, where `broken`.
    pub fn note(&mut self, law: Law, broken: bool) {
        if broken {
            self.0 |= 1 << law as u8;
        }
    }

    /// Adds all of another set.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether no law was broken.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The laws in the set.
    pub fn laws(self) -> impl Iterator<Item = Law> {
        Law::ALL.into_iter().filter(move |law| self.0 & (1 << *law as u8) != 0)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.laws()).finish()
    }
}
