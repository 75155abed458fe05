//! What is delivered, when, and how often.

use spacelift_worker_core::ids::WorkerId;
use spacelift_worker_core::protocol::topic;

use super::bench::{Bench, Client, NAMESPACE};

fn worker(number: u64) -> WorkerId {
    WorkerId::from_parts(number, 3)
}

#[tokio::test]
async fn what_waited_for_a_client_that_was_away_comes_when_it_returns() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    bench.worker(&pool, worker(1)).await.crash().await;
    assert_eq!(bench.heard().await.2, "gone");
    bench.publish(&pool, worker(1), "one").await;
    bench.publish(&pool, worker(1), "two").await;
    let mut back = Client::connect(bench.options(&pool, &worker(1).to_string()));
    assert_eq!(back.connected().await, Ok(true));
    let (first, second) = (back.message().await, back.message().await);
    assert_eq!((first.payload, first.dup), ("one".into(), false));
    assert_eq!((second.payload, second.dup), ("two".into(), false));
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_marked_as_a_duplicate() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut client = bench.worker(&pool, worker(1)).await;
    bench.publish(&pool, worker(1), "acknowledged").await;
    bench.publish(&pool, worker(1), "unacknowledged").await;
    let first = client.message().await;
    client.message().await;
    client.client.ack(&first).await.unwrap();
    // The answer to a later packet proves that the acknowledgement went out before.
    client.say(&pool, worker(1), "sync").await;
    assert_eq!(bench.heard().await.2, "sync");
    client.crash().await;
    assert_eq!(bench.heard().await.2, "gone");
    let mut back = Client::connect(bench.options(&pool, &worker(1).to_string()));
    assert_eq!(back.connected().await, Ok(true));
    let again = back.message().await;
    assert_eq!((again.payload, again.dup), ("unacknowledged".into(), true));
}

#[tokio::test]
async fn a_clean_session_remembers_nothing() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    bench.worker(&pool, worker(1)).await.crash().await;
    assert_eq!(bench.heard().await.2, "gone");
    bench.publish(&pool, worker(1), "lost").await;
    let mut options = bench.options(&pool, &worker(1).to_string());
    options.set_clean_session(true);
    let mut clean = Client::connect(options);
    assert_eq!(clean.connected().await, Ok(false));
    clean.subscribe(&topic::to_worker(NAMESPACE, pool.pool, worker(1))).await.unwrap();
    bench.publish(&pool, worker(1), "new").await;
    assert_eq!(clean.message().await.payload, "new");
    clean.crash().await;
}

#[tokio::test]
async fn a_second_connection_takes_over_after_the_will_of_the_first() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut first = bench.worker(&pool, worker(1)).await;
    let mut second = bench.worker(&pool, worker(1)).await;
    first.ended().await;
    second.say(&pool, worker(1), "still here").await;
    assert_eq!(bench.heard().await.2, "gone");
    assert_eq!(bench.heard().await.2, "still here");
    bench.publish(&pool, worker(1), "for the second").await;
    assert_eq!(second.message().await.payload, "for the second");
}

#[tokio::test]
async fn the_same_client_id_in_another_pool_is_another_client() {
    let bench = Bench::start().await;
    let (pool, other) = (bench.pool(1), bench.pool(2));
    let mut first = bench.worker(&pool, worker(1)).await;
    let mut second = bench.worker(&other, worker(1)).await;
    bench.publish(&pool, worker(1), "one").await;
    bench.publish(&other, worker(1), "two").await;
    assert_eq!(first.message().await.payload, "one");
    assert_eq!(second.message().await.payload, "two");
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_breaks_and_not_after_a_goodbye() {
    let mut bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut leaves = bench.worker(&pool, worker(1)).await;
    leaves.client.disconnect().await.unwrap();
    leaves.ended().await;
    let breaks = bench.worker(&pool, worker(2)).await;
    breaks.crash().await;
    assert_eq!(bench.heard().await, (pool.pool, worker(2), "gone".into()));
}

#[tokio::test]
async fn a_broker_that_stops_ends_its_connections() {
    let bench = Bench::start().await;
    let pool = bench.pool(1);
    let mut client = bench.worker(&pool, worker(1)).await;
    bench.broker.shutdown().await;
    client.ended().await;
}
