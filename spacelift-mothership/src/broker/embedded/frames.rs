//! Packets off a stream, one at a time. Knows sizes, no meaning.

use bytes::BytesMut;
use rumqttc::{Packet, mqttbytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest packet either way, in bytes: a payload of 128 KiB, its topic, and room to spare.
pub(in crate::broker) const MAX_PACKET: usize = 140_000;

/// The longest payload in bytes. Source: AWS IoT Core, message broker limits, "Publish message size".
pub(in crate::broker) const MAX_PAYLOAD: usize = 128 * 1024;

/// Why no further packet comes.
#[derive(Debug, thiserror::Error)]
pub(in crate::broker) enum FrameError {
    #[error("the connection was closed")]
    Closed,
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    #[error("the client sent no MQTT 3.1.1, or too much of it")]
    Malformed(#[from] mqttbytes::Error),
}

/// The reading half with what was read ahead.
#[derive(Debug)]
pub(in crate::broker) struct Frames<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(in crate::broker) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new() }
    }

    /// The next packet. Cancel-safe: what was read stays in the buffer.
    pub(in crate::broker) async fn next(&mut self) -> Result<Packet, FrameError> {
        loop {
            match Packet::read(&mut self.buffer, MAX_PACKET) {
                Ok(packet) => return Ok(packet),
                Err(mqttbytes::Error::InsufficientBytes(_)) => {}
                Err(malformed) => return Err(malformed.into()),
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Err(FrameError::Closed);
            }
        }
    }
}

/// Writes packets and flushes.
pub(in crate::broker) async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    packets: &[Packet],
) -> Result<(), FrameError> {
    let mut bytes = BytesMut::new();
    for packet in packets {
        packet.write(&mut bytes, MAX_PACKET)?;
    }
    writer.write_all(&bytes).await?;
    writer.flush().await?;
    Ok(())
}
