//! What is looked at before a parser sees the text: size, and how deeply brackets are nested.
//!
//! The engine's parser tries a bracket as one thing after another, so that its time doubles with each level, and its
//! stack grows with them; a text made for that must not reach it.

use super::problem::{Problem, ProblemCode};

/// Bytes of a policy file. Real ones have a few thousand.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Brackets inside brackets. Real policies have four or five; at 16 the parser takes seconds.
const MAX_NESTING: usize = 12;

/// Characters of a line. The engine breaks down on messages about what is further right.
const MAX_COLUMN: usize = 60_000;

/// Problems that keep a text from being parsed.
pub(super) fn prescan(text: &str) -> Vec<Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a policy may have {MAX_BYTES}", text.len());
        return vec![Problem::new((1, 1), ProblemCode::TooLarge, message)];
    }
    let mut scan = Scan { depth: 0, minuses: 0, within: Within::Code };
    for (line, text) in (1..).zip(text.split('\n')) {
        if text.chars().nth(MAX_COLUMN).is_some() {
            let message = format!("the line has more than {MAX_COLUMN} characters; break it");
            return vec![Problem::new((line, 1), ProblemCode::TooLarge, message)];
        }
        for (column, c) in (1..).zip(text.chars()) {
            scan.step(c);
            if scan.depth.max(scan.minuses) > MAX_NESTING {
                let what = if scan.depth > MAX_NESTING { "brackets" } else { "minus signs" };
                let message = format!("{what} are nested more than {MAX_NESTING} deep; use rules in between");
                return vec![Problem::new((line, column), ProblemCode::TooNested, message)];
            }
        }
        scan.end_line();
    }
    Vec::new()
}

/// Whether the text uses words of Rego v1 as such, without importing them. The engine would take them for names in Rego v0,
/// and say so on standard error, past what masks the launcher's output.
pub(super) fn is_v1(text: &str) -> bool {
    let mut scan = Scan { depth: 0, minuses: 0, within: Within::Code };
    let (mut words, mut imported) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let code: String = line
            .chars()
            .map(|c| {
                let before = scan.within;
                scan.step(c);
                if before == Within::Code && scan.within == Within::Code { c } else { ' ' }
            })
            .collect();
        scan.end_line();
        let import = code.trim_start().strip_prefix("import ").map(str::trim);
        match import {
            Some(path) if path == "rego.v1" || path == "future.keywords" => imported.extend(V1_WORDS),
            Some(path) => {
                imported.extend(
                    V1_WORDS.into_iter().filter(|word| path.strip_prefix("future.keywords.") == Some(*word)),
                );
                if path == "future.keywords.every" {
                    imported.push("in");
                }
            }
            None => words.push(code),
        }
    }
    V1_WORDS
        .into_iter()
        .filter(|word| !imported.contains(word))
        .any(|word| words.iter().any(|code| has_word(code, word)))
}

/// A function is called `contains`, too.
const V1_WORDS: [&str; 4] = ["contains", "every", "if", "in"];

/// Whether a word stands in a line by itself, and not as a part of a reference.
fn has_word(code: &str, word: &str) -> bool {
    let named = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|front| front.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|rest| rest.chars().next());
        let rest = code.get(at + word.len()..).unwrap_or_default();
        let called = word == "contains" && rest.trim_start().starts_with('(');
        !called && !before.is_some_and(|c| named(c) || c == '.') && !after.is_some_and(named)
    })
}

struct Scan {
    depth: usize,
    /// How many minus signs stand one behind another, each of which the parser looks through by itself.
    minuses: usize,
    within: Within,
}

#[derive(Clone, Copy, PartialEq)]
enum Within {
    Code,
    Comment,
    Text,
    TextEscape,
    RawText,
}

impl Scan {
    fn step(&mut self, c: char) {
        match (self.within, c) {
            (Within::Code, '-') => self.minuses += 1,
            (Within::Code, c) if c.is_whitespace() || c == '#' => {}
            (Within::Comment, _) => {}
            _ => self.minuses = 0,
        }
        self.within = match (self.within, c) {
            (Within::Code, '#') => Within::Comment,
            (Within::Code, '"') => Within::Text,
            (Within::Code, '`') => Within::RawText,
            (Within::Code, '(' | '[' | '{') => {
                self.depth += 1;
                Within::Code
            }
            (Within::Code, ')' | ']' | '}') => {
                self.depth = self.depth.saturating_sub(1);
                Within::Code
            }
            (Within::Text, '\\') => Within::TextEscape,
            (Within::TextEscape, _) => Within::Text,
            (Within::Text, '"') | (Within::RawText, '`') => Within::Code,
            (within, _) => within,
        };
    }

    fn end_line(&mut self) {
        // A text in double quotes cannot go on: the parser will say so.
        if self.within != Within::RawText {
            self.within = Within::Code;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_brackets_are_found_where_they_are_too_deep() {
        let text = format!("package spacelift\nx := {}", "[".repeat(100));
        let problems = prescan(&text);
        assert_eq!((problems[0].line, problems[0].column), (2, 6 + MAX_NESTING as u32));
        assert_eq!(problems[0].code, ProblemCode::TooNested);
        assert!(
            prescan(&format!("{}{}", "[".repeat(MAX_NESTING), "]".repeat(MAX_NESTING)).repeat(9)).is_empty()
        );
    }

    #[test]
    fn a_line_is_not_longer_than_the_engine_can_count() {
        let line = |length| format!("package spacelift\nx := \"{}\"", "é".repeat(length));
        let problems = prescan(&line(MAX_COLUMN));
        assert_eq!((problems[0].line, problems[0].code), (2, ProblemCode::TooLarge));
        assert!(prescan(&line(MAX_COLUMN - 10)).is_empty());
    }

    #[test]
    fn minus_signs_behind_each_other_are_counted() {
        let problems = prescan(&format!("package spacelift\nx := 1 - - # -\n{}1", "- ".repeat(20)));
        assert_eq!((problems[0].line, problems[0].code), (3, ProblemCode::TooNested));
        assert!(problems[0].message.starts_with("minus signs"));
        assert!(prescan(&format!("x := 1{}", " - 1".repeat(100))).is_empty());
    }

    #[test]
    fn words_of_v1_are_told_from_names_and_texts() {
        for text in [
            "deny contains x if y",
            "deny contains \"x\" { true }",
            "p { some x in y }",
            "p { every x in y { x } }",
            "p{x}\nif := 1",
        ] {
            assert!(is_v1(text), "{text}");
        }
        for text in [
            "deny[x] { contains(x, \"if in every\") } # if",
            "p { input.if.in; inner; elif; `\nif\n` }",
            "import future.keywords.every\np { every x in y { x } }",
            "import future.keywords\np if { some x in y }",
            "import rego.v1\np if true",
        ] {
            assert!(!is_v1(text), "{text}");
        }
    }

    #[test]
    fn brackets_in_texts_and_comments_do_not_count() {
        let deep = "{[(".repeat(20);
        for text in [format!("# {deep}\n"), format!("\"\\\"{deep}\""), format!("`{deep}\n{deep}`")] {
            assert!(prescan(&text).is_empty(), "{text}");
            assert!(!prescan(&format!("{text}{deep}")).is_empty() || text.starts_with('#'), "{text}");
        }
        // An unfinished text hides nothing on the next line.
        assert!(!prescan(&format!("\"\n{deep}")).is_empty());
    }

    #[test]
    fn a_huge_file_is_refused_by_its_size() {
        assert_eq!(prescan(&" ".repeat(MAX_BYTES + 1))[0].code, ProblemCode::TooLarge);
        assert!(prescan(&"\n".repeat(MAX_BYTES)).is_empty());
    }
}
