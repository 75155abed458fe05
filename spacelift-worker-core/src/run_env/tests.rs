//! What commands see and what never shows, layer by layer.

use super::*;
use crate::config::{self, LAYERS, Layer, PASSING};

/// Owns what [`Sources`] borrows.
#[derive(Default)]
struct Case {
    lists: ChildEnvironment,
    host: BTreeMap<String, SecretText>,
    write_only: bool,
    supplied: Vec<SuppliedVariable>,
    inputs: Vec<SuppliedVariable>,
    hooks: BTreeMap<String, SecretText>,
    computed: BTreeMap<String, String>,
}

impl Case {
    /// A launcher with these variables, lists among them.
    fn of(host: &[(&str, &str)]) -> Self {
        let pairs = || host.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            lists: config::parse(pairs()).config.environment,
            host: pairs().map(|(name, value)| (name, value.into())).collect(),
            ..Self::default()
        }
    }

    fn writing(mut self) -> Self {
        self.write_only = true;
        self
    }

    fn supplied(mut self, name: &str, value: &str, secret: bool) -> Self {
        self.supplied.push(SuppliedVariable { name: name.to_owned(), value: value.into(), secret });
        self
    }

    fn input(mut self, name: &str, value: &str, secret: bool) -> Self {
        self.inputs.push(SuppliedVariable { name: name.to_owned(), value: value.into(), secret });
        self
    }

    fn hook(mut self, name: &str, value: &str) -> Self {
        self.hooks.insert(name.to_owned(), value.into());
        self
    }

    fn computed(mut self, name: &str, value: &str) -> Self {
        self.computed.insert(name.to_owned(), value.to_owned());
        self
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            lists: &self.lists,
            host: &self.host,
            write_only: self.write_only,
            supplied: &self.supplied,
            inputs: &self.inputs,
            hooks: &self.hooks,
            computed: &self.computed,
        }
    }

    /// The environment as `NAME=value` lines, without the default `PATH`.
    fn environment(&self) -> Vec<String> {
        let environment = self.sources().environment();
        let line = |(name, value): (&String, &SecretText)| format!("{name}={}", value.expose());
        environment.iter().map(line).filter(|line| *line != format!("PATH={DEFAULT_PATH}")).collect()
    }

    fn secrets(&self) -> Vec<String> {
        let secrets = self.sources().secrets(&Identity { token: "tok-en".into(), private_key: "PEM".into() });
        secrets.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect()
    }
}

const OWN: [&str; 2] = ["SPACELIFT_TOKEN=tok-en", "SPACELIFT_POOL_PRIVATE_KEY=PEM"];

#[test]
fn nothing_of_the_launcher_is_inherited() {
    let case = Case::of(&[("HOME", "/root"), ("PATH", "/opt/bin"), ("AWS_SECRET_ACCESS_KEY", "s3cret")]);
    let environment = case.sources().environment();
    assert_eq!(environment.len(), 1);
    assert_eq!(environment["PATH"].expose(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

#[test]
fn a_path_that_is_allowed_or_supplied_replaces_the_default() {
    let allowed = Case::of(&[("PATH", "/opt/bin"), ("SPACELIFT_WHITELIST_ENVS", "PATH")]);
    assert_eq!(allowed.environment(), ["PATH=/opt/bin"]);
    assert_eq!(Case::of(&[]).supplied("PATH", "/mine", false).environment(), ["PATH=/mine"]);
    let not_set = Case::of(&[("SPACELIFT_WHITELIST_ENVS", "PATH")]);
    assert_eq!(not_set.sources().environment()["PATH"].expose(), DEFAULT_PATH);
}

#[test]
fn an_allowed_variable_is_passed_in_its_phases_under_its_plain_name() {
    let case = || {
        Case::of(&[
            ("A", "1"),
            ("B", "2"),
            ("C", "3"),
            ("D", ""),
            ("ro_B", "wrong"),
            ("SPACELIFT_WHITELIST_ENVS", "A,ro_B,wo_C,D,ABSENT"),
        ])
    };
    assert_eq!(case().environment(), ["A=1", "B=2", "D="]);
    assert_eq!(case().writing().environment(), ["A=1", "C=3", "D="]);
}

#[test]
fn a_variable_with_both_prefixes_is_always_passed() {
    let case = || Case::of(&[("A", "1"), ("SPACELIFT_WHITELIST_ENVS", "ro_A,wo_A")]);
    assert_eq!(case().environment(), ["A=1"]);
    assert_eq!(case().writing().environment(), ["A=1"]);
}

/// A case with `PATH` in one layer; its value is the layer's name.
fn with_layer(case: Case, layer: Layer) -> Case {
    let value = format!("{layer:?}");
    match layer {
        Layer::Computed => case.computed("PATH", &value),
        Layer::Hooks => case.hook("PATH", &value),
        Layer::Inputs => case.input("PATH", &value, false),
        Layer::Supplied => case.supplied("PATH", &value, false),
        Layer::Allowed => {
            let mut case = case;
            case.host.insert("PATH".to_owned(), value.as_str().into());
            case.lists.allowed.push(config::AllowedVariable { name: "PATH".to_owned(), when: When::Always });
            case
        }
        Layer::Default => case,
    }
}

#[test]
fn of_every_two_layers_the_higher_one_counts() {
    for (place, (high, _)) in LAYERS.iter().enumerate() {
        for (low, _) in &LAYERS[place..] {
            let case = with_layer(with_layer(Case::default(), *low), *high);
            let expected =
                if *high == Layer::Default { DEFAULT_PATH.to_owned() } else { format!("{high:?}") };
            assert_eq!(case.sources().environment()["PATH"].expose(), expected, "{high:?} above {low:?}");
        }
    }
}

#[test]
fn the_list_passes_in_the_phases_of_the_table() {
    for (list, read_only, write_only) in PASSING {
        let case = || Case::of(&[("NAME", "1"), ("SPACELIFT_WHITELIST_ENVS", list)]);
        assert_eq!(case().environment() == ["NAME=1"], read_only, "{list}");
        assert_eq!(case().writing().environment() == ["NAME=1"], write_only, "{list}");
    }
}

#[test]
fn what_is_computed_cannot_be_forged_by_the_run() {
    let case = Case::of(&[])
        .supplied("TF_VAR_spacelift_run_id", "forged", false)
        .hook("SPACELIFT_RUN_ID", "forged")
        .computed("TF_VAR_spacelift_run_id", "run")
        .computed("SPACELIFT_RUN_ID", "run");
    assert_eq!(case.environment(), ["SPACELIFT_RUN_ID=run", "TF_VAR_spacelift_run_id=run"]);
}

#[test]
fn the_launchers_credentials_are_never_passed() {
    let mut case = Case::of(&[("SPACELIFT_TOKEN", "tok-en"), ("SPACELIFT_POOL_PRIVATE_KEY", "PEM")]);
    // Lists that were not parsed by `config`, which takes the names off.
    for name in ["SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY"] {
        case.lists.allowed.push(config::AllowedVariable { name: name.to_owned(), when: When::Always });
    }
    assert_eq!(case.environment(), [""; 0]);
    assert_eq!(case.writing().environment(), [""; 0]);
}

#[test]
fn proxies_are_passed_only_when_they_are_allowed() {
    let proxies = [("HTTP_PROXY", "http://p"), ("HTTPS_PROXY", "http://p"), ("NO_PROXY", "localhost")];
    assert_eq!(Case::of(&proxies).environment(), [""; 0]);
    let listed = [&proxies[..], &[("SPACELIFT_WHITELIST_ENVS", "HTTPS_PROXY,NO_PROXY")]].concat();
    assert_eq!(Case::of(&listed).environment(), ["HTTPS_PROXY=http://p", "NO_PROXY=localhost"]);
}

#[test]
fn masking_does_not_pass_and_passing_does_not_mask() {
    let case = Case::of(&[
        ("MASKED", "m-value"),
        ("PASSED", "p-value"),
        ("SPACELIFT_MASK_ENVS", "MASKED,ABSENT"),
        ("SPACELIFT_WHITELIST_ENVS", "PASSED"),
    ]);
    assert_eq!(case.environment(), ["PASSED=p-value"]);
    assert_eq!(case.secrets(), [&OWN[..], &["MASKED=m-value"]].concat());
}

#[test]
fn secret_variables_of_the_run_are_masked_and_public_ones_are_not() {
    let case = Case::of(&[]).supplied("PASSWORD", "hunter2", true).supplied("REGION", "eu-west-1", false);
    assert_eq!(case.environment(), ["PASSWORD=hunter2", "REGION=eu-west-1"]);
    assert_eq!(case.secrets(), [&OWN[..], &["PASSWORD=hunter2"]].concat());
}

#[test]
fn a_masked_name_is_masked_in_every_layer() {
    let case = Case::of(&[("X", "of-host"), ("SPACELIFT_MASK_ENVS", "X")])
        .supplied("X", "of-run", false)
        .hook("X", "of-hook");
    assert_eq!(case.secrets(), [&OWN[..], &["X=of-host", "X=of-hook", "X=of-run"]].concat());
    let anew = Case::of(&[]).supplied("P", "hunter2", true).hook("P", "hunter3");
    assert_eq!(anew.secrets(), [&OWN[..], &["P=hunter2", "P=hunter3"]].concat());
}

#[test]
fn a_key_that_was_given_as_base64_is_masked_as_text_too() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
    let given = STANDARD.encode(pem);
    let identity = Identity { token: "tok-en".into(), private_key: given.as_str().into() };
    let case = Case::of(&[]);
    let secrets = case.sources().secrets(&identity);
    let values: Vec<_> = secrets.iter().map(|(_, value)| value.expose()).collect();
    assert_eq!(values, ["tok-en", given.as_str(), pem]);
}

#[test]
fn debug_shows_no_value() {
    let case = Case::of(&[("HOST", "hunter2")]).supplied("RUN", "hunter2", true).hook("HOOK", "hunter2");
    assert!(!format!("{:?}", case.sources()).contains("hunter2"));
}
