//! Regular expressions as Go reads them: `\d`, `\w`, `\s` and `\b` are ASCII, and a class in brackets has no operators.
//!
//! The engine's own are Unicode, so that a digit of another script would pass a check made for ASCII; and their large
//! classes make it refuse plain patterns such as `^\w{1,63}$` as too big.
//!
//! Source: Go, package regexp/syntax.

/// Functions with a pattern, and which argument it is.
const FUNCTIONS: [(&str, usize); 6] = [
    ("regex.find_all_string_submatch_n", 0),
    ("regex.find_n", 0),
    ("regex.is_valid", 0),
    ("regex.match", 0),
    ("regex.replace", 1),
    ("regex.split", 0),
];

/// Which argument of a function is a pattern.
pub(super) fn pattern_argument(function: &str) -> Option<usize> {
    FUNCTIONS.iter().find(|(name, _)| *name == function).map(|(_, pattern)| *pattern)
}

/// Writes a pattern of Go's so that Rust's engine reads it alike.
pub(super) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('b') => out.push_str("(?-u:\\b)"),
                // In Rust these two are the ends of words.
                Some(c @ ('<' | '>')) => out.push(c),
                Some(c) => match ascii_class(c) {
                    Some((negated, class)) => {
                        out.push_str(&format!("[{}{class}]", if negated { "^" } else { "" }))
                    }
                    None => out.extend(['\\', c]),
                },
                None => out.push('\\'),
            },
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first is itself.
                if rest.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                class(&mut rest, &mut out);
            }
            c => out.push(c),
        }
    }
    out
}

/// What stands in brackets, and the closing one.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut after_dash = false;
    while let Some(c) = rest.next() {
        let dash = c == '-' && !after_dash;
        match c {
            ']' => return out.push(']'),
            '\\' => match rest.next() {
                Some(c @ ('<' | '>')) => out.push(c),
                Some(c) => match ascii_class(c) {
                    Some((true, class)) => out.push_str(&format!("[^{class}]")),
                    Some((false, class)) => out.push_str(class),
                    None => out.extend(['\\', c]),
                },
                None => out.push('\\'),
            },
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                // A named class such as [:alpha:] goes over as it is.
                for c in rest.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            // In Rust `[` begins a class within the class, and `&&`, `--` and `~~` are operators.
            '[' | '&' | '~' => out.extend(['\\', c]),
            '-' if after_dash => out.push_str("\\-"),
            c => out.push(c),
        }
        after_dash = dash;
    }
}

/// Go's Perl classes: whether it is the complement, and what belongs to it.
fn ascii_class(c: char) -> Option<(bool, &'static str)> {
    let class = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\f\\r ",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((c.is_ascii_uppercase(), class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_and_brackets_have_no_operators() {
        for (pattern, translated) in [
            (r"^\w{1,63}$", r"^[0-9A-Za-z_]{1,63}$"),
            (r"\D\b\S", r"[^0-9](?-u:\b)[^\t\n\f\r ]"),
            (r"[\d.\W]", r"[0-9.[^0-9A-Za-z_]]"),
            (r"\\d\.\<", r"\\d\.<"),
            (r"[]a][^]b]", r"[\]a][^\]b]"),
            (r"[[a&&b--c~]", r"[\[a\&\&b-\-c\~]"),
            (r"[[:alpha:]_-]", r"[[:alpha:]_-]"),
            (r"a[", r"a["),
            (r"a\", r"a\"),
        ] {
            assert_eq!(translate(pattern), translated, "{pattern}");
        }
    }
}
