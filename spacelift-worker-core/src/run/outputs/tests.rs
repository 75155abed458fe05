//! What a file of outputs may be, what is handed on of it, and what becomes of it on the other side.

use super::*;
use crate::ids::RunId;
use crate::protocol::message::{Download, Phase, SealedDownload};

/// What `terraform output -json` prints, with its types.
const TERRAFORM: &str = r#"{
  "endpoint": {"sensitive": false, "type": "string", "value": "https://db.example"},
  "password": {"sensitive": true, "type": "string", "value": "correct-horse"},
  "ports": {"sensitive": false, "type": ["list", "number"], "value": [80, 443]},
  "users": {"sensitive": true, "type": ["map", "string"], "value": {"root": "t0psecret", "pin": 48151623, "on": true}}
}"#;

fn inputs(variables: &[(&str, &str)]) -> StackInputs {
    let download = Download { url: String::new(), len: 0, sha256: String::new() };
    let variable =
        |(output, name): &(&str, &str)| OutputVariable { output: (*output).into(), name: (*name).into() };
    StackInputs {
        stack: "db".into(),
        run: RunId::from_parts(1, 1),
        outputs: SealedDownload { download, phase: Phase::Apply, state_version: 7 },
        variables: variables.iter().map(variable).collect(),
    }
}

/// `NAME=value`, with a star behind a secret.
fn shown(inputs: &Inputs) -> Vec<String> {
    let line = |variable: &SuppliedVariable| {
        format!("{}={}{}", variable.name, variable.value.expose(), if variable.secret { "*" } else { "" })
    };
    inputs.variables.iter().map(line).collect()
}

#[test]
fn outputs_become_variables_as_they_are_or_as_json() {
    let outputs = Outputs::parse(TERRAFORM.as_bytes()).unwrap();
    let sealed = Outputs::decode(outputs.encode().expose()).unwrap();
    let wanted = inputs(&[("endpoint", "URL"), ("password", "PASSWORD"), ("ports", "TF_VAR_ports")]);
    let variables = sealed.variables(&wanted).unwrap();
    assert_eq!(
        shown(&variables),
        ["URL=https://db.example", "PASSWORD=correct-horse*", "TF_VAR_ports=[80,443]"]
    );
    assert!(variables.withheld.is_empty());
}

#[test]
fn a_sensitive_output_that_is_withheld_keeps_its_name_alone() {
    let mut outputs = Outputs::parse(TERRAFORM.as_bytes()).unwrap();
    assert_eq!(outputs.withhold_sensitive(), ["password", "users"]);
    let bytes = outputs.encode();
    let text = std::str::from_utf8(bytes.expose()).unwrap();
    assert!(text.contains("https://db.example") && text.contains("password"));
    for value in ["correct-horse", "t0psecret", "48151623"] {
        assert!(!text.contains(value), "{text}");
    }
    let variables =
        Outputs::decode(bytes.expose()).unwrap().variables(&inputs(&[("password", "P"), ("endpoint", "E")]));
    let variables = variables.unwrap();
    assert_eq!(shown(&variables), ["E=https://db.example"]);
    assert_eq!(variables.withheld, ["db.password => P"]);
}

#[test]
fn every_missing_output_is_told_at_once() {
    let outputs = Outputs::parse(TERRAFORM.as_bytes()).unwrap();
    let error = outputs.variables(&inputs(&[("a", "A"), ("endpoint", "E"), ("b", "B")])).unwrap_err();
    assert_eq!(error, InputsError::Missing(vec!["db.a => A".into(), "db.b => B".into()]));
    assert!(error.to_string().starts_with("the following inputs are missing: db.a => A, db.b => B"));
}

#[test]
fn every_text_and_number_of_a_sensitive_output_is_a_secret() {
    let secrets = Outputs::parse(TERRAFORM.as_bytes()).unwrap().secrets();
    let mut values: Vec<_> = secrets.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    values.sort_unstable();
    let whole = r#"{"on":true,"pin":48151623,"root":"t0psecret"}"#;
    let expected =
        [("password", "correct-horse"), ("users", "48151623"), ("users", "t0psecret"), ("users", whole)];
    assert_eq!(values, expected);
}

#[test]
fn what_is_taken_brings_the_parts_of_a_sensitive_output_along() {
    let outputs = Outputs::parse(TERRAFORM.as_bytes()).unwrap();
    let taken = outputs.variables(&inputs(&[("users", "USERS"), ("ports", "PORTS")])).unwrap();
    let mut parts: Vec<_> =
        taken.secrets.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    parts.sort_unstable();
    assert_eq!(parts, [("USERS", "48151623"), ("USERS", "t0psecret")]);
}

#[test]
fn neither_errors_nor_debug_show_a_value() {
    let outputs = Outputs::parse(TERRAFORM.as_bytes()).unwrap();
    assert_eq!(format!("{outputs:?}"), r#"{"endpoint", "password", "ports", "users"}"#);
    for (text, words) in [
        ("hunter2", "line 1, column 1"),
        (r#"{"a": {"value": "hunter2"}"#, "line 1, column 26"),
        (r#"["hunter2"]"#, "one JSON object"),
        (r#"{"a": "hunter2"}"#, "the output a must"),
        (r#"{"a": {"value": "hunter2", "sensitive": "hunter2"}}"#, "the output a must"),
        (r#"{"a": {"sensitive": true}}"#, "the output a must"),
        (r#"{"": {"value": "hunter2"}}"#, "the name of an output"),
        (r#"{"a\u001b": {"value": "hunter2"}}"#, "the name of an output"),
    ] {
        let error = Outputs::parse(text.as_bytes()).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains(words) && !told.contains("hunter2"), "{told}");
    }
    let nul = Outputs::parse(br#"{"a": {"value": "hun\u0000ter2"}}"#).unwrap();
    let told = nul.variables(&inputs(&[("a", "A")])).unwrap_err().to_string();
    assert!(told.contains("db.a => A") && !told.contains("ter2"), "{told}");
}

#[test]
fn too_long_and_too_deep_is_refused() {
    let long = format!(r#"{{"a": {{"value": "{}"}}}}"#, "x".repeat(MAX_OUTPUTS_LEN));
    assert_eq!(Outputs::parse(long.as_bytes()), Err(OutputsError::TooLong));
    let deep = format!(r#"{{"a": {{"value": {}}}}}"#, "[".repeat(10_000));
    assert!(matches!(Outputs::parse(deep.as_bytes()), Err(OutputsError::Json { .. })));
    let name = format!(r#"{{"{}": {{"value": 1}}}}"#, "n".repeat(257));
    assert_eq!(Outputs::parse(name.as_bytes()), Err(OutputsError::Name));
}

#[test]
fn what_the_seal_holds_may_be_withheld_only_where_it_is_sensitive() {
    assert!(Outputs::decode(br#"{"a": {"sensitive": true}}"#).is_ok());
    assert!(Outputs::decode(br#"{"a": {"sensitive": false}}"#).is_err());
}
