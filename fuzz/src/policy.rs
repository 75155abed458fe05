//! Policies: any text is a policy or is refused with reasons, and a policy judges the same run the same way.

use std::time::Duration;

use spacelift_worker_core::policy::{InitializationPolicy, PolicyInput};

/// A policy file.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match InitializationPolicy::from_source("fuzz.rego", &text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(policy) => {
            let policy = policy.with_time_limit(Duration::from_millis(200));
            let mut input = PolicyInput::default();
            input.run.run_type = "TASK".to_owned();
            let (first, second) = (policy.evaluate(&input, 0), policy.evaluate(&input, 0));
            // Whether a time limit is met depends on the machine
            if first.failure().is_none() && second.failure().is_none() {
                assert_eq!((first.reasons(), first.sampled()), (second.reasons(), second.sampled()));
            }
        }
    }
}
