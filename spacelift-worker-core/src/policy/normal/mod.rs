//! A policy file in the form in which the engine evaluates it as Open Policy Agent does.
//!
//! The engine forgets every result of a rule when one result of its head is undefined, and reads an undefined argument
//! below `not` as false. Open Policy Agent's compiler moves both into the body, where an undefined expression ends one
//! branch alone; so what is evaluated here is the file written anew in that form, always in Rego v1:
//!
//! ```text
//! deny contains f(x) if some x in xs      deny contains v0 if { some x in xs; v0 := f(x) }
//! ok if not startswith(input.a, "b")      ok if { v0 := input.a; not startswith(v0, "b") }
//! ```
//!
//! Every place in the new text leads back to one in the file, so that messages name the line that a person wrote.

mod negation;
mod rules;
mod terms;
mod writer;

use regorus::unstable::{Expr, Import, Module};
use writer::Writer;

use super::outline::Place;
use super::prelude::ALIASES;

/// The text for the engine.
#[derive(Debug)]
pub(super) struct Normal {
    /// Rego v1.
    pub(super) text: String,
    /// Where something begins in the text, and where it stands in the file; in the order of the text.
    places: Vec<(Place, Place)>,
}

impl Normal {
    /// Writes a file anew. `source` is its text, whose names the new variables keep clear of.
    pub(super) fn new(module: &Module, source: &str) -> Self {
        let globals = module.policy.iter().map(|rule| rules::name(rule));
        let imports = module.imports.iter().filter_map(|import| {
            import.r#as.as_ref().map(|name| name.text()).or_else(|| match import.refr.as_ref() {
                Expr::RefDot { field, .. } => Some(field.0.text()),
                _ => None,
            })
        });
        let aliases = ALIASES.iter().map(|(name, _)| *name).chain(["input", "data"]);
        let globals = globals.chain(imports).chain(aliases).map(str::to_owned).collect();
        let mut writer = Writer::new(source, globals);
        writer.put("package ");
        writer.expr(&module.package.refr);
        writer.put("\n");
        module.imports.iter().for_each(|import| writer.import(import));
        module.policy.iter().for_each(|rule| writer.rule(rule));
        let (text, places) = writer.finish();
        Self { text, places }
    }

    /// The place in the file of what stands at a place in the text.
    pub(super) fn place(&self, inside: Place) -> Place {
        let next = self.places.partition_point(|(begin, _)| *begin <= inside);
        let before = next.checked_sub(1).and_then(|index| self.places.get(index));
        before.map_or((1, 1), |(_, place)| *place)
    }
}

impl Writer {
    fn import(&mut self, import: &Import) {
        let (mut front, mut alone) = (import.refr.as_ref(), true);
        while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = front {
            (front, alone) = (refr, false);
        }
        let keywords = matches!(front, Expr::Var { span, .. } if matches!(span.text(), "rego" | "future"));
        // `import input` alone imports nothing new, and the engine would say so on standard error.
        if keywords || (alone && import.r#as.is_none()) {
            return;
        }
        self.put("import ");
        self.expr(&import.refr);
        if let Some(name) = &import.r#as {
            self.put(" as ");
            self.put(name.text());
        }
        self.put("\n");
    }
}

#[cfg(test)]
mod tests {
    use regorus::Engine;

    use super::*;

    fn normal(rules: &str) -> Normal {
        let mut engine = Engine::new();
        let text = format!("package spacelift\n{rules}");
        let v0 = engine.add_policy("p".to_owned(), text.clone()).is_err();
        if v0 {
            engine = Engine::new();
            engine.set_rego_v0(true);
            engine.add_policy("p".to_owned(), text.clone()).unwrap();
        }
        Normal::new(&engine.get_modules()[0], &text)
    }

    /// The rules in normal form, a line each.
    fn written(rules: &str) -> String {
        normal(rules).text.strip_prefix("package spacelift\n").unwrap().to_owned()
    }

    #[test]
    fn what_a_head_evaluates_is_moved_to_the_end_of_its_body() {
        assert_eq!(
            written("deny contains f(x) if some x in input.xs"),
            "deny contains __0 if { some x in __collection(input.xs); __0 := f(x) }\n"
        );
        assert_eq!(written("p := input.a"), "p := __0 if { __0 := input.a }\n");
        assert_eq!(
            written("p[input.k] := [x.y, 1] if { x := 1 }"),
            "p[__0] := __1 if { x := 1; __0 := input.k; __1 := [x.y, 1] }\n"
        );
        assert_eq!(
            written("f(x) := x + 1 if { x > 1 } else := x if { x > 0 } else := input.z"),
            "f(x) := __0 if { x > 1; __0 := __number(x) + 1 } else := x if { x > 0 } else := __1 if { __1 := input.z }\n"
        );
        assert_eq!(
            written("p := {\"a\": [1, \"b\"]} { true } { false }"),
            "p := {\"a\": [1, \"b\"]} if { true }\np := {\"a\": [1, \"b\"]} if { false }\n"
        );
    }

    #[test]
    fn arguments_below_a_negation_are_looked_up_before_it() {
        assert_eq!(
            written("p if not startswith(input.a, \"b\") with input as 1"),
            "p if { __0 := input.a with input as 1; not startswith(__0, \"b\") with input as 1 }\n"
        );
        assert_eq!(written("p if not input.a < 1"), "p if { __0 := input.a; not __0 < 1 }\n");
        assert_eq!(written("p if not 1 in input.a"), "p if { __0 := input.a; not __member(1, __0) }\n");
        assert_eq!(
            written("p if not input.a == input.b[input.c]"),
            "p if { __0 := input.c; not input.a == input.b[__0] }\n"
        );
        assert_eq!(written("p if not input.a"), "p if { not input.a }\n");
        // Neither is undefined.
        assert_eq!(
            written("p if { x := input.a; not x in {\"b\", x}; not startswith(x, \"b\") }"),
            "p if { x := input.a; not x in {\"b\", x}; not startswith(x, \"b\") }\n"
        );
        assert_eq!(written("q := 1\np if not f(q)"), "q := 1\np if { __0 := q; not f(__0) }\n");
        assert_eq!(
            written("p if { x := [y | y := 1; not f(y.z)] }"),
            "p if { x := [y | y := 1; __0 := y.z; not f(__0)] }\n"
        );
    }

    #[test]
    fn membership_is_a_call() {
        assert_eq!(
            written("p if { x := (1 in input.a); (0, x in [(1 in [2])]) }"),
            "p if { x := (__member(1, input.a)); __member_with_key(0, x, [(1 in [2])]) }\n"
        );
    }

    #[test]
    fn operands_are_undefined_where_the_operator_cannot_work_on_them() {
        assert_eq!(
            written("p if { x := input.a - 1 / input.b; y := input.c % 7 | input.d }"),
            "p if { x := __number_or_set(input.a) - 1 / __divisor(input.b); y := __set(__whole(input.c) % __modulus(7)) | \
             __set(input.d) }\n"
        );
    }

    #[test]
    fn the_rest_is_written_as_it_was() {
        for rule in [
            "default p := {\"a\": -1, \"b\": [set(), {}, {1, 2}]}\n",
            "import data.spacelift.q as r\nimport input.run\np if { run.type == r[\"x y\"][_].z }\n",
            "p if { some i, j; input.a[i] = input.b[j]; every k, v in input.c { k != v; v } }\n",
            "p if { x := (1 + 2) * 3 - (4 - 5) - 6; y := {x} & ({1} | {2}) }\n",
            "p if { some k, v in [1]; {a: b | b := 1; a := 2} }\n",
            "p if { x := {a | some a in {1, 2}}; print(\"a\\\"\\n\\\\\", x, 1e3, 0.50) }\n",
            "f([a, b]) := true if { a == b }\n",
            "p.q.r if { true }\n",
        ] {
            assert_eq!(written(rule), rule);
        }
    }

    #[test]
    fn a_place_in_the_new_text_leads_back_to_the_file() {
        let normal = normal("# a comment\ndeny contains f(x) if {\n  some x in input.xs\n}\n");
        let text = normal.text.lines().nth(1).unwrap();
        let of = |part: &str| normal.place((2, u32::try_from(text.find(part).unwrap()).unwrap() + 1));
        assert_eq!(of("deny"), (3, 1));
        assert_eq!(of("f(x)"), (3, 15));
        assert_eq!(of("input.xs"), (4, 13));
        assert_eq!(normal.place((1, 1)), (1, 1));
        assert_eq!(normal.place((1, 10)), (1, 9));
    }

    #[test]
    fn new_variables_keep_clear_of_the_names_of_the_file() {
        assert!(written("deny contains f(__0) if some __0 in input.xs").contains("___0 := f(__0)"));
    }
}
