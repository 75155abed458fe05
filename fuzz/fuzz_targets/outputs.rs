//! Runs `spacelift_worker_fuzz::outputs::outputs`, which says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spacelift_worker_fuzz::outputs::outputs(data));
