//! The rules of the house, each a function from sources to the places that break it.
//!
//! What may name what stands in the tables of `tests/tests/floors.rs`; nothing here knows a room by its name.

use std::fmt;

use crate::source::{Name, Source};

/// A room of the core: a top-level module.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Its floor: 0 for words, 5 for composition.
    pub floor: u8,
    /// The module.
    pub name: &'static str,
    /// The other rooms that it may name.
    pub may_name: &'static [&'static str],
}

/// What belongs in certain files alone.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// Paths, as [`Name::matches`] takes them.
    pub what: &'static [&'static str],
    /// The files that may name them: a file, or a folder with its slash.
    pub owners: &'static [&'static str],
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The file, from the root of the workspace.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// Which rule, and how.
    pub rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

fn breach(source: &Source, line: usize, rule: String) -> Breach {
    Breach { path: source.place(), line, rule }
}

/// Each room names only the rooms in its row, and each room has a row.
pub fn rooms_keep_to_their_row(rooms: &[Room], sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        let Some(name) = source.room() else { continue };
        let Some(room) = rooms.iter().find(|room| room.name == name) else {
            breaches.push(breach(source, 1, format!("`{name}` has no row in the table of rooms")));
            continue;
        };
        for used in &source.names {
            let Some(other) = neighbour(used).filter(|other| *other != name) else { continue };
            if !rooms.iter().any(|room| room.name == other) {
                let rule =
                    format!("`{name}` names `{used}`: name the room where it lives, not the crate's root");
                breaches.push(breach(source, used.line, rule));
            } else if !room.may_name.contains(&other) {
                let rule = format!("`{name}` names `{used}`, and its row allows {:?} alone", room.may_name);
                breaches.push(breach(source, used.line, rule));
            }
        }
    }
    breaches
}

/// The room of the same crate that a path leads to.
fn neighbour(name: &Name) -> Option<&str> {
    match name.segments.as_slice() {
        [root, room, ..] if root == "crate" => Some(room),
        _ => None,
    }
}

/// The rows that have no module, and the rows that name a room which does not stand before them: a drawing with a
/// circle in it, or with a lower floor on a higher one.
pub fn rows_are_sound(rooms: &[Room], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        if !sources.iter().any(|source| source.room() == Some(room.name)) {
            faults.push(format!("`{}` has a row and no module", room.name));
        }
        for other in room.may_name {
            match rooms[..at].iter().find(|before| before.name == *other) {
                None => {
                    faults.push(format!("`{}` may name `{other}`, which has no row before it", room.name))
                }
                Some(before) if before.floor > room.floor => {
                    faults.push(format!("`{}` may name `{other}` of a higher floor", room.name));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

/// Rooms up to `highest` never name what is `forbidden`, but for the `doors`.
pub fn floors_stay_pure(
    rooms: &[Room],
    highest: u8,
    forbidden: &[&str],
    doors: &[Owned],
    sources: &[Source],
) -> Vec<Breach> {
    let is_low =
        |source: &&Source| rooms.iter().any(|room| Some(room.name) == source.room() && room.floor <= highest);
    let is_open = |source: &Source, name: &Name| {
        doors
            .iter()
            .any(|door| door.what.iter().any(|what| name.matches(what)) && stands_in(source, door.owners))
    };
    let mut breaches = Vec::new();
    for source in sources.iter().filter(is_low) {
        for name in &source.names {
            if forbidden.iter().any(|what| name.matches(what)) && !is_open(source, name) {
                let rule =
                    format!("`{name}` on a floor without network, clock, disk, threads and randomness");
                breaches.push(breach(source, name.line, rule));
            }
        }
    }
    breaches
}

/// What has an owner is named by its owner alone.
pub fn owners_own(owned: &[Owned], sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        for name in &source.names {
            let broken = |row: &&Owned| {
                row.what.iter().any(|what| name.matches(what)) && !stands_in(source, row.owners)
            };
            if let Some(row) = owned.iter().find(broken) {
                breaches.push(breach(
                    source,
                    name.line,
                    format!("`{name}` belongs to {:?} alone", row.owners),
                ));
            }
        }
    }
    breaches
}

/// Of another crate, only `allowed` paths are named.
pub fn only_allowed_paths(of: &str, allowed: &[&str], sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        for name in source.names.iter().filter(|name| name.matches(of)) {
            if !allowed.iter().any(|path| name.matches(&format!("{of}::{path}"))) {
                breaches.push(breach(
                    source,
                    name.line,
                    format!("`{name}`: of `{of}`, only {allowed:?} may be named"),
                ));
            }
        }
    }
    breaches
}

/// No file is longer than `limit` lines.
pub fn files_stay_short(limit: usize, sources: &[Source]) -> Vec<Breach> {
    let too_long = |source: &Source| {
        let lines = source.text.lines().count();
        (lines > limit)
            .then(|| breach(source, limit + 1, format!("{lines} lines; a file has at most {limit}")))
    };
    sources.iter().filter_map(too_long).collect()
}

/// Every file begins with its own documentation.
pub fn files_say_their_job(sources: &[Source]) -> Vec<Breach> {
    let is_silent = |source: &&Source| !source.text.starts_with("//!");
    let rule = "a file begins with `//!`: its job, and what it never does";
    sources.iter().filter(is_silent).map(|source| breach(source, 1, rule.to_owned())).collect()
}

/// No file or folder has a name that says nothing.
pub fn names_say_something(empty: &[&str], sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        for part in source.path.split('/') {
            let part = part.strip_suffix(".rs").unwrap_or(part);
            if empty.contains(&part) {
                breaches.push(breach(source, 1, format!("`{part}` says nothing: name it for what it does")));
            }
        }
    }
    breaches
}

/// No lint is allowed away; `#[expect(lint, reason = "…")]` goes by itself when it is no longer needed.
pub fn nothing_is_allowed_away(sources: &[Source]) -> Vec<Breach> {
    let rule = "`allow`: mend the code, or `#[expect(lint, reason = \"…\")]` on the smallest item";
    let mut breaches = Vec::new();
    for source in sources {
        breaches.extend(source.allows.iter().map(|line| breach(source, *line, rule.to_owned())));
    }
    breaches
}

/// A crate's root lists modules and what leaves them, and does nothing.
pub fn roots_only_list(sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| source.path == "lib.rs" || source.path.ends_with("/lib.rs"))
    {
        for item in &source.items {
            breaches.push(breach(
                source,
                item.line,
                format!("`{item}` in lib.rs, which has `mod` and `pub use` alone"),
            ));
        }
    }
    breaches
}

/// Whether a file is one of `places`, or below one that ends with a slash.
fn stands_in(source: &Source, places: &[&str]) -> bool {
    places.iter().any(|place| {
        if place.ends_with('/') { source.path.starts_with(place) } else { source.path == *place }
    })
}
