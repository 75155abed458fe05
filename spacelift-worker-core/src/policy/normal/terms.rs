//! Expressions and bodies.

use regorus::unstable::{ArithOp, AssignOp, BinOp, BoolOp, Expr, Literal, LiteralStmt, Query, WithModifier};

use super::writer::Writer;
use crate::policy::builtins::{
    COLLECTION, DIVISOR, MEMBER, MEMBER_WITH_KEY, MODULUS, NUMBER, NUMBER_OR_SET, SET, WHOLE,
};

/// How strongly an expression holds together; a weaker one stands in parentheses inside a stronger one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Assignment,
    Membership,
    Comparison,
    Union,
    Intersection,
    Sum,
    Product,
    Term,
}

impl Strength {
    fn of(expr: &Expr) -> Self {
        match expr {
            Expr::AssignExpr { .. } => Self::Assignment,
            // Some are written as calls, which parentheses do not hurt.
            Expr::Membership { .. } => Self::Membership,
            Expr::BoolExpr { .. } => Self::Comparison,
            Expr::BinExpr { op: BinOp::Union, .. } => Self::Union,
            Expr::BinExpr { op: BinOp::Intersection, .. } => Self::Intersection,
            Expr::ArithExpr { op: ArithOp::Add | ArithOp::Sub, .. } => Self::Sum,
            Expr::ArithExpr { .. } => Self::Product,
            _ => Self::Term,
        }
    }

    /// The next stronger.
    fn above(self) -> Self {
        match self {
            Self::Assignment => Self::Membership,
            Self::Membership => Self::Comparison,
            Self::Comparison => Self::Union,
            Self::Union => Self::Intersection,
            Self::Intersection => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product | Self::Term => Self::Term,
        }
    }
}

impl Writer {
    /// A whole statement's expression.
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.inside(expr, Strength::Assignment);
    }

    /// An element of something in brackets, where `|` would begin a comprehension.
    fn element(&mut self, expr: &Expr) {
        self.inside(expr, Strength::Intersection);
    }

    pub(super) fn inside(&mut self, expr: &Expr, least: Strength) {
        if Strength::of(expr) < least {
            self.put("(");
            self.naked(expr);
            self.put(")");
        } else {
            self.naked(expr);
        }
    }

    fn naked(&mut self, expr: &Expr) {
        match expr {
            Expr::String { span, value, .. } | Expr::RawString { span, value, .. } => {
                self.from(span);
                let text = value.as_string().map(|text| text.to_string()).unwrap_or_default();
                self.put(&serde_json::Value::String(text).to_string());
            }
            Expr::Number { span, .. }
            | Expr::Bool { span, .. }
            | Expr::Null { span, .. }
            | Expr::Var { span, .. } => {
                self.from(span);
                self.put(span.text());
            }
            Expr::Array { span, items, .. } => {
                self.from(span);
                self.bracketed("[", "]", |writer| writer.list(items, |writer, item| writer.element(item)));
            }
            Expr::Set { span, items, .. } => {
                self.from(span);
                match items.as_slice() {
                    [] => self.put("set()"),
                    items => self.bracketed("{", "}", |writer| {
                        writer.list(items, |writer, item| writer.element(item))
                    }),
                }
            }
            Expr::Object { span, fields, .. } => {
                self.from(span);
                self.bracketed("{", "}", |writer| {
                    writer.list(fields, |writer, (_, key, value)| writer.field(key, value));
                });
            }
            Expr::ArrayCompr { span, term, query, .. } => {
                self.from(span);
                self.bracketed("[", "]", |writer| writer.comprehension(query, |writer| writer.element(term)));
            }
            Expr::SetCompr { span, term, query, .. } => {
                self.from(span);
                self.bracketed("{", "}", |writer| writer.comprehension(query, |writer| writer.element(term)));
            }
            Expr::ObjectCompr { span, key, value, query, .. } => {
                self.from(span);
                self.bracketed("{", "}", |writer| {
                    writer.comprehension(query, |writer| writer.field(key, value));
                });
            }
            Expr::Call { fcn, params, .. } => {
                self.inside(fcn, Strength::Term);
                self.bracketed("(", ")", |writer| {
                    writer.list(params, |writer, param| writer.inside(param, Strength::Comparison));
                });
            }
            // Before a number alone: others are refused.
            Expr::UnaryExpr { span, expr, .. } => {
                self.from(span);
                self.put("-");
                self.inside(expr, Strength::Term);
            }
            Expr::RefDot { refr, field, .. } => {
                self.inside(refr, Strength::Term);
                self.put(".");
                self.put(field.0.text());
            }
            Expr::RefBrack { refr, index, .. } => {
                self.inside(refr, Strength::Term);
                self.bracketed("[", "]", |writer| writer.inside(index, Strength::Comparison));
            }
            Expr::BinExpr { op, lhs, rhs, .. } => {
                let sign = match op {
                    BinOp::Intersection => " & ",
                    BinOp::Union => " | ",
                };
                self.operation(expr, (lhs, SET), sign, (rhs, SET));
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                let sign = match op {
                    BoolOp::Lt => " < ",
                    BoolOp::Le => " <= ",
                    BoolOp::Eq => " == ",
                    BoolOp::Ge => " >= ",
                    BoolOp::Gt => " > ",
                    BoolOp::Ne => " != ",
                };
                self.infix(expr, lhs, sign, rhs);
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                let (left, sign, right) = match op {
                    ArithOp::Add => (NUMBER, " + ", NUMBER),
                    ArithOp::Sub => (NUMBER_OR_SET, " - ", NUMBER_OR_SET),
                    ArithOp::Mul => (NUMBER, " * ", NUMBER),
                    ArithOp::Div => (NUMBER, " / ", DIVISOR),
                    ArithOp::Mod => (WHOLE, " % ", MODULUS),
                };
                self.operation(expr, (lhs, left), sign, (rhs, right));
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.inside(lhs, Strength::Comparison);
                self.put(sign(op));
                self.inside(rhs, Strength::Comparison);
            }
            Expr::Membership { key, value, collection, .. } => {
                let parts: Vec<&Expr> = key.iter().chain([value, collection]).map(AsRef::as_ref).collect();
                self.membership(&parts, |writer, part| writer.inside(part, Strength::Comparison));
            }
        }
    }

    /// As a call, which an undefined part makes undefined, unless there is none; the operator would be false.
    pub(super) fn membership(&mut self, parts: &[&Expr], mut write: impl FnMut(&mut Self, &Expr)) {
        if let [value, collection] = parts
            && parts.iter().all(|part| self.is_defined(part))
        {
            self.inside(value, Strength::Comparison);
            self.put(" in ");
            return self.inside(collection, Strength::Comparison);
        }
        self.put(if parts.len() == 3 { MEMBER_WITH_KEY } else { MEMBER });
        self.bracketed("(", ")", |writer| writer.list(parts, |writer, part| write(writer, part)));
    }

    /// What `some … in` goes through. The engine fails on what is no collection, where there is nothing to go through.
    fn collection(&mut self, expr: &Expr) {
        match expr {
            Expr::Array { .. }
            | Expr::Set { .. }
            | Expr::Object { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. } => self.inside(expr, Strength::Comparison),
            _ => {
                self.put(COLLECTION);
                self.bracketed("(", ")", |writer| writer.inside(expr, Strength::Comparison));
            }
        }
    }

    fn bracketed(&mut self, open: &str, close: &str, write: impl FnOnce(&mut Self)) {
        self.put(open);
        write(self);
        self.put(close);
    }

    fn field(&mut self, key: &Expr, value: &Expr) {
        self.element(key);
        self.put(": ");
        self.element(value);
    }

    fn infix(&mut self, expr: &Expr, lhs: &Expr, sign: &str, rhs: &Expr) {
        let strength = Strength::of(expr);
        self.inside(lhs, strength.above());
        self.put(sign);
        self.inside(rhs, strength.above());
    }

    /// Operations lean to the left.
    fn operation(
        &mut self,
        expr: &Expr,
        (lhs, left): (&Expr, &str),
        sign: &str,
        (rhs, right): (&Expr, &str),
    ) {
        let strength = Strength::of(expr);
        self.operand(lhs, left, strength);
        self.put(sign);
        self.operand(rhs, right, strength.above());
    }

    /// An operand, in the function that leaves it undefined where the operator cannot work on it.
    fn operand(&mut self, expr: &Expr, function: &str, least: Strength) {
        // What one of the same kind results in can be worked with.
        let number = matches!(expr, Expr::Number { .. } | Expr::ArithExpr { .. });
        let set = matches!(expr, Expr::Set { .. } | Expr::SetCompr { .. } | Expr::BinExpr { .. });
        let known = match function {
            NUMBER => number,
            NUMBER_OR_SET => number || set,
            SET => set,
            WHOLE => matches!(expr, Expr::Number { .. }),
            _ => false,
        };
        if known {
            return self.inside(expr, least);
        }
        self.put(function);
        self.bracketed("(", ")", |writer| writer.inside(expr, Strength::Comparison));
    }

    fn comprehension(&mut self, query: &Query, head: impl FnOnce(&mut Self)) {
        head(self);
        self.put(" | ");
        self.statements(query);
    }

    pub(super) fn statements(&mut self, query: &Query) {
        for (index, statement) in query.stmts.iter().enumerate() {
            if index > 0 {
                self.put("; ");
            }
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        let with = &statement.with_mods;
        match &statement.literal {
            Literal::SomeVars { span, vars } => {
                self.from(span);
                self.put("some ");
                self.list(vars, |writer, name| writer.put(name.text()));
            }
            Literal::SomeIn { span, key, value, collection } => {
                self.from(span);
                self.put("some ");
                if let Some(key) = key {
                    self.inside(key, Strength::Comparison);
                    self.put(", ");
                }
                self.inside(value, Strength::Comparison);
                self.put(" in ");
                self.collection(collection);
            }
            Literal::Expr { expr, .. } => self.expr(expr),
            Literal::NotExpr { span, expr } => self.negation(span, expr, with),
            Literal::Every { span, key, value, domain, query } => {
                self.from(span);
                self.put("every ");
                if let Some(key) = key {
                    self.put(key.text());
                    self.put(", ");
                }
                self.put(value.text());
                self.put(" in ");
                self.inside(domain, Strength::Comparison);
                self.put(" { ");
                self.statements(query);
                self.put(" }");
            }
        }
        self.with(with);
    }

    pub(super) fn with(&mut self, modifiers: &[WithModifier]) {
        for modifier in modifiers {
            self.put(" with ");
            self.expr(&modifier.refr);
            self.put(" as ");
            self.inside(&modifier.r#as, Strength::Comparison);
        }
    }
}

/// With a blank on either side.
pub(super) fn sign(op: &AssignOp) -> &'static str {
    match op {
        AssignOp::ColEq => " := ",
        AssignOp::Eq => " = ",
    }
}
