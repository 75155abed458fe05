//! Where a launcher hears that its machine goes: a hook of its own beside signals and hosts.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::setup::Problems;
use crate::config::{LauncherConfig, vars};
use crate::driver::HostCommand;
#[cfg(feature = "spot")]
use crate::driver::SpotWatch;

/// A watch, or none.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    #[cfg(feature = "spot")]
    watch: Option<SpotWatch>,
}

/// Passes on what it hears. Dropping it ends that.
pub(super) struct Forwarding(Vec<JoinHandle<()>>);

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Notices {
    /// As the configuration says.
    pub(super) fn new(config: &LauncherConfig, problems: &mut Problems) -> Self {
        #[cfg(feature = "spot")]
        {
            let watch = config.spot.watch.then(|| SpotWatch::new(&config.spot.endpoint));
            let watch = watch.and_then(|watch| {
                let named = |error| format!("{}: {error}", vars::SPOT_ENDPOINT.name);
                watch.map_err(|error| problems.add(named(error))).ok()
            });
            Self { watch }
        }
        #[cfg(not(feature = "spot"))]
        {
            if config.spot.watch {
                let name = vars::SPOT.name;
                problems.add(format!(
                    "{name}: this launcher is built without the feature `spot`; unset the variable"
                ));
            }
            Self {}
        }
    }

    /// The commands, and a notice among them where one comes.
    pub(super) fn join(
        self,
        commands: mpsc::Receiver<HostCommand>,
    ) -> (mpsc::Receiver<HostCommand>, Forwarding) {
        #[cfg(feature = "spot")]
        if let Some(watch) = self.watch {
            let (sender, joined) = mpsc::channel(4);
            let (notices, mut commands) = (sender.clone(), commands);
            let noticing = tokio::spawn(async move {
                let within = watch.noticed().await;
                let _ = notices.send(HostCommand::Notice { within }).await;
            });
            let passing = tokio::spawn(async move {
                while let Some(command) = commands.recv().await {
                    if sender.send(command).await.is_err() {
                        return;
                    }
                }
            });
            return (joined, Forwarding(vec![noticing, passing]));
        }
        (commands, Forwarding(Vec::new()))
    }
}
