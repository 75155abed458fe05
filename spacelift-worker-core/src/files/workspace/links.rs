//! Where symbolic links lead, worked out from their texts alone.
//!
//! Never asks the disk: the links of an archive are judged before anything could follow them.

use std::collections::HashMap;

/// How often one path may go through a link before the kernel gives up (`ELOOP`).
const MAX_HOPS: u32 = 40;

/// How much work all links together may take: for each part of a path its length so far, and [`PART`]. Enough for a
/// million plain links; the worst set of links takes a few seconds.
const BUDGET: usize = 1 << 29;

/// What one part of a path costs besides its bytes.
const PART: usize = 64;

/// The links are so many and so entangled that working out where they lead was given up.
#[derive(Debug)]
pub(super) struct Tangled;

/// The symbolic links of a tree: texts by path from its root, parts separated by `/`.
#[derive(Debug, Default)]
pub(super) struct Links(HashMap<Vec<u8>, Vec<u8>>);

impl Links {
    pub(super) fn insert(&mut self, path: Vec<u8>, text: Vec<u8>) {
        self.0.insert(path, text);
    }

    pub(super) fn remove(&mut self, path: &[u8]) {
        self.0.remove(path);
    }

    /// Paths of the links that lead out of the tree, directly or through other links, sorted.
    pub(super) fn leaving(&self) -> Result<Vec<&[u8]>, Tangled> {
        self.leaving_within(BUDGET)
    }

    fn leaving_within(&self, mut budget: usize) -> Result<Vec<&[u8]>, Tangled> {
        let mut leaving = Vec::new();
        for (path, text) in &self.0 {
            if self.leaves(path, text, &mut budget)? {
                leaving.push(path.as_slice());
            }
        }
        leaving.sort_unstable();
        Ok(leaving)
    }

    /// Follows one link as the kernel would. A part that does not exist counts as a folder: it may become one.
    fn leaves(&self, path: &[u8], text: &[u8], budget: &mut usize) -> Result<bool, Tangled> {
        let mut place = path.to_vec();
        pop(&mut place);
        let mut hops = 1;
        if text.starts_with(b"/") {
            return Ok(true);
        }
        let mut ahead: Vec<&[u8]> = text.split(|byte| *byte == b'/').rev().collect();
        while let Some(part) = ahead.pop() {
            *budget = budget.checked_sub(place.len() + part.len() + PART).ok_or(Tangled)?;
            match part {
                b"" | b"." => {}
                b".." => {
                    if place.is_empty() {
                        return Ok(true);
                    }
                    pop(&mut place);
                }
                name => {
                    if !place.is_empty() {
                        place.push(b'/');
                    }
                    place.extend_from_slice(name);
                    let Some(text) = self.0.get(&place) else { continue };
                    hops += 1;
                    if hops > MAX_HOPS {
                        return Ok(false);
                    }
                    if text.starts_with(b"/") {
                        return Ok(true);
                    }
                    pop(&mut place);
                    ahead.extend(text.split(|byte| *byte == b'/').rev());
                }
            }
        }
        Ok(false)
    }
}

/// Removes the last part of a path; the path of one part becomes empty.
fn pop(path: &mut Vec<u8>) {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaving(links: &[(&str, &str)]) -> Vec<String> {
        let mut tree = Links::default();
        for (path, text) in links {
            tree.insert(path.as_bytes().to_vec(), text.as_bytes().to_vec());
        }
        let names = tree.leaving().unwrap();
        names.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn links_within_the_tree_stay() {
        assert!(
            leaving(&[("a", "b"), ("d/e", "../b"), ("d/f", "./../d/./e"), ("loop", "loop"), ("g", "gone")])
                .is_empty()
        );
    }

    #[test]
    fn links_out_of_the_tree_leave() {
        assert_eq!(
            leaving(&[("a", "/etc/passwd"), ("b", ".."), ("c/d", "../.."), ("e", "x/../../y")]),
            ["a", "b", "c/d", "e"]
        );
    }

    #[test]
    fn a_link_that_leaves_only_by_way_of_another_leaves() {
        // By its text alone `m` stays: p/q/l/../x. Through l, which is the root, it does not.
        assert_eq!(leaving(&[("p/q/l", "../.."), ("m", "p/q/l/../x")]), ["m"]);
    }

    #[test]
    fn entangled_links_end_in_a_refusal_and_not_in_hours_of_work() {
        let mut tree = Links::default();
        let long = "a/../".repeat(800);
        for number in 0..1000 {
            tree.insert(format!("l{number}").into_bytes(), format!("{long}l{}", number + 1).into_bytes());
        }
        assert!(tree.leaving_within(BUDGET / 64).is_err());
    }
}
