//! The functions that the launcher adds to the engine's, and those it withholds.
//!
//! A helper is total, or its failure denies the run: none makes a rule silently disappear.

mod catalogue;
mod deprecated;
mod digests;
mod engine_functions;
mod exec;
mod extension;
mod jwt;
mod numbers;
mod operands;
mod regex;
mod register;
mod sanitized;
mod sprintf;

pub(super) use catalogue::{EXEC, withheld};
pub(super) use operands::{
    COLLECTION, DIVISOR, MEMBER, MEMBER_WITH_KEY, MODULUS, NUMBER, NUMBER_OR_SET, SET, WHOLE,
};
pub(super) use register::Functions;
pub(super) use sanitized::sanitized;
