//! Before a worker connects: ends what an earlier one left, and sees whether the Engine finds the worker's folders.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, Mount};
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptionsBuilder};

use super::body::{self, MARK_LABEL};
use super::container;
use super::engine::Engine;
use super::executor::Shared;
use super::failure::Failure;
use crate::driver::random;
use crate::exec::WORKSPACE;

/// An image that nobody has. The Engine looks at mounts before it looks for an image, so that mounts can be tried without one.
const NO_IMAGE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Ends and removes every container with this mark.
pub(super) async fn end(engine: &Engine, mark: &str) -> Result<(), Failure> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{MARK_LABEL}={mark}")])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = engine.client().await?.list_containers(Some(options)).await;
    let left = listed.map_err(|error| Failure::engine(engine.shown(), error))?;
    for id in left.into_iter().filter_map(|left| left.id) {
        tracing::warn!(container = id, "a container that an earlier worker left is ended");
        container::remove(engine, &id).await;
    }
    Ok(())
}

/// Sees whether the Engine finds the worker's folder and all mounts on its machine. A launcher in a container may be mistaken
/// about that, and so may one whose Engine is elsewhere.
pub(super) async fn check_mounts(shared: &Shared, folder: &Path) -> Result<(), Failure> {
    // A fresh name, since a folder with a usual one may be there by chance.
    let name = random::name().map_err(|error| Failure::Refused { why: error.to_string() })?;
    let probe = folder.join(format!("probe-{name}"));
    let path = probe.display().to_string();
    fs::create_dir(&probe).map_err(|error| Failure::Refused { why: format!("{path}: {error}") })?;
    let found = try_mount(shared, body::bind(&path, body::FOLDER)).await;
    let _ = fs::remove_dir(&probe);
    if !found? {
        return Err(Failure::OtherMachine { path: folder.display().to_string() });
    }
    let options = &shared.options;
    let all = options.mounts.iter().chain(&options.read_only_mounts).chain(&options.write_only_mounts);
    for mount in all {
        if is_taken(&mount.container) {
            return Err(Failure::Taken { variable: mount.variable, path: mount.container.clone() });
        }
        if !try_mount(shared, body::bind(&mount.host, &mount.container)).await? {
            return Err(Failure::NoMount { variable: mount.variable, path: mount.host.clone() });
        }
    }
    Ok(())
}

/// Whether a path in the container is ours: the folder itself, the workspace with everything in it, and the place for secrets.
fn is_taken(path: &str) -> bool {
    let workspace = format!("{}/{WORKSPACE}", body::FOLDER);
    let path = path.trim_end_matches('/');
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path == body::FOLDER || below(&workspace) || below(body::SECRETS)
}

/// Whether the source of a mount is there.
async fn try_mount(shared: &Shared, mount: Mount) -> Result<bool, Failure> {
    let body = ContainerCreateBody {
        image: Some(NO_IMAGE.to_owned()),
        host_config: Some(HostConfig { mounts: Some(vec![mount]), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let engine = &shared.engine;
    match engine.client().await?.create_container(None::<CreateContainerOptions>, body).await {
        Err(error) if Failure::is_missing(&error) => Ok(true),
        Err(error) => match Failure::engine(engine.shown(), error) {
            Failure::Refused { why } if why.contains("bind source path does not exist") => Ok(false),
            // What it means by this is seen when there is a container to make.
            Failure::Refused { .. } => Ok(true),
            other => Err(other),
        },
        Ok(created) => {
            container::remove(engine, &created.id).await;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_runs_own_cannot_be_mounted_over() {
        for path in ["/mnt", "/mnt/", "/mnt/workspace", "/mnt/workspace/source/x", "/run/secrets/key"] {
            assert!(is_taken(path), "{path}");
        }
        for path in ["/mnt/cache", "/mnt/workspaces", "/run/secrets-of-mine", "/srv/mnt"] {
            assert!(!is_taken(path), "{path}");
        }
    }
}
