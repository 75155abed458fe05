//! Cuts bytes into pieces, as a network or a pipe would.

/// The pieces of `bytes`, their lengths taken from `lengths` in turn; zero lengths included, and all that is left last.
pub fn pieces<'b>(mut bytes: &'b [u8], lengths: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = bytes.split_at(bytes.len().min(usize::from(*length)));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

/// The bytes behind the first one, divided: as many as the first byte says, and the rest.
pub fn split_first_part(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = data.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len().min(usize::from(*length)))
}
