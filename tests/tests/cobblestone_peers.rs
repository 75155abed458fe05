//! Cobblestone-256 in both directions against implementations that share no code with this one: Python's `cryptography`,
//! and a Go program over Go's standard library alone.
//!
//! One process for each of them takes every text. What is refused here must be refused there.

#![expect(clippy::unwrap_used, reason = "functions of a test stop it when something is not as it must be")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_core::crypto::fill_random;
use spacelift_worker_core::envelope::cobblestone::{CHUNK_LEN, Damaged, Decryptor, Encryptor, PREFIX_LEN};
use spacelift_worker_tests::source::workspace;
use spacelift_worker_tests::tools::Tool;

const MIB: usize = 1 << 20;
const LENGTHS: [usize; 9] = [0, 1, 16_383, 16_384, 16_385, 32_768, MIB - 1, MIB, MIB + 1];
const RANDOM_LENGTHS: usize = 12;

/// A process that encrypts and decrypts, one request a line.
struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, requests, answers: BufReader::new(answers) }
    }

    fn ask(&mut self, operation: &str, case: &Case, cuts: &[usize], data: &[u8]) -> Result<Vec<u8>, Damaged> {
        let request = json!({
            "operation": operation,
            "key": STANDARD.encode(case.key),
            "context": STANDARD.encode(&case.context),
            "cuts": cuts,
            "data": STANDARD.encode(data),
        });
        writeln!(self.requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        if answer["refused"] == true {
            return Err(Damaged);
        }
        Ok(STANDARD.decode(answer["data"].as_str().unwrap()).unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when its requests do; a test that panics does not wait for that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Random numbers from one seed, so that a failure names all it takes to come again (Marsaglia's xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    /// Where to cut: pieces of no byte, of a few, of about a chunk, of many.
    fn cuts(&mut self) -> Vec<usize> {
        let scales = [1, 2, 100, 2 * CHUNK_LEN, 10 * CHUNK_LEN];
        let scale = |numbers: &mut Self| scales[numbers.below(scales.len())];
        let count = self.below(8);
        (0..count).map(|_| scale(self)).collect::<Vec<_>>().into_iter().map(|end| self.below(end)).collect()
    }
}

struct Case {
    key: [u8; 32],
    context: Vec<u8>,
    plain: Vec<u8>,
}

impl Case {
    fn new(numbers: &mut Numbers, len: usize) -> Self {
        let context_len = numbers.below(300);
        Self {
            key: numbers.bytes(32).try_into().unwrap(),
            context: numbers.bytes(context_len),
            plain: numbers.bytes(len),
        }
    }
}

fn pieces<'b>(mut bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = bytes.split_at((*cut).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

fn encrypt(case: &Case, cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encryptor = Encryptor::new(&case.key, &case.context).unwrap();
    pieces(&case.plain, cuts).into_iter().for_each(|piece| encryptor.update(piece, &mut out).unwrap());
    encryptor.finish(&mut out).unwrap();
    out
}

fn decrypt(case: &Case, cuts: &[usize], sealed: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut out = Vec::new();
    let mut decryptor = Decryptor::new(&case.key, &case.context);
    pieces(sealed, cuts).into_iter().try_for_each(|piece| decryptor.update(piece, &mut out))?;
    decryptor.finish(&mut out).map(|()| out)
}

/// Both directions over all lengths, and both sides' verdict on what was damaged.
fn agrees_with(peer: &mut Peer) {
    let mut fresh = [0; 8];
    fill_random(&mut fresh).unwrap();
    let seed = u64::from_be_bytes(fresh) | 1;
    let numbers = &mut Numbers(seed);
    let random: Vec<usize> = (0..RANDOM_LENGTHS).map(|_| numbers.below(5 * CHUNK_LEN)).collect();
    for len in LENGTHS.into_iter().chain(random) {
        let case = Case::new(numbers, len);
        let (ours, theirs) = (numbers.cuts(), numbers.cuts());
        let about = format!("seed {seed}, {len} bytes, cuts {ours:?} and {theirs:?}");

        let sealed = encrypt(&case, &ours);
        assert!(peer.ask("decrypt", &case, &theirs, &sealed).as_ref() == Ok(&case.plain), "{about}");
        let made = peer.ask("encrypt", &case, &theirs, &case.plain).unwrap();
        assert!(decrypt(&case, &ours, &made).as_ref() == Ok(&case.plain), "{about}");

        if len > 5 * CHUNK_LEN {
            continue;
        }
        let mut flipped = sealed.clone();
        flipped[numbers.below(sealed.len())] ^= 1 << numbers.below(8);
        let cut = &sealed[..numbers.below(sealed.len())];
        let longer = [&sealed, &[0; 16][..]].concat();
        for bad in [&flipped, cut, &longer, &sealed[PREFIX_LEN..]] {
            assert_eq!(decrypt(&case, &ours, bad), Err(Damaged), "{about}");
            assert_eq!(peer.ask("decrypt", &case, &theirs, bad), Err(Damaged), "{about}");
        }
    }
}

fn folder() -> PathBuf {
    workspace().join("tests/peers/cobblestone")
}

#[test]
fn pythons_cryptography_opens_what_is_encrypted_here_and_the_other_way_round() {
    let Some(python) = Tool::Python.find().unwrap() else { return };
    agrees_with(&mut Peer::start(Command::new(python).arg(folder().join("peer.py"))));
}

#[test]
fn gos_standard_library_opens_what_is_encrypted_here_and_the_other_way_round() {
    let Some(go) = Tool::Go.find().unwrap() else { return };
    let built = tempfile::tempdir().unwrap();
    let program: &Path = &built.path().join("peer");
    // Nothing comes from a network: the module has no requirements, and the toolchain is the one that is there.
    let build = Command::new(go)
        .current_dir(folder())
        .args(["build", "-buildvcs=false", "-o"])
        .arg(program)
        .env("GOFLAGS", "-mod=readonly")
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .status();
    assert!(build.unwrap().success());
    agrees_with(&mut Peer::start(&mut Command::new(program)));
}
