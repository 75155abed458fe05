//! What the whole-system tests share. The tests themselves stand in `tests/tests`.

pub mod house;
#[expect(clippy::expect_used, clippy::panic, reason = "a test without its oracle has to stop and say why")]
pub mod policy;
#[expect(clippy::expect_used, reason = "a soak that cannot set up its system has to stop and say why")]
pub mod soak;
pub mod source;
#[expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set up its system has to stop and say why"
)]
pub mod system;
pub mod tools;
