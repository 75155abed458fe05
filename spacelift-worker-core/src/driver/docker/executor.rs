//! The executor of a launcher: phases in containers of one Engine.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::body::{self, Machine};
use super::engine::Engine;
use super::failure::Failure;
use super::options::DockerOptions;
use super::phase::Phase;
use super::{needs, orphans, pull};
use crate::exec::{BoxFuture, ExecError, ExecSpec, Execution, Executor, Need, Notes, PhaseSpec, View};

/// How long the end of a worker waits for containers that are being removed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs phases in containers of a Docker Engine. Workers of one process may share it.
pub struct DockerExecutor {
    shared: Arc<Shared>,
}

/// What all phases share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) options: DockerOptions,
    machine: OnceCell<Machine>,
    /// Removals that nobody waits for yet.
    removals: Mutex<Vec<JoinHandle<()>>>,
}

impl DockerExecutor {
    /// An executor with these options. Nothing is asked of the Engine yet.
    pub fn new(options: DockerOptions) -> Self {
        let engine = Engine::new(options.engine.clone());
        let shared = Shared { engine, options, machine: OnceCell::new(), removals: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    async fn phase(&self, spec: PhaseSpec, notes: &Notes) -> Result<Phase, Failure> {
        let shared = &self.shared;
        let image = body::image(&shared.options, &spec)?;
        let machine = shared.machine().await?;
        pull::ensure(&shared.engine, &shared.options, &image, notes).await?;
        Phase::start(shared.clone(), spec, image, machine).await
    }
}

impl std::fmt::Debug for DockerExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerExecutor").field("engine", &self.shared.engine.shown()).finish_non_exhaustive()
    }
}

impl Shared {
    /// What the Engine has, asked once.
    pub(super) async fn machine(&self) -> Result<Machine, Failure> {
        let ask = async || {
            let info = self.engine.info().await?;
            let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
            Ok(Machine { memory: number(info.mem_total), cpus: number(info.ncpu) })
        };
        self.machine.get_or_try_init(ask).await.copied()
    }

    /// Does something beside everything else, before the worker ends.
    pub(super) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
            removals.retain(|removal| !removal.is_finished());
            removals.push(runtime.spawn(work));
        }
    }
}

/// How steps see their phase.
pub(super) fn view(options: &DockerOptions) -> View {
    View { folder: Some(PathBuf::from(body::FOLDER)), owner: Some(options.user), has_path: true }
}

impl Executor for DockerExecutor {
    fn start(&self, _: ExecSpec) -> BoxFuture<'_, Result<Box<dyn Execution>, ExecError>> {
        Box::pin(async {
            let failure = Failure::Gone { why: "its phase was not prepared".to_owned() };
            Err(failure.while_trying("start a command in a container"))
        })
    }

    fn begin<'a>(&'a self, mark: &'a str, folder: &'a Path) -> BoxFuture<'a, Result<(), ExecError>> {
        Box::pin(async move {
            let begun = async {
                orphans::end(&self.shared.engine, mark).await?;
                self.shared.machine().await?;
                orphans::check_mounts(&self.shared, folder).await
            };
            begun.await.map_err(|failure: Failure| failure.while_trying("run in containers"))
        })
    }

    fn prepare(
        &self,
        phase: PhaseSpec,
        notes: Notes,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Executor>>, ExecError>> {
        Box::pin(async move {
            let phase = self.phase(phase, &notes).await;
            let phase = phase.map_err(|failure| failure.while_trying("start the run's container"))?;
            Ok(Some(Box::new(phase) as Box<dyn Executor>))
        })
    }

    fn view(&self) -> View {
        view(&self.shared.options)
    }

    fn needs(&self) -> BoxFuture<'_, Vec<Need>> {
        Box::pin(needs::of(&self.shared.engine, &self.shared.options))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let removals =
                std::mem::take(&mut *self.shared.removals.lock().unwrap_or_else(PoisonError::into_inner));
            let all = async {
                for removal in removals {
                    let _ = removal.await;
                }
            };
            if timeout(CLOSE_TIMEOUT, all).await.is_err() {
                tracing::warn!("some containers are not gone yet; the next start of a worker removes them");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::chain;
    use crate::driver::docker::EngineAddress;
    use crate::ids::{PoolId, RunId, WorkerId};

    #[tokio::test]
    async fn the_engine_is_not_asked_for_what_is_no_name_of_an_image() {
        let nowhere = EngineAddress::new(Some("unix:///nowhere/docker.sock"), None).unwrap();
        let executor = DockerExecutor::new(DockerOptions::new(nowhere, "runner:1"));
        let prepared = async |image: &str| {
            let (run, worker, pool) =
                (RunId::from_parts(1, 1), WorkerId::from_parts(1, 2), PoolId::from_parts(1, 3));
            let mut phase = PhaseSpec::new(run, "1.1".parse().unwrap(), worker, pool, PathBuf::from("/run"));
            phase.image = image.to_owned();
            chain(&executor.prepare(phase, Arc::new(|_| {})).await.err().unwrap())
        };
        let told = prepared("../images/get?names=big:1&x=").await;
        assert!(told.contains("\"../images/get?names=big:1&x=\" is no name of an image"), "{told}");
        let told = prepared("runner:2").await;
        assert!(told.contains("does not answer"), "{told}");
    }
}
