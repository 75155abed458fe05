//! Which offers a worker believes: signed by the key of its token, sealed for it, fetched from where it may, and once.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use spacelift_worker_core::crypto::{hex, sha256};
use spacelift_worker_core::envelope::offer;
use spacelift_worker_core::ids::{Lease, RunId, WorkerId};
use spacelift_worker_core::pool::ControlKey;
use spacelift_worker_core::protocol::message::{
    Ack, ControlBody, Grant, Nack, NackReason, Offer, Outcome, Phase, SealedPart, WorkerBody,
};
use spacelift_worker_tests::system::{Answer, Plane, ScriptedStore};

const LOOPBACK: (&str, &str) = ("SPACELIFT_WORKER_ALLOWED_STORAGE_HOSTS", "127.0.0.1");

/// An offer that the worker would believe, were it signed.
struct Draft {
    lease: Lease,
    run: RunId,
    sealed: Vec<u8>,
}

fn draft(plane: &Plane, worker: WorkerId, counter: u64, payload: &Value) -> Draft {
    let lease = Lease { generation: 1, counter };
    let run = RunId::from_parts(counter, 1);
    let context = offer::context(plane.pool, worker, run, "plan", lease).unwrap();
    let sealed = offer::seal(&plane.key.public_key(), &context, payload.to_string().as_bytes()).unwrap();
    Draft { lease, run, sealed }
}

impl Draft {
    fn signed_by(&self, key: &ControlKey) -> Offer {
        Offer { sig: Some(key.sign_offer(&sha256(&self.sealed)).unwrap()), ..self.unsigned() }
    }

    fn unsigned(&self) -> Offer {
        Offer {
            cmd_seq: self.lease.counter,
            expires_at: None,
            run: self.run,
            phase: Phase::Plan,
            lease: self.lease,
            sealed: SealedPart::Inline(STANDARD.encode(&self.sealed)),
            sig: None,
        }
    }

    fn by_reference(&self, key: &ControlKey, url: &str, len: u64, sha256: &str) -> Offer {
        let sealed = SealedPart::Reference { url: url.to_owned(), len, sha256: sha256.to_owned() };
        Offer { sealed, ..self.signed_by(key) }
    }
}

/// Offers, and gives the refusal.
async fn refusal(plane: &mut Plane, worker: WorkerId, offer: Offer) -> (NackReason, String) {
    let lease = offer.lease;
    plane.say(worker, ControlBody::Offer(offer)).await;
    plane
        .until(|_, message| match &message.body {
            WorkerBody::Nack(Nack { lease: Some(of), reason, note, .. }) if *of == lease => {
                Some((*reason, note.clone().unwrap_or_default()))
            }
            WorkerBody::Accept(accept) if accept.lease == lease => panic!("it was accepted"),
            _ => None,
        })
        .await
}

/// No payload at all: to be told that is to have had the signature accepted and the seal opened.
fn nonsense() -> Value {
    json!({"no": "payload"})
}

#[tokio::test]
async fn an_offer_that_the_named_key_did_not_sign_is_refused_before_it_is_opened() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    let good = draft(&plane, worker, 1, &nonsense());
    let (reason, _) = {
        let offer = good.signed_by(&plane.signing_key);
        refusal(&mut plane, worker, offer).await
    };
    assert_eq!(reason, NackReason::Unsupported, "the signature is good and the seal opens");

    let foreign = ControlKey::generate(2048).unwrap();
    let other = draft(&plane, worker, 2, &nonsense());
    let swapped = Offer { sig: other.signed_by(&plane.signing_key).sig, ..good.unsigned() };
    let empty = Offer { sig: Some(String::new()), ..good.unsigned() };
    let odd = Offer { sig: Some("=not base64=".to_owned()), ..good.unsigned() };
    for (what, offer, words) in [
        ("unsigned", good.unsigned(), "not signed"),
        ("foreign", good.signed_by(&foreign), "not that of the control plane"),
        ("another offer's", swapped, "not that of the control plane"),
        ("empty", empty, "not that of the control plane"),
        ("no base64", odd, "base64url"),
    ] {
        let (reason, note) = refusal(&mut plane, worker, offer).await;
        assert_eq!(reason, NackReason::CannotOpen, "{what}");
        assert!(note.contains(words), "{what}: {note}");
    }
}

#[tokio::test]
async fn without_a_key_in_the_token_an_unsigned_offer_is_opened() {
    let mut plane = Plane::start().await;
    let token = plane.token(|parts| parts.signing_key = None);
    let _worker = plane.worker(&[("SPACELIFT_TOKEN", &token)]);
    let worker = plane.greeted().await;
    let offer = draft(&plane, worker, 1, &nonsense()).unsigned();
    assert_eq!(refusal(&mut plane, worker, offer).await.0, NackReason::Unsupported);
}

#[tokio::test]
async fn an_offer_to_another_worker_run_or_lease_cannot_be_opened_although_it_is_signed() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[]);
    let worker = plane.greeted().await;
    let own = draft(&plane, worker, 5, &nonsense());
    let others = draft(&plane, WorkerId::from_parts(9, 9), 5, &nonsense()).signed_by(&plane.signing_key);
    let signed = own.signed_by(&plane.signing_key);
    for (what, offer) in [
        ("worker", others),
        ("run", Offer { run: RunId::from_parts(8, 8), ..signed.clone() }),
        ("lease", Offer { lease: Lease { generation: 1, counter: 6 }, ..signed.clone() }),
        ("phase", Offer { phase: Phase::Apply, ..signed }),
    ] {
        let (reason, note) = refusal(&mut plane, worker, offer).await;
        assert_eq!(reason, NackReason::CannotOpen, "{what}: {note}");
    }
}

#[tokio::test]
async fn a_sealed_part_by_reference_is_fetched_from_where_it_may_and_as_it_was_announced() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[LOOPBACK]);
    let worker = plane.greeted().await;
    let good = draft(&plane, worker, 1, &nonsense());
    let served = good.sealed.clone();
    let store = ScriptedStore::start(&plane.authority, move |path| match path {
        "/sealed" => Answer::ok(&served),
        _ => Answer::status(302, "Location: https://127.0.0.1:1/\r\n"),
    })
    .await;
    let (url, len, digest) = (store.url("/sealed"), good.sealed.len() as u64, hex(&sha256(&good.sealed)));
    let other = hex(&sha256(b"other"));
    for (what, url, len, digest, reason, words) in [
        ("good", url.as_str(), len, &digest, NackReason::Unsupported, ""),
        ("short", &url, len + 1, &digest, NackReason::CannotOpen, "shorter"),
        ("long", &url, len - 1, &digest, NackReason::CannotOpen, "longer"),
        ("other", &url, len, &other, NackReason::CannotOpen, "digest"),
        ("huge", &url, 17 << 20, &digest, NackReason::CannotOpen, "at most"),
        ("redirect", &store.url("/moved"), len, &digest, NackReason::CannotOpen, "302"),
        ("plain", "http://127.0.0.1/x", len, &digest, NackReason::CannotOpen, "https"),
        ("metadata", "https://169.254.169.254/x", len, &digest, NackReason::CannotOpen, "no public address"),
        ("loopback", "https://127.0.0.2/x", len, &digest, NackReason::CannotOpen, "no public address"),
        ("by name", "https://localhost./x", len, &digest, NackReason::CannotOpen, ""),
        ("mapped", "https://[::ffff:10.0.0.1]/x", len, &digest, NackReason::CannotOpen, "no public address"),
    ] {
        let offer = good.by_reference(&plane.signing_key, url, len, digest);
        let (seen, note) = refusal(&mut plane, worker, offer).await;
        assert_eq!(seen, reason, "{what}: {note}");
        assert!(note.contains(words) && !note.contains("/x"), "{what}: {note}");
    }
}

/// A plan whose source is not there: it starts, fails, and reports.
fn plan(plane: &Plane, worker: WorkerId, lease: Lease, run: RunId, source: &str) -> Value {
    json!({
        "pool": plane.pool, "worker": worker, "lease": lease, "phase": "plan", "state_version": 1,
        "run": {
            "id": run, "type": "TRACKED", "state": "PREPARING", "created_at": 1, "updated_at": 1, "commit": {},
        },
        "stack": {"slug": "site"},
        "account_name": "acme",
        "source": {"url": source, "len": 5, "sha256": hex(&sha256(b"hello"))},
    })
}

#[tokio::test]
async fn an_offer_that_is_replayed_after_its_run_is_refused_and_starts_nothing_again() {
    let mut plane = Plane::start().await;
    let _worker = plane.worker(&[LOOPBACK]);
    let worker = plane.greeted().await;
    let store = ScriptedStore::start(&plane.authority, |_| Answer::status(404, "")).await;
    let (lease, run) = (Lease { generation: 1, counter: 1 }, RunId::from_parts(1, 1));
    let payload = plan(&plane, worker, lease, run, &store.url("/source"));
    let offer = draft(&plane, worker, 1, &payload).signed_by(&plane.signing_key);
    let id = plane.say(worker, ControlBody::Offer(offer.clone())).await;
    let accept = plane
        .until(|_, message| match &message.body {
            WorkerBody::Accept(accept) if accept.re == id => Some(message.id),
            WorkerBody::Nack(nack) => panic!("{nack:?}"),
            _ => None,
        })
        .await;
    let grant = Grant { cmd_seq: 2, run, lease, re: accept, ttl_ms: 90_000, sealed: None, sig: None };
    let start = plane.say(worker, ControlBody::Start(grant.clone())).await;
    let report = plane
        .until(|_, message| match &message.body {
            WorkerBody::Finished(finished) => {
                assert_eq!((finished.run, finished.outcome), (run, Outcome::Failed));
                Some(message.id)
            }
            _ => None,
        })
        .await;
    plane.say(worker, ControlBody::Ack(Ack { re: report })).await;
    let fetched = store.asked().len();
    assert_eq!(fetched, 1);

    // The very same bytes again, under the same identifiers, and the same words under fresh ones.
    plane.say_as(id, worker, ControlBody::Offer(offer.clone())).await;
    plane.say_as(start, worker, ControlBody::Start(grant.clone())).await;
    let mut refused = 0;
    while refused < 2 {
        if let WorkerBody::Nack(nack) = plane.heard().await.1.body {
            assert_eq!(nack.reason, NackReason::Stale);
            refused += 1;
        }
    }
    assert_eq!(refusal(&mut plane, worker, offer).await.0, NackReason::Stale);
    assert_eq!(store.asked().len(), fetched, "nothing was fetched again");
}
