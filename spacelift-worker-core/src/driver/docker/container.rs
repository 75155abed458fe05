//! One container by its identifier: started, looked at, signalled, removed. It goes with its handle.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, EventsOptionsBuilder, KillContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, StatsOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWrite;
use tokio::time::{sleep, timeout};

use super::engine::Engine;
use super::executor::Shared;
use super::failure::Failure;
use super::usage;
use crate::exec::ExecUsage;

/// From the start of a container to the first word of its first process.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// For a container to be gone after it was killed.
const GONE_TIMEOUT: Duration = Duration::from_secs(20);

/// How often is asked whether it is.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A container of ours. Dropping it removes it a little later.
pub(super) struct Container {
    shared: Arc<Shared>,
    id: String,
    /// Bytes that it may take.
    memory: Option<i64>,
    /// Its first process ends with this.
    stdin: Mutex<Option<Pin<Box<dyn AsyncWrite + Send>>>>,
    was_killed: AtomicBool,
    is_removed: AtomicBool,
}

impl Container {
    /// A container that was created.
    pub(super) fn new(shared: Arc<Shared>, id: String, memory: Option<i64>) -> Self {
        let (was_killed, is_removed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { shared, id, memory, stdin: Mutex::default(), was_killed, is_removed }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Starts it, and gives the first word of its first process.
    pub(super) async fn run(&self, explain: impl Fn(Error) -> Failure) -> Result<String, Failure> {
        let client = self.engine().client().await?;
        let options =
            AttachContainerOptionsBuilder::default().stream(true).stdin(true).stdout(true).stderr(true);
        let attached = client.attach_container(&self.id, Some(options.build())).await.map_err(&explain)?;
        let AttachContainerResults { output, input } = attached;
        *self.stdin.lock().unwrap_or_else(PoisonError::into_inner) = Some(input);
        client.start_container(&self.id, None).await.map_err(explain)?;
        match timeout(READY_TIMEOUT, first_word(output)).await {
            Ok(Some(word)) => Ok(word),
            Ok(None) => Err(Failure::Gone { why: "its first process ended without a word".to_owned() }),
            Err(_) => Err(Failure::Gone { why: "its first process says nothing".to_owned() }),
        }
    }

    /// Whether a step can be started in it. An Engine that does not answer is found out by the step.
    pub(super) async fn is_running(&self) -> bool {
        if self.was_killed() {
            return false;
        }
        let Ok(client) = self.engine().client().await else { return true };
        match client.inspect_container(&self.id, None).await {
            Ok(found) => found.state.and_then(|state| state.running).unwrap_or(false),
            Err(error) => !Failure::is_missing(&error),
        }
    }

    /// Whether the kernel killed a process in it since its memory ran out. An Engine learns that a little after the process ended,
    /// and notes it of a container at its end, which is not yet: its events tell.
    pub(super) async fn met_its_memory_limit(&self, patience: Duration) -> bool {
        let Ok(client) = self.engine().client().await else { return false };
        let filters = [("container", self.id.as_str()), ("event", "oom")];
        let filters = filters.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        let options = EventsOptionsBuilder::default().since("1").filters(&HashMap::from(filters)).build();
        let mut events = std::pin::pin!(client.events(Some(options)));
        matches!(timeout(patience, events.next()).await, Ok(Some(Ok(_))))
    }

    /// What it has taken so far, if its Engine tells.
    pub(super) async fn usage(&self) -> Option<ExecUsage> {
        let client = self.engine().client().await.ok()?;
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let told = std::pin::pin!(client.stats(&self.id, Some(options))).next().await?.ok()?;
        usage::of(&told)
    }

    /// What to do about the memory limit.
    pub(super) fn memory_remedy(&self) -> String {
        let limit = match self.memory {
            Some(limit) => format!("its container reached the memory limit of {} MiB", limit >> 20),
            None => "the machine of its container ran out of memory".to_owned(),
        };
        format!(
            "{limit}, and the kernel killed a process in it (OOM); raise SPACELIFT_WORKER_CONTAINER_MEMORY, or let it need less"
        )
    }

    /// Whether it was killed, though the Engine may not know it yet.
    pub(super) fn was_killed(&self) -> bool {
        self.was_killed.load(Ordering::Relaxed)
    }

    /// Asks everything in it to end: its first process hands the signal on to all others.
    pub(super) fn terminate(self: &Arc<Self>) {
        let container = self.clone();
        tokio::spawn(async move { container.signal("SIGTERM").await });
    }

    /// Kills it, and the kernel with its first process everything in it.
    pub(super) fn kill(self: &Arc<Self>) {
        self.was_killed.store(true, Ordering::Relaxed);
        let container = self.clone();
        tokio::spawn(async move { container.signal("SIGKILL").await });
    }

    async fn signal(&self, name: &str) {
        let Ok(client) = self.engine().client().await else { return };
        let options = KillContainerOptionsBuilder::default().signal(name).build();
        if let Err(error) = client.kill_container(&self.id, Some(options)).await {
            // It has ended, which is what is wanted, or the Engine is gone, which the step tells.
            tracing::debug!(%error, signal = name, "a container was not signalled");
        }
    }

    /// Stops everything in it where it is. Where an Engine cannot do that, it is ended: nothing may change what is being packed.
    pub(super) async fn pause(&self) {
        let Ok(client) = self.engine().client().await else { return };
        if let Err(error) = client.pause_container(&self.id).await {
            tracing::debug!(%error, "a container was not paused, and is ended");
            self.was_killed.store(true, Ordering::Relaxed);
            self.signal("SIGKILL").await;
        }
    }

    /// Lets it go on.
    pub(super) async fn resume(&self) {
        if let Ok(client) = self.engine().client().await
            && let Err(error) = client.unpause_container(&self.id).await
        {
            tracing::debug!(%error, "a container was not resumed");
        }
    }

    /// Removes it with everything in it and its anonymous volumes, and returns when it is gone.
    pub(super) async fn remove(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take();
        remove(&self.shared.engine, &self.id).await;
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.is_removed.load(Ordering::Relaxed) {
            let (shared, id) = (self.shared.clone(), self.id.clone());
            self.shared.later(async move { remove(&shared.engine, &id).await });
        }
    }
}

/// Removes a container and waits until it is gone. An Engine that does not answer leaves it to the next start of a worker.
pub(super) async fn remove(engine: &Engine, id: &str) {
    let gone = async {
        let client = engine.client().await?;
        let options = || RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        loop {
            match client.remove_container(id, Some(options())).await {
                Ok(()) => return Ok(()),
                Err(error) if Failure::is_missing(&error) => return Ok(()),
                // "removal of container is already in progress": it removes itself when it ends.
                Err(Error::DockerResponseServerError { status_code: 409, .. }) => sleep(ASK_EVERY).await,
                Err(error) => return Err(Failure::engine(engine.shown(), error)),
            }
        }
    };
    let why = match timeout(GONE_TIMEOUT, gone).await {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => "it is not gone in time".to_owned(),
    };
    tracing::warn!(container = id, why, "a container is left to the next start of a worker");
}

/// The first word that comes.
async fn first_word(
    mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
) -> Option<String> {
    let mut text = String::new();
    while let Some(Ok(piece)) = output.next().await {
        text.push_str(&String::from_utf8_lossy(&piece.into_bytes()));
        if text.ends_with('\n') {
            break;
        }
    }
    text.split_whitespace().next().map(str::to_owned)
}
