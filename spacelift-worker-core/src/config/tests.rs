//! The configuration as a whole: what is found, what is reported, what is never shown.

use std::time::Duration;

use super::vars::{self, Kind, Source};
use super::*;

const GOOD: [(&str, &str); 2] =
    [("SPACELIFT_TOKEN", "dG9rZW4tdG9rZW4="), ("SPACELIFT_POOL_PRIVATE_KEY", "a2V5LWtleS1rZXk=")];

fn with(more: &[(&str, &str)]) -> Parsed {
    parse(GOOD.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The lines of all problems of an otherwise good configuration.
fn lines(more: &[(&str, &str)]) -> Vec<String> {
    with(more).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_are_the_documented_ones() {
    let parsed = with(&[]);
    assert_eq!((parsed.problems, parsed.warnings), (vec![], vec![]));
    let config = parsed.config;
    assert_eq!(config.timeouts.logs, Duration::from_secs(7 * 60));
    assert_eq!(config.timeouts.run, Duration::from_secs(70 * 60));
    assert_eq!(config.timeouts.stop_grace, Duration::from_secs(10));
    assert_eq!(config.timeouts.drain_grace, Duration::from_secs(70 * 60));
    assert_eq!(config.comms.protocol, CommsProtocol::Mqtt);
    assert_eq!(config.docker.network, "bridge");
    assert_eq!(config.docker.default_image, "public.ecr.aws/spacelift/runner-terraform:latest");
    assert_eq!(config.docker.default_ansible_image, "public.ecr.aws/spacelift/runner-ansible:latest");
    assert_eq!(config.logs, Logs::default());
    assert!(!config.sensitive_output_upload);
    assert_eq!(config.initialization_policy, None);
    assert_eq!(config.storage, Storage::default());
}

#[test]
fn every_documented_variable_is_in_the_table() {
    let documented: Vec<_> = vars::all().filter(|v| v.source == Source::Documented).map(|v| v.name).collect();
    for name in [
        "SPACELIFT_TOKEN",
        "SPACELIFT_POOL_PRIVATE_KEY",
        "SPACELIFT_WORKER_COMMS_PROTOCOL",
        "SPACELIFT_WORKER_COMMS_URL",
        "SPACELIFT_MASK_ENVS",
        "SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED",
        "SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED",
        "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY",
        "SPACELIFT_LAUNCHER_LOGS_TIMEOUT",
        "SPACELIFT_LAUNCHER_RUN_TIMEOUT",
        "SPACELIFT_DEBUG",
        "SPACELIFT_DOCKER_CONFIG_DIR",
        "SPACELIFT_WHITELIST_ENVS",
        "SPACELIFT_WORKER_EXTRA_MOUNTS",
        "SPACELIFT_WORKER_NETWORK",
        "SPACELIFT_WORKER_RUNTIME",
        "SPACELIFT_WORKER_RO_EXTRA_MOUNTS",
        "SPACELIFT_WORKER_WO_EXTRA_MOUNTS",
        "SPACELIFT_DEFAULT_RUNNER_IMAGE",
        "SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE",
        "SPACELIFT_METADATA_",
        "SPACELIFT_PRIVATEVCS_MAPPING_NAME_",
        "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_",
        "ADDITIONAL_ROOT_CAS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    ] {
        assert!(documented.contains(&name), "{name}");
    }
    let mut names: Vec<_> = vars::all().map(|v| v.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), vars::all().count(), "a name stands twice");
}

#[test]
fn every_default_is_a_value_of_its_kind() {
    for variable in vars::all() {
        match variable.kind {
            Kind::Duration => assert!(duration::parse_positive(variable.default).unwrap().is_some()),
            Kind::Boolean => assert_eq!(variable.default, "false", "{}", variable.name),
            Kind::Secret => assert_eq!(variable.default, "", "{}", variable.name),
            _ => {}
        }
        if !variable.default.is_empty() {
            assert_eq!(lines(&[(variable.name, variable.default)]), [""; 0], "{}", variable.name);
        }
    }
}

#[test]
fn everything_that_is_set_arrives() {
    let config = with(&[
        ("SPACELIFT_WORKER_COMMS_PROTOCOL", "poll"),
        ("SPACELIFT_WORKER_COMMS_URL", "https://app.spacelift.io/"),
        ("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", " 1000s\n"),
        ("SPACELIFT_LAUNCHER_RUN_TIMEOUT", "1.5h"),
        ("SPACELIFT_WORKER_STOP_GRACE", "250ms"),
        ("SPACELIFT_WHITELIST_ENVS", "A, ro_B,wo_C"),
        ("SPACELIFT_MASK_ENVS", "A,ro_B"),
        ("SPACELIFT_DEBUG", "T"),
        ("SPACELIFT_WORKER_RO_EXTRA_MOUNTS", "/a:/b,/c:/d"),
        ("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "minio.internal,10.0.0.0/8"),
        ("SPACELIFT_METADATA_instance_id", "i-0abc"),
        ("SPACELIFT_METADATA_empty", ""),
        ("SPACELIFT_PRIVATEVCS_MAPPING_NAME_0", "gitlab"),
        ("SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_0", "https://gitlab.internal"),
        ("https_proxy", "http://user:pass@proxy:3128"),
        ("NO_PROXY", "localhost,.internal"),
        ("SPACELIFT_WORKER_STATE_DIR", "/var/lib/worker"),
        ("PATH", "/bin"),
    ]);
    assert_eq!((config.problems, config.warnings), (vec![], vec![]));
    let config = config.config;
    assert_eq!(config.comms.protocol, CommsProtocol::Poll);
    assert_eq!(config.comms.url.as_deref(), Some("https://app.spacelift.io"));
    assert_eq!(config.timeouts.logs, Duration::from_secs(1000));
    assert_eq!(config.timeouts.run, Duration::from_secs(5400));
    assert_eq!(config.timeouts.stop_grace, Duration::from_millis(250));
    let allowed: Vec<_> = config.environment.allowed.iter().map(|v| (v.name.as_str(), v.when)).collect();
    assert_eq!(allowed, [("A", When::Always), ("B", When::ReadOnly), ("C", When::WriteOnly)]);
    assert_eq!(config.environment.masked, ["A", "ro_B", "B"]);
    assert!(config.logs.debug);
    assert_eq!(config.docker.read_only_mounts.len(), 2);
    assert_eq!(config.storage.allowed_hosts.len(), 2);
    assert_eq!(config.metadata.get("instance_id").map(String::as_str), Some("i-0abc"));
    assert_eq!(config.metadata.get("empty").map(String::as_str), Some(""));
    assert_eq!(config.vcs_mappings[0].name, "gitlab");
    assert_eq!(config.proxy.https.unwrap().expose(), "http://user:pass@proxy:3128");
    assert_eq!(config.proxy.exceptions, ["localhost", ".internal"]);
    assert_eq!(config.storage.state_dir.unwrap().to_str(), Some("/var/lib/worker"));
}

#[test]
fn a_problem_is_one_line_with_variable_value_expectation_and_remedy() {
    for (name, value, line) in [
        (
            "SPACELIFT_LAUNCHER_LOGS_TIMEOUT",
            "7 minutes",
            "SPACELIFT_LAUNCHER_LOGS_TIMEOUT: found \"7 minutes\", expected a duration longer than zero, such as 90s, 7m or 1h30m; write 7m",
        ),
        (
            "SPACELIFT_LAUNCHER_RUN_TIMEOUT",
            "-70m",
            "SPACELIFT_LAUNCHER_RUN_TIMEOUT: found \"-70m\", expected a duration longer than zero, such as 90s, 7m or 1h30m; write numbers with units (ms, s, m, h), such as 70m",
        ),
        (
            "SPACELIFT_WORKER_EXTRA_MOUNTS",
            "/a:/b,/srv/cache",
            "SPACELIFT_WORKER_EXTRA_MOUNTS: found \"/srv/cache\", expected mounts as /host/path:/container/path, separated by commas; add a colon and the path in the container, such as /srv/cache:/srv/cache",
        ),
        ("SPACELIFT_DEBUG", "yes", "SPACELIFT_DEBUG: found \"yes\", expected true or false; write true"),
        (
            "SPACELIFT_WORKER_COMMS_PROTOCOL",
            "MQTT",
            "SPACELIFT_WORKER_COMMS_PROTOCOL: found \"MQTT\", expected mqtt or poll; write one of the two, in lower case",
        ),
        (
            "SPACELIFT_WORKER_COMMS_PROTOCOL",
            "poll",
            "SPACELIFT_WORKER_COMMS_URL: found nothing, expected the control plane's address for poll; set it, or set SPACELIFT_WORKER_COMMS_PROTOCOL to mqtt",
        ),
        (
            "SPACELIFT_WORKER_COMMS_URL",
            "app.spacelift.io",
            "SPACELIFT_WORKER_COMMS_URL: found \"app.spacelift.io\", expected an address such as https://app.spacelift.io; begin it with https://",
        ),
        (
            "SPACELIFT_WORKER_COMMS_URL",
            "https://me:hunter2@app.spacelift.io",
            "SPACELIFT_WORKER_COMMS_URL: found a value that is not shown, expected an address such as https://app.spacelift.io; remove the credentials before the @",
        ),
        (
            "SPACELIFT_PRIVATEVCS_MAPPING_NAME_3",
            "gitlab",
            "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_3: found nothing, expected the address of the system; set it, or remove SPACELIFT_PRIVATEVCS_MAPPING_NAME_3",
        ),
        (
            "SPACELIFT_WHITELIST_ENVS",
            "A=b",
            "SPACELIFT_WHITELIST_ENVS: found \"A=b\", expected names of variables, separated by commas; write the name alone",
        ),
    ] {
        assert_eq!(lines(&[(name, value)]), [line]);
    }
}

#[test]
fn all_problems_are_reported_at_once_and_the_rest_is_still_parsed() {
    let parsed = parse(
        [
            ("SPACELIFT_TOKEN", "  "),
            ("SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "soon"),
            ("SPACELIFT_LAUNCHER_RUN_TIMEOUT", "0s"),
            ("SPACELIFT_WORKER_EXTRA_MOUNTS", "/a,/b:/c"),
            ("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "http://minio"),
            ("ADDITIONAL_ROOT_CAS", "-----BEGIN CERTIFICATE-----"),
            ("SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "/etc/policy.rego"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let variables: Vec<_> = parsed.problems.iter().map(|problem| problem.variable.as_str()).collect();
    assert_eq!(
        variables,
        [
            "SPACELIFT_TOKEN",
            "SPACELIFT_POOL_PRIVATE_KEY",
            "ADDITIONAL_ROOT_CAS",
            "SPACELIFT_LAUNCHER_LOGS_TIMEOUT",
            "SPACELIFT_LAUNCHER_RUN_TIMEOUT",
            "SPACELIFT_WORKER_EXTRA_MOUNTS",
            "SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS",
        ]
    );
    assert_eq!(parsed.config.timeouts.logs, Duration::from_secs(420));
    assert_eq!(parsed.config.docker.extra_mounts.len(), 1);
    assert!(parsed.config.initialization_policy.is_some());
    let error = parsed.into_result().unwrap_err();
    assert_eq!(error.to_string().lines().count(), 7);
}

#[test]
fn a_line_stays_one_line_and_short_whatever_the_value() {
    let nasty = format!("a\nb\r\u{1b}[31m{}", "x".repeat(10_000));
    for variable in vars::all().filter(|v| !matches!(v.kind, Kind::Secret | Kind::Text | Kind::Path)) {
        for line in lines(&[(variable.name, &nasty)]) {
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            assert!(line.len() < 500, "{line}");
        }
    }
}

#[test]
fn no_message_shows_a_secret() {
    let parsed = with(&[
        ("SPACELIFT_DEBUG", "maybe"),
        ("HTTPS_PROXY", "http://user:hunter2-hunter2@proxy"),
        ("SPACELIFT_TOKN", "hunter2-hunter2"),
        ("SPACELIFT_WHITELIST_ENVS", "SPACELIFT_TOKEN,SPACELIFT_POOL_PRIVATE_KEY"),
    ]);
    let shown = format!("{parsed:?} {:?} {:?}", parsed.problems, parsed.warnings);
    for secret in ["hunter2", GOOD[0].1, GOOD[1].1] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_unknown_name_earns_a_warning_with_the_nearest_known_one() {
    let warnings = |name| with(&[(name, "x")]).warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        warnings("SPACELIFT_LAUNCHER_LOG_TIMEOUT"),
        [
            "SPACELIFT_LAUNCHER_LOG_TIMEOUT: not a known variable, and ignored; did you mean SPACELIFT_LAUNCHER_LOGS_TIMEOUT?"
        ]
    );
    assert_eq!(
        warnings("SPACELIFT_MASKED_ENVS"),
        ["SPACELIFT_MASKED_ENVS: not a known variable, and ignored; did you mean SPACELIFT_MASK_ENVS?"]
    );
    assert_eq!(
        warnings("SPACELIFT_FAVOURITE_COLOUR"),
        ["SPACELIFT_FAVOURITE_COLOUR: not a known variable, and ignored"]
    );
    assert_eq!(warnings("SPACELIFT_PRIVATEVCS_MAPPING_NAME_x").len(), 1);
    assert_eq!(warnings("OTHER"), [""; 0]);
    assert_eq!(
        with(&[("SPACELIFT_MINE", "x"), ("SPACELIFT_WHITELIST_ENVS", "ro_SPACELIFT_MINE")]).warnings,
        []
    );
}

#[test]
fn the_launchers_own_credentials_are_taken_off_the_list_with_a_warning() {
    let parsed = with(&[("SPACELIFT_WHITELIST_ENVS", "A,SPACELIFT_TOKEN,ro_SPACELIFT_POOL_PRIVATE_KEY")]);
    assert_eq!(parsed.config.environment.allowed.len(), 1);
    assert_eq!(parsed.warnings.len(), 2);
    assert!(parsed.warnings[0].to_string().contains("never passed to a run"));
}

#[test]
fn metadata_becomes_tags_as_the_table_says() {
    for (variable, value, tag) in METADATA {
        let found = with(&[(variable, value)]).config.metadata;
        let expected: Vec<_> = tag.map(|tag| (tag.to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{variable}");
    }
}
