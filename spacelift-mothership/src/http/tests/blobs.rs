//! Signed URLs allow what they say and nothing else.

use super::*;

fn later() -> u64 {
    crate::fresh::now_ms() + 60_000
}

async fn put(house: &House, url: &str, body: impl Into<reqwest::Body>) -> u16 {
    house.client.put(url).body(body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_blob_is_written_once_and_read_back() {
    let house = House::new().await;
    let name = "runs/a/workspace".parse().unwrap();
    let url = house.state.urls.put(&name, 10, later());
    assert_eq!(put(&house, &url, "hello").await, 201);
    assert_eq!(put(&house, &url, "hello").await, 200, "a repeat with the same bytes");
    assert_eq!(put(&house, &url, "hallo").await, 409, "never overwritten");
    assert_eq!(put(&house, &url, "hello world").await, 413);
    let answer = house.client.get(house.state.urls.get(&name, later())).send().await.unwrap();
    assert_eq!(answer.content_length(), Some(5));
    assert_eq!(answer.bytes().await.unwrap(), "hello");
    let missing = house.state.urls.get(&"other".parse().unwrap(), later());
    assert_eq!(house.client.get(missing).send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn a_body_without_a_declared_length_is_held_to_the_limit_too() {
    let house = House::new().await;
    let url = house.state.urls.put(&"big".parse().unwrap(), 100_000, later());
    let pieces = (0..4).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 50_000]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    assert_eq!(put(&house, &url, body).await, 413);
    assert!(house.state.blobs.open(&"big".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn an_expired_or_forged_url_is_refused() {
    let house = House::new().await;
    let name: crate::store::BlobName = "a".parse().unwrap();
    let good = house.state.urls.put(&name, 10, later());
    let expired = house.state.urls.put(&name, 10, crate::fresh::now_ms() - 2000);
    let foreign = BlobUrls::new(&house.base, vec![1; 32].into()).put(&name, 10, later());
    let forged = [
        expired,
        foreign,
        good.replace("/blobs/a?", "/blobs/b?"),
        good.replace("max=10", "max=11"),
        good.replace("exp=", "exp=9"),
        good.replace("op=put", "op=get"),
        good.split("&sig=").next().unwrap().to_owned() + "&sig=",
        good.clone() + "00",
        house.state.urls.get(&name, later()),
    ];
    for url in &forged {
        assert_eq!(put(&house, url, "x").await, 403, "{url}");
    }
    assert_eq!(put(&house, good.split('?').next().unwrap(), "x").await, 400, "no query at all");
    assert_eq!(house.client.get(&good).send().await.unwrap().status().as_u16(), 403, "a put reads nothing");
    assert_eq!(put(&house, &good, "x").await, 201);
}

#[tokio::test]
async fn a_restart_keeps_the_urls_that_were_given_out() {
    let house = House::new().await;
    let name = "a".parse().unwrap();
    let again = BlobUrls::new(&house.base, house.state.store.url_key().unwrap());
    assert_eq!(put(&house, &again.put(&name, 10, later()), "x").await, 201);
}

#[tokio::test]
async fn the_listener_ends_in_order() {
    let mut house = House::new().await;
    let answer = house.client.get(format!("{}/healthz", house.base)).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ok");
    house.stop().await;
    assert!(house.client.get(format!("{}/healthz", house.base)).send().await.is_err());
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_does_not_connect() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let other = Authority::load_or_create(folder.path(), crate::fresh::now_ms()).unwrap();
    let client = crate::cli::https_client(other.certificate_pem()).unwrap();
    assert!(client.get(format!("{}/healthz", house.base)).send().await.is_err());
}
