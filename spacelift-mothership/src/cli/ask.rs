//! Asking a person before something that cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// There is nobody to ask.
    #[error("this needs a person's consent, and there is no terminal; say --yes if it is meant")]
    NoTerminal,
    /// The person said no.
    #[error("not done")]
    Declined,
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[from] io::Error),
}

/// Somebody who can be asked.
pub(super) trait Person {
    /// Whether there is one.
    fn is_there(&self) -> bool;
    /// Asks, and gives the line that was typed.
    fn answer(&mut self, question: &str) -> io::Result<String>;
}

/// The person at the terminal of this process, if any.
pub(super) struct Terminal;

impl Person for Terminal {
    fn is_there(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn answer(&mut self, question: &str) -> io::Result<String> {
        // To standard error, so that it is seen when the output goes to a file.
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line)
    }
}

/// Goes on only with a `--yes` or a person's.
pub(super) fn consent(person: &mut dyn Person, question: &str, yes: bool) -> Result<(), AskError> {
    if yes {
        return Ok(());
    }
    if !person.is_there() {
        return Err(AskError::NoTerminal);
    }
    let answer = person.answer(question)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(AskError::Declined)
    }
}
