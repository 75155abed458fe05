//! Commands to the masker in the output itself: `::add-mask a b` makes secrets of the words behind it.
//!
//! Source: Spacelift, stack settings, "Masking": each word separated by blanks is masked. A command begins anywhere in a
//! line and reaches to the line's end; all of it is swallowed, and so is the line when nothing else stands in it.
//! `::add-mask::a` is the same, as other runners spell it. A line that begins with `$ ` shows a command that is about to
//! run, as the worker writes it when it debugs, and holds none. Registers nothing itself.

use zeroize::Zeroizing;

use super::terminal::Terminal;

const KEYWORD: &[u8] = b"::add-mask";

/// The longest line of a command, in bytes. Longer ones hold more words than can be masked.
const LONGEST: usize = 1 << 20;

/// Tells commands from other output in one stream.
pub(super) struct Commands {
    finder: memchr::memmem::Finder<'static>,
    state: State,
    line: Line,
}

enum State {
    /// This much of the keyword is the newest output.
    Text { keyword: usize },
    /// Behind a keyword. Whether nothing stands before it in its line, and what stands behind it by now.
    Command { alone: bool, line: Zeroizing<Vec<u8>> },
}

/// How the line began that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    /// With `$`.
    Dollar,
    /// With `$ `.
    Shown,
    Otherwise,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// Output.
    Text(&'a [u8]),
    /// A command, complete: the words that it makes secrets.
    Words(Vec<Zeroizing<Vec<u8>>>),
    /// A command with more words than can be masked.
    TooMany,
}

impl Commands {
    pub(super) fn new() -> Self {
        let finder = memchr::memmem::Finder::new(KEYWORD);
        Self { finder, state: State::Text { keyword: 0 }, line: Line::Empty }
    }

    /// Takes the next event off the beginning of `bytes`; `None` when they are used up.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Event<'a>> {
        loop {
            match &mut self.state {
                State::Text { keyword: 0 } if bytes.is_empty() => return None,
                State::Text { keyword: 0 } => match self.text(bytes) {
                    [] => {}
                    text => return Some(Event::Text(text)),
                },
                State::Text { keyword } => {
                    let (byte, rest) = bytes.split_first()?;
                    let separated = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':');
                    match KEYWORD.get(*keyword) {
                        Some(wanted) if wanted == byte => {
                            *keyword += 1;
                            *bytes = rest;
                        }
                        None if separated && self.line != Line::Shown => {
                            let alone = self.line == Line::Empty;
                            self.state = State::Command { alone, line: Zeroizing::default() };
                        }
                        _ => {
                            // Of `::` and another colon, the last two may still begin one.
                            let still = usize::from(*keyword == 2);
                            let text = &KEYWORD[..*keyword - still];
                            *keyword = still;
                            self.begin(text);
                            return Some(Event::Text(text));
                        }
                    }
                }
                State::Command { alone, line } => {
                    if bytes.is_empty() {
                        return None;
                    }
                    let end = memchr::memchr(b'\n', bytes);
                    line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
                    let Some(end) = end else {
                        *bytes = &[];
                        return (line.len() > LONGEST).then_some(Event::TooMany);
                    };
                    *bytes = &bytes[end..];
                    if *alone {
                        *bytes = &bytes[1..];
                    }
                    let words = words(line);
                    self.state = State::Text { keyword: 0 };
                    return Some(Event::Words(words));
                }
            }
        }
    }

    /// Output up to a keyword, or to what may be the beginning of one.
    fn text<'a>(&mut self, bytes: &mut &'a [u8]) -> &'a [u8] {
        let (length, keyword) = match self.finder.find(bytes) {
            Some(at) => (at, KEYWORD.len()),
            None => {
                let longest = bytes.len().min(KEYWORD.len() - 1);
                let keyword = (1..=longest).rev().find(|length| bytes.ends_with(&KEYWORD[..*length]));
                let keyword = keyword.unwrap_or(0);
                (bytes.len() - keyword, keyword)
            }
        };
        self.state = State::Text { keyword };
        let (text, rest) = bytes.split_at(length);
        *bytes = &rest[keyword..];
        self.begin(text);
        text
    }

    /// Remembers how the line began, of which this is the next part.
    fn begin(&mut self, text: &[u8]) {
        let line = match memchr::memrchr(b'\n', text) {
            Some(end) => {
                self.line = Line::Empty;
                &text[end + 1..]
            }
            None => text,
        };
        for byte in line.iter().take(2) {
            self.line = match (self.line, byte) {
                (Line::Empty, b'$') => Line::Dollar,
                (Line::Dollar, b' ') | (Line::Shown, _) => Line::Shown,
                _ => Line::Otherwise,
            };
        }
    }

    /// The end of the stream: what was held, or the command that nothing ended.
    pub(super) fn finish(self) -> Event<'static> {
        match self.state {
            State::Text { keyword } => Event::Text(&KEYWORD[..keyword]),
            State::Command { line, .. } => Event::Words(words(&line)),
        }
    }
}

/// The words of a command, as they are shown.
fn words(line: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut shown = Zeroizing::new(Vec::with_capacity(line.len()));
    Terminal::shown_of(line).for_each(|piece| shown.extend_from_slice(piece));
    let mut words: Vec<&[u8]> = Vec::new();
    let other = shown.strip_prefix(b"::");
    // The other spelling has one value, blanks included.
    words.extend(other.map(<[u8]>::trim_ascii));
    for word in other.unwrap_or(&shown).split(u8::is_ascii_whitespace) {
        // More commands in the same line.
        let command = word.strip_prefix(KEYWORD);
        let word = command.map_or(word, |word| word.strip_prefix(b"::").unwrap_or(word));
        words.push(word);
        // A shell that traces its commands quotes them.
        words.push(trim_quotes(word));
    }
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(|word| Zeroizing::new(word.to_vec())).collect()
}

fn trim_quotes(word: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"' | b'`');
    let start = word.iter().position(|byte| !is_quote(byte)).unwrap_or(word.len());
    let end = word.iter().rposition(|byte| !is_quote(byte)).map_or(start, |last| last + 1);
    &word[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output, and all words, of a text in these parts.
    fn read(parts: &[&str]) -> (String, Vec<String>) {
        let mut commands = Commands::new();
        let (mut text, mut words) = (Vec::new(), Vec::new());
        let mut take = |event: Event<'_>| match event {
            Event::Text(more) => text.extend_from_slice(more),
            Event::Words(more) => {
                words.extend(more.iter().map(|word| String::from_utf8(word.to_vec()).unwrap()));
            }
            Event::TooMany => words.push("too many".into()),
        };
        for part in parts {
            let mut bytes = part.as_bytes();
            while let Some(event) = commands.next(&mut bytes) {
                take(event);
            }
            assert!(bytes.is_empty());
        }
        take(commands.finish());
        (String::from_utf8(text).unwrap(), words)
    }

    #[test]
    fn a_command_is_swallowed_wherever_it_stands_and_however_it_is_cut() {
        for (text, output, words) in [
            ("a\n::add-mask one two\nb\n", "a\nb\n", &["one", "two"][..]),
            ("::add-mask\tone \r\nb", "b", &["one"]),
            ("working...::add-mask one\nb", "working...\nb", &["one"]),
            ("::add-mask one", "", &["one"]),
            ("::add-mask\nb", "b", &[]),
            ("::add-mask one ::add-mask two\n", "", &["one", "two"]),
            ("::add-mask::one\n", "", &["one"]),
            ("::add-mask::one two\n", "", &["one", "one two", "two"]),
            ("::add-mask \x1b[1mone\x1b[0m\n", "", &["one"]),
            ("+ echo '::add-mask one'\n", "+ echo '\n", &["one", "one'"]),
            (":::add-mask one\nb", ":\nb", &["one"]),
            ("::add::add-mask one\n", "::add\n", &["one"]),
        ] {
            let wanted = (output.to_owned(), words.iter().map(|word| (*word).to_owned()).collect());
            for cut in 0..=text.len() {
                assert_eq!(read(&[&text[..cut], &text[cut..]]), wanted, "{text:?} {cut}");
            }
            let bytes: Vec<&str> = (0..text.len()).map(|at| &text[at..=at]).collect();
            assert_eq!(read(&bytes), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_output() {
        for text in [
            "::add-masks one\n",
            "::add-mask",
            "a: b:: c",
            "::",
            "$ echo \"::add-mask $TOKEN\"\n",
            "$ ::add-mask one\nnext\n$ echo ::add-mask two",
        ] {
            let (output, words) = read(&[text]);
            assert_eq!((output.as_str(), words.len()), (text, 0));
        }
        let (output, words) = read(&["$x ::add-mask one\n$\n ::add-mask two\n"]);
        assert_eq!((output.as_str(), words.len()), ("$x \n$\n \n", 2));
    }

    #[test]
    fn a_line_without_end_does_not_grow_memory() {
        let mut commands = Commands::new();
        let mut bytes: &[u8] = b"::add-mask ";
        assert_eq!(commands.next(&mut bytes), None);
        let line = vec![b'a'; LONGEST + 1];
        assert_eq!(commands.next(&mut line.as_slice()), Some(Event::TooMany));
    }
}
