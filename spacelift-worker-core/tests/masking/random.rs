//! Random streams of few different bytes, where everything overlaps everything: as the reference says, however they are cut.
//!
//! `SLW_MASK_STREAMS` is how many of each kind, 700 where it is not set; `make mask-streams` tries a million in all.

use spacelift_worker_core::mask::{MaskSettings, SecretSet, Secrets};

use crate::reference::{self, Step};
use crate::streams::raw;

/// A sequence of numbers that looks random (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    /// So many of these, one behind the other.
    fn text(&mut self, of: &[&[u8]], count: usize) -> Vec<u8> {
        (0..count).flat_map(|_| of[self.below(of.len())]).copied().collect()
    }

    /// Cuts bytes into parts.
    fn cut(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let longest = 1 + self.below(bytes.len() + 1);
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at((1 + self.below(longest)).min(bytes.len()));
            parts.push(part.to_vec());
            bytes = rest;
        }
        parts
    }
}

const LETTERS: [&[&[u8]]; 3] = [&[b"a", b"b"], &[b"a", b"a", b"a", b"b"], &[b"a", b"b", b"c", b"ab"]];
const SEQUENCES: &[&[u8]] = &[
    b"a",
    b"a",
    b"b",
    b"b",
    b"ab",
    b"ba",
    b"\r",
    b"\0",
    b"\n",
    b"\x1b[m",
    b"\x1b[0;1m",
    b"\x1b]b\x07",
    b"\x1b]ab\x1b\\",
    b"\x1b(B",
    b"\x1b",
    b"[",
    b"m",
    b"]",
];
const COMMANDS: &[&[u8]] = &[
    b"a",
    b"b",
    b"abab",
    b"baba",
    b"\n",
    b" ",
    b":",
    b"$ ",
    b"::",
    b"::add-mask ",
    b"::add-mask abab\n",
    b"\n::add-mask ba bbab\r\n",
    b"::add-mask\n",
];

/// What happens to one stream.
struct Case {
    settings: MaskSettings,
    /// Secrets that are there from the beginning.
    first: Vec<Vec<u8>>,
    steps: Vec<Step>,
}

impl Case {
    /// A stream without commands, to which secrets are added on the way.
    fn of_values(random: &mut Random, terminal: bool) -> Self {
        let letters = if terminal { SEQUENCES } else { LETTERS[random.below(LETTERS.len())] };
        let secret = |random: &mut Random| {
            let of = if terminal && !random.one_in(4) { LETTERS[0] } else { letters };
            let length = 4 + random.below(10);
            let mut secret = random.text(of, length);
            secret.truncate(4 + random.below(10));
            // What is blank at an end is no secret.
            secret.iter_mut().filter(|byte| byte.is_ascii_whitespace()).for_each(|byte| *byte = b'a');
            secret
        };
        let mut first: Vec<Vec<u8>> = (0..random.below(5)).map(|_| secret(random)).collect();
        if random.one_in(4) {
            // Many others, so that what is added later stands in a matcher of its own.
            first.extend((0..40).map(|number| format!("other secret {number}").into_bytes()));
        }
        let length = random.below(70);
        let mut text = random.text(letters, length);
        if terminal && random.one_in(50) {
            let at = random.below(text.len() + 1);
            let hidden = vec![0; 1_000 + random.below(50)];
            text.splice(at..at, hidden);
        }
        let mut steps: Vec<Step> = random.cut(&text).into_iter().map(Step::Push).collect();
        if !random.one_in(3) {
            for _ in 0..random.below(4) {
                let at = random.below(steps.len() + 1);
                steps.insert(at, Step::Add(secret(random)));
            }
        }
        Self { settings: settings(terminal), first, steps }
    }

    /// A stream with commands.
    fn of_commands(random: &mut Random) -> Self {
        let length = random.below(30);
        let text = random.text(COMMANDS, length);
        let steps = random.cut(&text).into_iter().map(Step::Push).collect();
        let terminal = random.one_in(2);
        Self { settings: settings(terminal), first: vec![b"bbbab".to_vec(); random.below(2)], steps }
    }

    /// The same, byte by byte.
    fn by_byte(&self) -> Vec<Step> {
        let step = |step: &Step| match step {
            Step::Push(bytes) => bytes.iter().map(|byte| Step::Push(vec![*byte])).collect(),
            add => vec![add.clone()],
        };
        self.steps.iter().flat_map(step).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let bytes = |step: &Step| match step {
            Step::Push(bytes) => bytes.clone(),
            Step::Add(_) => Vec::new(),
        };
        self.steps.iter().flat_map(bytes).collect()
    }

    fn masked(&self, steps: &[Step]) -> Vec<u8> {
        let mut set = SecretSet::with_settings(self.settings);
        self.first.iter().for_each(|secret| set.add(secret).unwrap());
        let secrets = Secrets::new(set).unwrap();
        let (mut masker, mut out) = (secrets.masker_with_commands(), Vec::new());
        for step in steps {
            match step {
                Step::Push(bytes) => masker.push(bytes, &mut out),
                Step::Add(secret) => secrets.add(secret).unwrap().unwrap(),
            }
        }
        masker.finish(&mut out);
        out
    }

    fn assert_as(&self, wanted: &[u8], steps: &[Step], seed: u64) {
        let masked = self.masked(steps);
        if masked != wanted {
            let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
            let shown = |step: &Step| match step {
                Step::Push(bytes) => format!("push {}", show(bytes)),
                Step::Add(secret) => format!("add {}", show(secret)),
            };
            let first: Vec<String> = self.first.iter().map(|secret| show(secret)).collect();
            let steps: Vec<String> = steps.iter().map(shown).collect();
            panic!(
                "seed {seed}: {first:?} {steps:#?}\n  masked {}\n  wanted {}",
                show(&masked),
                show(wanted)
            );
        }
    }
}

fn settings(terminal: bool) -> MaskSettings {
    let mut settings = raw();
    settings.terminal = terminal;
    settings
}

fn streams() -> u64 {
    std::env::var("SLW_MASK_STREAMS").map_or(700, |count| count.parse().unwrap())
}

fn values(terminal: bool) {
    for seed in 0..streams() {
        let case = Case::of_values(&mut Random(seed), terminal);
        let added = case.first.iter().cloned().map(Step::Add);
        let wanted =
            reference::masked(terminal, &added.chain(case.steps.iter().cloned()).collect::<Vec<_>>());
        case.assert_as(&wanted, &case.steps, seed);
        case.assert_as(&wanted, &case.by_byte(), seed);
    }
}

#[test]
fn random_streams_are_masked_as_the_reference_says() {
    values(false);
}

#[test]
fn random_streams_with_control_sequences_are_masked_as_the_reference_says() {
    values(true);
}

#[test]
fn random_streams_with_commands_are_masked_as_the_reference_says() {
    for seed in 0..streams() {
        let case = Case::of_commands(&mut Random(seed));
        let wanted = reference::masked_with_commands(case.settings.terminal, &case.first, &case.bytes());
        case.assert_as(&wanted, &case.steps, seed);
        case.assert_as(&wanted, &case.by_byte(), seed);
        case.assert_as(&wanted, &[Step::Push(case.bytes())], seed);
    }
}
