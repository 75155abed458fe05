//! How fast a worker may speak: a bucket of tokens. Reads no clock itself.

/// Messages a second. AWS IoT Core takes 100 a second of a connection, both ways together, and discards the rest.
const PER_SECOND: u64 = 50;

/// Lets 50 messages through in any second, in bursts or evenly.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// When each of the last messages went, in milliseconds of the monotonic clock; oldest first.
    sent: std::collections::VecDeque<u64>,
}

impl Pace {
    /// From when on the next message may go.
    pub(super) fn ready_at(&self) -> u64 {
        match self.sent.front() {
            Some(oldest) if self.sent.len() as u64 >= PER_SECOND => oldest + 1_000,
            _ => 0,
        }
    }

    /// A message goes now.
    pub(super) fn sent(&mut self, mono_ms: u64) {
        while self.sent.len() as u64 >= PER_SECOND {
            self.sent.pop_front();
        }
        self.sent.push_back(mono_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_fifty_messages() {
        let mut pace = Pace::default();
        let (mut now, mut times) = (0, Vec::new());
        for number in 0..500 {
            // Some pauses, so that bursts begin anywhere.
            now = pace.ready_at().max(now + number % 7 / 6 * 40);
            pace.sent(now);
            times.push(now);
        }
        for (at, begin) in times.iter().enumerate() {
            let within = times[at..].iter().filter(|time| **time < begin + 1_000).count();
            assert!(within <= 50, "{within} messages from {begin} on");
        }
        assert!(now < 13_000, "500 messages took {now} ms");
    }
}
