//! PEM (RFC 7468): the first block of a text, and blocks written.
//!
//! It never keeps decoded private bytes outside of a type that wipes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// Why a text holds no PEM block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The block begins but does not end.
    #[error("the PEM text is cut short: its END line is missing; copy it again, as a whole")]
    CutShort,
    /// What stands between BEGIN and END is not base64.
    #[error("the PEM text is damaged between BEGIN and END; copy it again")]
    Damaged,
    /// There is no line with BEGIN.
    #[error("this is no PEM text: it has no line -----BEGIN …-----")]
    NotPem,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const LINE: usize = 64;

/// The label and content of the first block in `text`; what stands around it is skipped.
pub(super) fn first_block(text: &str) -> Result<(&str, SecretBytes), PemError> {
    let start = text.find(BEGIN).ok_or(PemError::NotPem)?;
    let (label, rest) = text
        .get(start + BEGIN.len()..)
        .and_then(|rest| rest.split_once(DASHES))
        .filter(|(label, _)| !label.contains(['\n', '\r']))
        .ok_or(PemError::CutShort)?;
    let (body, rest) = rest.split_once(END).ok_or(PemError::CutShort)?;
    let rest = rest.strip_prefix(label).ok_or(PemError::Damaged)?;
    if !rest.starts_with(DASHES) {
        return Err(PemError::CutShort);
    }
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let content = STANDARD.decode(&*packed).map_err(|_| PemError::Damaged)?;
    Ok((label, SecretBytes::new(content)))
}

/// One block, with lines of 64 characters and a newline at its end.
pub(super) fn encode(label: &str, content: &[u8]) -> Zeroizing<String> {
    // Enough room from the start, so that growing leaves no copies of a private key behind.
    let mut packed = Zeroizing::new(String::with_capacity(content.len().div_ceil(3) * 4));
    STANDARD.encode_string(content, &mut packed);
    let mut out = Zeroizing::new(String::with_capacity(packed.len() * 2 + 128));
    out.push_str(BEGIN);
    out.push_str(label);
    out.push_str(DASHES);
    out.push('\n');
    let mut rest = packed.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str(END);
    out.push_str(label);
    out.push_str(DASHES);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_from_among_other_text() {
        let content: Vec<u8> = (0..=255).collect();
        let text = format!("Bag attributes\r\n{}\nmore", encode("X", &content).replace('\n', "\r\n"));
        let (label, read) = first_block(&text).unwrap();
        assert_eq!((label, read.expose()), ("X", content.as_slice()));
    }

    #[test]
    fn a_block_cut_at_any_place_is_refused() {
        let text = encode("PRIVATE KEY", &[7; 100]);
        let end = text.trim_end().len();
        for at in 0..end {
            first_block(&text[..at]).unwrap_err();
        }
        assert_eq!(first_block(&text[..end / 2]).unwrap_err(), PemError::CutShort);
        assert_eq!(first_block("hello").unwrap_err(), PemError::NotPem);
        assert_eq!(first_block("-----BEGIN A-----\n!!!!\n-----END A-----").unwrap_err(), PemError::Damaged);
    }
}
