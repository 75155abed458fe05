//! What well-known secrets look like, as data.
//!
//! Each shape is known by an anchor, a few fixed characters in it. Sources: for each shape, its issuer's documentation of
//! the format; where there is none, what secret scanners look for.

use std::sync::LazyLock;

use crate::mask::forms::Spelling;
use crate::mask::matcher::Matcher;

/// A kind of byte.
pub(super) type Class = fn(u8) -> bool;

/// Letters, digits, `-` and `_`: base64url (RFC 4648, 5).
pub(super) const BASE64URL: Class = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
const UPPER: Class = |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit();
const WORD: Class = |byte| byte.is_ascii_alphanumeric() || byte == b'_';
const SLACK: Class = |byte| byte.is_ascii_alphanumeric() || byte == b'-';
const BASE64: Class = |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%');
const QUERY: Class = |byte| {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b';' | b'<' | b'>' | b'\\' | b'|')
};
/// What an Azure client secret is made of.
pub(super) const CLIENT: Class =
    |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');

/// A secret that is known by its beginning, or by what stands before it, and is made of one kind of bytes.
#[derive(Debug)]
pub(super) struct Run {
    /// What it begins with, or what stands before it.
    anchors: &'static [&'static str],
    /// Whether the anchor is a part of the secret.
    pub(super) with_anchor: bool,
    /// How many bytes before the anchor belong to it, behind a byte that cannot.
    pub(super) back: usize,
    /// What the byte behind the anchor is.
    pub(super) first: Class,
    /// What follows the anchor.
    pub(super) body: Class,
    /// How many of them at least.
    pub(super) least: u64,
    /// Whether it is exactly as many, and no letter or digit stands before or behind it.
    pub(super) exactly: bool,
}

const RUN: Run =
    Run { anchors: &[], with_anchor: true, back: 0, first: |_| true, body: WORD, least: 36, exactly: false };

/// `Q~` behind a digit and three more characters, 37 to 40 in all.
pub(super) const CLIENT_SECRET: Run = Run { back: 3, body: CLIENT, least: 31, ..RUN };

pub(super) const RUNS: [Run; 6] = [
    // AWS, "Understanding unique ID prefixes": access keys, temporary ones, context-specific ones, bearer tokens.
    Run { anchors: &["AKIA", "ASIA", "ACCA", "ABIA"], body: UPPER, least: 16, exactly: true, ..RUN },
    // GitHub, "About authentication": personal, OAuth, user-to-server, server-to-server, refresh.
    Run { anchors: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], ..RUN },
    // Fine-grained personal access tokens.
    Run { anchors: &["github_pat_"], least: 60, ..RUN },
    // Slack, "Token types", legacy ones and those of rotation. A digit comes first.
    Run {
        anchors: &[
            "xoxa-",
            "xoxb-",
            "xoxc-",
            "xoxd-",
            "xoxe-",
            "xoxo-",
            "xoxp-",
            "xoxr-",
            "xoxs-",
            "xapp-",
            "xoxe.xoxb-",
            "xoxe.xoxp-",
        ],
        first: |byte| byte.is_ascii_digit(),
        body: SLACK,
        least: 12,
        ..RUN
    },
    // Azure, "Configure connection strings": storage accounts, and Service Bus and its kin.
    Run { anchors: &["AccountKey=", "SharedAccessKey="], with_anchor: false, body: BASE64, least: 20, ..RUN },
    Run { anchors: &["SharedAccessSignature="], with_anchor: false, body: QUERY, least: 20, ..RUN },
];

/// What an anchor begins.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Run(&'static Run),
    /// A JSON Web Token (RFC 7519): base64url of `{"` and a letter.
    Token,
    /// A private key in PEM (RFC 7468) or PGP's armour (RFC 9580, 6.2).
    Block,
}

/// Begins every block.
pub(super) const BEGIN: &str = "-----BEGIN ";
/// Begins every JSON object with a name in base64.
const OBJECT: &str = "eyJ";

/// The anchors, ready for searching.
pub(super) struct Anchors {
    pub(super) matcher: Matcher,
}

pub(super) static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let mut all: Vec<Vec<u8>> =
        RUNS.iter().flat_map(|run| run.anchors).map(|anchor| anchor.as_bytes().to_vec()).collect();
    all.push(BEGIN.into());
    // The shortest that a matcher takes is 4 bytes.
    for byte in (0..=u8::MAX).filter(|byte| BASE64URL(*byte)) {
        all.push([OBJECT.as_bytes(), &[byte]].concat());
    }
    for byte in (0..=u8::MAX).filter(|byte| CLIENT(*byte)) {
        all.extend((b'0'..=b'9').map(|digit| vec![digit, b'Q', b'~', byte]));
    }
    let mut all: Vec<Spelling> = all.iter().map(|anchor| anchor.as_slice().into()).collect();
    all.sort();
    Anchors { matcher: Matcher::new(all) }
});

impl Anchors {
    /// The shape that one of the anchors begins.
    pub(super) fn shape(anchor: &[u8]) -> Shape {
        let run = RUNS.iter().find(|run| run.anchors.iter().any(|known| known.as_bytes() == anchor));
        match run {
            Some(run) => Shape::Run(run),
            None if anchor == BEGIN.as_bytes() => Shape::Block,
            None if anchor.starts_with(OBJECT.as_bytes()) => Shape::Token,
            None => Shape::Run(&CLIENT_SECRET),
        }
    }
}
