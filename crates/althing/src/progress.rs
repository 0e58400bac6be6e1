//! Waiting in company: a line that is drawn over on a terminal, a plain line now and then elsewhere.

use crate::command::up::told_to_stop;
use crate::exit::{Failure, INTERRUPTED};
use crate::print::say;
use std::io::IsTerminal;
use std::time::Duration;
use terminal::clean;
use tokio::time::{Instant, interval_at};

/// Who is quick needs no company.
const FIRST: Duration = Duration::from_millis(300);
/// How often the line of a terminal is drawn.
const DRAW: Duration = Duration::from_secs(1);
/// How often something is said where there is no terminal.
const PLAIN: Duration = Duration::from_secs(10);

/// Waits for `work` and says on standard error that it is waited for; ends early when the process is told to stop.
pub(crate) async fn wait<T>(what: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    let what = clean(what);
    follow(|| what.clone(), work).await
}

/// The same with words that change while it is waited.
pub(crate) async fn follow<T>(what: impl Fn() -> String, work: impl Future<Output = T>) -> Result<T, Failure> {
    let terminal = Line::terminal();
    let started = Instant::now();
    let mut turns = match terminal {
        true => interval_at(started + FIRST, DRAW),
        false => interval_at(started + PLAIN, PLAIN),
    };
    let mut line = Line::new();
    tokio::pin!(work);
    let stop = told_to_stop();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = &mut stop => return Err(Failure::new(INTERRUPTED, "interrupted").named("interrupted")),
            _ = turns.tick() => {
                let (what, seconds) = (what(), started.elapsed().as_secs());
                match (terminal, seconds) {
                    (true, 0) => line.draw(&format!("{what} …")),
                    (true, _) => line.draw(&format!("{what} … {seconds} s")),
                    (false, _) => say(&format!("{what}, {seconds} s so far\n")),
                }
            }
        }
    }
}

/// The line of a terminal, wiped when it is let go of.
pub(crate) struct Line {
    drawn: bool,
}

impl Line {
    /// A line with nothing on it.
    pub(crate) fn new() -> Self {
        Self { drawn: false }
    }

    /// Whether standard error is a terminal on which a line can be drawn over.
    pub(crate) fn terminal() -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Puts `text` in the place of what was drawn before.
    pub(crate) fn draw(&mut self, text: &str) {
        say(&format!("\r\u{1b}[K{text}"));
        self.drawn = true;
    }

    /// Leaves the line empty.
    pub(crate) fn wipe(&mut self) {
        if std::mem::take(&mut self.drawn) {
            say("\r\u{1b}[K");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.wipe();
    }
}
