//! Performs what the floors below decide: connections, processes, transfers, logs.
//!
//! Decides nothing about runs or the protocol: a session and a supervisor say what is to be done, and get the answers.

mod blob;
mod chain;
mod clock;
mod dial;
#[cfg(feature = "docker")]
pub mod docker;
mod hardening;
mod host;
mod https;
mod journal;
mod link;
mod logs;
mod metrics;
mod mqtt;
mod pace;
mod policy;
mod poll;
mod process;
mod random;
mod run;
mod session;
#[cfg(feature = "spot")]
mod spot;
mod task;
mod tls;

pub use blob::{BlobClient, BlobError, BlobLimits};
pub use dial::{AllowedHost, ProxyUrlError};
pub use hardening::protect_process;
pub use host::{
    HostError, HostEvent, HostEventKind, HostOptions, HostSession, Next, Offers, OperationId, StepId, Steps,
    Wake,
};
pub use journal::{FileJournal, JournalError};
pub use logs::{JsonLayer, LineSink, log_on_this_thread};
pub use metrics::{Health, Metrics};
pub use policy::{
    MEMORY_LIMIT, PolicyIsolation, PolicyProgram, asked_by, child_main, child_work, main_if_asked,
};
pub use process::ProcessExecutor;
pub use session::{HostCommand, SessionEnd};
pub use tls::{Roots, TlsError};

pub(crate) use chain::chain;
pub(crate) use clock::{now, unix_time};
pub(crate) use dial::{Dialer, ProbeFound, Proxies, authority};
pub(crate) use host::{Counter, Desk};
pub(crate) use link::Link;
pub(crate) use logs::{LogMask, report_panics};
pub(crate) use metrics::Meter;
pub(crate) use mqtt::{ALPN_ON_443, BrokerPlace, MqttEndpoint, connect as connect_mqtt};
pub(crate) use policy::{PolicyHost, PolicyHostError};
pub(crate) use poll::{PollEndpoint, connect as connect_poll};
pub(crate) use process::end_left_over;
pub(crate) use random::{bits as random_bits, name as random_name};
pub(crate) use run::{RunContext, RunHost, masked};
pub(crate) use session::{Ending, Outgoing, SessionDriver};
#[cfg(feature = "spot")]
pub(crate) use spot::SpotWatch;
pub(crate) use tls::{TlsClient, anonymous_client, pool_client};
