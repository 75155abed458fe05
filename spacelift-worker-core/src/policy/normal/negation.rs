//! `not`: what its expression is called with gets a name before it, so that an undefined one is no false one.

use regorus::unstable::{BoolOp, Expr, Span, WithModifier};

use super::terms::Strength;
use super::writer::Writer;

impl Writer {
    /// A negated expression, after the statements that it needs. The modifiers of the statement hold for those, too; the
    /// caller writes them behind the negated expression itself.
    pub(super) fn negation(&mut self, span: &Span, expr: &Expr, with: &[WithModifier]) {
        let outer = std::mem::take(&mut self.moved);
        let negated = self.apart(|writer| writer.negated(expr, with));
        for piece in std::mem::replace(&mut self.moved, outer) {
            self.put_piece(piece);
            self.put("; ");
        }
        self.from(span);
        self.put("not ");
        self.put_piece(negated);
    }

    fn negated(&mut self, expr: &Expr, with: &[WithModifier]) {
        let mut pair = |lhs: &Expr, sign: &str, rhs: &Expr, equal: bool| {
            for (side, expr) in [lhs, rhs].into_iter().enumerate() {
                if side == 1 {
                    self.put(sign);
                }
                match equal {
                    true => self.compared(expr, with),
                    false => self.argument(expr, with),
                }
            }
        };
        match expr {
            Expr::Call { fcn, params, .. } => {
                self.expr(fcn);
                self.put("(");
                self.list(params, |writer, param| writer.argument(param, with));
                self.put(")");
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => match op {
                BoolOp::Eq => pair(lhs, " == ", rhs, true),
                BoolOp::Ne => pair(lhs, " != ", rhs, false),
                BoolOp::Lt => pair(lhs, " < ", rhs, false),
                BoolOp::Le => pair(lhs, " <= ", rhs, false),
                BoolOp::Ge => pair(lhs, " >= ", rhs, false),
                BoolOp::Gt => pair(lhs, " > ", rhs, false),
            },
            Expr::AssignExpr { op, lhs, rhs, .. } => pair(lhs, super::terms::sign(op), rhs, true),
            Expr::Membership { key, value, collection, .. } => {
                let parts: Vec<&Expr> = key.iter().chain([value, collection]).map(AsRef::as_ref).collect();
                self.membership(&parts, |writer, part| writer.argument(part, with));
            }
            // The values of these are never false.
            Expr::ArithExpr { .. } | Expr::BinExpr { .. } | Expr::UnaryExpr { .. } => self.named(expr, with),
            _ => self.compared(expr, with),
        }
    }

    /// Something that a function or an order is given: a name, unless it can only be defined.
    fn argument(&mut self, expr: &Expr, with: &[WithModifier]) {
        if self.is_defined(expr) {
            self.inside(expr, Strength::Comparison);
        } else {
            self.named(expr, with);
        }
    }

    /// A side of an equation, or an expression alone: undefined is not equal, and not true. What is evaluated inside of it
    /// is an argument like others.
    fn compared(&mut self, expr: &Expr, with: &[WithModifier]) {
        match expr {
            Expr::RefDot { refr, field, .. } => {
                self.compared(refr, with);
                self.put(".");
                self.put(field.0.text());
            }
            Expr::RefBrack { refr, index, .. } => {
                self.compared(refr, with);
                self.put("[");
                self.index(index, with);
                self.put("]");
            }
            Expr::Var { .. } => self.expr(expr),
            _ => self.argument(expr, with),
        }
    }

    /// A variable in brackets may be one that the reference itself gives a value to.
    fn index(&mut self, index: &Expr, with: &[WithModifier]) {
        match index {
            Expr::Var { .. } => self.expr(index),
            _ => self.argument(index, with),
        }
    }

    fn named(&mut self, expr: &Expr, with: &[WithModifier]) {
        let name = self.variable();
        let piece = self.apart(|writer| {
            writer.put(&name);
            writer.put(" := ");
            writer.inside(expr, Strength::Comparison);
            writer.with(with);
        });
        self.moved.push(piece);
        self.put(&name);
    }
}
