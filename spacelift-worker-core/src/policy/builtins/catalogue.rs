//! Functions that a policy might expect and does not get, with what to say about each.

use crate::policy::problem::ProblemCode;

/// A function that is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Withheld {
    pub(in crate::policy) code: ProblemCode,
    /// Follows the name of the function in a sentence.
    pub(in crate::policy) why: &'static str,
}

const FORBIDDEN: ProblemCode = ProblemCode::ForbiddenFunction;
const UNAVAILABLE: ProblemCode = ProblemCode::UnavailableFunction;

/// Exact names.
///
/// Source: Spacelift, concepts, policy: "http.send, opa.runtime, rego.parse_module, time.now_ns and trace" are disabled.
const NAMES: &[(&str, Withheld)] = &[
    (
        "exec",
        Withheld {
            code: UNAVAILABLE,
            why: "is switched off: this launcher does not run programs for a policy; verify what you need with the other functions",
        },
    ),
    ("http.send", Withheld { code: FORBIDDEN, why: "is not offered: a policy does not use the network" }),
    (
        "net.lookup_ip_addr",
        Withheld { code: FORBIDDEN, why: "is not offered: a policy does not use the network" },
    ),
    (
        "opa.runtime",
        Withheld {
            code: FORBIDDEN,
            why: "is not offered: a policy does not see the launcher's own settings",
        },
    ),
    ("rand.intn", Withheld { code: FORBIDDEN, why: "is not offered: a policy decides alike on a like run" }),
    ("rego.parse_module", Withheld { code: FORBIDDEN, why: "is not offered" }),
    (
        "time.now_ns",
        Withheld {
            code: FORBIDDEN,
            why: "is not offered: a policy decides alike on a like run; compare with input.run.updated_at",
        },
    ),
    (
        "trace",
        Withheld {
            code: FORBIDDEN,
            why: "is not offered: set `sample` to see input and results in the launcher's log",
        },
    ),
    (
        "uuid.rfc4122",
        Withheld { code: FORBIDDEN, why: "is not offered: a policy decides alike on a like run" },
    ),
];

/// Whole families.
const FAMILIES: &[(&str, Withheld)] = &[
    ("crypto.", Withheld { code: UNAVAILABLE, why: "is not available yet in this version of the launcher" }),
    ("io.jwt.", Withheld { code: UNAVAILABLE, why: "is not available yet in this version of the launcher" }),
    ("providers.", Withheld { code: FORBIDDEN, why: "is not offered: a policy does not sign requests" }),
];

/// Whether a function is withheld, and why.
pub(in crate::policy) fn withheld(name: &str) -> Option<Withheld> {
    let exact = NAMES.iter().find(|(known, _)| *known == name);
    let family = || FAMILIES.iter().find(|(prefix, _)| name.starts_with(prefix));
    exact.or_else(family).map(|(_, withheld)| *withheld)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_and_families_are_withheld_and_others_are_not() {
        assert_eq!(withheld("http.send").unwrap().code, FORBIDDEN);
        assert_eq!(withheld("io.jwt.decode_verify").unwrap().code, UNAVAILABLE);
        assert_eq!(withheld("exec").unwrap().code, UNAVAILABLE);
        assert_eq!(withheld("startswith"), None);
        assert_eq!(withheld("executable"), None);
    }
}
