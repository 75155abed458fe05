//! Names of the objects of a lease. Pure.
//!
//! Every name contains run and lease, so that no two leases ever write to the same name, and what a worker reports can
//! be told from what another one was given.

use spacelift_worker_core::ids::{Lease, RunId};

/// Log segments that an offer or a renewal makes room for.
pub(super) const LOGS_AT_ONCE: u64 = 16;

fn folder(run: RunId, lease: Lease) -> String {
    format!("runs/{run}/{lease}")
}

/// The sealed part of an offer that is too long for a message.
pub(super) fn offer(run: RunId, lease: Lease) -> String {
    format!("{}/offer", folder(run, lease))
}

/// The sealed part of a renewal that is too long for a message.
pub(super) fn renewal(run: RunId, lease: Lease, cmd_seq: u64) -> String {
    format!("{}/renewal-{cmd_seq}", folder(run, lease))
}

/// Where a phase puts its workspace; `state_version` is the one of its first state.
pub(super) fn workspace(run: RunId, lease: Lease, state_version: u64) -> String {
    format!("{}/workspace-{state_version}", folder(run, lease))
}

/// Where a phase puts its outputs; `state_version` is the one of its first state.
pub(super) fn outputs(run: RunId, lease: Lease, state_version: u64) -> String {
    format!("{}/outputs-{state_version}", folder(run, lease))
}

/// Where log segments go that a command makes room for, in order.
pub(super) fn logs(run: RunId, lease: Lease, cmd_seq: u64) -> impl Iterator<Item = String> {
    (0..LOGS_AT_ONCE).map(move |number| format!("{}/logs/{cmd_seq}-{number}", folder(run, lease)))
}

/// Whether a name is one of this lease's log segments.
pub(super) fn is_log(name: &str, run: RunId, lease: Lease) -> bool {
    name.strip_prefix(&folder(run, lease)).is_some_and(|rest| rest.starts_with("/logs/"))
}

/// Whether a name is this lease's workspace.
pub(super) fn is_workspace(name: &str, run: RunId, lease: Lease) -> bool {
    name.strip_prefix(&folder(run, lease)).is_some_and(|rest| rest.starts_with("/workspace-"))
}

/// Whether a name is this lease's outputs.
pub(super) fn is_outputs(name: &str, run: RunId, lease: Lease) -> bool {
    name.strip_prefix(&folder(run, lease)).is_some_and(|rest| rest.starts_with("/outputs-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::BlobName;

    #[test]
    fn names_tell_their_lease_and_are_names_of_blobs() {
        let run = RunId::from_parts(1, 2);
        let (mine, other) = (Lease { generation: 1, counter: 2 }, Lease { generation: 1, counter: 20 });
        let names: Vec<_> =
            logs(run, mine, u64::MAX).chain([workspace(run, mine, 7), outputs(run, mine, 7)]).collect();
        assert_eq!(names.len(), 18);
        assert!(names.iter().all(|name| name.parse::<BlobName>().is_ok()));
        assert!(is_log(&names[0], run, mine) && !is_workspace(&names[0], run, mine));
        assert!(is_workspace(&names[16], run, mine) && !is_log(&names[16], run, mine));
        assert!(is_outputs(&names[17], run, mine) && !is_outputs(&names[16], run, mine));
        assert!(!is_workspace(&names[17], run, mine) && !is_outputs(&names[17], run, other));
        assert!(!is_log(&names[0], run, other) && !is_workspace(&names[16], run, other));
        assert!(!is_log(&names[0], RunId::from_parts(1, 3), mine));
    }
}
