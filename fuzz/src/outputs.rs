//! Outputs: what is taken is written so that the same is read again, in the same bytes, and nothing shows a value.

use spacelift_worker_core::ids::RunId;
use spacelift_worker_core::protocol::message::{
    Download, OutputVariable, Phase, SealedDownload, StackInputs,
};
use spacelift_worker_core::run::Outputs;

/// What a run may have written, and what may stand in a seal.
pub fn outputs(data: &[u8]) {
    for read in [Outputs::parse, Outputs::decode] {
        let Ok(outputs) = read(data) else { continue };
        let sealed = outputs.encode();
        let again = Outputs::decode(sealed.expose());
        assert_eq!(again.as_ref(), Ok(&outputs));
        assert_eq!(again.map(|again| again.encode() == sealed), Ok(true));
        let mut withheld = outputs.clone();
        let names = withheld.withhold_sensitive();
        assert!(withheld.secrets().is_empty() && withheld.withhold_sensitive().is_empty());
        // What is named there and nothing else has no variable any more.
        for name in names {
            let wanted = wanted(&name);
            assert!(withheld.variables(&wanted).is_ok_and(|inputs| inputs.variables.is_empty()));
            if let Ok(inputs) = outputs.variables(&wanted) {
                assert!(inputs.variables.iter().all(|variable| variable.secret));
            }
        }
    }
}

fn wanted(output: &str) -> StackInputs {
    let download = Download { url: String::new(), len: 0, sha256: String::new() };
    StackInputs {
        stack: "s".into(),
        run: RunId::from_parts(1, 1),
        outputs: SealedDownload { download, phase: Phase::Apply, state_version: 1 },
        variables: vec![OutputVariable { output: output.into(), name: "V".into() }],
    }
}
