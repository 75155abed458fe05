//! What a statement reads, and to what it may give a value.

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query};

use crate::policy::outline::Place;

/// A name where it occurs.
pub(super) type Occurrence<'a> = (&'a str, Place);

/// A statement, or a part of one that is evaluated by itself.
#[derive(Debug, Default)]
pub(super) struct Step<'a> {
    /// Names that must have a value.
    pub(super) reads: Vec<Occurrence<'a>>,
    /// Names in brackets of a reference, which it goes through when the front of it has a value.
    pub(super) indexes: Vec<(Option<&'a str>, Vec<Occurrence<'a>>)>,
    /// Names that have a value when the step is done.
    pub(super) binds: Vec<Occurrence<'a>>,
    /// The sides of an equation, either of which may give values to the other.
    pub(super) equation: Option<(&'a Expr, &'a Expr)>,
    /// Bodies inside of it.
    pub(super) closures: Vec<Closure<'a>>,
    /// Functions that it calls by one name.
    pub(super) calls: Vec<Occurrence<'a>>,
    /// The statement's number.
    pub(super) statement: usize,
}

/// A comprehension, or `every`.
#[derive(Debug)]
pub(super) struct Closure<'a> {
    pub(super) query: &'a Query,
    /// Its own names from the outset.
    pub(super) own: Vec<Occurrence<'a>>,
    /// What is evaluated in it beside its statements.
    pub(super) terms: Vec<&'a Expr>,
}

/// Reads statements.
pub(super) struct Reader<'f> {
    pub(super) arity: &'f dyn Fn(&str) -> Option<usize>,
}

impl Reader<'_> {
    /// The steps of a statement.
    pub(super) fn steps<'a>(&self, statement: &'a LiteralStmt) -> Vec<Step<'a>> {
        let mut step = Step::default();
        let mut before = Vec::new();
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                self.read(collection, &mut step);
                for pattern in key.iter().chain([value]) {
                    self.pattern(pattern, &mut step);
                }
            }
            Literal::Every { key, value, domain, query, .. } => {
                self.read(domain, &mut step);
                let own =
                    key.iter().chain([value]).map(|name| (name.text(), (name.line, name.col))).collect();
                step.closures.push(Closure { query, own, terms: Vec::new() });
            }
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } => {
                    self.read(rhs, &mut step);
                    self.pattern(lhs, &mut step);
                }
                Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => {
                    self.side(lhs, &mut step);
                    self.side(rhs, &mut step);
                    step.equation = Some((lhs, rhs));
                }
                expr => self.read(expr, &mut step),
            },
            Literal::NotExpr { expr, .. } => self.negated(expr, &mut step, &mut before),
        }
        for with in &statement.with_mods {
            self.strictly(&with.r#as, &mut step);
        }
        before.push(step);
        before
    }

    /// What an expression reads, in a step of its own.
    pub(super) fn term<'a>(&self, expr: &'a Expr) -> Step<'a> {
        let mut step = Step::default();
        self.read(expr, &mut step);
        step
    }

    /// A negated expression gives no values. What it calls inside is evaluated before it.
    fn negated<'a>(&self, expr: &'a Expr, step: &mut Step<'a>, before: &mut Vec<Step<'a>>) {
        for part in children(expr) {
            match part {
                Expr::Call { .. }
                | Expr::ArithExpr { .. }
                | Expr::BinExpr { .. }
                | Expr::BoolExpr { .. }
                | Expr::Membership { .. } => before.push(self.term(part)),
                part => self.strictly(part, step),
            }
        }
        if let Expr::Call { fcn, .. } = expr {
            called(fcn, step);
        } else if children(expr).is_empty() {
            self.strictly(expr, step);
        }
    }

    /// Reads without giving values.
    fn strictly<'a>(&self, expr: &'a Expr, step: &mut Step<'a>) {
        let mut inner = Step::default();
        self.read(expr, &mut inner);
        step.reads.append(&mut inner.reads);
        step.reads.extend(inner.indexes.into_iter().flat_map(|(_, names)| names));
        step.reads.append(&mut inner.binds);
        step.closures.append(&mut inner.closures);
        step.calls.append(&mut inner.calls);
    }

    fn read<'a>(&self, expr: &'a Expr, step: &mut Step<'a>) {
        match expr {
            Expr::Var { span, .. } => step.reads.push((span.text(), (span.line, span.col))),
            Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr, step),
            Expr::Call { fcn, params, .. } => {
                called(fcn, step);
                let inputs = self.arity_of(fcn).unwrap_or(params.len());
                for (index, param) in params.iter().enumerate() {
                    // The result may be given as a last argument.
                    if index >= inputs {
                        self.pattern(param, step);
                    } else {
                        self.read(param, step);
                    }
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                step.closures.push(Closure { query, own: Vec::new(), terms: vec![term] });
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                step.closures.push(Closure { query, own: Vec::new(), terms: vec![key, value] });
            }
            expr => children(expr).into_iter().for_each(|child| self.read(child, step)),
        }
    }

    fn arity_of(&self, fcn: &Expr) -> Option<usize> {
        let mut parts = Vec::new();
        let mut front = fcn;
        while let Expr::RefDot { refr, field, .. } = front {
            parts.push(field.0.text());
            front = refr;
        }
        let Expr::Var { span, .. } = front else { return None };
        parts.push(span.text());
        parts.reverse();
        let name = match parts.as_slice() {
            ["data", "spacelift", own @ ..] if !own.is_empty() => own.join("."),
            parts => parts.join("."),
        };
        (self.arity)(&name)
    }

    fn reference<'a>(&self, expr: &'a Expr, step: &mut Step<'a>) {
        let (mut front, mut names) = (expr, Vec::new());
        loop {
            front = match front {
                Expr::RefDot { refr, .. } => refr,
                Expr::RefBrack { refr, index, .. } => {
                    match index.as_ref() {
                        Expr::Var { .. } | Expr::Array { .. } | Expr::Object { .. } => {
                            self.pattern_in(index, &mut names, step);
                        }
                        index => self.read(index, step),
                    }
                    refr
                }
                _ => break,
            };
        }
        self.read(front, step);
        let front = match front {
            Expr::Var { span, .. } => Some(span.text()),
            _ => None,
        };
        step.indexes.push((front, names));
    }

    /// What gets values: names by themselves, in arrays, and as values in objects.
    fn pattern<'a>(&self, expr: &'a Expr, step: &mut Step<'a>) {
        let mut names = Vec::new();
        self.pattern_in(expr, &mut names, step);
        step.binds.append(&mut names);
    }

    fn pattern_in<'a>(&self, expr: &'a Expr, names: &mut Vec<Occurrence<'a>>, step: &mut Step<'a>) {
        match expr {
            Expr::Var { span, .. } => names.push((span.text(), (span.line, span.col))),
            Expr::Array { items, .. } => items.iter().for_each(|item| self.pattern_in(item, names, step)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.read(key, step);
                self.pattern_in(value, names, step);
            }),
            other => self.read(other, step),
        }
    }

    /// A side of an equation: what of it can get no value is read.
    fn side<'a>(&self, expr: &'a Expr, step: &mut Step<'a>) {
        self.pattern_in(expr, &mut Vec::new(), step);
    }
}

fn called<'a>(fcn: &'a Expr, step: &mut Step<'a>) {
    if let Expr::Var { span, .. } = fcn {
        step.calls.push((span.text(), (span.line, span.col)));
    }
}

/// The names that a pattern gives values to.
pub(super) fn pattern_names(expr: &Expr) -> Vec<Occurrence<'_>> {
    let mut names = Vec::new();
    let mut ahead = vec![expr];
    while let Some(expr) = ahead.pop() {
        match expr {
            Expr::Var { span, .. } => names.push((span.text(), (span.line, span.col))),
            Expr::Array { items, .. } => ahead.extend(items.iter().rev().map(AsRef::as_ref)),
            Expr::Object { fields, .. } => {
                ahead.extend(fields.iter().rev().map(|(_, _, value)| value.as_ref()))
            }
            _ => {}
        }
    }
    names.retain(|(name, _)| *name != "_");
    names
}

/// The expressions directly inside of one that is no reference and no body.
fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().map(AsRef::as_ref).collect(),
        Expr::Object { fields, .. } => {
            fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]).collect()
        }
        Expr::Call { params, .. } => params.iter().map(AsRef::as_ref).collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership { key, value, collection, .. } => {
            key.iter().chain([value, collection]).map(AsRef::as_ref).collect()
        }
        _ => Vec::new(),
    }
}
