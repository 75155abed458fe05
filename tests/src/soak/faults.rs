//! Which fault comes when, from a seed.

use std::time::Duration;

use super::Dice;

/// Something that goes wrong, or that a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The broker is killed, and comes back after a while. It remembers nothing.
    KillBroker(Duration),
    /// The control plane is killed, and comes back after a while.
    KillPlane(Duration),
    /// A launcher is killed, and comes back after a while.
    KillLauncher(usize, Duration),
    /// A launcher is asked to end, and comes back once it did.
    EndLauncher(usize),
    /// A launcher is suspended for a while.
    SuspendLauncher(usize, Duration),
    /// Every connection to the broker is cut.
    CutBroker,
    /// Every connection to the broker is cut after some more bytes.
    TruncateBroker(i64),
    /// What comes on the present connections to the broker is lost.
    DeafenBroker,
    /// Every piece on the way to the broker takes so much longer for a while.
    SlowBroker(Duration, Duration),
    /// Every connection to storage is cut.
    CutStorage,
    /// Every connection to storage is cut after some more bytes.
    TruncateStorage(i64),
    /// What comes on the present connections to storage is lost.
    DeafenStorage,
    /// A launcher takes no new work for a while.
    Drain(Duration),
    /// The pool is cycled.
    Cycle,
}

/// Faults and when they begin, in order, until `time` is over.
pub fn schedule(seed: u64, time: Duration, launchers: usize) -> Vec<(Duration, Fault)> {
    let mut dice = Dice::new(seed);
    let (mut at, mut plan) = (Duration::from_secs(5), Vec::new());
    while at < time {
        plan.push((at, draw(&mut dice, launchers)));
        at += dice.between_ms(1_500, 6_000);
    }
    plan
}

fn draw(dice: &mut Dice, launchers: usize) -> Fault {
    // The first launcher is only met by what happens to the network and the servers.
    let launcher = 1 + dice.below(launchers.saturating_sub(1));
    let away = dice.between_ms(200, 6_000);
    let bytes = i64::try_from(dice.below(4_000)).unwrap_or(0);
    match dice.below(28) {
        0 | 1 => Fault::KillBroker(away),
        2..=4 => Fault::KillPlane(away),
        5..=9 => Fault::KillLauncher(launcher, away),
        10 | 11 => Fault::EndLauncher(launcher),
        12 | 13 => Fault::SuspendLauncher(launcher, away * 8),
        14 | 15 => Fault::CutBroker,
        16 | 17 => Fault::TruncateBroker(bytes),
        18 => Fault::DeafenBroker,
        19 | 20 => Fault::SlowBroker(dice.between_ms(20, 400), away),
        21 | 22 => Fault::CutStorage,
        23 => Fault::TruncateStorage(bytes),
        24 => Fault::DeafenStorage,
        25 | 26 => Fault::Drain(away),
        _ => Fault::Cycle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_its_faults_and_ten_minutes_have_every_kind() {
        let time = Duration::from_secs(600);
        let plan = schedule(7, time, 8);
        assert_eq!(plan, schedule(7, time, 8));
        assert_ne!(plan, schedule(8, time, 8));
        let kinds: std::collections::HashSet<_> =
            plan.iter().map(|(_, fault)| std::mem::discriminant(fault)).collect();
        assert_eq!(kinds.len(), 14, "{plan:?}");
        let is_first = |fault: &Fault| matches!(fault, Fault::KillLauncher(0, _) | Fault::EndLauncher(0));
        assert!(!plan.iter().any(|(_, fault)| is_first(fault)));
    }
}
