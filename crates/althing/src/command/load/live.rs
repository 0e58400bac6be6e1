//! How a run goes, while it lasts: one line that is drawn over on a terminal, a plain line now and then elsewhere.

use crate::command::up::told_to_leave;
use crate::print::say;
use crate::progress::Line;
use load::{Meter, Step};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use terminal::{clean, run_line};
use tokio_util::sync::CancellationToken;
use verdict::verdict_name;

/// How often the line of a terminal is drawn.
const DRAW: Duration = Duration::from_millis(250);
/// How often something is said where there is no terminal.
const PLAIN: Duration = Duration::from_secs(10);

/// What is shown of a run.
pub(super) struct Live {
    terminal: bool,
    now: RefCell<Option<Repeat>>,
    line: RefCell<Line>,
}

/// Shows how a run goes and waits for it, and whether it was told to stop: told once it ends early by itself, told twice
/// the process ends.
pub(super) async fn watched<T>(run: impl AsyncFnOnce(&CancellationToken, &Live) -> T) -> (T, bool) {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let listening = tokio::spawn(async move {
        told_to_leave().await;
        told.cancel();
    });
    let live = Live::new();
    let done = live.along(run(&stop, &live)).await;
    listening.abort();
    (done, stop.is_cancelled())
}

/// The repeat that is under way.
struct Repeat {
    name: String,
    planned: u64,
    meter: Arc<Meter>,
}

impl Live {
    fn new() -> Self {
        Self { terminal: Line::terminal(), now: RefCell::default(), line: RefCell::new(Line::new()) }
    }

    /// Takes note of what a run tells.
    pub(super) fn tell(&self, step: Step) {
        match step {
            Step::Alone { scenario } => self.say(&format!("{}: asking alone, for comparison", clean(&scenario))),
            Step::Begins { scenario, repeat, of, planned, users, meter } => {
                let name = if of > 1 { format!("{scenario} {repeat}/{of}") } else { scenario };
                let name = clean(&name);
                if !self.terminal {
                    say(&format!("{name}: {planned} requests, {users} users\n"));
                }
                *self.now.borrow_mut() = Some(Repeat { name, planned, meter });
            }
            Step::Ends { scenario, verdict } => {
                *self.now.borrow_mut() = None;
                self.say(&format!("{}: {}", clean(&scenario), verdict_name(verdict)));
            }
        }
    }

    /// Waits for a run and shows how it goes.
    async fn along<T>(&self, run: impl Future<Output = T>) -> T {
        let mut turns = tokio::time::interval(if self.terminal { DRAW } else { PLAIN });
        turns.tick().await;
        tokio::pin!(run);
        loop {
            tokio::select! {
                done = &mut run => return done,
                _ = turns.tick() => self.show(),
            }
        }
    }

    fn say(&self, text: &str) {
        self.line.borrow_mut().wipe();
        say(&format!("{text}\n"));
    }

    fn show(&self) {
        let now = self.now.borrow();
        let Some(repeat) = now.as_ref() else { return };
        let text = run_line(&repeat.name, repeat.planned, &repeat.meter.live(), self.terminal);
        if self.terminal { self.line.borrow_mut().draw(&text) } else { say(&format!("{text}\n")) }
    }
}
