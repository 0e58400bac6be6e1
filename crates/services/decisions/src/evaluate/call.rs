//! One question to one model: a place for it, an answer read, asked again where that is of use.

use crate::evaluate::pair::Worker;
use crate::evaluate::plan::Task;
use crate::places;
use appraisal::{Outcome, REPAIR, Reading};
use caller::{Caller, Kept, ProgressSink, Wishes};
use docket::Said;
use fault::{Explain, Kind, Retry, shown_ms};
use matrix::AskError;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};
use wire::openai::{ChatRequest, Limits};

/// How long after its deadline the engine may still say in its own words that it passed.
const GRACE: Duration = Duration::from_millis(200);
/// By how much waits between attempts may be longer, so that pairs which failed together come back apart.
const JITTER: f64 = 0.25;
/// The longest that an outage may ask for before the next attempt; whoever evaluates again asks those pairs then. A
/// provider whose breaker is open for a minute must not keep an answer from clients that wait no longer than that.
const OUTAGE_MAX: Duration = Duration::from_secs(10);
/// The longest wait between attempts that doubling leads to.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A conversation has few messages.
const LIMITS: Limits = Limits { n_max: 1, messages_max: 8 };

/// What one model said about a pair.
#[derive(Debug)]
pub(crate) struct Told {
    /// Who answered; whoever was asked, where nobody did.
    pub(crate) model: String,
    pub(crate) outcome: Heard,
    pub(crate) simulated: bool,
    /// What all attempts cost in US dollars; `None` where that is unknown.
    pub(crate) cost_usd: Option<f64>,
    pub(crate) notes: Vec<String>,
    pub(crate) said: Vec<Said>,
}

/// What was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    Scored { score: f64, confidence: Option<f64>, justification: String },
    Abstained { reason: String, confidence: Option<f64> },
    Failed(Fault),
}

/// Why there is neither.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    pub(crate) retryable: bool,
    /// What kind of trouble it is; `None` where somebody answered, but nothing of use.
    pub(crate) kind: Option<Kind>,
    retry: Retry,
}

impl Fault {
    fn of(error: &AskError) -> Self {
        let (kind, retry) = (error.kind(), error.retry());
        let passes = matches!(kind, Kind::Deadline | Kind::Unavailable | Kind::Overloaded | Kind::RateLimited);
        let retryable = passes || kind == Kind::Budget || retry != Retry::Never;
        Self { code: error.code(), reason: error.to_string(), retryable, kind: Some(kind), retry }
    }

    fn late(within: Duration) -> Self {
        let reason = format!("no answer within {}", shown_ms(within));
        let (kind, retry) = (Some(Kind::Deadline), Retry::Never);
        Self { code: "deadline_exceeded", reason, retryable: true, kind, retry }
    }

    /// Of members of a panel whose turn did not come.
    pub(super) fn no_turn() -> Self {
        let reason = "time ran out before all were asked".to_owned();
        let (kind, retry) = (Some(Kind::Deadline), Retry::Never);
        Self { code: "deadline_exceeded", reason, retryable: true, kind, retry }
    }

    fn unreadable(why: &str) -> Self {
        let reason = format!("the answer could not be read: {why}");
        Self { code: "unreadable_answer", reason, retryable: true, kind: None, retry: Retry::Never }
    }

    fn reported(said: &str) -> Self {
        let reason = format!("the model reported an error: {said}");
        Self { code: "model_reported_error", reason, retryable: true, kind: None, retry: Retry::Never }
    }
}

/// A place at models, given back when it is dropped.
struct Place {
    _counted: measure::LevelGuard,
    _of_criterion: OwnedSemaphorePermit,
    _of_all: places::Place,
}

/// An answer, with what is known of it.
struct Answer {
    text: String,
    served_by: String,
    simulated: bool,
    cost_usd: Option<f64>,
}

/// A conversation on its way.
struct Talk {
    messages: Vec<Value>,
    told: Told,
    attempt: u32,
    repaired: bool,
    began: Option<Instant>,
}

impl Worker<'_> {
    /// Asks one model about a pair until it has an outcome; `None` where its turn never came.
    pub(super) async fn ask(&self, task: &Task, model: &str) -> Option<Told> {
        let mut talk = Talk::new(task, model);
        loop {
            let Some(place) = self.place().await else {
                let began = talk.began?;
                return Some(talk.failed(Fault::late(began.elapsed())));
            };
            let began = *talk.began.get_or_insert_with(Instant::now);
            let deadline = self.until.min(began + Duration::from_millis(self.rules.pair_deadline_ms));
            let asked = Instant::now();
            let answered = self.put(task, model, &talk.messages, deadline).await;
            drop(place);
            self.room.watchman.answer(model, asked.elapsed(), answered.is_err());
            match answered {
                Ok(answer) => match talk.read(answer, Instant::now() < deadline) {
                    Some(heard) => return Some(talk.ended(heard)),
                    None => continue,
                },
                Err(fault) => match self.wait(&fault, talk.attempt, deadline) {
                    Some(wait) => {
                        talk.attempt += 1;
                        sleep(wait).await;
                    }
                    None => return Some(talk.failed(fault)),
                },
            }
        }
    }

    /// A place for a question, as soon as there is one; `None` where time runs out first.
    async fn place(&self) -> Option<Place> {
        let metrics = &self.room.watchman.metrics;
        let waiting = metrics.queued.enter();
        let both = async {
            let of_criterion = self.gate.clone().acquire_owned().await.ok()?;
            let of_all = self.room.places().enter(&self.caller.guest.identity.tenant).await?;
            Some((of_criterion, of_all))
        };
        let (of_criterion, of_all) = timeout_at(self.until, both).await.ok().flatten()?;
        drop(waiting);
        (Instant::now() < self.until).then(|| Place {
            _counted: metrics.in_flight.enter(),
            _of_criterion: of_criterion,
            _of_all: of_all,
        })
    }

    /// Puts a question to a model, once.
    async fn put(&self, task: &Task, model: &str, messages: &[Value], deadline: Instant) -> Result<Answer, Fault> {
        let body = json!({ "model": model, "messages": messages, "temperature": task.temperature });
        let request = ChatRequest::parse(body.to_string().into(), &LIMITS).map_err(|error| {
            let reason = format!("the question could not be put: {error}");
            Fault { code: "internal", reason, retryable: false, kind: Some(Kind::Internal), retry: Retry::Never }
        })?;
        let started = Instant::now();
        // Pairs of a decision resemble each other: an answer that is kept for one of them must not be given for another.
        let kept = match self.caller.wishes.kept {
            Kept::Welcome | Kept::Own => Kept::Own,
            _ => Kept::Never,
        };
        let wishes = Wishes { kept, progress: ProgressSink::default(), ..self.caller.wishes.clone() };
        let caller = Caller { deadline, wishes, ..self.caller.clone() };
        let asked = timeout_at(deadline + GRACE, self.room.matrix.ask(&caller, &request)).await;
        let late = || Fault::late(started.elapsed());
        let outcome = asked.map_err(|_| late())?.map_err(|error| Fault::of(&error))?;
        let answer = outcome.into_answer(started).ok_or_else(|| Fault::unreadable("it came as a stream"))?;
        let cost_usd = answer.report.cost_usd.as_ref().and_then(ToPrimitive::to_f64);
        let (served_by, simulated) = (answer.report.served_by, answer.report.simulated);
        Ok(Answer { text: answer.answer, served_by, simulated, cost_usd })
    }

    /// How long to wait before asking again; `None` where that is of no use, or no time is left for it.
    fn wait(&self, fault: &Fault, attempt: u32, deadline: Instant) -> Option<Duration> {
        if attempt >= self.rules.retries_max {
            return None;
        }
        let chance = self.room.chance();
        let doubled =
            Duration::from_millis(self.rules.retry_base_ms).saturating_mul(1 << attempt.min(16)).min(WAIT_MAX);
        let own = doubled.mul_f64(1.0 + JITTER * chance);
        let wait = match fault.retry {
            Retry::Never => return None,
            Retry::Now => own,
            Retry::After(least) if fault.kind == Some(Kind::Unavailable) && least > OUTAGE_MAX => return None,
            Retry::After(least) => own.max(least),
        };
        (Instant::now() + wait < deadline).then_some(wait)
    }
}

impl Talk {
    fn new(task: &Task, model: &str) -> Self {
        let said = vec![said(model, "user", &task.prompt.user)];
        let messages = vec![message("system", &task.prompt.system), message("user", &task.prompt.user)];
        let told = Told {
            model: model.to_owned(),
            // Until something better is heard.
            outcome: Heard::Failed(Fault::unreadable("nobody was asked")),
            simulated: false,
            cost_usd: Some(0.0),
            notes: Vec::new(),
            said,
        };
        Self { messages, told, attempt: 0, repaired: false, began: None }
    }

    /// What an answer says; `None` where it says nothing, and is asked for once more, with the form spelled out.
    fn read(&mut self, answer: Answer, again: bool) -> Option<Heard> {
        let Answer { text, served_by, simulated, cost_usd } = answer;
        self.told.said.push(said(&served_by, "assistant", &text));
        self.told.simulated |= simulated;
        self.told.cost_usd = self.told.cost_usd.zip(cost_usd).map(|(sum, cost)| sum + cost);
        self.told.model = served_by;
        let Reading { outcome, confidence, justification, notes } = appraisal::read(&text);
        let heard = match outcome {
            Outcome::Scored { score } => Heard::Scored { score, confidence, justification },
            Outcome::Abstained { reason } => Heard::Abstained { reason, confidence },
            Outcome::Refused { said } => Heard::Failed(Fault::reported(&said)),
            Outcome::Nothing { .. } if again && !self.repaired => {
                self.repaired = true;
                self.told.notes.push("the first answer could not be read, and was asked for again".to_owned());
                self.told.said.push(said(&self.told.model, "user", REPAIR));
                self.messages.extend([message("assistant", &text), message("user", REPAIR)]);
                return None;
            }
            Outcome::Nothing { why } => Heard::Failed(Fault::unreadable(why)),
        };
        self.told.notes.extend(notes.iter().map(ToString::to_string));
        Some(heard)
    }

    fn ended(self, outcome: Heard) -> Told {
        Told { outcome, ..self.told }
    }

    fn failed(self, fault: Fault) -> Told {
        self.ended(Heard::Failed(fault))
    }
}

fn message(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}

fn said(model: &str, role: &str, content: &str) -> Said {
    let content = content.chars().filter(|c| *c != '\0').collect();
    Said { model: model.to_owned(), role: role.to_owned(), content, at_ms: calendar::now_ms() }
}
