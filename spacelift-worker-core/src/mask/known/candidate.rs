//! What may become a well-known secret, followed byte by byte from its anchor on.

use super::shapes::{BASE64URL, Run};

/// The most bytes of a JSON Web Token that are held until it is certain to be one.
const LONGEST_TOKEN: u64 = 8 << 10;
/// The shortest first and second part of a JSON Web Token: `{"alg":"none"}` takes 19 characters, a payload 2 bytes at least.
const SHORTEST_HEADER: u64 = 16;
const SHORTEST_PAYLOAD: u64 = 3;
/// The most bytes of a private key that are masked when its end line does not come.
const LONGEST_BLOCK: u64 = 64 << 10;
/// The longest label of a block: `PRIVATE KEY` with what stands before and behind it.
const LONGEST_LABEL: usize = 64;
const DASHES: usize = 5;
const END: &[u8] = b"-----END ";

/// What may become a secret.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// From its first byte, as far as it is masked in one when it is a secret.
    length: u64,
    /// How many bytes were followed.
    age: u64,
    progress: Progress,
}

#[derive(Clone, Debug)]
enum Progress {
    Run {
        run: &'static Run,
        count: u64,
    },
    Header {
        count: u64,
    },
    Payload {
        count: u64,
    },
    /// A token that is certain.
    Token,
    Label {
        label: Vec<u8>,
        dashes: usize,
    },
    /// A block that is certain. How much of what ends it was met: `-----END `, a label, five dashes.
    Block {
        end: usize,
        label: usize,
        dashes: usize,
    },
}

/// What a byte makes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may become a secret, or become none.
    Open,
    /// It is a secret up to this byte, and may go on.
    Secret,
    /// It is a secret up to the byte before, and has ended.
    SecretBefore,
    /// It is a secret up to this byte, and has ended.
    Last,
    /// It is none, or what follows is none of it.
    None,
}

impl Candidate {
    fn new(length: usize, progress: Progress) -> Self {
        Self { length: length as u64, age: length as u64, progress }
    }

    /// Behind an anchor of this length.
    pub(super) fn run(run: &'static Run, anchor: usize) -> Self {
        // The last byte of a client secret's anchor is the first of its body.
        let (length, count) = match (run.back, run.with_anchor) {
            (0, true) => (anchor, 0),
            (0, false) => (0, 0),
            (back, _) => (anchor + back, 1),
        };
        Self::new(length, Progress::Run { run, count })
    }

    pub(super) fn token(anchor: usize) -> Self {
        Self::new(anchor, Progress::Header { count: anchor as u64 })
    }

    pub(super) fn block(anchor: usize) -> Self {
        Self::new(anchor, Progress::Label { label: Vec::new(), dashes: 0 })
    }

    /// How many bytes it has by now.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether a later candidate, which begins with the newest bytes, can be none where this is none.
    pub(super) fn covers(&self, later: &Self) -> bool {
        match (&self.progress, &later.progress) {
            (Progress::Run { run, .. }, Progress::Run { run: other, .. }) => std::ptr::eq(*run, *other),
            (Progress::Header { .. } | Progress::Token, Progress::Header { .. }) => true,
            (Progress::Label { .. } | Progress::Block { .. }, Progress::Label { .. }) => true,
            _ => false,
        }
    }

    /// Whether it is a secret, and goes on.
    pub(super) fn is_certain(&self) -> bool {
        match &self.progress {
            Progress::Run { run, count } => !run.exactly && *count >= run.least,
            Progress::Header { .. } | Progress::Payload { .. } | Progress::Label { .. } => false,
            Progress::Token | Progress::Block { .. } => true,
        }
    }

    /// How many of the newest bytes may be a secret.
    pub(super) fn open(&self) -> usize {
        if self.is_certain() { 0 } else { self.length as usize }
    }

    /// What follows is apart from what was masked by now.
    pub(super) fn part(&mut self) {
        self.length = 0;
    }

    /// Takes the next byte.
    pub(super) fn next(&mut self, byte: u8) -> Verdict {
        let verdict = match &mut self.progress {
            Progress::Run { run, count } => run_next(run, count, byte),
            Progress::Header { count } if BASE64URL(byte) => {
                *count += 1;
                self.held_long_enough()
            }
            Progress::Header { count } if byte == b'.' && *count >= SHORTEST_HEADER => {
                self.progress = Progress::Payload { count: 0 };
                Verdict::Open
            }
            Progress::Payload { count } if BASE64URL(byte) => {
                *count += 1;
                self.held_long_enough()
            }
            Progress::Payload { count } if byte == b'.' && *count >= SHORTEST_PAYLOAD => {
                self.progress = Progress::Token;
                Verdict::Secret
            }
            Progress::Token if BASE64URL(byte) || byte == b'.' => Verdict::Secret,
            Progress::Header { .. } | Progress::Payload { .. } | Progress::Token => Verdict::None,
            Progress::Label { label, dashes } => match label_next(label, dashes, byte) {
                Verdict::Secret => {
                    self.progress = Progress::Block { end: 0, label: 0, dashes: 0 };
                    Verdict::Secret
                }
                verdict => verdict,
            },
            Progress::Block { .. } if self.age >= LONGEST_BLOCK => Verdict::None,
            Progress::Block { end, label, dashes } => block_next(end, label, dashes, byte),
        };
        match verdict {
            Verdict::None | Verdict::SecretBefore => {}
            Verdict::Open | Verdict::Secret | Verdict::Last => {
                self.length += 1;
                self.age += 1;
            }
        }
        verdict
    }

    /// What is not known to be a token after 8 KiB is masked as if it was one.
    fn held_long_enough(&mut self) -> Verdict {
        if self.length + 1 < LONGEST_TOKEN {
            return Verdict::Open;
        }
        self.progress = Progress::Token;
        Verdict::Secret
    }
}

fn run_next(run: &Run, count: &mut u64, byte: u8) -> Verdict {
    let fits = (run.body)(byte) && (*count > 0 || (run.first)(byte));
    match (fits, run.exactly) {
        (false, true) if *count == run.least && !byte.is_ascii_alphanumeric() => Verdict::SecretBefore,
        (false, _) => Verdict::None,
        (true, true) if *count == run.least => Verdict::None,
        (true, exactly) => {
            *count += 1;
            if !exactly && *count >= run.least { Verdict::Secret } else { Verdict::Open }
        }
    }
}

fn label_next(label: &mut Vec<u8>, dashes: &mut usize, byte: u8) -> Verdict {
    match byte {
        b'-' => {
            let secret = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
            *dashes += 1;
            match (secret, *dashes == DASHES) {
                (false, _) => Verdict::None,
                (true, false) => Verdict::Open,
                (true, true) => Verdict::Secret,
            }
        }
        b'A'..=b'Z' | b'0'..=b'9' | b' ' if *dashes == 0 && label.len() < LONGEST_LABEL => {
            label.push(byte);
            Verdict::Open
        }
        _ => Verdict::None,
    }
}

fn block_next(end: &mut usize, label: &mut usize, dashes: &mut usize, byte: u8) -> Verdict {
    if *end < END.len() {
        *end = match byte {
            _ if byte == END[*end] => *end + 1,
            // A sixth dash leaves five.
            b'-' if *end == DASHES => DASHES,
            b'-' => 1,
            _ => 0,
        };
        return Verdict::Secret;
    }
    *dashes = if byte == b'-' { *dashes + 1 } else { 0 };
    *label += 1;
    if *dashes == DASHES {
        return Verdict::Last;
    }
    if *label > LONGEST_LABEL || byte == b'\n' {
        (*end, *label, *dashes) = (0, 0, 0);
    }
    Verdict::Secret
}
