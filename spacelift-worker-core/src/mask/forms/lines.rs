//! The lines of a value that has several, alone and joined anew.

use std::collections::BTreeSet;

use super::Spelling;

/// The shortest line that is a secret of its own, in bytes.
const SHORTEST_LINE: usize = 6;

/// Ends of lines as programs write them; what is joined so is spelled in every form.
const ENDS: [&[u8]; 2] = [b"\n", b"\r\n"];

/// What else lines are joined by: a terminal's line end on top of CRLF, the echo of a command, shells that split words, and
/// written ends of lines.
const JOINTS: [&[u8]; 9] = [b"\r\r\n", b"\n$ ", b" ", b"\t", b"", br"\n", br"\r\n", br"\r\r\n", br"\t"];

/// Lines and texts that are secrets like the value itself. Nothing for a value of one line.
pub(super) fn texts(value: &[u8], texts: &mut BTreeSet<Spelling>) {
    let Some(lines) = lines(value) else { return };
    texts.extend(ENDS.map(|end| joined_by(&lines, end)));
    // A line may be indented anew, or have lost blanks at its end.
    let single = lines.iter().flat_map(|line| [*line, line.trim_ascii()]);
    texts.extend(single.filter(|line| line.trim_ascii().len() >= SHORTEST_LINE).map(Spelling::from));
}

/// The lines joined by what is no end of a line. Nothing for a value of one line.
pub(super) fn joined(value: &[u8], all: &mut BTreeSet<Spelling>) {
    let Some(lines) = lines(value) else { return };
    all.extend(JOINTS.map(|joint| joined_by(&lines, joint)));
}

fn lines(value: &[u8]) -> Option<Vec<&[u8]>> {
    let lines: Vec<&[u8]> =
        value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    (lines.len() > 1).then_some(lines)
}

fn joined_by(lines: &[&[u8]], joint: &[u8]) -> Spelling {
    Spelling::written(|emit| {
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                emit(joint);
            }
            emit(line);
        }
    })
}
