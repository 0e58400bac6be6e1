//! How a run goes, while it lasts: one line that is drawn over on a terminal, a plain line now and then elsewhere.

use crate::command::up::told_to_leave;
use crate::print::say;
use crate::progress::Line;
use load::{Meter, Step};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use terminal::{WIDTH, clean};
use tokio_util::sync::CancellationToken;
use verdict::verdict_name;

/// How often the line of a terminal is drawn.
const DRAW: Duration = Duration::from_millis(250);
/// How often something is said where there is no terminal.
const PLAIN: Duration = Duration::from_secs(10);
/// Columns of the bar.
const BAR: usize = 8;

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
        let text = line(&repeat.name, repeat.planned, &repeat.meter.live(), self.terminal);
        if self.terminal { self.line.borrow_mut().draw(&text) } else { say(&format!("{text}\n")) }
    }
}

/// One line of at most 79 columns, the least of it last.
fn line(name: &str, planned: u64, live: &load::Progress, bar: bool) -> String {
    let share = if planned == 0 { 1.0 } else { live.finished as f64 / planned as f64 };
    let full = (share * BAR as f64) as usize;
    let bar = if bar {
        format!(" [{}{}]", "=".repeat(full.min(BAR)), " ".repeat(BAR.saturating_sub(full)))
    } else {
        String::new()
    };
    let seconds = live.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { live.finished as f64 / seconds } else { 0.0 };
    let time = |us: Option<u64>| us.map_or("-".to_owned(), |us| short(us as f64 / 1e3));
    let mut text = format!("{name}{bar} {}/{planned} {rate:.0}/s", live.finished);
    let rest = [
        format!("errors {}", live.failed),
        format!("p95 {}", time(live.p95_us)),
        format!("p50 {}", time(live.p50_us)),
        format!("in flight {}", live.in_flight),
        format!("waiting {}", live.waiting),
    ];
    for part in rest {
        if text.chars().count() + part.len() + 2 >= WIDTH {
            break;
        }
        text.push_str("  ");
        text.push_str(&part);
    }
    text.chars().take(WIDTH - 1).collect()
}

/// Milliseconds in few characters.
fn short(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_a_terminal() {
        let live = load::Progress {
            elapsed: Duration::from_secs(32),
            finished: 212,
            failed: 3,
            in_flight: 7,
            waiting: 0,
            p50_us: Some(902_000),
            p95_us: Some(1_310_000),
        };
        let text = line("academic", 400, &live, true);
        assert_eq!(text, "academic [====    ] 212/400 7/s  errors 3  p95 1.3 s  p50 902 ms  in flight 7");
        let long = line(&"long ".repeat(30), 10_000_000, &live, true);
        assert_eq!(long.chars().count(), WIDTH - 1);
        let none = load::Progress { finished: 0, elapsed: Duration::ZERO, p50_us: None, p95_us: None, ..live };
        assert!(line("a", 0, &none, false).starts_with("a 0/0 0/s  errors 3  p95 -"));
    }
}
