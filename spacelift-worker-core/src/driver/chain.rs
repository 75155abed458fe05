//! An error with everything below it: printed once, at the edge, or looked through for the one that matters.

use std::error::Error;
use std::fmt::Write;
use std::io;

/// The messages of an error and its sources, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        // Transparent errors show their source's message as their own.
        if !text.ends_with(&message) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {message}");
        }
        next = source.source();
    }
    text
}

/// The first error of a type somewhere below, which may hide inside I/O errors.
pub(crate) fn below<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        if let Some(inner) = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            let found = below(inner);
            if found.is_some() {
                return found;
            }
        }
        next = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_reads_from_the_outside_in() {
        assert_eq!(chain(&Outer(io::Error::other("inner"))), "outer: inner");
    }
}
