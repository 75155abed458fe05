//! One connection to the server, from its opening to its end.

use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::PollDriver;
use super::signed::{Ask, SignedLane};
use crate::driver::clock;
use crate::driver::link::{AckToken, LinkCommand, LinkEvent, LinkFailure};
use crate::driver::task::Task;
use crate::protocol::message::MAX_MESSAGE_LEN;

/// For a request that is answered at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest that a server may hold a poll; beyond it an answer has been lost.
const LONGEST_HOLD: Duration = Duration::from_secs(120);
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a connection is over.
pub(super) enum End {
    Failed {
        failure: LinkFailure,
        /// Since when it was up, on the monotonic clock, if it ever was.
        up_since: Option<u64>,
    },
    Closed,
}

/// What an opened connection is like.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Terms {
    connection: u64,
    /// For how long a poll waits.
    hold_ms: u64,
}

/// An answer to a poll.
#[derive(Debug, Deserialize)]
struct Batch {
    last: u64,
    messages: Vec<Value>,
}

/// What the task that polls tells.
type Heard = Result<(u64, Bytes), LinkFailure>;

impl PollDriver {
    /// Opens a connection and serves it to its end.
    pub(super) async fn one_connection(&mut self) -> End {
        let mut speaking = SignedLane::new(self.endpoint.clone(), self.challenge.clone());
        let open =
            Ask { method: Method::POST, rest: "/connection".into(), body: Bytes::new(), patience: PATIENCE };
        let opening = speaking.ask(&open);
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.end.closed() => return End::Closed,
        };
        let terms = opened.and_then(|(_, body)| parse::<Terms>(&body));
        let terms = match terms {
            Ok(terms) => terms,
            Err(failure) => return End::Failed { failure, up_since: None },
        };
        let listening = SignedLane::new(self.endpoint.clone(), self.challenge.clone());
        self.serve(terms, speaking, listening).await
    }

    async fn serve(&mut self, terms: Terms, speaking: SignedLane, listening: SignedLane) -> End {
        let up_since = clock::now().mono_ms;
        let (heard_sender, mut heard) = mpsc::channel(64);
        let (taken, taken_receiver) = watch::channel(0);
        let _listener = Task::spawn(listen(listening, terms, heard_sender, taken_receiver));
        let mut speaker = Speaker { lane: Some(speaking), connection: terms.connection, task: None };
        let mut waiting = Some(LinkEvent::Up { connection: self.connection });
        loop {
            let now = clock::now().mono_ms;
            let ready_at = self.pace.ready_at();
            let takes_commands = speaker.is_free() && ready_at <= now;
            tokio::select! {
                permit = self.end.events.reserve(), if waiting.is_some() => match (permit, waiting.take()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    _ => return End::Closed,
                },
                heard = heard.recv(), if waiting.is_none() => match heard {
                    Some(Ok((number, bytes))) => {
                        let token = AckToken { connection: self.connection, number };
                        waiting = Some(LinkEvent::Message { bytes, token });
                    }
                    Some(Err(failure)) => return End::Failed { failure, up_since: Some(up_since) },
                    None => return failed("the connection ended", up_since),
                },
                said = speaker.said() => if let Err(failure) = said {
                    return End::Failed { failure, up_since: Some(up_since) };
                },
                command = self.end.commands.recv(), if takes_commands => match command {
                    None => return End::Closed,
                    Some(LinkCommand::Close(last)) => {
                        speaker.close(last).await;
                        return End::Closed;
                    }
                    Some(LinkCommand::Send { connection, bytes }) if connection == self.connection => {
                        if bytes.len() > MAX_MESSAGE_LEN {
                            let (len, max) = (bytes.len(), MAX_MESSAGE_LEN);
                            tracing::error!(len, max, "a message is too long to be sent");
                        } else {
                            self.pace.sent(now);
                            speaker.say(bytes);
                        }
                    }
                    Some(LinkCommand::Acknowledge(token)) if token.connection == self.connection => {
                        let _ = taken.send(token.number);
                    }
                    Some(LinkCommand::Send { .. } | LinkCommand::Acknowledge(_)) => {}
                },
                () = tokio::time::sleep(clock::until(if ready_at > now { ready_at } else { u64::MAX })) => {}
            }
        }
    }
}

fn failed(reason: &str, up_since: u64) -> End {
    End::Failed { failure: LinkFailure::network(reason), up_since: Some(up_since) }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, LinkFailure> {
    serde_json::from_slice(body)
        .map_err(|_| LinkFailure::network("the server answers something else than was asked for"))
}

/// Waits for messages and passes them on, in order. A poll names the last message that was taken care of, and the next
/// one is made when all of the batch before were.
async fn listen(
    mut lane: SignedLane,
    terms: Terms,
    heard: mpsc::Sender<Heard>,
    mut taken: watch::Receiver<u64>,
) {
    let hold = Duration::from_millis(terms.hold_ms).min(LONGEST_HOLD);
    let (mut after, mut number) = (0, 0);
    loop {
        let rest = format!("/messages?connection={}&after={after}", terms.connection);
        let ask = Ask { method: Method::GET, rest, body: Bytes::new(), patience: hold + PATIENCE };
        let batch = match lane.ask(&ask).await {
            Ok((StatusCode::NO_CONTENT, _)) => continue,
            Ok((_, body)) => parse::<Batch>(&body),
            Err(failure) => Err(failure),
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(failure) => {
                let _ = heard.send(Err(failure)).await;
                return;
            }
        };
        for message in batch.messages {
            number += 1;
            let bytes = Bytes::from(message.to_string());
            if heard.send(Ok((number, bytes))).await.is_err() {
                return;
            }
        }
        if taken.wait_for(|taken| *taken >= number).await.is_err() {
            return;
        }
        after = batch.last;
    }
}

/// Says one message after another, each when the one before was taken.
struct Speaker {
    connection: u64,
    /// Absent while a message is on its way.
    lane: Option<SignedLane>,
    task: Option<Task<(SignedLane, Result<(), LinkFailure>)>>,
}

impl Speaker {
    fn is_free(&self) -> bool {
        self.lane.is_some()
    }

    fn say(&mut self, bytes: Vec<u8>) {
        if let Some(lane) = self.lane.take() {
            let rest = format!("/messages?connection={}", self.connection);
            let ask = Ask { method: Method::POST, rest, body: bytes.into(), patience: PATIENCE };
            self.task = Some(Task::spawn(send(lane, ask)));
        }
    }

    /// Returns when the message on its way was taken, or was not; never when there is none. May be dropped meanwhile.
    async fn said(&mut self) -> Result<(), LinkFailure> {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok((lane, result)) => {
                self.lane = Some(lane);
                result
            }
            Err(_) => Err(LinkFailure::network("a message could not be sent")),
        }
    }

    async fn close(mut self, last: Option<Vec<u8>>) {
        let goodbye = async {
            if self.task.is_some() {
                self.said().await?;
            }
            if let Some(last) = last {
                self.say(last);
                self.said().await?;
            }
            let Some(mut lane) = self.lane.take() else { return Ok(()) };
            let rest = format!("/connection?connection={}", self.connection);
            lane.ask(&Ask { method: Method::DELETE, rest, body: Bytes::new(), patience: PATIENCE }).await?;
            Ok::<_, LinkFailure>(())
        };
        if !matches!(tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
            tracing::debug!("the server did not take the goodbye in time");
        }
    }
}

async fn send(mut lane: SignedLane, ask: Ask) -> (SignedLane, Result<(), LinkFailure>) {
    let result = lane.ask(&ask).await.map(|_| ());
    (lane, result)
}
