//! The container of one phase, as the executor of its steps. After a step that was killed, there is another one.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::query_parameters::CreateContainerOptionsBuilder;
use tokio::sync::Mutex;

use super::body::{self, Machine};
use super::container::Container;
use super::executor::{Shared, view};
use super::failure::Failure;
use super::image::ImageName;
use super::step::Step;
use crate::exec::{BoxFuture, ExecError, ExecSpec, Execution, Executor, PhaseSpec, View};

/// The steps of a phase run in its container.
pub(super) struct Phase {
    shared: Arc<Shared>,
    spec: PhaseSpec,
    image: ImageName,
    machine: Machine,
    /// None after its end.
    current: Mutex<Option<Arc<Container>>>,
}

impl Phase {
    /// Makes and starts the container.
    pub(super) async fn start(
        shared: Arc<Shared>,
        spec: PhaseSpec,
        image: ImageName,
        machine: Machine,
    ) -> Result<Self, Failure> {
        let phase = Self { shared, spec, image, machine, current: Mutex::default() };
        let container = phase.container().await?;
        *phase.current.lock().await = Some(Arc::new(container));
        Ok(phase)
    }

    async fn container(&self) -> Result<Container, Failure> {
        let (options, spec) = (&self.shared.options, &self.spec);
        let body = body::of_phase(options, spec, &self.image, self.machine);
        let memory = body.host_config.as_ref().and_then(|host| host.memory);
        let _probe = Probe::create(&spec.folder, options.user)?;
        let named = CreateContainerOptionsBuilder::default().name(&body::name(spec)).build();
        let (shared, client) = (self.shared.clone(), self.shared.engine.client().await?.clone());
        // A task of its own: where nobody waits any more for the answer, there is a container all the same, and it has to go.
        let creating = tokio::spawn(async move {
            let created = client.create_container(Some(named), body).await?;
            Ok(Container::new(shared, created.id, memory))
        });
        let container = match creating.await {
            Ok(created) => created.map_err(|error| self.explained(error))?,
            Err(_) => return Err(Failure::Gone { why: "it was not created".to_owned() }),
        };
        match container.run(|error| self.explained(error)).await {
            Ok(word) if word == body::READY => Ok(container),
            Ok(word) => {
                container.remove().await;
                Err(self.refused(&word))
            }
            Err(failure) => {
                container.remove().await;
                Err(failure)
            }
        }
    }

    /// What the first process found wrong.
    fn refused(&self, word: &str) -> Failure {
        let (user, _) = self.shared.options.user;
        match word {
            body::NO_USER => Failure::NoUser { image: self.image.as_str().to_owned(), user },
            body::NOT_WRITABLE => Failure::NotWritable { user },
            _ => Failure::Gone { why: "its first process did not start as expected".to_owned() },
        }
    }

    /// What an error on the way to a container means.
    fn explained(&self, error: bollard::errors::Error) -> Failure {
        let options = &self.shared.options;
        let failure = Failure::engine(self.shared.engine.shown(), error);
        failure.of_mounts(&self.spec.folder, options).of_start(
            self.image.as_str(),
            &options.network,
            options.runtime.as_deref(),
        )
    }

    async fn step(&self, spec: &ExecSpec) -> Result<Step, Failure> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(container) if container.is_running().await => {}
            gone => {
                if let Some(gone) = gone {
                    gone.remove().await;
                }
                *current = Some(Arc::new(self.container().await?));
            }
        }
        match &*current {
            Some(container) => Step::start(container.clone(), spec).await,
            None => Err(Failure::Gone { why: "it was removed".to_owned() }),
        }
    }
}

impl Executor for Phase {
    fn start(&self, spec: ExecSpec) -> BoxFuture<'_, Result<Box<dyn Execution>, ExecError>> {
        Box::pin(async move {
            let step = self.step(&spec).await;
            let step = step.map_err(|failure| failure.while_trying("start a command in its container"))?;
            Ok(Box::new(step) as Box<dyn Execution>)
        })
    }

    fn view(&self) -> View {
        view(&self.shared.options)
    }

    fn pause(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(container) = &*self.current.lock().await {
                container.pause().await;
            }
        })
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(container) = &*self.current.lock().await {
                container.resume().await;
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(container) = self.current.lock().await.take() {
                container.remove().await;
            }
        })
    }
}

/// An empty folder that belongs to the container's user while the container starts.
struct Probe(PathBuf);

impl Probe {
    fn create(folder: &Path, (user, group): (u32, u32)) -> Result<Self, Failure> {
        let path = folder.join(body::PROBE);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        let made = made.or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        });
        let probe = Self(path);
        let given = made.and_then(|()| match rustix::process::geteuid().as_raw() == user {
            true => Ok(()),
            false => chown(&probe.0, Some(user), Some(group)),
        });
        given.map_err(|why| Failure::Owner { user, why })?;
        Ok(probe)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
