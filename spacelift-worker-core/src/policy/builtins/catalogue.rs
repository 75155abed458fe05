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
    ("crypto.parse_", KEYS),
    ("crypto.x509.", KEYS),
    ("graphql.", Withheld { code: FORBIDDEN, why: "is not offered: nothing of a run is GraphQL" }),
    (
        "io.jwt.encode_sign",
        Withheld { code: FORBIDDEN, why: "is not offered: a policy verifies, and signs nothing" },
    ),
    ("providers.", Withheld { code: FORBIDDEN, why: "is not offered: a policy does not sign requests" }),
];

const KEYS: Withheld = Withheld {
    code: FORBIDDEN,
    why: "is not offered: give keys and certificates to `io.jwt.verify_…` and `io.jwt.decode_verify` as they are",
};

/// What is said of `exec` where no program is allowed.
pub(in crate::policy) const EXEC: Withheld = Withheld {
    code: UNAVAILABLE,
    why: "is switched off: list the programs that a policy may run in SPACELIFT_WORKER_POLICY_PROGRAMS",
};

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
        assert_eq!(withheld("io.jwt.encode_sign_raw").unwrap().code, FORBIDDEN);
        assert_eq!(withheld("io.jwt.decode_verify"), None);
        assert_eq!(withheld("startswith"), None);
        assert_eq!(withheld("executable"), None);
    }
}
