//! Values that come and go between stacks: none is used before it is masked.

use std::collections::BTreeSet;

use tracing::Instrument as _;

use super::super::outputs::{self, HandedOn};
use super::{ActiveRun, Done, chain, clock};
use crate::protocol::message::Upload;
use crate::run::{Inputs, Outputs};
use crate::secret::SecretText;

impl ActiveRun {
    /// Hands on what was read, once none of it can show in a log.
    pub(super) fn outputs_read(&mut self, result: Result<(Outputs, HandedOn), String>, upload: Upload) {
        let now = clock::now();
        match result.and_then(|(outputs, about)| self.conceal(&about).map(|()| outputs)) {
            Ok(outputs) if outputs.is_empty() => self.supervisor.outputs_handed_on(now, Ok(None)),
            Ok(outputs) => {
                let (context, assignment) = (self.context.clone(), self.assignment.clone());
                let put = outputs::put(context, assignment, outputs, upload, self.state_version);
                let putting = async { Done::OutputsPut(put.await) };
                self.work = Some(Box::pin(putting.instrument(tracing::info_span!("outputs"))));
            }
            Err(reason) => self.supervisor.outputs_handed_on(now, Err(reason)),
        }
    }

    /// Takes what other stacks handed on, once none of it can show in a log.
    pub(super) fn take(&mut self, inputs: Inputs) -> Result<(), String> {
        let mut secrets = self.context.environment.secrets_of(&self.assignment, &inputs);
        secrets.extend(inputs.secrets.iter().cloned());
        // Those of the run itself were warned about at its beginning.
        let is_input = |name: &str| inputs.variables.iter().any(|variable| variable.name == name);
        self.mask(&secrets, |name| is_input(name).then(|| name.to_owned()))?;
        for name in &inputs.withheld {
            self.log.note(&format!(
                "warning: the input {name} is not set: the output is sensitive, and the worker that made it had not set \
                 SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED"
            ));
        }
        self.inputs = inputs;
        Ok(())
    }

    /// Masks what is sensitive of the run's own outputs from now on, and says what is not handed on.
    fn conceal(&mut self, about: &HandedOn) -> Result<(), String> {
        self.mask(&about.secrets, |name| Some(format!("the output {name}")))?;
        if !about.withheld.is_empty() {
            self.log.note(&format!(
                "Not handed on, since they are sensitive: {}. Set SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED=true for workers that \
                 may hand on such outputs",
                about.withheld.join(", ")
            ));
        }
        Ok(())
    }

    /// Adds values to the secrets of the run. `warned` gives the words for one that cannot be masked, once a name.
    fn mask(
        &mut self,
        secrets: &[(String, SecretText)],
        warned: impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let mut warnings = BTreeSet::new();
        let values = secrets.iter().map(|(_, value)| value.expose().as_bytes());
        let added = self.secrets.add_all(values, |index, why| {
            let name = secrets.get(index).and_then(|(name, _)| warned(name));
            warnings.extend(name.map(|name| format!("warning: {name} {why}")));
        });
        for warning in &warnings {
            self.log.note(warning);
        }
        added.map_err(|error| chain(&error))
    }
}
