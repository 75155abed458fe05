//! Who polls: one connection a worker, its mailbox, and what wakes a poll that waits.
//!
//! Holds its lock for moments only and never waits inside. Reads no token and no socket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use spacelift_worker_core::ids::{MessageId, PoolId, WorkerId};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::mailbox::{Batch, Mailbox};

/// A process that was silent for so long is gone, and another one may speak for its worker.
const LIVE_FOR: Duration = Duration::from_secs(60);

/// How long the mailbox of a silent worker is kept.
const KEPT_FOR: Duration = Duration::from_secs(3_600);

/// Connections in all, so that a holder of one key cannot fill the memory with worker identifiers.
const MAX_CONNECTIONS: usize = 20_000;

/// Connections of one pool, so that the holder of its key leaves room for the workers of the others.
const MAX_CONNECTIONS_OF_POOL: usize = 5_000;

/// A worker under its pool, so that no pool reaches into another one's mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub(super) pool: PoolId,
    pub(super) worker: WorkerId,
}

/// Why a connection is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another process speaks for this worker.
    Duplicate,
    /// There are too many, in all or of its pool.
    Full,
}

/// A connection that is not there: it was replaced, closed, revoked, or never opened in this life of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

#[derive(Debug)]
struct Live {
    process: String,
    connection: u64,
    heard: Instant,
    /// Polls that wait now.
    waiting: usize,
    mailbox: Mailbox,
    wake: Arc<Notify>,
}

impl Live {
    fn is_silent(&self, now: Instant) -> bool {
        self.waiting == 0 && now.saturating_duration_since(self.heard) >= LIVE_FOR
    }
}

#[derive(Debug, Default)]
struct Clients {
    live: HashMap<Client, Live>,
    last_connection: u64,
}

impl Clients {
    /// Makes room for one more connection of a pool, at the cost of that pool alone: the one of it that was silent longest
    /// goes. False when none was silent.
    fn make_room(&mut self, pool: PoolId, now: Instant) -> bool {
        if self.has_room(pool) {
            return true;
        }
        self.live.retain(|_, live| now.saturating_duration_since(live.heard) < KEPT_FOR);
        if self.has_room(pool) {
            return true;
        }
        let silent = self.live.iter().filter(|(client, live)| client.pool == pool && live.is_silent(now));
        let oldest = silent.min_by_key(|(_, live)| live.heard).map(|(client, _)| *client);
        oldest.is_some_and(|client| self.live.remove(&client).is_some())
    }

    fn has_room(&self, pool: PoolId) -> bool {
        self.live.len() < MAX_CONNECTIONS
            && self.live.keys().filter(|client| client.pool == pool).count() < MAX_CONNECTIONS_OF_POOL
    }
}

/// All workers that poll.
#[derive(Debug, Default)]
pub(super) struct Hub {
    clients: Mutex<Clients>,
    /// Ends every poll that waits.
    pub(super) stop: CancellationToken,
}

impl Hub {
    /// Opens a connection, in place of an earlier one of the same process. What that one had not answered waits in the
    /// new one.
    pub(super) fn open(&self, client: Client, process: &str, now: Instant) -> Result<u64, Refused> {
        let mut clients = self.lock();
        let mut mailbox = Mailbox::default();
        match clients.live.get_mut(&client) {
            Some(live) if live.process == process => mailbox = std::mem::take(&mut live.mailbox),
            Some(live) if !live.is_silent(now) => return Err(Refused::Duplicate),
            _ => {}
        }
        // Polls of the earlier connection find that it is gone.
        end(clients.live.remove(&client));
        if !clients.make_room(client.pool, now) {
            return Err(Refused::Full);
        }
        clients.last_connection += 1;
        let connection = clients.last_connection;
        let live = Live {
            process: process.to_owned(),
            connection,
            heard: now,
            waiting: 0,
            mailbox,
            wake: Arc::default(),
        };
        clients.live.insert(client, live);
        Ok(connection)
    }

    /// The worker spoke on this connection.
    pub(super) fn heard(
        &self,
        client: Client,
        process: &str,
        connection: u64,
        now: Instant,
    ) -> Result<(), Gone> {
        let mut clients = self.lock();
        let live = find(&mut clients, client, connection)?;
        if live.process == process {
            live.heard = now;
            Ok(())
        } else {
            Err(Gone)
        }
    }

    /// The worker answered a message.
    pub(super) fn settle(&self, client: Client, id: MessageId) {
        if let Some(live) = self.lock().live.get_mut(&client) {
            live.mailbox.settle(id);
        }
    }

    /// A message for a worker.
    pub(super) fn publish(&self, client: Client, bytes: Bytes) -> Delivery {
        let mut clients = self.lock();
        let Some(live) = clients.live.get_mut(&client) else { return Delivery::Elsewhere };
        if !live.mailbox.put(bytes) {
            return Delivery::Dropped;
        }
        live.wake.notify_waiters();
        Delivery::Taken
    }

    /// What there is to read after the message with this number.
    pub(super) fn read(&self, client: Client, connection: u64, seen: u64) -> Result<Option<Batch>, Gone> {
        find(&mut self.lock(), client, connection).map(|live| live.mailbox.after(seen))
    }

    /// Counts a poll as waiting for as long as the guard lives.
    pub(super) fn wait(self: &Arc<Self>, client: Client, connection: u64) -> Result<Waiting, Gone> {
        let mut clients = self.lock();
        let live = find(&mut clients, client, connection)?;
        live.waiting += 1;
        let wake = Arc::clone(&live.wake);
        Ok(Waiting { hub: Arc::clone(self), client, connection, wake })
    }

    /// How many polls wait now.
    pub(super) fn waiting(&self) -> usize {
        self.lock().live.values().map(|live| live.waiting).sum()
    }

    /// The worker leaves.
    pub(super) fn close(&self, client: Client, connection: u64) {
        let mut clients = self.lock();
        if find(&mut clients, client, connection).is_ok() {
            end(clients.live.remove(&client));
        }
    }

    /// Ends every connection of a pool.
    pub(super) fn revoke(&self, pool: PoolId) {
        self.lock().live.retain(|client, live| {
            let stays = client.pool != pool;
            if !stays {
                live.wake.notify_waiters();
            }
            stays
        });
    }

    /// A panic elsewhere leaves maps that are whole: every change above is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(clients: &mut Clients, client: Client, connection: u64) -> Result<&mut Live, Gone> {
    clients.live.get_mut(&client).filter(|live| live.connection == connection).ok_or(Gone)
}

fn end(live: Option<Live>) {
    if let Some(live) = live {
        live.wake.notify_waiters();
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Taken,
    Dropped,
    /// The worker does not poll here.
    Elsewhere,
}

/// A poll that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    hub: Arc<Hub>,
    client: Client,
    connection: u64,
    pub(super) wake: Arc<Notify>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut clients = self.hub.lock();
        if let Ok(live) = find(&mut clients, self.client, self.connection) {
            live.waiting = live.waiting.saturating_sub(1);
            live.heard = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use spacelift_worker_core::protocol::message::{ControlBody, Cycle, Message};

    use super::*;

    fn client(pool: u64) -> Client {
        Client { pool: PoolId::from_parts(pool, 0), worker: WorkerId::from_parts(9, 9) }
    }

    fn command(number: u64) -> Bytes {
        let id = MessageId::from_parts(number, 0);
        Message { id, ts: 0, body: ControlBody::Cycle(Cycle { cmd_seq: number }) }.encode().into()
    }

    #[test]
    fn a_second_process_is_refused_until_the_first_was_silent_for_a_minute() {
        let (hub, began) = (Arc::new(Hub::default()), Instant::now());
        let first = hub.open(client(1), "a", began).unwrap();
        assert_eq!(hub.open(client(1), "b", began + LIVE_FOR / 2), Err(Refused::Duplicate));
        assert_eq!(hub.heard(client(1), "a", first, began + LIVE_FOR / 2), Ok(()));
        assert_eq!(hub.open(client(1), "b", began + LIVE_FOR), Err(Refused::Duplicate));
        let waiting = hub.wait(client(1), first).unwrap();
        assert_eq!(hub.open(client(1), "b", began + LIVE_FOR * 3), Err(Refused::Duplicate), "it polls");
        drop(waiting);
        assert!(hub.open(client(1), "b", began + LIVE_FOR * 3).is_ok());
        assert_eq!(hub.heard(client(1), "a", first, began + LIVE_FOR * 3), Err(Gone));
    }

    #[test]
    fn the_same_process_comes_again_and_finds_what_it_had_not_answered() {
        let hub = Hub::default();
        let first = hub.open(client(1), "a", Instant::now()).unwrap();
        assert_eq!(hub.publish(client(1), command(1)), Delivery::Taken);
        assert!(hub.read(client(1), first, 0).unwrap().is_some());
        let second = hub.open(client(1), "a", Instant::now()).unwrap();
        assert_eq!(hub.read(client(1), first, 0), Err(Gone));
        assert_eq!(hub.read(client(1), second, 0).unwrap().unwrap().messages, [command(1)]);
    }

    #[test]
    fn a_process_that_guesses_the_connection_of_another_is_told_nothing() {
        let hub = Hub::default();
        let first = hub.open(client(1), "a", Instant::now()).unwrap();
        assert_eq!(hub.heard(client(1), "b", first, Instant::now()), Err(Gone));
        assert_eq!(hub.heard(client(2), "a", first, Instant::now()), Err(Gone));
    }

    #[test]
    fn a_pool_that_takes_all_it_can_leaves_room_for_another_one_and_loses_its_own_oldest_silent_one() {
        let (hub, began) = (Hub::default(), Instant::now());
        let of_pool = |number: u64| Client { worker: WorkerId::from_parts(number, 7), ..client(1) };
        let other = hub.open(client(2), "a", began).unwrap();
        let soon = began + LIVE_FOR / 2;
        let first = hub.open(of_pool(0), "a", soon).unwrap();
        let opened = (1..)
            .take(MAX_CONNECTIONS_OF_POOL + 9)
            .filter(|&at| hub.open(of_pool(at), "a", soon).is_ok())
            .count();
        assert_eq!(opened + 1, MAX_CONNECTIONS_OF_POOL);
        assert!(hub.open(client(3), "a", soon).is_ok());
        // All but this one fall silent.
        let later = soon + LIVE_FOR;
        assert_eq!(hub.heard(of_pool(0), "a", first, later), Ok(()));
        assert!(hub.open(of_pool(99_999), "a", later).is_ok());
        assert_eq!(hub.read(of_pool(0), first, 0), Ok(None), "the one that speaks stays");
        assert_eq!(hub.read(client(2), other, 0), Ok(None), "and that of another pool, however old");
        assert_eq!(hub.lock().live.len(), MAX_CONNECTIONS_OF_POOL + 2);
    }

    #[test]
    fn a_revoked_pool_loses_its_connections_and_another_keeps_its_own() {
        let hub = Hub::default();
        let revoked = hub.open(client(1), "a", Instant::now()).unwrap();
        let kept = hub.open(client(2), "a", Instant::now()).unwrap();
        hub.revoke(client(1).pool);
        assert_eq!(hub.read(client(1), revoked, 0), Err(Gone));
        assert_eq!(hub.read(client(2), kept, 0), Ok(None));
        assert_eq!(hub.publish(client(1), command(1)), Delivery::Elsewhere);
    }
}
