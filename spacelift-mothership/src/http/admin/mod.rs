//! The API of the command line: JSON under `/api/v1`, for whoever has the admin token.

mod pools;
mod queue;
mod refusal;
mod routes;
mod runs;
mod stacks;
mod workers;

pub(super) use routes::routes;
