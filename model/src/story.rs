//! How a broken law came about: every action with what it brought, line by line, and the short form from which it is
//! replayed.

use std::fmt::Write;

use crate::laws::Law;
use crate::plane;
use crate::state::{Action, State};
use crate::world::World;

/// The whole story of a way, with the calm end where that is what broke a law.
pub fn tell(world: &World, way: &[(Action, State)]) -> String {
    let mut text = String::new();
    let mut before = world.first();
    for (action, after) in way {
        if *action == Action::Calm {
            let _ = writeln!(text, "        -- from here on nothing goes wrong any more --");
            let mut calm = before;
            for (action, after) in world.calm_end(&before) {
                line(world, &mut text, &calm, action, &after);
                calm = after;
            }
            before = calm;
        } else {
            line(world, &mut text, &before, *action, after);
            before = *after;
        }
    }
    let broken: Vec<Law> = way.last().map(|(_, last)| last.broken.laws().collect()).unwrap_or_default();
    let _ = writeln!(text, "broken: {broken:?}");
    if let Some(desk) = world.parts.planes.value(before.plane).as_ref() {
        for run in desk.book().runs() {
            let _ = writeln!(text, "run {}: {:?}, version {}", run.id, run.state, run.state_version);
        }
        for lease in desk.book().leases() {
            let _ = writeln!(
                text,
                "lease {} of run {} for {:?}: {:?}, {}",
                lease.lease,
                lease.run,
                lease.phase,
                lease.state,
                lease.end_reason.as_deref().unwrap_or("open"),
            );
        }
        let (ended, finished) = plane::verdicts(desk);
        let _ =
            writeln!(text, "ended {ended:b}, finished {finished:b}, succeeded {:b}", before.seen.succeeded);
    }
    text
}

fn line(world: &World, text: &mut String, before: &State, action: Action, after: &State) {
    let _ = write!(text, "{:>4} s  {action:?}", u64::from(after.tick) * crate::world::TICK_MS / 1_000);
    if let Action::Deliver(at) | Action::Copy(at) | Action::Lose(at) | Action::DeliverInto(at, _) = action {
        let flight = world.parts.flights.value(before.flight);
        let letter = world.parts.letters.value(flight.get(usize::from(at)).copied().unwrap_or_default());
        let way = if letter.to_plane { "from" } else { "to" };
        let worker = letter.worker.map(|worker| worker.to_string()).unwrap_or_default();
        let _ = write!(text, " {way} {worker} {}", String::from_utf8_lossy(&letter.bytes));
    }
    let _ = writeln!(text);
}
