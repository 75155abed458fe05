//! A whole control plane on loopback, asked as a command line and as a worker would.

use std::sync::Arc;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishOptions, QoS, TlsConfiguration, Transport};
use serde_json::{Value, json};
use spacelift_worker_core::ids::{MessageId, PoolId, WorkerId};
use spacelift_worker_core::pool::{PoolKey, PoolToken};
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, ControlMessage, Hello, Status, WorkerBody, WorkerMessage, WorkerStatus,
};
use spacelift_worker_core::protocol::topic;
use spacelift_worker_core::secret::SecretText;

use super::{BrokerConfig, ServeConfig, ServeError, Serving, Timings, tls};
use crate::api::Endpoint;
use crate::cli::https_client;
use crate::store::DataDir;

const WORKER: u64 = 5;

fn config(folder: &tempfile::TempDir) -> ServeConfig {
    let any = "127.0.0.1:0".parse().unwrap();
    ServeConfig {
        data: folder.path().join("data"),
        listen: any,
        hostnames: vec![],
        public_urls: vec![],
        broker: BrokerConfig::Embedded { listen: any },
        namespace: "acme".into(),
        account_name: "acme".into(),
        restored: false,
        timings: Timings::default(),
    }
}

async fn post(config: &ServeConfig, path: &str, body: &Value) -> Value {
    let dir = DataDir::at(&config.data);
    let endpoint = Endpoint::read(&dir).unwrap();
    let authority = std::fs::read_to_string(dir.ca().join("ca.pem")).unwrap();
    let token = std::fs::read_to_string(dir.admin_token()).unwrap();
    let answer = https_client(&authority)
        .unwrap()
        .post(format!("{}/api/v1{path}", endpoint.url))
        .bearer_auth(token.trim())
        .json(body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json().await.unwrap()
}

fn token_of(answer: &Value) -> PoolToken {
    PoolToken::parse(&SecretText::from(answer["token"].as_str().unwrap())).unwrap()
}

/// Says hello with what a token gives, and returns what is answered; an error where it is not let in.
async fn hello(token: &PoolToken, key: &PoolKey) -> Result<ControlBody, String> {
    let parts = token.parts();
    let (endpoint, pool) = (&parts.broker_endpoint, parts.pool_id);
    let worker = WorkerId::from_parts(WORKER, 1);
    let pem = key.to_pem().unwrap();
    let tls =
        tls::client(parts.ca_pem.as_ref().unwrap(), &parts.certificate_pem, pem.expose(), endpoint.port)
            .unwrap();
    let mut options = MqttOptions::new(worker.to_string(), (endpoint.host.as_str(), endpoint.port));
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&tls))));
    let (client, mut eventloop) = AsyncClient::builder(options).build();
    let listen = topic::to_worker(&parts.namespace, pool, worker);
    client.subscribe(listen, QoS::AtLeastOnce).await.unwrap();
    let status = Status { status: WorkerStatus::Idle, status_seq: 1, last_lease_seen: None, run: None };
    let body = WorkerBody::Hello(Hello {
        worker,
        versions: vec![1],
        library: "0.1.0".into(),
        metadata: [].into(),
        capabilities: vec![],
        status,
    });
    let message = WorkerMessage { id: MessageId::from_parts(1, 1), ts: 1, body }.encode();
    let speak = topic::from_worker(&parts.namespace, pool, worker);
    client.publish(speak, message, PublishOptions::at_least_once()).await.unwrap();
    let answer = async {
        loop {
            match eventloop.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    return Ok(ControlMessage::decode(&publish.payload).unwrap().body);
                }
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), answer).await.expect("an answer")
}

#[tokio::test]
async fn a_pool_made_over_https_lets_its_workers_in_until_it_is_reset_and_a_restart_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let key = PoolKey::generate(2048).unwrap();
    let mut serving = Serving::start(config.clone()).await.unwrap();
    let new = json!({
        "name": "main",
        "certificateSigningRequest": key.csr("anything").unwrap(),
        "space": "root",
        "driftDetectionRunLimit": -1,
    });
    let token = token_of(&post(&config, "/pools", &new).await);
    let welcome = ControlBody::Ack(Ack { re: MessageId::from_parts(1, 1) });
    assert_eq!(hello(&token, &key).await, Ok(welcome.clone()));

    // The ports are taken again, since they stand in the token.
    let ServeConfig { broker: BrokerConfig::Embedded { listen }, .. } = &config else { panic!() };
    let port = token.parts().broker_endpoint.port;
    let again = ServeConfig {
        broker: BrokerConfig::Embedded { listen: (listen.ip(), port).into() },
        ..config.clone()
    };
    serving.shutdown().await;
    serving = Serving::start(again.clone()).await.unwrap();
    assert_eq!(hello(&token, &key).await, Ok(welcome.clone()));

    let renewed = token_of(&post(&again, "/pools/main/reset", &json!({})).await);
    let refused = hello(&token, &key).await.unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
    assert_eq!(hello(&renewed, &key).await, Ok(welcome));
    serving.shutdown().await;
}

#[tokio::test]
async fn a_data_folder_is_served_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(config(&folder)).await.unwrap();
    let second = Serving::start(config(&folder)).await.unwrap_err();
    assert!(matches!(second, ServeError::DataDir(_)), "{second}");
    serving.shutdown().await;
    Serving::start(config(&folder)).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn the_ready_line_is_the_endpoint_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = ServeConfig { hostnames: vec!["mothership.example".into()], ..config(&folder) };
    let serving = Serving::start(config.clone()).await.unwrap();
    let mut line = Vec::new();
    serving.announce(&mut line).unwrap();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    let said: Endpoint = serde_json::from_slice(&line).unwrap();
    assert_eq!(said, Endpoint::read(&DataDir::at(&config.data)).unwrap());
    assert!(said.url.starts_with("https://mothership.example:"), "{}", said.url);
    assert!(said.broker.starts_with("mothership.example:"), "{}", said.broker);
    serving.shutdown().await;
}

#[tokio::test]
async fn an_outside_broker_is_named_in_tokens_and_a_wrong_one_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let outside = |endpoint: &str| ServeConfig {
        broker: BrokerConfig::Outside { endpoint: endpoint.into(), ca: None, client: None },
        ..config(&folder)
    };
    let wrong = Serving::start(outside("mqtt://broker")).await.unwrap_err();
    assert!(matches!(wrong, ServeError::BrokerUrl(_)), "{wrong}");
    let serving = Serving::start(outside("tls://localhost:1")).await.unwrap();
    assert_eq!(serving.endpoint().broker, "localhost:1");
    serving.shutdown().await;
    let no_ca = ServeConfig {
        broker: BrokerConfig::Outside {
            endpoint: "localhost:1".into(),
            ca: Some("/nowhere/ca.pem".into()),
            client: None,
        },
        ..config(&folder)
    };
    let missing = Serving::start(no_ca).await.unwrap_err();
    assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
}

#[tokio::test]
async fn a_restored_folder_gives_out_leases_of_a_new_generation() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let serving = Serving::start(config.clone()).await.unwrap();
    let key = PoolKey::generate(2048).unwrap();
    let new = json!({
        "name": "main",
        "certificateSigningRequest": key.csr("anything").unwrap(),
        "space": "root",
        "driftDetectionRunLimit": -1,
    });
    let pool: PoolId = token_of(&post(&config, "/pools", &new).await).parts().pool_id;
    serving.shutdown().await;
    let serving = Serving::start(ServeConfig { restored: true, ..config.clone() }).await.unwrap();
    serving.shutdown().await;
    let store = crate::store::Store::open(&DataDir::at(&config.data)).await.unwrap();
    assert!(store.next_cmd_seq(pool).await.unwrap() > u64::from(u32::MAX));
}
