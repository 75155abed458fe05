//! Runs `spacelift_worker_fuzz::policy::policy`, which says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(
    // libFuzzer's hook ends the process at any panic. The library catches those of the Rego engine, which is part of
    // what is tried here; those of the target itself are still found, since they leave it
    init: drop(std::panic::take_hook()),
    |data: &[u8]| spacelift_worker_fuzz::policy::policy(data)
);
