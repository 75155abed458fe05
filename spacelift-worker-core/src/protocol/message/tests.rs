//! What a message survives, and how a refusal says why.

use super::*;
use crate::ids::WorkerId;

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn decode(json: &str) -> Result<ControlMessage, Malformed> {
    ControlMessage::decode(json.as_bytes())
}

#[test]
fn a_message_survives_the_wire() {
    let message = WorkerMessage {
        id: ID.parse().unwrap(),
        ts: 7,
        body: WorkerBody::Hello(Hello {
            worker: WorkerId::from_parts(1, 2),
            versions: vec![1],
            library: "0.1.0".into(),
            metadata: [("instance_id".to_owned(), "i-1".to_owned())].into(),
            capabilities: vec!["process".into()],
            status: Status {
                status: WorkerStatus::Idle,
                status_seq: 1,
                last_lease_seen: Some("1.2".parse().unwrap()),
                run: None,
            },
        }),
    };
    assert_eq!(WorkerMessage::decode(&message.encode()), Ok(message));
}

#[test]
fn unknown_fields_are_ignored() {
    let message = decode(&format!(r#"{{"v":1,"type":"cycle","id":"{ID}","ts":1,"cmd_seq":3,"new":[1]}}"#));
    assert_eq!(message.unwrap().body, ControlBody::Cycle(Cycle { cmd_seq: 3 }));
}

#[test]
fn without_a_valid_id_there_is_no_answer() {
    for json in
        ["", "[]", "1", "{}", r#"{"v":1,"type":"cycle","id":7}"#, r#"{"v":1,"type":"cycle","id":"x"}"#]
    {
        assert_eq!(decode(json).unwrap_err().id, None, "{json}");
    }
}

#[test]
fn a_refusal_says_why() {
    let cases = [
        (r#""v":2,"type":"cycle","cmd_seq":1"#, NackReason::Unsupported),
        (r#""v":"1","type":"cycle","cmd_seq":1"#, NackReason::Unsupported),
        (r#""v":1,"type":"dance""#, NackReason::UnknownType),
        (r#""v":1,"type":"hello""#, NackReason::UnknownType),
        (r#""v":1,"type":null"#, NackReason::Malformed),
        (r#""v":1,"type":"cycle""#, NackReason::Malformed),
        (r#""v":1,"type":"cycle","cmd_seq":-1"#, NackReason::Malformed),
    ];
    for (fields, reason) in cases {
        let refused = decode(&format!(r#"{{"id":"{ID}","ts":1,{fields}}}"#)).unwrap_err();
        assert_eq!(refused, Malformed { id: Some(ID.parse().unwrap()), reason }, "{fields}");
    }
}

#[test]
fn debug_of_a_payload_shows_no_secret_and_no_url() {
    let variable = EnvironmentVariable { name: "TOKEN".into(), value: "hunter2".into(), secret: true };
    assert_eq!(format!("{variable:?}"), r#"EnvironmentVariable { name: "TOKEN", .. }"#);
    let upload = Upload { name: "a".into(), url: "https://store/?sig=hunter2".into() };
    assert_eq!(format!("{upload:?}"), r#"Upload { name: "a", .. }"#);
}
