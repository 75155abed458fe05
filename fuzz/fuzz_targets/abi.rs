//! Runs `spacelift_worker_fuzz::abi::abi`, which says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(
    // libFuzzer's hook ends the process at any panic. The library makes errors of them, which the target does not take; those
    // of the Rego engine are a policy's failure
    init: drop(std::panic::take_hook()),
    |data: &[u8]| spacelift_worker_fuzz::abi::abi(data)
);
