//! One body: its steps in an order in which each can be taken.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Span};

use super::steps::{Closure, Occurrence, Reader, Step, pattern_names};
use super::{Around, shadowing};
use crate::policy::problem::{Problem, ProblemCode};

/// What holds where a body begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Names that have a value.
    pub(super) safe: BTreeSet<String>,
    /// Names that stand for something else than a rule or a function here.
    pub(super) locals: BTreeSet<String>,
}

/// Statements, and what else is evaluated with them.
pub(super) struct Body<'a> {
    pub(super) query: Option<&'a Query>,
    pub(super) reads: &'a [&'a Expr],
}

impl Body<'_> {
    pub(super) fn check(&self, outer: &Scope, around: &Around<'_>, problems: &mut Vec<Problem>) {
        let statements = self.query.map_or(&[][..], |query| query.stmts.as_slice());
        let declared = declared(statements, outer, around, problems);
        let reader = Reader { arity: around.arity };
        let mut steps = Vec::new();
        for (number, statement) in statements.iter().enumerate() {
            targets(statement, around, problems);
            steps.extend(reader.steps(statement).into_iter().map(|step| Step { statement: number, ..step }));
        }
        let own = self.reads.iter().map(|expr| Step { statement: statements.len(), ..reader.term(expr) });
        steps.extend(own);
        unused(statements, &steps, &reader, problems);

        let mut scope = outer.clone();
        for name in declared.keys() {
            scope.safe.remove(*name);
            scope.locals.insert((*name).to_owned());
        }
        shadowed_calls(&steps, &scope, problems);
        let left = take(&steps, &mut scope, &declared);
        for step in left {
            let given: BTreeSet<&str> =
                step.indexes.iter().flat_map(|(_, names)| names).map(|(name, _)| *name).collect();
            let missing =
                step.reads.iter().filter(|(name, _)| !scope.safe.contains(*name) && !given.contains(name));
            let mut missing: Vec<Occurrence<'_>> = missing.copied().collect();
            if let (true, Some((left, right))) = (missing.is_empty(), step.equation) {
                missing.extend([left, right].into_iter().flat_map(pattern_names));
                missing.retain(|(name, _)| !scope.safe.contains(*name));
            }
            problems.extend(missing.into_iter().map(|(name, place)| no_value(name, place)));
        }
        for step in &steps {
            for closure in &step.closures {
                let mut inner = scope.clone();
                for (name, number) in &declared {
                    // What is declared from here on stands for something else before.
                    if *number >= step.statement && !outer.safe.contains(*name) {
                        inner.safe.remove(*name);
                    }
                }
                for (name, _) in &closure.own {
                    inner.safe.insert((*name).to_owned());
                    inner.locals.insert((*name).to_owned());
                }
                Body { query: Some(closure.query), reads: &closure.terms }.check(&inner, around, problems);
            }
        }
    }
}

fn no_value(name: &str, place: (u32, u32)) -> Problem {
    let message = match name {
        "_" => "`_` has no value here: expected something that has one; `_` goes through a list in brackets, `xs[_]`, \
                and not below `not`"
            .to_owned(),
        name => format!(
            "`{name}` has no value here: expected a statement in this body that gives it one, such as `{name} := …` or \
             `some {name} in …`"
        ),
    };
    Problem::new(place, ProblemCode::UnsafeVariable, message)
}

/// Takes each step that can be taken, until none can, and gives those that are left.
fn take<'s, 'a>(
    steps: &'s [Step<'a>],
    scope: &mut Scope,
    declared: &BTreeMap<&str, usize>,
) -> Vec<&'s Step<'a>> {
    let names: BTreeSet<&str> = steps.iter().flat_map(names_of).collect();
    let mut left: Vec<&Step<'a>> = steps.iter().collect();
    loop {
        let before = left.len();
        left.retain(|step| {
            let mut given: BTreeSet<&str> = BTreeSet::new();
            for (front, indexes) in &step.indexes {
                if front.is_none_or(|front| scope.safe.contains(front) || given.contains(front)) {
                    given.extend(indexes.iter().map(|(name, _)| *name).filter(|name| *name != "_"));
                }
            }
            let has = |name: &str| scope.safe.contains(name) || given.contains(name);
            let waits = |closure: &Closure<'_>| {
                free(closure).into_iter().any(|name| {
                    let later = declared.get(name).is_some_and(|number| *number >= step.statement);
                    names.contains(name) && !later && !has(name)
                })
            };
            if !step.reads.iter().all(|(name, _)| has(name)) || step.closures.iter().any(waits) {
                return true;
            }
            let mut safe: BTreeSet<String> = given.iter().map(|name| (*name).to_owned()).collect();
            if let Some((one, other)) = step.equation {
                let mut has =
                    |name: &str, safe: &BTreeSet<String>| scope.safe.contains(name) || safe.contains(name);
                unify(one, other, &mut safe, &mut has);
                let open = |(name, _): &Occurrence<'_>| !scope.safe.contains(*name) && !safe.contains(*name);
                if [one, other].into_iter().flat_map(pattern_names).any(|occurrence| open(&occurrence)) {
                    return true;
                }
            }
            safe.extend(step.binds.iter().map(|(name, _)| (*name).to_owned()));
            safe.remove("_");
            scope.safe.append(&mut safe);
            false
        });
        if left.len() == before {
            return left;
        }
    }
}

/// Gives values from a side all of whose names have one to the other, part by part.
fn unify(
    one: &Expr,
    other: &Expr,
    safe: &mut BTreeSet<String>,
    has: &mut dyn FnMut(&str, &BTreeSet<String>) -> bool,
) {
    for (from, to) in [(one, other), (other, one)] {
        if pattern_names(from).iter().all(|(name, _)| has(name, safe)) {
            safe.extend(pattern_names(to).into_iter().map(|(name, _)| name.to_owned()));
            return;
        }
    }
    match (one, other) {
        (Expr::Array { items: ones, .. }, Expr::Array { items: others, .. }) => {
            // A part may have been given its value by a later one.
            for _ in ones {
                for (one, other) in ones.iter().zip(others) {
                    unify(one, other, safe, has);
                }
            }
        }
        (Expr::Object { fields: ones, .. }, Expr::Object { fields: others, .. }) => {
            for (_, key, one) in ones {
                for (_, _, other) in
                    others.iter().filter(|(_, like, _)| like.span().text() == key.span().text())
                {
                    unify(one, other, safe, has);
                }
            }
        }
        _ => {}
    }
}

/// Every name in a step outside of its closures.
fn names_of<'a>(step: &Step<'a>) -> Vec<&'a str> {
    let indexes = step.indexes.iter().flat_map(|(_, names)| names);
    let sides = step.equation.into_iter().flat_map(|(one, other)| [one, other]).flat_map(pattern_names);
    let occurrences = step.reads.iter().chain(indexes).chain(&step.binds).copied().chain(sides);
    occurrences.map(|(name, _)| name).collect()
}

/// The names in a closure that are not its own.
fn free<'a>(closure: &Closure<'a>) -> BTreeSet<&'a str> {
    let reader = Reader { arity: &|_| None };
    let steps = closure.query.stmts.iter().flat_map(|statement| reader.steps(statement));
    let steps: Vec<Step<'a>> = steps.chain(closure.terms.iter().map(|term| reader.term(term))).collect();
    let mut names: BTreeSet<&'a str> = steps.iter().flat_map(names_of).collect();
    names.extend(steps.iter().flat_map(|step| step.closures.iter().flat_map(free)));
    for (name, _) in closure.query.stmts.iter().flat_map(declarations).chain(closure.own.iter().copied()) {
        names.remove(name);
    }
    names.remove("_");
    names
}

/// The names that a statement declares.
fn declarations(statement: &LiteralStmt) -> Vec<Occurrence<'_>> {
    let of = |span: &'_ Span| (span.line, span.col);
    match &statement.literal {
        Literal::SomeVars { vars, .. } => vars.iter().map(|name| (name.text(), of(name))).collect(),
        Literal::SomeIn { key, value, .. } => {
            key.iter().chain([value]).flat_map(|expr| pattern_names(expr)).collect()
        }
        Literal::Expr { expr, .. } => match expr.as_ref() {
            Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } => pattern_names(lhs),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The declared names of a body, each with the number of its statement.
fn declared<'a>(
    statements: &'a [LiteralStmt],
    outer: &Scope,
    around: &Around<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<&'a str, usize> {
    let mut declared = BTreeMap::new();
    for (number, statement) in statements.iter().enumerate() {
        for (name, place) in declarations(statement) {
            let argument = outer.locals.contains(name) && outer.safe.contains(name);
            if declared.insert(name, number).is_some() {
                let message = format!("`{name}` is declared twice in this body; use another name");
                problems.push(Problem::new(place, ProblemCode::Redeclared, message));
            } else if argument && outer.is_rule() {
                let message = format!("`{name}` is an argument of this function; use another name");
                problems.push(Problem::new(place, ProblemCode::Redeclared, message));
            }
        }
        if let Literal::Expr { expr, .. } = &statement.literal
            && let Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } = expr.as_ref()
        {
            assignable(lhs, problems);
            pattern_names(lhs).iter().for_each(|(name, place)| shadowing(name, *place, around, problems));
        }
    }
    declared
}

impl Scope {
    /// Whether it is that of a rule's own body, whose only locals are arguments.
    fn is_rule(&self) -> bool {
        !self.locals.is_empty() && self.locals.iter().all(|name| self.safe.contains(name))
    }
}

/// Whether something can stand on the left of `:=`.
fn assignable(lhs: &Expr, problems: &mut Vec<Problem>) {
    let mut ahead = vec![lhs];
    while let Some(expr) = ahead.pop() {
        match expr {
            Expr::Var { .. } => {}
            Expr::Array { items, .. } => ahead.extend(items.iter().map(AsRef::as_ref)),
            Expr::Object { fields, .. } => ahead.extend(fields.iter().map(|(_, _, value)| value.as_ref())),
            other => {
                let span = other.span();
                let message = "`:=` gives a value to a name: expected a name on its left, or `==` to compare";
                problems.push(Problem::new((span.line, span.col), ProblemCode::Assignment, message));
            }
        }
    }
}

/// `with` replaces parts of `input` and `data`, and functions.
fn targets(statement: &LiteralStmt, around: &Around<'_>, problems: &mut Vec<Problem>) {
    for with in &statement.with_mods {
        let mut parts = Vec::new();
        let mut front = with.refr.as_ref();
        loop {
            front = match front {
                Expr::RefDot { refr, field, .. } => {
                    parts.push(field.0.text());
                    refr
                }
                Expr::RefBrack { refr, .. } => refr,
                _ => break,
            };
        }
        let Expr::Var { span, .. } = front else { continue };
        parts.push(span.text());
        parts.reverse();
        if !matches!(span.text(), "input" | "data") && (around.arity)(&parts.join(".")).is_none() {
            let message =
                format!("`with {}`: expected `input`, `data`, or the name of a function", parts.join("."));
            problems.push(Problem::new((span.line, span.col), ProblemCode::WithTarget, message));
        }
    }
}

/// Names that `some` declares and nobody uses.
fn unused(statements: &[LiteralStmt], steps: &[Step<'_>], reader: &Reader<'_>, problems: &mut Vec<Problem>) {
    let mut names: BTreeSet<&str> = steps.iter().flat_map(names_of).collect();
    names.extend(steps.iter().flat_map(|step| step.closures.iter().flat_map(free)));
    let targets =
        statements.iter().flat_map(|statement| &statement.with_mods).map(|with| reader.term(&with.refr));
    let targets: Vec<Step<'_>> = targets.collect();
    names.extend(targets.iter().flat_map(names_of));
    for statement in statements {
        let Literal::SomeVars { vars, .. } = &statement.literal else { continue };
        for name in vars.iter().filter(|name| !names.contains(name.text())) {
            let message = format!("`{}` is declared and not used", name.text());
            problems.push(Problem::new((name.line, name.col), ProblemCode::UnusedVariable, message));
        }
    }
}

/// Functions whose name means a variable here.
fn shadowed_calls(steps: &[Step<'_>], scope: &Scope, problems: &mut Vec<Problem>) {
    for (name, place) in steps.iter().flat_map(|step| &step.calls) {
        if scope.locals.contains(*name) {
            let message = format!("`{name}` is a variable here and hides the function; use another name");
            problems.push(Problem::new(*place, ProblemCode::Shadowed, message));
        }
    }
}
