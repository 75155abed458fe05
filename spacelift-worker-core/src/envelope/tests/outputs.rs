//! What sealed outputs promise: as a workspace, and neither is taken for the other.

use super::*;
use crate::envelope::outputs;
use crate::secret::SecretBytes;

fn of_outputs() -> Context {
    let workspace = context();
    let value = |key| workspace.get(key).unwrap();
    let (pool, run) = (value("pool").parse().unwrap(), value("run").parse().unwrap());
    outputs::context(pool, value("stack"), run, value("phase"), value("state_version").parse().unwrap())
        .unwrap()
}

fn sealed_outputs() -> Vec<u8> {
    outputs::seal(&POOL, &of_outputs(), &SecretBytes::new(b"{\"password\": \"hunter2\"}".to_vec())).unwrap()
}

fn open_outputs(bytes: &[u8]) -> Result<SecretBytes, UnsealError> {
    outputs::unseal(&[&POOL], &of_outputs(), bytes)
}

#[test]
fn outputs_are_opened_by_their_pool_and_read_by_nobody_else() {
    let bytes = sealed_outputs();
    assert_eq!(open_outputs(&bytes).unwrap().expose(), b"{\"password\": \"hunter2\"}");
    assert!(!bytes.windows(7).any(|window| window == b"hunter2" || window == b"passwor"));
    let stranger = outputs::unseal(&[&OTHER], &of_outputs(), &bytes).unwrap_err();
    assert_eq!(stranger, UnsealError::Untrusted { kid: POOL.public_key().kid() });
}

#[test]
fn outputs_that_anybody_else_made_are_refused() {
    let key = POOL.public_key();
    assert_eq!(
        open_outputs(&seal(&key, &of_outputs(), None, b"{}").unwrap()).unwrap_err(),
        UnsealError::Unsigned
    );
    let foreign = seal(&key, &of_outputs(), Some(&OTHER), b"{}").unwrap();
    assert_eq!(open_outputs(&foreign).unwrap_err(), UnsealError::Untrusted { kid: OTHER.public_key().kid() });
}

#[test]
fn outputs_of_another_pool_stack_run_phase_or_state_are_refused_with_the_difference_named() {
    let expected = of_outputs();
    for change in [
        ("phase", "task"),
        ("pool", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("purpose", "workspace"),
        ("run", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("stack", "Networking"),
        ("state_version", "99"),
    ] {
        let entries =
            expected.iter().map(|(key, value)| (key, if key == change.0 { change.1 } else { value }));
        let other = Context::new(entries).unwrap();
        let bytes = seal(&POOL.public_key(), &other, Some(&POOL), b"{}").unwrap();
        let UnsealError::Context { key, found, .. } = open_outputs(&bytes).unwrap_err() else { panic!() };
        assert_eq!((key.as_str(), found.as_deref()), (change.0, Some(change.1)));
    }
}

#[test]
fn a_workspace_is_never_taken_for_outputs_nor_outputs_for_a_workspace() {
    let is_purpose =
        |error: UnsealError| assert!(matches!(error, UnsealError::Context { key, .. } if key == "purpose"));
    is_purpose(open_outputs(&sealed(9)).unwrap_err());
    is_purpose(open(&sealed_outputs()).unwrap_err());
}

#[test]
fn outputs_with_any_byte_changed_or_cut_off_are_refused() {
    let bytes = sealed_outputs();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        assert!(open_outputs(&changed).is_err(), "byte {at}");
    }
    for len in (0..bytes.len()).step_by(7) {
        assert!(open_outputs(&bytes[..len]).is_err(), "cut to {len}");
    }
    assert!(open_outputs(&[&bytes[..], b"\0"].concat()).is_err());
}
