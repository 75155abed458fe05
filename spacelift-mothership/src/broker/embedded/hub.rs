//! Where connections and sessions meet: who is connected, who took over from whom, what goes to whom.
//!
//! Holds its lock for moments only and never waits inside. Reads no socket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::Publish;
use rustls_pki_types::CertificateDer;
use spacelift_worker_core::ids::{PoolId, WorkerId};
use spacelift_worker_core::protocol::topic;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::access::Peer;
use super::session::Session;

/// How long the session of a client that left is kept. Source: AWS IoT Core, "Persistent session expiry period".
const SESSION_EXPIRY: Duration = Duration::from_secs(3_600);

/// Sessions in all, so that a holder of one certificate cannot fill the memory with client identifiers.
const MAX_SESSIONS: usize = 20_000;

/// Sessions of one pool, so that the holder of its certificate leaves room for the workers of the others.
const MAX_SESSIONS_OF_POOL: usize = 5_000;

/// A client: a worker under the pool of its certificate, so that no pool reaches into another one's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    pub(super) pool: PoolId,
    pub(super) worker: WorkerId,
}

/// What a connection brings along.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) key: ClientKey,
    pub(super) clean_session: bool,
    pub(super) will: Option<Bytes>,
    pub(super) certificate: CertificateDer<'static>,
}

/// A connection's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) key: ClientKey,
    number: u64,
    /// Ends the connection from outside: taken over, or its certificate was revoked.
    pub(super) cut: CancellationToken,
    /// Something may be ready to be written.
    pub(super) wake: Arc<Notify>,
    pub(super) session_present: bool,
    /// The will of the connection that was taken over, to be published before this one says anything.
    pub(super) predecessors_will: Option<Bytes>,
}

#[derive(Debug)]
struct Live {
    number: u64,
    cut: CancellationToken,
    wake: Arc<Notify>,
    will: Option<Bytes>,
    clean_session: bool,
    certificate: CertificateDer<'static>,
}

#[derive(Debug)]
struct Client {
    session: Session,
    live: Option<Live>,
    left_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Clients {
    by_key: HashMap<ClientKey, Client>,
    last_number: u64,
}

/// All clients of a broker.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) namespace: String,
    clients: Mutex<Clients>,
}

impl Hub {
    pub(super) fn new(namespace: String) -> Self {
        Self { namespace, clients: Mutex::default() }
    }

    /// Gives a connection its place; `None` when there are too many sessions, in all or of its pool, and its pool has none
    /// that nobody is connected to. The same client's earlier connection is cut.
    pub(super) fn attach(&self, arrival: Arrival, now: Instant) -> Option<Place> {
        let mut clients = self.lock();
        if !clients.by_key.contains_key(&arrival.key) && !clients.make_room(arrival.key.pool, now) {
            return None;
        }
        clients.last_number += 1;
        let number = clients.last_number;
        let key = arrival.key;
        let listen = topic::to_worker(&self.namespace, key.pool, key.worker);
        let mut earlier = clients.by_key.remove(&key);
        let predecessor = earlier.as_mut().and_then(|client| client.live.take());
        if let Some(live) = &predecessor {
            live.cut.cancel();
        }
        let kept = earlier.filter(|client| {
            let ended = predecessor.as_ref().is_some_and(|live| live.clean_session);
            !arrival.clean_session && !ended && !client.has_expired(now)
        });
        let session_present = kept.is_some();
        let mut session = kept.map_or_else(|| Session::new(listen), |client| client.session);
        session.resume();
        let (cut, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
        let live = Live {
            number,
            cut: cut.clone(),
            wake: Arc::clone(&wake),
            will: arrival.will,
            clean_session: arrival.clean_session,
            certificate: arrival.certificate,
        };
        clients.by_key.insert(key, Client { session, live: Some(live), left_at: None });
        let predecessors_will = predecessor.and_then(|live| live.will);
        Some(Place { key, number, cut, wake, session_present, predecessors_will })
    }

    /// Takes a connection out and returns its will; nothing when another one took over meanwhile.
    pub(super) fn detach(&self, place: &Place, now: Instant) -> Option<Bytes> {
        let mut clients = self.lock();
        let client = clients.by_key.get_mut(&place.key)?;
        let live = client.live.take_if(|live| live.number == place.number)?;
        client.left_at = Some(now);
        if live.clean_session {
            clients.by_key.remove(&place.key);
        }
        live.will
    }

    /// Works on the session of a connection; `None` when another one took over.
    pub(super) fn session<T>(&self, place: &Place, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut clients = self.lock();
        let client = clients.by_key.get_mut(&place.key)?;
        let mine = client.live.as_ref().is_some_and(|live| live.number == place.number);
        mine.then(|| work(&mut client.session))
    }

    /// The next packet for a connection.
    pub(super) fn next(&self, place: &Place) -> Option<Publish> {
        self.session(place, Session::next).flatten()
    }

    /// Queues a message for a worker. False when nobody listens, or too much waits already.
    pub(super) fn publish(&self, key: ClientKey, payload: Bytes) -> bool {
        let mut clients = self.lock();
        let Some(client) = clients.by_key.get_mut(&key) else { return false };
        let taken = client.session.push(payload, client.live.is_some());
        if let Some(live) = &client.live {
            live.wake.notify_one();
        }
        taken
    }

    /// Every connection of a pool, by what it takes to ask about its certificate again.
    pub(super) fn peers(&self, pool: PoolId) -> Vec<(ClientKey, Peer)> {
        let clients = self.lock();
        let of_pool = clients.by_key.iter().filter(|(key, _)| key.pool == pool);
        of_pool
            .filter_map(|(key, client)| {
                let certificate = client.live.as_ref()?.certificate.clone();
                Some((*key, Peer { pool, certificate }))
            })
            .collect()
    }

    /// Cuts a connection if it still has this certificate, and forgets its session.
    pub(super) fn revoke(&self, key: ClientKey, certificate: &CertificateDer<'_>) {
        let mut clients = self.lock();
        let Some(client) = clients.by_key.get(&key) else { return };
        if let Some(live) = client.live.as_ref().filter(|live| live.certificate == *certificate) {
            live.cut.cancel();
            clients.by_key.remove(&key);
        }
    }

    /// Cuts every connection.
    pub(super) fn kick_all(&self) {
        for live in self.lock().by_key.values().filter_map(|client| client.live.as_ref()) {
            live.cut.cancel();
        }
    }

    /// Forgets the session of a client that is not connected.
    pub(super) fn forget(&self, key: ClientKey) {
        let mut clients = self.lock();
        if clients.by_key.get(&key).is_some_and(|client| client.live.is_none()) {
            clients.by_key.remove(&key);
        }
    }

    /// Forgets the sessions of a pool that nobody is connected to.
    pub(super) fn forget_absent(&self, pool: PoolId) {
        self.lock().by_key.retain(|key, client| key.pool != pool || client.live.is_some());
    }

    /// A panic elsewhere leaves maps that are whole: every change above is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clients {
    /// Makes room for one more session of a pool, at the cost of that pool alone: its oldest absent one goes. False when
    /// there is none.
    fn make_room(&mut self, pool: PoolId, now: Instant) -> bool {
        if self.has_room(pool) {
            return true;
        }
        self.by_key.retain(|_, client| !client.has_expired(now));
        if self.has_room(pool) {
            return true;
        }
        let absent = self.by_key.iter().filter(|(key, client)| key.pool == pool && client.live.is_none());
        let oldest = absent.min_by_key(|(_, client)| client.left_at).map(|(key, _)| *key);
        oldest.is_some_and(|key| self.by_key.remove(&key).is_some())
    }

    fn has_room(&self, pool: PoolId) -> bool {
        self.by_key.len() < MAX_SESSIONS
            && self.by_key.keys().filter(|key| key.pool == pool).count() < MAX_SESSIONS_OF_POOL
    }
}

impl Client {
    fn has_expired(&self, now: Instant) -> bool {
        self.left_at.is_some_and(|left| now.saturating_duration_since(left) >= SESSION_EXPIRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pool: u64, worker: usize) -> ClientKey {
        let worker = WorkerId::from_parts(u64::try_from(worker).unwrap(), 1);
        ClientKey { pool: PoolId::from_parts(pool, 1), worker }
    }

    fn attach(hub: &Hub, key: ClientKey, now: Instant) -> Option<Place> {
        let certificate = CertificateDer::from(Vec::new());
        hub.attach(Arrival { key, clean_session: false, will: None, certificate }, now)
    }

    #[test]
    fn a_pool_that_takes_all_it_can_leaves_room_for_another_one() {
        let (hub, now) = (Hub::new("n".into()), Instant::now());
        let places = (0..MAX_SESSIONS_OF_POOL + 9)
            .filter(|&worker| attach(&hub, key(1, worker), now).is_some())
            .count();
        assert_eq!(places, MAX_SESSIONS_OF_POOL, "nobody is absent, so whoever comes next is refused");
        assert!(attach(&hub, key(1, 0), now).is_some(), "who is there may come again");
        assert!(attach(&hub, key(2, 0), now).is_some());
    }

    #[test]
    fn a_full_pool_loses_its_own_oldest_absent_session() {
        let (hub, now) = (Hub::new("n".into()), Instant::now());
        let later = |secs| now + Duration::from_secs(secs);
        let other = attach(&hub, key(2, 0), now).unwrap();
        hub.detach(&other, now);
        let mut places: Vec<_> =
            (0..MAX_SESSIONS_OF_POOL).map(|worker| attach(&hub, key(1, worker), now).unwrap()).collect();
        let (second, first) = (places.remove(5), places.remove(4));
        hub.detach(&first, later(1));
        hub.detach(&second, later(2));
        assert!(attach(&hub, key(1, MAX_SESSIONS), later(3)).is_some());
        assert!(!hub.publish(first.key, Bytes::new()), "it is forgotten");
        assert!(hub.lock().by_key.contains_key(&second.key));
        assert!(hub.lock().by_key.contains_key(&other.key), "that of another pool stays, however old");
    }
}
