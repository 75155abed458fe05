//! What can be typed, and what it means.

use clap::{CommandFactory, Parser};
use spacelift_worker_core::protocol::message::RunState;

use crate::api::TriggerType;
use crate::cli::args::{Cli, CommandArgs, EnvironmentArgs, PoolArgs, RunArgs, StackCommand};
use crate::cli::stack::{VariableError, variables};
use crate::serve::{BrokerConfig, ClientFiles, ServeConfig, Timings};

const RUN: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn parse(line: &str) -> CommandArgs {
    Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}")).command
}

fn refusal(line: &str) -> i32 {
    Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code()
}

fn config(line: &str) -> ServeConfig {
    match parse(line) {
        CommandArgs::Serve(args) => args.config("data".as_ref()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_commands_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn serve_has_sound_defaults() {
    let expected = ServeConfig {
        data: "data".into(),
        listen: "127.0.0.1:7443".parse().unwrap(),
        hostnames: vec![],
        public_urls: vec![],
        broker: BrokerConfig::Embedded { listen: "127.0.0.1:8883".parse().unwrap() },
        namespace: "spacelift".into(),
        account_name: "local".into(),
        restored: false,
        timings: Timings::default(),
    };
    assert_eq!(config("mothership serve"), expected);
}

#[test]
fn an_outside_broker_takes_the_place_of_the_embedded_one() {
    let line =
        "mothership serve --broker-url tls://b:8883 --broker-ca ca --broker-cert c --broker-key k --lease 9";
    let told = config(line);
    assert_eq!(
        told.broker,
        BrokerConfig::Outside {
            endpoint: "tls://b:8883".into(),
            ca: Some("ca".into()),
            client: Some(ClientFiles { certificate: "c".into(), key: "k".into() }),
        }
    );
    assert_eq!(told.timings.lease.as_secs(), 9);
    for wrong in [
        "mothership serve --broker-ca ca",
        "mothership serve --broker-url b --broker-cert c",
        "mothership serve --broker-url b --mqtt-listen 127.0.0.1:1",
        "mothership serve --listen 127.0.0.1",
        "mothership serve --lease 0",
    ] {
        assert_eq!(refusal(wrong), 2, "{wrong}");
    }
}

#[test]
fn every_command_of_the_contract_is_there() {
    for line in [
        "mothership pool create --csr f --name n --space s --description d --label a --label b --drift-limit -1 --token-out -",
        "mothership pool reset p --yes --token-out f",
        "mothership pool cycle p",
        "mothership pool list --json",
        "mothership stack create --name n --pool p --source d --init i --plan p --apply a --destroy d --before-init b --env K=V --secret-env K --label l --project-root r --auto-deploy --space s --image i",
        "mothership module create --name n --pool p --source d --plan p",
        "mothership run trigger s --type drift --metadata m --prioritize --title t --as ada",
        "mothership run discard 01ARZ3NDEKTSV4RRFFQ69G5FAV --note n",
        "mothership run stop 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership run kill 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership run show 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership run logs 01ARZ3NDEKTSV4RRFFQ69G5FAV --follow --states",
        "mothership worker list p",
        "mothership worker drain 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership worker undrain 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership queue p",
        "mothership used-by p --data d",
    ] {
        parse(line);
    }
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for line in [
        "mothership pool create --name n --token-out -",
        "mothership pool create --csr f --name n",
        "mothership run trigger s --type dance",
        "mothership run show x",
        "mothership worker drain x",
        "mothership run wait 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "mothership run wait 01ARZ3NDEKTSV4RRFFQ69G5FAV --state NOWHERE",
        "mothership dance",
    ] {
        assert_eq!(refusal(line), 2, "{line}");
    }
    assert_eq!(refusal("mothership --help"), 0);
    assert_eq!(refusal("mothership --version"), 0);
}

#[test]
fn types_and_states_are_the_published_ones() {
    match parse(&format!("mothership run wait {RUN} --state unconfirmed,FINISHED --timeout 5")) {
        CommandArgs::Run(RunArgs::Wait { states, timeout, .. }) => {
            assert_eq!(states, [RunState::Unconfirmed, RunState::Finished]);
            assert_eq!(timeout, 5);
        }
        other => panic!("{other:?}"),
    }
    match parse("mothership run trigger s --type task --command ls") {
        CommandArgs::Run(RunArgs::Trigger { trigger, .. }) => assert_eq!(trigger, Some(TriggerType::Task)),
        other => panic!("{other:?}"),
    }
    match parse("mothership pool create --csr f --name n --token-out - --certificate-seconds -5") {
        CommandArgs::Pool(PoolArgs::Create { credentials, drift_limit, .. }) => {
            assert_eq!((credentials.certificate_seconds, drift_limit), (Some(-5), -1));
        }
        other => panic!("{other:?}"),
    }
    match parse("mothership stack create --name n --pool p --source d --after-run a --after-run b") {
        CommandArgs::Stack(StackCommand::Create(args)) => assert_eq!(args.hooks.after_run, ["a", "b"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_variable_may_come_from_the_commands_own_environment() {
    let own = |name: &str| (name == "TOKEN").then(|| "hunter2".to_owned());
    let args = |env: &[&str], secret_env: &[&str]| EnvironmentArgs {
        env: env.iter().map(|&text| text.to_owned()).collect(),
        secret_env: secret_env.iter().map(|&text| text.to_owned()).collect(),
    };
    let found = variables(&args(&["A=b=c"], &["TOKEN", "B="]), own).unwrap();
    let found: Vec<_> = found.iter().map(|each| (&*each.name, &*each.value, each.secret)).collect();
    assert_eq!(found, [("A", "b=c", false), ("TOKEN", "hunter2", true), ("B", "", true)]);
    assert!(matches!(variables(&args(&["A"], &[]), own), Err(VariableError::NoValue(_))));
    assert!(matches!(variables(&args(&[], &["OTHER"]), own), Err(VariableError::NotSet(_))));
    assert!(matches!(variables(&args(&["A=1"], &["A=2"]), own), Err(VariableError::Twice(_))));
}
