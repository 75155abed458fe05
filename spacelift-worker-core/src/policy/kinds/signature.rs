//! What functions take and give.

use super::kind::Kinds;

/// Kinds of arguments and of the result, a function a line.
pub(super) const SIGNATURES: &str = include_str!("../builtins/signatures.txt");

/// Those of the launcher's own functions.
pub(super) const OWN: &str = "exec a -> o\nsanitized s -> s\n";

/// What a function takes and gives.
pub(super) struct Signature {
    pub(super) arguments: Vec<Kinds>,
    pub(super) result: Kinds,
    /// How many elements its result has, where that is always the same.
    pub(super) elements: Option<usize>,
}

/// That of a function of Open Policy Agent, or of the launcher's own.
pub(super) fn signature(name: &str) -> Option<Signature> {
    let line = SIGNATURES.lines().chain(OWN.lines()).find(|line| line.split(' ').next() == Some(name))?;
    let (arguments, result) = line.split_once(" -> ")?;
    Some(Signature {
        arguments: arguments.split(' ').skip(1).map(Kinds::read).collect(),
        result: Kinds::read(result),
        elements: result.strip_prefix('a').and_then(|elements| elements.parse().ok()),
    })
}
