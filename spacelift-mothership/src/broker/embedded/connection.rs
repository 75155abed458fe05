//! One connection, from CONNECT to its end.
//!
//! Hands messages over before it acknowledges them, so that an acknowledged message is with the control loop.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Take};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::access::{CertificateLookup, Peer, Topics};
use super::faults::{Fault, Faults};
use super::frames::{self, FrameError, Frames, MAX_PAYLOAD};
use super::hub::{Arrival, ClientKey, Hub, Place};
use crate::wire::WireEvent;

/// From the end of the handshake to CONNECT.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For the last words of TLS.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A client that does not read for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Keep-alive where a client asks for none, or for more. Source: AWS IoT Core, "Keep-alive interval".
const MAX_KEEP_ALIVE_SECS: u16 = 1_200;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client said goodbye")]
    Disconnect,
    #[error("another connection took over, or the certificate was revoked")]
    Cut,
    #[error("nothing was heard for one and a half times the keep-alive")]
    Silent,
    #[error("the client does not read")]
    Stuck,
    #[error("the client broke the rules: {0}")]
    Violation(&'static str),
    #[error("the broker stops")]
    Stopping,
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// What a connection needs of its broker.
pub(super) struct Surroundings<'a> {
    pub(super) hub: &'a Hub,
    pub(super) events: &'a mpsc::Sender<WireEvent>,
    pub(super) certificates: &'a dyn CertificateLookup,
    pub(super) faults: &'a Faults,
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(stream: S, peer: Peer, around: Surroundings<'_>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pool = peer.pool;
    match Connection::open(stream, peer, &around).await {
        Ok((mut connection, place)) => {
            let end = tokio::select! {
                biased;
                () = place.cut.cancelled() => End::Cut,
                end = connection.run(&place) => end,
            };
            tracing::debug!(%pool, worker = %place.key.worker, %end, "a connection ended");
            // An end in order, so that the client can tell it from a network that broke.
            let _ = timeout(CLOSE_TIMEOUT, connection.writer.shutdown()).await;
            let will = around.hub.detach(&place, Instant::now());
            // [MQTT-3.1.2-8]: published unless a DISCONNECT came first.
            if let (Some(will), false) = (will, matches!(end, End::Disconnect)) {
                let _ = tell(around.events, place.key, will).await;
            }
        }
        Err(end) => tracing::debug!(%pool, %end, "a connection was refused"),
    }
}

/// Hands a message to the control loop; waits while that is behind.
async fn tell(events: &mpsc::Sender<WireEvent>, key: ClientKey, bytes: Bytes) -> Result<(), End> {
    let event = WireEvent::Message { pool: key.pool, worker: key.worker, bytes };
    events.send(event).await.map_err(|_| End::Stopping)
}

struct Connection<'a, S> {
    frames: Frames<Take<tokio::io::ReadHalf<S>>>,
    writer: tokio::io::WriteHalf<S>,
    around: &'a Surroundings<'a>,
    topics: Topics,
    silence: Duration,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Connection<'a, S> {
    /// Reads CONNECT, decides, answers.
    async fn open(stream: S, peer: Peer, around: &'a Surroundings<'a>) -> Result<(Self, Place), End> {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut frames = Frames::new(reader.take(around.faults.cut()));
        let first = timeout(CONNECT_TIMEOUT, frames.next()).await.map_err(|_| End::Silent)??;
        let Packet::Connect(connect) = first else {
            return Err(End::Violation("the first packet was no CONNECT"));
        };
        match admit(&connect, &peer, around).await {
            Ok((place, topics)) => {
                let silence = silence(connect.keep_alive);
                let mut connection = Self { frames, writer, around, topics, silence };
                let answer = ConnAck::new(ConnectReturnCode::Success, place.session_present);
                if let Err(end) = connection.write(&[Packet::ConnAck(answer)]).await {
                    around.hub.detach(&place, Instant::now());
                    return Err(end);
                }
                Ok((connection, place))
            }
            Err((code, reason)) => {
                let answer = Packet::ConnAck(ConnAck::new(code, false));
                let _ = timeout(WRITE_TIMEOUT, frames::write(&mut writer, &[answer])).await;
                Err(End::Violation(reason))
            }
        }
    }

    async fn run(&mut self, place: &Place) -> End {
        let mut deadline = Instant::now() + self.silence;
        loop {
            // First of all what waited for this connection.
            if let Err(end) = self.deliver(place).await {
                return end;
            }
            let step = tokio::select! {
                packet = timeout_at(deadline, self.frames.next()) => match packet {
                    Err(_) => Err(End::Silent),
                    Ok(Err(broken)) => Err(broken.into()),
                    Ok(Ok(packet)) => {
                        let done = self.handle(packet, place).await;
                        deadline = Instant::now() + self.silence;
                        done
                    }
                },
                () = place.wake.notified() => Ok(()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Writes what the session has ready.
    async fn deliver(&mut self, place: &Place) -> Result<(), End> {
        while let Some(publish) = self.around.hub.next(place) {
            if self.around.faults.take(Fault::RepeatDelivery) {
                self.write(&[Packet::Publish(publish.clone())]).await?;
            }
            self.write(&[Packet::Publish(publish)]).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, packet: Packet, place: &Place) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.handle_publish(publish, place).await,
            Packet::PubAck(ack) => {
                self.around.hub.session(place, |session| session.acknowledged(ack.pkid));
                Ok(())
            }
            Packet::Subscribe(subscribe) => self.handle_subscribe(subscribe, place).await,
            Packet::Unsubscribe(unsubscribe) => {
                if unsubscribe.topics.iter().any(|topic| self.topics.may_subscribe(topic)) {
                    self.around.hub.session(place, super::session::Session::unsubscribe);
                }
                self.write(&[Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid))]).await
            }
            Packet::PingReq => self.write(&[Packet::PingResp]).await,
            Packet::Disconnect => Err(End::Disconnect),
            _ => Err(End::Violation("a packet that only a server sends, a second CONNECT, or QoS 2")),
        }
    }

    async fn handle_publish(&mut self, publish: Publish, place: &Place) -> Result<(), End> {
        if publish.qos == QoS::ExactlyOnce {
            return Err(End::Violation("QoS 2"));
        }
        if !self.topics.may_publish(&publish.topic) {
            return Err(End::Violation("a foreign topic"));
        }
        if publish.payload.len() > MAX_PAYLOAD {
            return Err(End::Violation("a payload above 128 KiB"));
        }
        if !self.around.faults.take(Fault::LoseMessage) {
            tell(self.around.events, place.key, publish.payload).await?;
        }
        match publish.qos {
            QoS::AtMostOnce => Ok(()),
            _ => self.acknowledge(publish.pkid).await,
        }
    }

    async fn acknowledge(&mut self, packet_id: u16) -> Result<(), End> {
        let faults = self.around.faults;
        let delay = faults.puback_delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if faults.take(Fault::LosePuback) {
            return Ok(());
        }
        let ack = Packet::PubAck(PubAck::new(packet_id));
        if faults.take(Fault::RepeatPuback) {
            self.write(&[ack.clone(), ack]).await
        } else {
            self.write(&[ack]).await
        }
    }

    async fn handle_subscribe(&mut self, subscribe: Subscribe, place: &Place) -> Result<(), End> {
        let answer = |filter: &rumqttc::SubscribeFilter| {
            if !self.topics.may_subscribe(&filter.path) || self.around.faults.take(Fault::RefuseSubscription)
            {
                return SubscribeReasonCode::Failure;
            }
            let granted = self.around.hub.session(place, |session| session.subscribe(filter.qos));
            granted.map_or(SubscribeReasonCode::Failure, SubscribeReasonCode::Success)
        };
        let codes = subscribe.filters.iter().map(answer).collect();
        self.write(&[Packet::SubAck(SubAck::new(subscribe.pkid, codes))]).await
    }

    async fn write(&mut self, packets: &[Packet]) -> Result<(), End> {
        let written = timeout(WRITE_TIMEOUT, frames::write(&mut self.writer, packets)).await;
        Ok(written.map_err(|_| End::Stuck)??)
    }
}

/// Why a CONNECT is refused: the code for the client, the reason for the log.
type Refusal = (ConnectReturnCode, &'static str);

/// Decides about a CONNECT and, if it may, gives it its place.
async fn admit(
    connect: &Connect,
    peer: &Peer,
    around: &Surroundings<'_>,
) -> Result<(Place, Topics), Refusal> {
    around.faults.see(connect);
    if around.faults.take(Fault::RefuseConnect) {
        return Err((ConnectReturnCode::ServiceUnavailable, "it was asked to refuse"));
    }
    let refused = (ConnectReturnCode::NotAuthorized, "the certificate is not the pool's current one");
    let worker = connect
        .client_id
        .parse()
        .map_err(|_| (ConnectReturnCode::BadClientId, "the client id is no ULID"))?;
    let key = ClientKey { pool: peer.pool, worker };
    let topics = Topics::new(&around.hub.namespace, key.pool, key.worker);
    let will = match &connect.last_will {
        None => None,
        Some(will) if !topics.may_publish(will.topic.as_bytes()) || will.qos == QoS::ExactlyOnce => {
            return Err((ConnectReturnCode::NotAuthorized, "a will on a foreign topic, or with QoS 2"));
        }
        Some(will) => Some(will.message.clone()),
    };
    if !around.certificates.is_current(peer.pool, &peer.certificate).await {
        return Err(refused);
    }
    if around.faults.take(Fault::ForgetSession) {
        around.hub.forget(key);
    }
    let arrival =
        Arrival { key, clean_session: connect.clean_session, will, certificate: peer.certificate.clone() };
    let place = around
        .hub
        .attach(arrival, Instant::now())
        .ok_or((ConnectReturnCode::ServiceUnavailable, "too many sessions"))?;
    if around.faults.take(Fault::ForgetSubscription) {
        around.hub.session(&place, super::session::Session::unsubscribe);
    }
    // A reset between the question and the attachment found no connection to cut, so the question is asked again.
    if !around.certificates.is_current(peer.pool, &peer.certificate).await {
        around.hub.revoke(key, &peer.certificate);
        return Err(refused);
    }
    // Published here, so that it stands before everything that the new connection says.
    if let Some(will) = place.predecessors_will.clone() {
        let _ = tell(around.events, key, will).await;
    }
    Ok((place, topics))
}

/// [MQTT-3.1.2-24]: "If the Keep Alive value is non-zero and the Server does not receive a Control Packet from the
/// Client within one and a half times the Keep Alive time period, it MUST disconnect".
fn silence(keep_alive: u16) -> Duration {
    let secs = match keep_alive {
        0 => MAX_KEEP_ALIVE_SECS,
        secs => secs.min(MAX_KEEP_ALIVE_SECS),
    };
    Duration::from_millis(u64::from(secs) * 1_500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_one_and_a_half_keep_alives_and_never_for_ever() {
        assert_eq!(silence(30), Duration::from_secs(45));
        assert_eq!(silence(0), Duration::from_secs(1_800));
        assert_eq!(silence(u16::MAX), Duration::from_secs(1_800));
    }
}
