//! The masker's promise, spelled out as plainly as can be: every occurrence of every pattern is looked for at every place.
//!
//! Takes quadratic time and all of the text. Shares nothing with the masker but the promise.

/// One thing that happens to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A secret is added; it is looked for as it is.
    Add(Vec<u8>),
    /// These bytes come.
    Push(Vec<u8>),
}

/// What replaces a run of masked bytes.
const MASK: &[u8] = b"*****";
/// The shortest beginning of a secret that the end masks.
const CUT_SHORT: usize = 8;
/// The most hidden bytes in a row inside of a secret, and one.
const APART: usize = 1 << 10;

/// What comes out of a stream.
pub fn masked(terminal: bool, steps: &[Step]) -> Vec<u8> {
    let mut model = Model { terminal, ..Model::default() };
    for step in steps {
        match step {
            Step::Add(secret) => model.add(secret),
            Step::Push(bytes) => bytes.iter().for_each(|byte| model.push(*byte)),
        }
    }
    model.finish()
}

/// What comes out of a stream with commands, which are carried out.
pub fn masked_with_commands(terminal: bool, secrets: &[Vec<u8>], stream: &[u8]) -> Vec<u8> {
    let mut steps: Vec<Step> = secrets.iter().cloned().map(Step::Add).collect();
    steps.extend(commands(stream));
    masked(terminal, &steps)
}

#[derive(Default)]
struct Model {
    terminal: bool,
    text: Vec<u8>,
    /// Where shown bytes stand in the text.
    shown: Vec<usize>,
    state: State,
    /// Whether a byte of the text is masked.
    marked: Vec<bool>,
    /// Secrets, and where an occurrence of each begins at the earliest: what was let go when it was added is past.
    secrets: Vec<(Vec<u8>, usize)>,
    let_go: usize,
}

impl Model {
    fn add(&mut self, secret: &[u8]) {
        let mut spellings = vec![secret.to_vec()];
        if self.terminal {
            let mut state = State::default();
            spellings.push(secret.iter().copied().filter(|byte| state.shows(*byte)).collect());
        }
        for secret in spellings.into_iter().filter(|secret| secret.len() >= 4) {
            self.secrets.push((secret, self.let_go));
        }
        for end in 1..=self.text.len() {
            self.mark(end);
        }
        self.let_go();
    }

    fn push(&mut self, byte: u8) {
        if !self.terminal || self.state.shows(byte) {
            self.shown.push(self.text.len());
        }
        self.text.push(byte);
        self.marked.push(false);
        self.mark(self.text.len());
        self.let_go();
    }

    /// Marks occurrences that end with the first `end` bytes, in the text as it is and as it is shown.
    fn mark(&mut self, end: usize) {
        let shown = self.shown.partition_point(|place| *place < end);
        let shown = if self.shown[..shown].last() == Some(&(end - 1)) { shown } else { 0 };
        for (secret, from) in &self.secrets {
            if end >= from + secret.len() && self.text[..end].ends_with(secret) {
                self.marked[end - secret.len()..end].fill(true);
            }
            if let Some(start) = self.shown_before(shown, secret)
                && start >= *from
            {
                self.marked[start..end].fill(true);
            }
        }
    }

    /// Where the newest of the first `count` shown bytes begin that are these; `None` when others are.
    fn shown_before(&self, count: usize, bytes: &[u8]) -> Option<usize> {
        let places = self.shown[..count].get(count.checked_sub(bytes.len())?..)?;
        let alike = places.iter().zip(bytes).all(|(place, byte)| self.text[*place] == *byte);
        let together = places.windows(2).all(|pair| pair[1] - pair[0] <= APART);
        (alike && together).then(|| places.first().copied())?
    }

    /// The most newest bytes that are the beginning of a secret and not all of it: in the text, and as shown; and where the
    /// latter begin.
    fn open(&self) -> (usize, usize, usize) {
        let (mut whole, mut shown, mut start) = (0, 0, self.text.len());
        let hidden = self.text.len() - self.shown.last().map_or(self.text.len(), |last| last + 1);
        for (secret, from) in &self.secrets {
            for length in 1..secret.len() {
                if self.text.len() >= from + length && self.text.ends_with(&secret[..length]) {
                    whole = whole.max(length);
                }
                if let Some(place) = self.shown_before(self.shown.len(), &secret[..length])
                    && place >= *from
                    && hidden < APART
                    && length > shown
                {
                    (shown, start) = (length, place);
                }
            }
        }
        (whole, shown, start)
    }

    fn let_go(&mut self) {
        let (whole, _, start) = self.open();
        self.let_go = self.let_go.max(start.min(self.text.len() - whole));
    }

    fn finish(mut self) -> Vec<u8> {
        let (whole, shown, start) = self.open();
        let end = self.text.len();
        if whole >= CUT_SHORT {
            self.marked[end - whole..].fill(true);
        }
        if shown >= CUT_SHORT {
            let last = self.shown.last().map_or(start, |last| last + 1);
            self.marked[start..last].fill(true);
        }
        let mut out = Vec::new();
        for (index, byte) in self.text.iter().enumerate() {
            match (self.marked[index], index > 0 && self.marked[index - 1]) {
                (false, _) => out.push(*byte),
                (true, false) => out.extend_from_slice(MASK),
                (true, true) => {}
            }
        }
        out
    }
}

/// How far a terminal is in a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind ESC and an intermediate byte.
    Intermediate,
    /// Behind ESC and `[`.
    Control,
    /// In a string.
    Text8,
    /// Behind an ESC in a string.
    End,
}

impl State {
    /// Whether a terminal shows the next byte.
    fn shows(&mut self, byte: u8) -> bool {
        let plain = byte != b'\r' && byte != 0;
        let next = match *self {
            _ if byte == 0x1b && *self == Self::Text8 => Some(Self::End),
            _ if byte == 0x1b => Some(Self::Escape),
            Self::Text if plain => None,
            Self::Text => Some(Self::Text),
            Self::End if byte == b'\\' => Some(Self::Text),
            Self::Escape | Self::End if byte == b'[' => Some(Self::Control),
            Self::Escape | Self::End if b"]PX^_".contains(&byte) => Some(Self::Text8),
            Self::Escape | Self::End | Self::Intermediate if (0x20..0x30).contains(&byte) => {
                Some(Self::Intermediate)
            }
            Self::Escape | Self::End | Self::Intermediate if (0x30..0x7f).contains(&byte) => Some(Self::Text),
            Self::Control if (0x20..0x40).contains(&byte) => Some(Self::Control),
            Self::Control if (0x40..0x7f).contains(&byte) => Some(Self::Text),
            Self::Text8 if matches!(byte, 0x07 | 0x18 | 0x1a) => Some(Self::Text),
            Self::Text8 if byte != b'\n' => Some(Self::Text8),
            // Whatever else comes breaks the sequence off.
            _ if plain => None,
            _ => Some(Self::Text),
        };
        *self = next.unwrap_or_default();
        next.is_none()
    }
}

/// A stream with `::add-mask` in it, as what happens to one without.
fn commands(stream: &[u8]) -> Vec<Step> {
    const KEYWORD: &[u8] = b"::add-mask";
    let (mut steps, mut line, mut at) = (Vec::new(), 0, 0);
    while at < stream.len() {
        let separated = stream.get(at + KEYWORD.len()).is_some_and(|byte| b" \t\r\n:".contains(byte));
        let shown = stream[line..].starts_with(b"$ ") && at >= line + 2;
        if !stream[at..].starts_with(KEYWORD) || !separated || shown {
            steps.push(Step::Push(vec![stream[at]]));
            at += 1;
            if stream[at - 1] == b'\n' {
                line = at;
            }
            continue;
        }
        let rest = &stream[at + KEYWORD.len()..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let mut words = vec![];
        let mut line_of_words = &rest[..length];
        if let Some(value) = line_of_words.strip_prefix(b"::") {
            words.push(value.trim_ascii());
            line_of_words = value;
        }
        for word in line_of_words.split(u8::is_ascii_whitespace) {
            words.push(match word.strip_prefix(KEYWORD) {
                Some(word) => word.strip_prefix(b"::").unwrap_or(word),
                None => word,
            });
        }
        words.retain(|word| word.len() >= 4);
        steps.extend(words.into_iter().map(|word| Step::Add(word.to_vec())));
        let alone = at == line;
        at += KEYWORD.len() + length;
        if alone {
            at = stream.len().min(at + 1);
            line = at;
        }
    }
    steps
}
