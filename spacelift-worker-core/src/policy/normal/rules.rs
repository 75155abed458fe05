//! Rules: heads whose parts need no evaluation, each with its body.

use regorus::unstable::{Expr, Rule, RuleAssign, RuleBody, RuleHead};

use super::terms::{Strength, sign};
use super::writer::{Piece, Writer};

/// The first part of a rule's name.
pub(super) fn name(rule: &Rule) -> &str {
    let mut front = match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    };
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = front.as_ref() {
        front = refr;
    }
    front.span().text()
}

impl Writer {
    pub(super) fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Default { span, refr, args, op, value } => {
                self.from(span);
                self.put("default ");
                self.expr(refr);
                if !args.is_empty() {
                    self.put("(");
                    self.list(args, |writer, arg| writer.expr(arg));
                    self.put(")");
                }
                self.put(sign(op));
                self.inside(value, Strength::Term);
                self.put("\n");
            }
            Rule::Spec { head, bodies, .. } if bodies.is_empty() => self.with_bodies(head, &[]),
            Rule::Spec { head, bodies, .. } => {
                // Several bodies without an `else` between them are rules with the same head.
                let mut rest = bodies.as_slice();
                while let Some((_, after)) = rest.split_first() {
                    let elses = after.iter().take_while(|body| body.is_else).count();
                    let (group, next) = rest.split_at(elses.saturating_add(1));
                    self.with_bodies(head, group);
                    rest = next;
                }
            }
        }
    }

    fn with_bodies(&mut self, head: &RuleHead, bodies: &[RuleBody]) {
        self.moved.clear();
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.head(refr);
                self.value(assign.as_ref());
            }
            RuleHead::Set { refr, key: Some(key), .. } => {
                self.head(refr);
                self.put(" contains ");
                self.part(key);
            }
            RuleHead::Set { refr, key: None, .. } => match refr.as_ref() {
                Expr::RefDot { refr, field, .. } => {
                    self.head(refr);
                    self.put(&format!(" contains {}", serde_json::Value::from(field.0.text())));
                }
                refr => self.head(refr),
            },
            RuleHead::Func { refr, args, assign, .. } => {
                self.head(refr);
                self.put("(");
                self.list(args, |writer, arg| writer.inside(arg, Strength::Comparison));
                self.put(")");
                self.value(assign.as_ref());
            }
        }
        let mut moved = std::mem::take(&mut self.moved);
        if bodies.is_empty() {
            self.body(None, std::mem::take(&mut moved));
        }
        for body in bodies {
            if body.is_else {
                self.put(" else");
                self.value(body.assign.as_ref());
                moved = std::mem::take(&mut self.moved);
            }
            self.body(Some(body), std::mem::take(&mut moved));
        }
        self.put("\n");
    }

    /// A body, if there is something in it.
    fn body(&mut self, body: Option<&RuleBody>, moved: Vec<Piece>) {
        let statements = body.filter(|body| !body.query.stmts.is_empty());
        if statements.is_none() && moved.is_empty() {
            return;
        }
        self.put(" if { ");
        if let Some(body) = statements {
            self.statements(&body.query);
        }
        for (index, piece) in moved.into_iter().enumerate() {
            if index > 0 || statements.is_some() {
                self.put("; ");
            }
            self.put_piece(piece);
        }
        self.put(" }");
    }

    /// The name of a rule, and what stands in brackets behind it.
    fn head(&mut self, refr: &Expr) {
        match refr {
            Expr::RefDot { refr, field, .. } => {
                self.head(refr);
                self.put(".");
                self.put(field.0.text());
            }
            Expr::RefBrack { refr, index, .. } => {
                self.head(refr);
                self.put("[");
                self.part(index);
                self.put("]");
            }
            other => self.expr(other),
        }
    }

    fn value(&mut self, assign: Option<&RuleAssign>) {
        if let Some(RuleAssign { op, value, .. }) = assign {
            self.put(sign(op));
            self.part(value);
        }
    }

    /// A part of a head: as it is where it is always defined, and else a variable that gets its value in the body.
    fn part(&mut self, expr: &Expr) {
        if is_plain(expr) {
            return self.inside(expr, Strength::Comparison);
        }
        let name = self.variable();
        let piece = self.apart(|writer| {
            writer.put(&name);
            writer.put(" := ");
            writer.inside(expr, Strength::Comparison);
        });
        self.moved.push(piece);
        self.put(&name);
    }
}

/// Whether an expression is variables and constants alone.
fn is_plain(expr: &Expr) -> bool {
    let mut ahead = vec![expr];
    while let Some(expr) = ahead.pop() {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. } => {}
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                ahead.extend(items.iter().map(AsRef::as_ref))
            }
            Expr::Object { fields, .. } => {
                ahead.extend(fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]));
            }
            Expr::UnaryExpr { expr, .. } => ahead.push(expr),
            _ => return false,
        }
    }
    true
}
