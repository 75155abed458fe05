//! Runs `spacelift_worker_fuzz::backends::backends`, which says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spacelift_worker_fuzz::backends::backends(data));
