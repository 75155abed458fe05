//! Small edits to a policy's text: a word of it is gone, is another one, or stands twice.

/// Every edit of a text: three for each word or sign of it.
pub fn edits(text: &str) -> Vec<(String, String)> {
    let words = words(text);
    let mut edited = Vec::new();
    for (number, &(from, to)) in words.iter().enumerate() {
        let (Some(front), Some(word), Some(back)) = (text.get(..from), text.get(from..to), text.get(to..))
        else {
            continue;
        };
        let line = front.matches('\n').count() + 1;
        let other = match number.checked_sub(3).and_then(|other| words.get(other)) {
            Some(&(from, to)) => text.get(from..to).unwrap_or_default(),
            None => "x",
        };
        let mut add = |what: &str, instead: &str| {
            edited.push((format!("line {line}, `{word}` {what}"), format!("{front}{instead}{back}")));
        };
        add("gone", "");
        add("another", other);
        add("twice", &format!("{word} {word}"));
    }
    edited
}

/// Where words, numbers, texts and signs begin and end.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((from, c)) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut to = from + c.len_utf8();
        let inside = |next: char| match c {
            '"' | '`' => true,
            c if c.is_alphanumeric() || c == '_' => next.is_alphanumeric() || next == '_',
            _ => false,
        };
        while let Some(&(at, next)) = chars.peek() {
            if !inside(next) {
                break;
            }
            chars.next();
            to = at + next.len_utf8();
            if matches!(c, '"' | '`') && next == c {
                break;
            }
        }
        words.push((from, to));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_edited_in_three_ways() {
        let text = "deny[\"a b\"] { x_1 == 2 }";
        let found: Vec<&str> = words(text).into_iter().map(|(from, to)| &text[from..to]).collect();
        assert_eq!(found, ["deny", "[", "\"a b\"", "]", "{", "x_1", "=", "=", "2", "}"]);
        let edited = edits(text);
        assert_eq!(edited.len(), 3 * found.len());
        assert_eq!(edited[15].1, "deny[\"a b\"] {  == 2 }");
        assert_eq!(edited[16].1, "deny[\"a b\"] { \"a b\" == 2 }");
        assert_eq!(edited[17].1, "deny[\"a b\"] { x_1 x_1 == 2 }");
    }
}
