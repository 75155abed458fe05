//! What is looked at before a parser sees the text: size, and how deeply brackets are nested.
//!
//! The engine's parser tries a bracket as one thing after another, so that its time doubles with each level, and its
//! stack grows with them; a text made for that must not reach it.

use super::problem::{Problem, ProblemCode};

/// Bytes of a policy file. Real ones have a few thousand.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Brackets inside brackets. Real policies have four or five; at 16 the parser takes seconds.
const MAX_NESTING: usize = 12;

/// Problems that keep a text from being parsed.
pub(super) fn prescan(text: &str) -> Vec<Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a policy may have {MAX_BYTES}", text.len());
        return vec![Problem::new((1, 1), ProblemCode::TooLarge, message)];
    }
    let mut scan = Scan { depth: 0, within: Within::Code };
    for (line, text) in (1..).zip(text.split('\n')) {
        for (column, c) in (1..).zip(text.chars()) {
            scan.step(c);
            if scan.depth > MAX_NESTING {
                let message =
                    format!("brackets are nested more than {MAX_NESTING} deep; use rules in between");
                return vec![Problem::new((line, column), ProblemCode::TooNested, message)];
            }
        }
        scan.end_line();
    }
    Vec::new()
}

struct Scan {
    depth: usize,
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
        assert!(prescan(&" ".repeat(MAX_BYTES)).is_empty());
    }
}
