//! What a launcher needs of its Engine before the first run: that it answers, and has the network, the runtime and the images.

use bollard::query_parameters::InspectNetworkOptions;

use super::engine::Engine;
use super::failure::Failure;
use super::image::ImageName;
use super::options::{DockerOptions, PullPolicy};
use crate::exec::{Need, NeedFound};

/// In order. Where the Engine does not answer, nothing else is asked.
pub(super) async fn of(engine: &Engine, options: &DockerOptions) -> Vec<Need> {
    let info = match engine.info().await {
        Ok(info) => info,
        Err(failure) => return vec![Need::new("Docker Engine", NeedFound::Bad(failure.to_string()))],
    };
    let version = info.server_version.as_deref().unwrap_or("of an unknown version");
    let found = NeedFound::Good(format!("{version} at {}", engine.shown()));
    let mut needs = vec![Need::new("Docker Engine", found)];
    if let Some(runtime) = &options.runtime {
        let known = info.runtimes.as_ref().is_some_and(|known| known.contains_key(runtime));
        let found = match known {
            true => NeedFound::Good(runtime.clone()),
            // An Engine takes the names of shims of containerd as well, which it does not list.
            false => NeedFound::Dubious(Failure::NoRuntime { runtime: runtime.clone() }.to_string()),
        };
        needs.push(Need::new("container runtime", found));
    }
    needs.push(Need::new("container network", network(engine, &options.network).await));
    let mut images = vec![&options.default_image, &options.default_ansible_image];
    images.dedup();
    for image in images {
        let found = match ImageName::new(image) {
            Some(image) => self::image(engine, options, &image).await,
            None => NeedFound::Bad(Failure::no_image_name(image).to_string()),
        };
        needs.push(Need::new("container image", found));
    }
    needs
}

async fn network(engine: &Engine, name: &str) -> NeedFound {
    let asked = async {
        let client = engine.client().await?;
        match client.inspect_network(name, None::<InspectNetworkOptions>).await {
            Ok(_) => Ok(()),
            Err(error) if Failure::is_missing(&error) => Err(Failure::NoNetwork { network: name.to_owned() }),
            Err(error) => Err(Failure::engine(engine.shown(), error)),
        }
    };
    match asked.await {
        Ok(()) => NeedFound::Good(name.to_owned()),
        Err(failure) => NeedFound::Bad(failure.to_string()),
    }
}

/// Runs may name images of their own, so a default that is missing is no more than a warning.
async fn image(engine: &Engine, options: &DockerOptions, image: &ImageName) -> NeedFound {
    let name = image.as_str().to_owned();
    match engine.has_image(image).await {
        Ok(true) => NeedFound::Good(name),
        Ok(false) if options.pull == PullPolicy::Never => {
            NeedFound::Dubious(Failure::NeverPulled { image: name }.to_string())
        }
        Ok(false) => NeedFound::Good(format!("{name} is pulled by the first run that needs it")),
        Err(failure) => NeedFound::Dubious(failure.to_string()),
    }
}
