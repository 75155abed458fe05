//! What is told by an executor that makes a place for commands: that there is none, or that it was lost. Performs nothing.

use super::ending::{End, Halting};
use super::{Stage, Supervisor};
use crate::protocol::Now;

impl Supervisor {
    /// There is no place in which the commands could run; the reason carries no secret.
    pub fn unprepared(&mut self, now: Now, reason: &str) {
        self.now = now.mono_ms;
        if matches!(self.stage, Stage::Fetching) {
            self.fail(End::unprepared(reason));
            self.proceed();
        }
    }

    /// Nobody can tell any more what becomes of the command; the reason carries no secret.
    pub fn lost(&mut self, now: Now, reason: &str) {
        self.now = now.mono_ms;
        let Stage::Running(running) = self.stage else { return };
        if matches!(running.halting, Halting::No) {
            self.fail(End::lost(self.state, reason));
        }
        self.after(running.activity);
    }
}
