//! Text that remembers where it comes from.

use std::collections::BTreeSet;
use std::mem;

use regorus::unstable::{Expr, Span};

use crate::policy::outline::Place;

/// What is being written.
pub(super) struct Writer {
    text: String,
    at: Place,
    places: Vec<(Place, Place)>,
    /// What the names of new variables begin with.
    prefix: String,
    variables: usize,
    /// Names that may be undefined: those of rules and imports, and what the prelude defines.
    globals: BTreeSet<String>,
    /// Statements, written, that stand before the one that is being written or at the end of its body.
    pub(super) moved: Vec<Piece>,
}

/// A piece of text with the places in it, to be put somewhere else.
#[derive(Debug)]
pub(super) struct Piece {
    text: String,
    places: Vec<(Place, Place)>,
}

impl Writer {
    pub(super) fn new(source: &str, globals: BTreeSet<String>) -> Self {
        let mut prefix = "__".to_owned();
        while (0..10).any(|digit| source.contains(&format!("{prefix}{digit}"))) {
            prefix.push('_');
        }
        Self {
            text: String::new(),
            at: (1, 1),
            places: Vec::new(),
            prefix,
            variables: 0,
            globals,
            moved: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (String, Vec<(Place, Place)>) {
        (self.text, self.places)
    }

    pub(super) fn put(&mut self, text: &str) {
        self.text.push_str(text);
        for c in text.chars() {
            match c {
                '\n' => self.at = (self.at.0.saturating_add(1), 1),
                _ => self.at.1 = self.at.1.saturating_add(1),
            }
        }
    }

    /// What comes next stands at `span` in the file.
    pub(super) fn from(&mut self, span: &Span) {
        self.places.push((self.at, (span.line, span.col)));
    }

    pub(super) fn variable(&mut self) -> String {
        let name = format!("{}{}", self.prefix, self.variables);
        self.variables += 1;
        name
    }

    /// Writes something apart. It holds no line break.
    pub(super) fn apart(&mut self, write: impl FnOnce(&mut Self)) -> Piece {
        let text = mem::take(&mut self.text);
        let places = mem::take(&mut self.places);
        let at = mem::replace(&mut self.at, (1, 1));
        write(self);
        self.at = at;
        Piece { text: mem::replace(&mut self.text, text), places: mem::replace(&mut self.places, places) }
    }

    /// Puts what was written apart.
    pub(super) fn put_piece(&mut self, piece: Piece) {
        let (line, column) = self.at;
        let shifted = piece
            .places
            .into_iter()
            .map(|((_, inside), place)| ((line, column.saturating_add(inside).saturating_sub(1)), place));
        self.places.extend(shifted);
        self.put(&piece.text);
    }

    /// Whether an expression always has a value: constants, variables of a body, and what is made of those alone. A safe
    /// variable has one by the time it is read.
    pub(super) fn is_defined(&self, expr: &Expr) -> bool {
        let mut ahead = vec![expr];
        while let Some(expr) = ahead.pop() {
            match expr {
                Expr::String { .. }
                | Expr::RawString { .. }
                | Expr::Number { .. }
                | Expr::Bool { .. }
                | Expr::Null { .. } => {}
                Expr::Var { span, .. } if !self.globals.contains(span.text()) && span.text() != "_" => {}
                Expr::Array { items, .. } | Expr::Set { items, .. } => {
                    ahead.extend(items.iter().map(AsRef::as_ref));
                }
                Expr::Object { fields, .. } => {
                    ahead.extend(fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]));
                }
                _ => return false,
            }
        }
        true
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            write(self, item);
        }
    }
}
