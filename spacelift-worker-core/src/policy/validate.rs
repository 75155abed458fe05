//! Reads the engine's syntax tree into an outline. Judges nothing; `checks` does.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{AssignOp, Expr, Import, Literal, Module, Query, Rule, RuleAssign, RuleHead, Span};

use super::outline::{Call, Outline, Place, RuleKind, RuleOutline};

/// Expressions inside expressions, and parts of one reference. More would put the engine's stack at risk.
const MAX_DEPTH: usize = 200;

/// Stands for "any rule" where a reference to the package is not to one name.
pub(super) const ANY_RULE: &str = "*";

/// Reads one file.
pub(super) fn outline(module: &Module) -> Outline {
    let mut reader = Reader::default();
    let (package, _) = path(&module.package.refr);
    reader.outline.package = (package.join("."), place(&module.package.span));
    for import in &module.imports {
        reader.import(import);
    }
    for rule in &module.policy {
        reader.rule(rule);
    }
    reader.outline
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    /// What the names of imports stand for.
    imports: BTreeMap<String, Vec<String>>,
    rule: RuleReader,
}

/// What is known of the rule that is being read.
#[derive(Default)]
struct RuleReader {
    /// Names declared in it.
    locals: BTreeSet<String>,
    /// Names that it refers to, declared or not.
    refers: BTreeSet<String>,
    depth: usize,
}

impl Reader {
    fn import(&mut self, import: &Import) {
        let (parts, _) = path(&import.refr);
        let name = import.r#as.as_ref().map(|name| name.text().to_owned()).or_else(|| parts.last().cloned());
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        let known = match words.as_slice() {
            ["rego", rest @ ..] => matches!(rest, ["v1"]),
            ["future", rest @ ..] => {
                matches!(rest, ["keywords"] | ["keywords", "contains" | "every" | "if" | "in" | "not"])
            }
            _ => true,
        };
        if !known {
            self.outline.imported_unknown.push((words.join("."), front(&import.refr)));
        }
        let keywords = matches!(parts.first().map(String::as_str), Some("rego" | "future"));
        if let Some(name) = name.filter(|_| !keywords) {
            self.outline.bound.insert(name.clone());
            if !self.outline.imports.insert(name.clone()) {
                self.outline.imported_again.push((name.clone(), front(&import.refr)));
            }
            self.imports.insert(name, parts);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let (refr, kind) = match rule {
            Rule::Default { refr, args, .. } if args.is_empty() => (refr, RuleKind::Default),
            Rule::Default { refr, args, .. } => (refr, RuleKind::Function(args.len())),
            Rule::Spec { head, .. } => match head {
                RuleHead::Func { refr, args, .. } => (refr, RuleKind::Function(args.len())),
                RuleHead::Set { refr, .. } => (refr, RuleKind::Set),
                RuleHead::Compr { refr, .. } => (refr, RuleKind::Value),
            },
        };
        let (parts, constant) = path(refr);
        // More than a name is an object with what the rule says somewhere in it.
        let simple = parts.len() == 1 && constant;
        let kind = if simple || matches!(kind, RuleKind::Function(_)) { kind } else { RuleKind::Object };
        let name = parts.first().cloned().unwrap_or_default();
        self.outline.rules.push(RuleOutline {
            name: name.clone(),
            path: parts.join("."),
            kind,
            default: matches!(rule, Rule::Default { .. }),
            place: front(refr),
        });

        self.rule = RuleReader::default();
        self.indexes(refr);
        match rule {
            Rule::Default { value, .. } => self.expr(value),
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { assign, .. } => self.assigned(assign.as_ref()),
                    RuleHead::Set { key, .. } => key.iter().for_each(|key| self.expr(key)),
                    RuleHead::Func { args, assign, .. } => {
                        args.iter().for_each(|arg| self.declare(arg));
                        self.assigned(assign.as_ref());
                    }
                }
                for body in bodies {
                    self.assigned(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
        }
        let read = std::mem::take(&mut self.rule);
        let refers = read.refers.difference(&read.locals).cloned();
        self.outline.refers.entry(name).or_default().extend(refers);
    }

    fn assigned(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { vars, .. } => vars.iter().for_each(|var| self.local(var.text())),
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().for_each(|key| self.declare(key));
                    self.declare(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { key, value, domain, query, .. } => {
                    key.iter().for_each(|key| self.local(key.text()));
                    self.local(value.text());
                    self.expr(domain);
                    self.query(query);
                }
            }
            statement.with_mods.iter().for_each(|with| self.expr(&with.r#as));
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.rule.depth += 1;
        if self.rule.depth > MAX_DEPTH {
            self.outline.too_nested.get_or_insert_with(|| place(expr.span()));
        } else {
            self.inside(expr);
        }
        self.rule.depth -= 1;
    }

    fn inside(&mut self, expr: &Expr) {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.expr(item))
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expr(key);
                self.expr(value);
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.query(query);
                self.expr(term);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.query(query);
                self.expr(key);
                self.expr(value);
            }
            Expr::Call { fcn, params, .. } => {
                let (name, _) = self.resolve(fcn);
                self.refer(&name);
                let call = Call { name: local_name(&name), arguments: params.len(), place: front(fcn) };
                self.outline.calls.push(call);
                self.indexes(fcn);
                params.iter().for_each(|param| self.expr(param));
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                match op {
                    AssignOp::ColEq => self.declare(lhs),
                    // Either side may be what gets the value, so neither name can be taken for an alias.
                    AssignOp::Eq => {
                        self.pattern(lhs, &mut |reader, name| reader.bind(name));
                        self.pattern(rhs, &mut |reader, name| reader.bind(name));
                        self.expr(lhs);
                    }
                }
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    /// A name, with what is looked up in it.
    fn reference(&mut self, expr: &Expr) {
        let (parts, constant) = self.resolve(expr);
        if let Expr::Var { span, .. } = root(expr) {
            self.outline.used.insert(span.text().to_owned());
        }
        if parts.first().is_some_and(|first| first == "data") {
            let package = parts.get(1).map(String::as_str);
            match (package, parts.get(2)) {
                (Some("spacelift"), Some(rule)) => self.refer(std::slice::from_ref(rule)),
                // Another package holds nothing, whatever is asked of it.
                (Some(other), _) if other != "spacelift" => {}
                _ => self.refer(&[ANY_RULE.to_owned()]),
            }
        } else {
            self.refer(&parts);
        }
        if !constant || parts.len() > 1 {
            self.indexes(expr);
        }
    }

    fn refer(&mut self, parts: &[String]) {
        let name = match parts {
            [data, package, rule, ..] if data == "data" && package == "spacelift" => rule,
            [name, ..] => name,
            [] => return,
        };
        self.rule.refers.insert(name.clone());
    }

    /// Reads what stands in brackets along a reference. A name alone in brackets may be a new variable.
    fn indexes(&mut self, mut expr: &Expr) {
        let mut steps = 0;
        loop {
            expr = match expr {
                Expr::RefDot { refr, .. } => refr,
                Expr::RefBrack { refr, index, .. } => {
                    if let Expr::Var { span, .. } = index.as_ref() {
                        self.outline.bound.insert(span.text().to_owned());
                    }
                    self.expr(index);
                    refr
                }
                Expr::Var { .. } => break,
                other => break self.expr(other),
            };
            steps += 1;
            if steps > MAX_DEPTH {
                self.outline.too_nested.get_or_insert_with(|| place(expr.span()));
                break;
            }
        }
    }

    fn bind(&mut self, name: &str) {
        self.outline.bound.insert(name.to_owned());
    }

    fn local(&mut self, name: &str) {
        self.rule.locals.insert(name.to_owned());
        self.bind(name);
    }

    /// Declares the names in a pattern, and reads what else is in it.
    fn declare(&mut self, expr: &Expr) {
        self.pattern(expr, &mut |reader, name| reader.local(name));
        if !matches!(expr, Expr::Var { .. }) {
            self.expr(expr);
        }
    }

    /// Visits the names that a pattern may give a value to: by themselves, in arrays, and as values in objects.
    fn pattern(&mut self, expr: &Expr, visit: &mut dyn FnMut(&mut Self, &str)) {
        let mut ahead = vec![expr];
        while let Some(expr) = ahead.pop() {
            match expr {
                Expr::Var { span, .. } => visit(self, span.text()),
                Expr::Array { items, .. } => ahead.extend(items.iter().map(AsRef::as_ref)),
                Expr::Object { fields, .. } => {
                    ahead.extend(fields.iter().map(|(_, _, value)| value.as_ref()))
                }
                _ => {}
            }
        }
    }

    /// The constant parts of a reference from its front, with the name of an import replaced by what it stands for, and
    /// whether that is all of it.
    fn resolve(&self, expr: &Expr) -> (Vec<String>, bool) {
        let (mut parts, constant) = path(expr);
        if let Some(target) = parts.first().and_then(|first| self.imports.get(first)) {
            parts.splice(..1, target.iter().cloned());
        }
        (parts, constant)
    }
}

/// The name that a call finds: a function of the package may be called by its whole path.
fn local_name(parts: &[String]) -> String {
    match parts {
        [data, package, rest @ ..] if data == "data" && package == "spacelift" && !rest.is_empty() => {
            rest.join(".")
        }
        parts => parts.join("."),
    }
}

/// The constant parts of a reference from its front, and whether that is all of it.
fn path(mut expr: &Expr) -> (Vec<String>, bool) {
    let mut parts = Vec::new();
    let mut constant = true;
    loop {
        expr = match expr {
            Expr::Var { span, .. } => {
                parts.push(span.text().to_owned());
                parts.reverse();
                return (parts, constant);
            }
            Expr::RefDot { refr, field, .. } => {
                parts.push(field.0.text().to_owned());
                refr
            }
            Expr::RefBrack { refr, index, .. } => {
                match index.as_ref() {
                    Expr::String { value, .. } | Expr::RawString { value, .. } => {
                        parts.push(value.as_string().map(|text| text.to_string()).unwrap_or_default());
                    }
                    // What follows a variable part is not at the front.
                    _ => {
                        parts.clear();
                        constant = false;
                    }
                }
                refr
            }
            _ => return (Vec::new(), false),
        };
    }
}

/// What stands at the front of a reference.
fn root(mut expr: &Expr) -> &Expr {
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = expr {
        expr = refr;
    }
    expr
}

/// Where a reference begins; its own place is that of its last part.
fn front(expr: &Expr) -> Place {
    place(root(expr).span())
}

fn place(span: &Span) -> Place {
    (span.line, span.col)
}
