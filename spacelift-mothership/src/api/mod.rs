//! What the command line and the server say to each other: JSON bodies, both ways, and where the server is found.
//!
//! Names, states and types are Spacelift's published ones (GraphQL `WorkerPool`, `Worker`, `Run`); times are Unix seconds
//! as there. Data alone: `http` serves it, `cli` asks for it.

mod endpoint;
mod requests;
mod views;

pub use endpoint::{Endpoint, EndpointError};
pub use requests::{
    CreatePool, CreateStack, Depend, DrainWorker, ResetPool, RunAction, TriggerRun, TriggerType,
};
pub use views::{
    DependencyView, LogSegmentView, LogsView, PoolCredentials, PoolView, Problem, QueueView, QueuedView,
    RunView, RunningView, StackView, TransitionView, WorkerView,
};
