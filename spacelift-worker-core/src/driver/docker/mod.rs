//! Runs the steps of a phase in a container of a Docker Engine: one container for a phase, one `exec` for a step.
//!
//! One container for the whole phase, since that is what hooks are written for: what `before_init` installs, exports to a file
//! in the home folder or starts in the background is there in the steps that follow. An `exec` for each step, since its
//! environment is then never written to the Engine's disk, as that of a container is, its output passes by the Engine's
//! own log, its exit code is told apart from what is left in the background, and it takes a tenth of a container's start.
//!
//! The container's first process is a shell that does nothing but wait: it reaps what is orphaned, hands SIGTERM on to
//! everything, and ends when its standard input does. The launcher holds the other end of that, so a launcher that is killed
//! takes its container along.

mod body;
mod container;
mod credentials;
mod engine;
mod executor;
mod failure;
mod image;
mod needs;
mod options;
mod orphans;
mod phase;
mod pull;
mod step;
mod usage;

pub use engine::{EngineAddress, EngineAddressError};
pub use executor::DockerExecutor;
pub(crate) use image::is_image_name;
pub use options::{DockerMount, DockerOptions, Limit, PullPolicy};
