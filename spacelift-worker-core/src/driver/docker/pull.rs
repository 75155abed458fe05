//! An image that is there when a container is made of it: pulled where it has to be, with its progress in the run's log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;

use super::credentials;
use super::engine::Engine;
use super::failure::Failure;
use super::image::ImageName;
use super::options::{DockerOptions, PullPolicy};
use crate::exec::Notes;

/// How often the progress is told.
const EVERY: Duration = Duration::from_secs(5);

/// Makes sure that the image is there, as the policy wants it.
pub(super) async fn ensure(
    engine: &Engine,
    options: &DockerOptions,
    image: &ImageName,
    notes: &Notes,
) -> Result<(), Failure> {
    let client = engine.client().await?;
    let is_there = engine.has_image(image).await?;
    let pulled = match (options.pull, is_there) {
        (PullPolicy::Never, false) => {
            return Err(Failure::NeverPulled { image: image.as_str().to_owned() });
        }
        (PullPolicy::Never | PullPolicy::Missing, true) => return Ok(()),
        (PullPolicy::Automatic, true) if !image.moves() => return Ok(()),
        _ => pull(engine, client, options, image, notes).await,
    };
    match pulled {
        // The image of yesterday is better than no run at all, and whoever reads the log knows.
        Err(error) if is_there && options.pull == PullPolicy::Automatic => {
            notes(format!("warning: the image that is there is used, since {error}"));
            Ok(())
        }
        other => other,
    }
}

async fn pull(
    engine: &Engine,
    client: &Docker,
    options: &DockerOptions,
    image: &ImageName,
    notes: &Notes,
) -> Result<(), Failure> {
    let credentials = credentials::of_registry(options, image.registry()).await?;
    notes(format!("Pulling the image {}", image.as_str()));
    let asked = CreateImageOptionsBuilder::default().from_image(&image.tagged()).build();
    let mut stream = std::pin::pin!(client.create_image(Some(asked), None, credentials));
    let mut progress = Progress::default();
    let (began, mut told) = (Instant::now(), Instant::now());
    while let Some(line) = stream.next().await {
        let line = line.map_err(|error| Failure::engine(engine.shown(), error).of_pull(image.as_str()))?;
        progress.add(line);
        if told.elapsed() >= EVERY {
            told = Instant::now();
            notes(progress.line());
        }
    }
    notes(format!("Pulled the image {} in {:.1} s", image.as_str(), began.elapsed().as_secs_f64()));
    Ok(())
}

/// How far the layers are.
#[derive(Debug, Default)]
struct Progress {
    layers: HashMap<String, Layer>,
}

#[derive(Debug, Default)]
struct Layer {
    is_done: bool,
    /// Bytes that were downloaded, and all of them.
    len: (i64, i64),
}

impl Progress {
    fn add(&mut self, line: CreateImageInfo) {
        let (Some(id), Some(status)) = (line.id, line.status) else { return };
        // The first line names the tag in the place of a layer.
        if status.starts_with("Pulling from") {
            return;
        }
        let layer = self.layers.entry(id).or_default();
        layer.is_done |= matches!(status.as_str(), "Pull complete" | "Already exists" | "Download complete");
        if status == "Downloading"
            && let Some(detail) = line.progress_detail
        {
            layer.len = (detail.current.unwrap_or(0), detail.total.unwrap_or(layer.len.1));
        }
        if layer.is_done {
            layer.len.0 = layer.len.1;
        }
    }

    fn line(&self) -> String {
        let done = self.layers.values().filter(|layer| layer.is_done).count();
        let (loaded, all) = self
            .layers
            .values()
            .fold((0, 0), |(loaded, all), layer| (loaded + layer.len.0, all + layer.len.1.max(layer.len.0)));
        let mib = |len: i64| len as f64 / f64::from(1 << 20);
        format!(
            "Pulling: {done} of {} layers, {:.1} of {:.1} MiB so far",
            self.layers.len(),
            mib(loaded),
            mib(all)
        )
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn line(id: &str, status: &str, detail: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: detail
                .map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn progress_counts_layers_and_bytes() {
        let mut progress = Progress::default();
        progress.add(line("1.2", "Pulling from acme/runner", None));
        progress.add(line("a", "Already exists", None));
        progress.add(line("b", "Downloading", Some((1 << 20, 4 << 20))));
        assert_eq!(progress.line(), "Pulling: 1 of 2 layers, 1.0 of 4.0 MiB so far");
        progress.add(line("b", "Pull complete", None));
        assert_eq!(progress.line(), "Pulling: 2 of 2 layers, 4.0 of 4.0 MiB so far");
    }
}
