//! What the whole-system tests share. The tests themselves stand in `tests/tests`.

pub mod house;
pub mod source;
pub mod system;
pub mod tools;
