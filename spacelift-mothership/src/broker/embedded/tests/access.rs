//! Who gets in, and what they can touch.

use rumqttc::{Connect, LastWill, Packet, QoS, Subscribe};
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::topic;
use tokio::io::AsyncWriteExt;

use super::super::frames::{self, Frames, MAX_PACKET};
use super::bench::{Bench, Client, NAMESPACE, authority, soon};
use crate::wire::WireCommand;

fn worker(number: u64) -> WorkerId {
    WorkerId::from_parts(number, 3)
}

#[tokio::test]
async fn a_worker_speaks_and_listens_on_its_own_topics() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut client = bench.worker(&pool, worker(1)).await;
    client.say(&pool, worker(1), "hello").await;
    assert_eq!(bench.heard().await, (pool.pool, worker(1), "hello".into()));
    client.acknowledged().await;
    bench.publish(&pool, worker(1), "offer").await;
    assert_eq!(client.message().await.payload, "offer");
}

#[tokio::test]
async fn every_subscription_but_its_own_is_refused() {
    let bench = Bench::start().await;
    let (pool, other) = (bench.pool(1), bench.pool(2));
    let mut client = bench.worker(&pool, worker(1)).await;
    for filter in [
        topic::to_worker(NAMESPACE, pool.pool, worker(2)),
        topic::to_worker(NAMESPACE, other.pool, worker(1)),
        topic::from_worker(NAMESPACE, pool.pool, worker(1)),
        format!("{NAMESPACE}/readonly/{}/+", pool.pool),
        "#".into(),
    ] {
        assert_eq!(client.subscribe(&filter).await, Err("[Failure]".into()), "{filter}");
    }
    bench.publish(&pool, worker(1), "for me").await;
    assert_eq!(client.message().await.payload, "for me");
}

#[tokio::test]
async fn publishing_on_a_foreign_topic_ends_the_connection_and_is_not_heard() {
    let mut bench = Bench::start().await;
    let (pool, other) = (bench.pool(1), bench.pool(2));
    for foreign in [
        topic::from_worker(NAMESPACE, pool.pool, worker(2)),
        topic::from_worker(NAMESPACE, other.pool, worker(1)),
        topic::to_worker(NAMESPACE, pool.pool, worker(1)),
    ] {
        let mut client = bench.worker(&pool, worker(1)).await;
        client.say_on(&foreign, "forged").await;
        client.ended().await;
        assert_eq!(bench.heard().await, (pool.pool, worker(1), "gone".into()), "{foreign}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_none_is_refused() {
    let bench = Bench::start().await;
    let pool = PoolId::from_parts(1, 7);
    let forged = bench.certificate_from(&authority(), &pool.to_string(), pool);
    bench.current.set(&forged);
    let mut client = Client::connect(bench.options(&forged, &worker(1).to_string()));
    client.connected().await.unwrap_err();
    let tls = bench.without_certificate();
    // TLS 1.3 tells a client after its handshake that its certificate was missing.
    if let Ok(stream) = bench.raw(&tls).await {
        let (reader, mut writer) = tokio::io::split(stream);
        let _ = frames::write(&mut writer, &[Packet::Connect(Connect::new(worker(1).to_string()))]).await;
        soon(Frames::new(reader).next()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_certificate_that_names_no_pool_is_refused() {
    let bench = Bench::start().await;
    let issuer = bench.pool(1);
    for name in ["controlplane", "01arz3ndektsv4rrffq69g5fav", ""] {
        let odd = bench.certificate_from(bench.issuer(), name, issuer.pool);
        let mut client = Client::connect(bench.options(&odd, &worker(1).to_string()));
        client.connected().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_client_id_that_is_no_worker_is_refused() {
    let bench = Bench::start().await;
    let pool = bench.pool(1);
    for id in ["worker", "01arz3ndektsv4rrffq69g5fav"] {
        let refused = Client::connect(bench.options(&pool, id)).connected().await.unwrap_err();
        assert!(refused.contains("BadClientId"), "{refused}");
    }
}

#[tokio::test]
async fn a_will_on_a_foreign_topic_is_refused() {
    let bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut options = bench.options(&pool, &worker(1).to_string());
    let foreign = topic::from_worker(NAMESPACE, pool.pool, worker(2));
    options.set_last_will(LastWill::new(foreign, "forged", QoS::AtLeastOnce, false));
    let refused = Client::connect(options).connected().await.unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
}

#[tokio::test]
async fn after_a_reset_the_old_certificate_is_cut_and_refused_and_the_new_one_stays() {
    let mut bench = Bench::start().await;
    let old = bench.pool(1);
    let other = bench.pool(2);
    let mut cut = bench.worker(&old, worker(1)).await;
    let mut bystander = bench.worker(&other, worker(2)).await;
    let new = bench.certificate(old.pool);
    bench.current.set(&new);
    let mut stays = bench.worker(&new, worker(3)).await;
    bench.wire.commands.send(WireCommand::Revoked { pool: old.pool }).await.unwrap();
    cut.ended().await;
    let refused = Client::connect(bench.options(&old, &worker(1).to_string())).connected().await.unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
    stays.say(&new, worker(3), "here").await;
    assert_eq!(bench.heard().await, (new.pool, worker(3), "here".into()));
    stays.acknowledged().await;
    bystander.say(&other, worker(2), "here, too").await;
    assert_eq!(bench.heard().await, (other.pool, worker(2), "here, too".into()));
    bystander.acknowledged().await;
}

#[tokio::test]
async fn what_is_no_mqtt_or_too_long_or_qos_2_ends_the_connection() {
    let bench = Bench::start().await;
    let pool = bench.pool(1);
    let connect = Packet::Connect(Connect::new(worker(1).to_string()));
    let own = topic::from_worker(NAMESPACE, pool.pool, worker(1));
    let mut twice = rumqttc::Publish::new(own.clone(), QoS::ExactlyOnce, "x");
    twice.pkid = 1;
    let long = rumqttc::Publish::new(own, QoS::AtMostOnce, vec![b'x'; 128 * 1024 + 1]);
    for packets in [
        vec![connect.clone(), connect.clone()],
        vec![Packet::Subscribe(Subscribe::new("#", QoS::AtMostOnce))],
        vec![connect.clone(), Packet::Publish(twice)],
        vec![connect.clone(), Packet::Publish(long)],
        vec![connect.clone(), Packet::PingResp],
    ] {
        let (reader, mut writer) = tokio::io::split(bench.raw(&pool.tls).await.unwrap());
        let packets: Vec<_> = packets
            .into_iter()
            .map(|packet| match packet {
                Packet::Subscribe(mut subscribe) => {
                    subscribe.pkid = 1;
                    Packet::Subscribe(subscribe)
                }
                packet => packet,
            })
            .collect();
        frames::write(&mut writer, &packets).await.unwrap();
        let mut frames = Frames::new(reader);
        while let Ok(packet) = soon(frames.next()).await {
            assert!(matches!(packet, Packet::ConnAck(_)), "{packet:?}");
        }
    }
    let (reader, mut writer) = tokio::io::split(bench.raw(&pool.tls).await.unwrap());
    // The head of a PUBLISH that is one byte too long; its body never needs to be sent.
    let too_long = u32::try_from(MAX_PACKET + 1).unwrap();
    let length: Vec<u8> =
        (0..3).map(|at| ((too_long >> (7 * at)) & 0x7f) as u8 | if at < 2 { 0x80 } else { 0 }).collect();
    frames::write(&mut writer, &[connect]).await.unwrap();
    writer.write_all(&[&[0x30], length.as_slice()].concat()).await.unwrap();
    writer.flush().await.unwrap();
    let mut frames = Frames::new(reader);
    assert!(matches!(soon(frames.next()).await, Ok(Packet::ConnAck(_))));
    soon(frames.next()).await.unwrap_err();
}
