//! A small world in which the worker's session and the control plane's decisions meet every fault in every order.
//!
//! ```text
//! main      which worlds, how many states        explore   breadth first over states of a few words
//! world     a world: its size and its faults     state     one state; which actions there are
//! step      what an action does                  settle    a calm end: every run must come to its own
//! worker    the real session, its disk, a driver plane     the real control loop over records in memory
//! laws      what must never be                   story     how it came about, line by line
//! names     identifiers that follow from what a message says
//! intern    equal parts are kept once            memo      a part never does the same thing twice
//! ```
//!
//! A state is a handful of numbers: every worker, every control plane and every message that ever came about is kept once
//! and has a number. What a part does with an input is computed by the real code once, and looked up from then on.

pub mod explore;
pub mod intern;
pub mod laws;
pub mod memo;
pub mod names;
pub mod plane;
pub mod settle;
pub mod state;
pub mod step;
pub mod story;
pub mod worker;
pub mod world;
