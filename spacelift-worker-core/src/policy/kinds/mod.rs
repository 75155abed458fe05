//! Calls, comparisons and references that can never work, for the kinds of value in them: Open Policy Agent refuses them,
//! and the engine has an undefined value or an error for each run.
//!
//! Only what the file itself says is known: constants, results of functions, names that stand for those. Anything else may
//! be of any kind, and is not judged.
//!
//! Source: Open Policy Agent, policy reference, "Built-in functions"; `signatures.txt` is made from its own declarations.

mod kind;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use kind::{Kinds, Type};
use regorus::unstable::{
    ArithOp, AssignOp, BinOp, BoolOp, Expr, Literal, Module, Query, Rule, RuleBody, RuleHead, Span,
};

use signature::{Signature, signature};

use super::prelude::STACK_FIELDS;
use super::problem::{Problem, ProblemCode};

/// How many rules may stand between a name and its value.
const MAX_STEPS: usize = 8;

/// Every such mistake.
pub(super) fn check(module: &Module, aliases: &[&'static str]) -> Vec<Problem> {
    let mut types = Types {
        aliases,
        rules: BTreeMap::new(),
        names: Vec::new(),
        steps: 0,
        problems: Vec::new(),
        quiet: false,
    };
    for rule in &module.policy {
        let name = match rule.as_ref() {
            Rule::Default { refr, .. } => name(refr),
            Rule::Spec {
                head: RuleHead::Compr { refr, .. } | RuleHead::Func { refr, .. } | RuleHead::Set { refr, .. },
                ..
            } => name(refr),
        };
        types.rules.entry(name).or_default().push(rule.as_ref());
    }
    for rule in &module.policy {
        types.rule(rule);
    }
    types.problems
}

/// The name of a rule, or that of the package's part that it stands in.
fn name(mut refr: &Expr) -> &str {
    loop {
        refr = match refr {
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => refr,
            other => return other.span().text(),
        };
    }
}

struct Types<'a> {
    aliases: &'a [&'static str],
    rules: BTreeMap<&'a str, Vec<&'a Rule>>,
    /// What names of bodies stand for, the innermost body last. None is known of those that may have any value.
    names: Vec<BTreeMap<&'a str, Type>>,
    steps: usize,
    problems: Vec<Problem>,
    /// While the value of a rule is looked up, which is judged in its own place.
    quiet: bool,
}

impl<'a> Types<'a> {
    fn problem(&mut self, span: &Span, message: String) {
        if !self.quiet {
            self.problems.push(Problem::new((span.line, span.col), ProblemCode::Type, message));
        }
    }

    fn within<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.names.push(BTreeMap::new());
        let result = work(self);
        self.names.pop();
        result
    }

    fn name(&mut self, name: &'a str, of: Type) {
        if let Some(names) = self.names.last_mut() {
            names.insert(name, of);
        }
    }

    /// Everything that a pattern names may be anything.
    fn open(&mut self, pattern: &'a Expr) {
        let mut ahead = vec![pattern];
        while let Some(expr) = ahead.pop() {
            match expr {
                Expr::Var { span, .. } => self.name(span.text(), Type::of(Kinds::ANY)),
                Expr::Array { items, .. } => ahead.extend(items.iter().map(AsRef::as_ref)),
                Expr::Object { fields, .. } => {
                    ahead.extend(fields.iter().map(|(_, _, value)| value.as_ref()))
                }
                _ => {}
            }
        }
    }

    /// Judges a rule, and gives the type of its value.
    fn rule(&mut self, rule: &'a Rule) -> Type {
        match rule {
            Rule::Default { value, .. } => self.expr(value),
            Rule::Spec { head, bodies, .. } => self.within(|types| {
                let (value, set) = match head {
                    RuleHead::Compr { assign, .. } => (assign.as_ref().map(|assign| &assign.value), false),
                    RuleHead::Set { key, .. } => (key.as_ref(), true),
                    RuleHead::Func { args, assign, .. } => {
                        args.iter().for_each(|argument| types.open(argument));
                        (assign.as_ref().map(|assign| &assign.value), false)
                    }
                };
                let mut found = None;
                let head_value = value.map(AsRef::as_ref);
                if bodies.is_empty() {
                    found = Some(types.value(head_value));
                }
                for body in bodies {
                    let of = types.body(body, head_value);
                    found = Some(match found {
                        Some(found) => Type::or(found, of),
                        None => of,
                    });
                }
                let value = found.unwrap_or_else(|| Type::of(Kinds::ANY));
                if set { Type::of(Kinds::SET) } else { value }
            }),
        }
    }

    fn body(&mut self, body: &'a RuleBody, head: Option<&'a Expr>) -> Type {
        self.within(|types| {
            types.query(&body.query);
            let value =
                if body.is_else { body.assign.as_ref().map(|assign| assign.value.as_ref()) } else { head };
            types.value(value)
        })
    }

    /// A rule without a value is true.
    fn value(&mut self, value: Option<&'a Expr>) -> Type {
        value.map_or_else(|| Type::of(Kinds::BOOLEAN), |value| self.expr(value))
    }

    fn query(&mut self, query: &'a Query) {
        // Names may be used before the statement that declares them.
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { vars, .. } => {
                    vars.iter().for_each(|name| self.name(name.text(), Type::of(Kinds::ANY)))
                }
                Literal::SomeIn { key, value, .. } => {
                    key.iter().chain([value]).for_each(|pattern| self.open(pattern))
                }
                Literal::Expr { expr, .. } => match expr.as_ref() {
                    Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } => self.open(lhs),
                    Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => {
                        [lhs, rhs].into_iter().for_each(|side| {
                            if let Expr::Var { span, .. } = side.as_ref()
                                && !self.rules.contains_key(span.text())
                            {
                                self.open(side);
                            }
                        })
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { collection, .. } => drop(self.expr(collection)),
                Literal::Every { key, value, domain, query, .. } => {
                    self.expr(domain);
                    self.within(|types| {
                        for name in key.iter().chain([value]) {
                            types.name(name.text(), Type::of(Kinds::ANY));
                        }
                        types.query(query);
                    });
                }
                Literal::NotExpr { expr, .. } => drop(self.expr(expr)),
                Literal::Expr { expr, .. } => match expr.as_ref() {
                    Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } => {
                        let of = self.expr(rhs);
                        if of.kinds == Kinds::NONE {
                            self.problem(
                                front(rhs),
                                "`print` has no value: expected it to stand alone".to_owned(),
                            );
                        }
                        match lhs.as_ref() {
                            Expr::Var { span, .. } => self.name(span.text(), of),
                            Expr::Array { span, items, .. } => {
                                let items = vec![Type::of(Kinds::ANY); items.len()];
                                let pattern = Type { items: Some(Arc::new(items)), ..Type::of(Kinds::ARRAY) };
                                self.equal(span, &pattern, &of);
                            }
                            _ => {}
                        }
                    }
                    expr => drop(self.expr(expr)),
                },
            }
            statement.with_mods.iter().for_each(|with| drop(self.expr(&with.r#as)));
        }
    }

    /// Judges an expression, and gives its type.
    fn expr(&mut self, expr: &'a Expr) -> Type {
        Type::of(match expr {
            Expr::String { .. } | Expr::RawString { .. } => Kinds::STRING,
            Expr::Number { .. } => Kinds::NUMBER,
            Expr::Bool { .. } => Kinds::BOOLEAN,
            Expr::Null { .. } => Kinds::NULL,
            Expr::Var { span, .. } => return self.variable(span),
            Expr::RefDot { refr, field, .. } => {
                let of = self.expr(refr);
                return self.part(&of, Some(field.0.text()), &field.0);
            }
            Expr::RefBrack { refr, index, .. } => {
                let of = self.expr(refr);
                self.expr(index);
                let text = match index.as_ref() {
                    Expr::String { value, .. } | Expr::RawString { value, .. } => {
                        value.as_string().ok().map(AsRef::as_ref)
                    }
                    _ => None,
                };
                if let (Expr::Number { span, .. }, Some(items)) = (index.as_ref(), &of.items) {
                    let item = span.text().parse::<usize>().ok().and_then(|index| items.get(index).cloned());
                    return item.unwrap_or_else(|| Type::of(Kinds::ANY));
                }
                return self.part(&of, text, index.span());
            }
            Expr::Array { items, .. } => {
                let items = items.iter().map(|item| self.expr(item)).collect();
                return Type { items: Some(Arc::new(items)), ..Type::of(Kinds::ARRAY) };
            }
            Expr::Set { items, .. } => {
                items.iter().for_each(|item| drop(self.expr(item)));
                Kinds::SET
            }
            Expr::Object { fields, .. } => {
                let mut known = Some(BTreeMap::new());
                for (_, key, value) in fields {
                    self.expr(key);
                    let of = self.expr(value);
                    match key.as_ref() {
                        Expr::String { value, .. } => {
                            if let (Some(known), Ok(key)) = (&mut known, value.as_string()) {
                                known.insert(key.to_string(), of);
                            }
                        }
                        _ => known = None,
                    }
                }
                return Type { fields: known.map(Arc::new), ..Type::of(Kinds::OBJECT) };
            }
            Expr::ArrayCompr { term, query, .. } => {
                self.comprehension(query, &[term]);
                Kinds::ARRAY
            }
            Expr::SetCompr { term, query, .. } => {
                self.comprehension(query, &[term]);
                Kinds::SET
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.comprehension(query, &[key, value]);
                Kinds::OBJECT
            }
            Expr::Call { fcn, params, .. } => {
                return self.call(fcn, params.iter().map(AsRef::as_ref).collect());
            }
            Expr::UnaryExpr { span, expr, .. } => {
                // The engine would take all that follows for negative.
                if !matches!(expr.as_ref(), Expr::Number { .. }) {
                    self.problem(span, "`-` stands before a number alone: expected `0 - …`".to_owned());
                }
                self.expr(expr);
                Kinds::NUMBER
            }
            Expr::BinExpr { span, op, lhs, rhs, .. } => {
                let sign = if *op == BinOp::Union { "|" } else { "&" };
                [lhs, rhs].into_iter().for_each(|side| self.operand(span, sign, side, Kinds::SET));
                Kinds::SET
            }
            Expr::ArithExpr { span, op, lhs, rhs, .. } => {
                let (sign, kinds) = match op {
                    ArithOp::Add => ("+", Kinds::NUMBER),
                    ArithOp::Sub => ("-", Kinds::NUMBER.or(Kinds::SET)),
                    ArithOp::Mul => ("*", Kinds::NUMBER),
                    ArithOp::Div => ("/", Kinds::NUMBER),
                    ArithOp::Mod => ("%", Kinds::NUMBER),
                };
                [lhs, rhs].into_iter().for_each(|side| self.operand(span, sign, side, kinds));
                kinds
            }
            Expr::BoolExpr { span, op, lhs, rhs, .. } => {
                let (left, right) = (self.expr(lhs), self.expr(rhs));
                if *op == BoolOp::Eq {
                    self.equal(span, &left, &right);
                }
                Kinds::BOOLEAN
            }
            Expr::AssignExpr { span, op, lhs, rhs, .. } => {
                let (left, right) = (self.expr(lhs), self.expr(rhs));
                if *op == AssignOp::Eq {
                    self.equal(span, &left, &right);
                }
                Kinds::BOOLEAN
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().chain([value, collection]).for_each(|part| drop(self.expr(part)));
                Kinds::BOOLEAN
            }
        })
    }

    fn comprehension(&mut self, query: &'a Query, terms: &[&'a Expr]) {
        self.within(|types| {
            types.query(query);
            terms.iter().for_each(|term| drop(types.expr(term)));
        });
    }

    fn operand(&mut self, span: &Span, sign: &str, side: &'a Expr, kinds: Kinds) {
        let of = self.expr(side);
        if !of.kinds.meets(kinds) {
            self.problem(span, format!("`{sign}` works on {kinds}, not on {}", of.kinds));
        }
    }

    fn equal(&mut self, span: &Span, left: &Type, right: &Type) {
        if !left.kinds.meets(right.kinds) {
            self.problem(span, format!("this is never equal: {} and {}", left.kinds, right.kinds));
        } else if let (Some(ones), Some(others)) = (&left.items, &right.items)
            && ones.len() != others.len()
        {
            let message =
                format!("this is never equal: arrays of {} and of {} elements", ones.len(), others.len());
            self.problem(span, message);
        }
    }

    /// A part of a value.
    fn part(&mut self, of: &Type, key: Option<&str>, span: &Span) -> Type {
        if !of.kinds.meets(Kinds::ARRAY.or(Kinds::OBJECT).or(Kinds::SET)) {
            self.problem(span, format!("expected something with parts, found {}", of.kinds));
        } else if let Some(key) = key {
            match &of.fields {
                Some(fields) => match fields.get(key) {
                    Some(of) => return of.clone(),
                    None => {
                        let keys: Vec<_> = fields.keys().map(|key| format!("`{key}`")).collect();
                        let expected = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
                        self.problem(span, format!("the object has no `{key}`; it has {expected}"));
                    }
                },
                None if of.kinds == Kinds::ARRAY => {
                    self.problem(span, "expected a number to look up in an array, found a string".to_owned());
                }
                None => {}
            }
        }
        Type::of(Kinds::ANY)
    }

    fn call(&mut self, fcn: &'a Expr, params: Vec<&'a Expr>) -> Type {
        let given: Vec<Type> = params.iter().map(|param| self.expr(param)).collect();
        let path = path(fcn);
        if let [name] = path.as_slice()
            && self.rules.contains_key(name)
        {
            return self.of_rule(name);
        }
        if path.first().is_some_and(|first| self.rules.contains_key(first) || *first == "data") {
            return Type::of(Kinds::ANY);
        }
        let name = path.join(".");
        if name == "print" {
            return Type::of(Kinds::NONE);
        }
        let Some(Signature { arguments, result, elements }) = signature(&name) else {
            return Type::of(Kinds::ANY);
        };
        let mut expected = arguments.clone();
        expected.push(result);
        for ((number, (param, of)), expected) in (1..).zip(params.iter().zip(&given)).zip(&expected) {
            if !of.kinds.meets(*expected) {
                let message = format!("`{name}` takes {expected} as argument {number}, not {}", of.kinds);
                self.problem(front(param), message);
            }
        }
        // With its result as a last argument, a call is true or false.
        if params.len() > arguments.len() {
            return Type::of(Kinds::BOOLEAN);
        }
        let items = elements.map(|elements| Arc::new(vec![Type::of(Kinds::ANY); elements]));
        Type { items, ..Type::of(result) }
    }

    fn variable(&mut self, span: &'a Span) -> Type {
        let name = span.text();
        match self.names.iter().rev().find_map(|names| names.get(name)) {
            Some(of) => of.clone(),
            None => {
                let function = |rule: &&Rule| matches!(rule, Rule::Spec { head: RuleHead::Func { .. }, .. });
                if self.rules.get(name).is_some_and(|rules| rules.iter().any(function)) {
                    self.problem(span, format!("`{name}` is a function: expected a call of it, `{name}(…)`"));
                }
                self.of_rule(name)
            }
        }
    }

    /// The type of a rule's value, or of a function's result.
    fn of_rule(&mut self, name: &'a str) -> Type {
        let rules = self.rules.get(name).cloned().unwrap_or_default();
        let plain = |rule: &&Rule| match rule {
            Rule::Default { refr, .. } => matches!(refr.as_ref(), Expr::Var { .. }),
            Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Func { refr, .. }, .. } => {
                matches!(refr.as_ref(), Expr::Var { .. })
            }
            Rule::Spec { head: RuleHead::Set { .. }, .. } => true,
        };
        if name == "stack" && self.aliases.contains(&name) {
            let fields = STACK_FIELDS.iter().map(|field| ((*field).to_owned(), Type::of(Kinds::ANY)));
            return Type { fields: Some(Arc::new(fields.collect())), ..Type::of(Kinds::OBJECT) };
        }
        if rules.is_empty() || !rules.iter().all(plain) || self.steps >= MAX_STEPS {
            return Type::of(Kinds::ANY);
        }
        self.steps += 1;
        let quiet = std::mem::replace(&mut self.quiet, true);
        let names = std::mem::take(&mut self.names);
        let types: Vec<Type> = rules.into_iter().map(|rule| self.rule(rule)).collect();
        self.names = names;
        self.quiet = quiet;
        self.steps -= 1;
        types.into_iter().reduce(Type::or).unwrap_or_else(|| Type::of(Kinds::ANY))
    }
}

/// The parts of a function's name.
fn path(mut fcn: &Expr) -> Vec<&str> {
    let mut parts = Vec::new();
    loop {
        fcn = match fcn {
            Expr::RefDot { refr, field, .. } => {
                parts.push(field.0.text());
                refr
            }
            Expr::Var { span, .. } => {
                parts.push(span.text());
                parts.reverse();
                return parts;
            }
            _ => return Vec::new(),
        };
    }
}

/// Where an expression begins.
fn front(mut expr: &Expr) -> &Span {
    loop {
        expr = match expr {
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => refr,
            Expr::Call { fcn, .. } => fcn,
            other => return other.span(),
        };
    }
}
