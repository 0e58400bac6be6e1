//! An evaluation: begun under a lease, pair by pair, every score written down as it lands.

mod call;
mod course;
mod pair;
mod plan;
mod votes;

use crate::backend;
use crate::room::Decisions;
use crate::running::{Seat, words};
use crate::weigh::outlook;
use crate::{DecisionError, Evaluate, Evaluation, Look, Outlook, Progress};
use caller::{Caller, Identity, Step};
use course::{Course, Stopped};
use docket::{Head, Lease, Looking, Whom};
use plan::Plan;
pub(crate) use plan::missing;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

/// How much of the caller's time is left for writing and answering, at most and as a share.
const RESERVE: Duration = Duration::from_secs(1);
const RESERVE_SHARE: u32 = 10;
/// How often it is looked whether whoever holds a lease is alive, within the lease.
const LOOKS: u32 = 10;

/// An evaluation that has begun.
pub(crate) struct Begun {
    pub(crate) seat: Seat,
    pub(crate) lease: Lease,
    pub(crate) plan: Plan,
    pub(crate) rules: Arc<settings::Decisions>,
    pub(crate) started: Instant,
}

impl Decisions {
    /// Asks models about each pair that has no valid score, until all are done or the caller's deadline is near; every
    /// score is written down as it lands. Called again, it goes on where it ended. Dropping the future ends it.
    /// Progress goes to `caller.wishes.progress` and to whoever [`Decisions::watch`]es.
    ///
    /// # Errors
    /// [`DecisionError::Running`] while another evaluation of it runs on any server, and others. That pairs
    /// failed or are missing is no error: [`Evaluation`] says so.
    pub async fn evaluate(&self, caller: &Caller, id: &str, how: Evaluate) -> Result<Evaluation, DecisionError> {
        let begun = self.begin_evaluation(caller, id, how).await?;
        let left = caller.deadline.saturating_duration_since(Instant::now());
        let until = caller.deadline - RESERVE.min(left / RESERVE_SHARE);
        self.run(caller, begun, until).await
    }

    /// As [`Decisions::evaluate`], and returns as soon as it runs; it may take `decisions.evaluation_deadline_ms` then.
    ///
    /// # Errors
    /// As for [`Decisions::evaluate`].
    pub async fn evaluate_behind(
        self: &Arc<Self>,
        caller: &Caller,
        id: &str,
        how: Evaluate,
    ) -> Result<watch::Receiver<Progress>, DecisionError> {
        let begun = self.begin_evaluation(caller, id, how).await?;
        let watch = begun.seat.watch().ok_or(DecisionError::Stopped)?;
        let until = Instant::now() + Duration::from_millis(begun.rules.evaluation_deadline_ms);
        let (room, caller) = (Arc::clone(self), Caller { deadline: until, ..caller.clone() });
        let session = Arc::clone(&begun.lease.session);
        let task = tokio::spawn(async move {
            if let Err(error) = room.run(&caller, begun, until).await {
                tracing::warn!(%session, %error, "an evaluation that nobody waits for broke off");
            }
        });
        self.tasks().push(task);
        Ok(watch)
    }

    /// How far the evaluation of a decision is, as long as this server runs one; `None` where it does not. It has ended
    /// when [`Progress::finished`] is set or the sender is gone.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`](crate::DocketError::UnknownSession).
    pub async fn watch(&self, who: &Identity, id: &str) -> Result<Option<watch::Receiver<Progress>>, DecisionError> {
        let whole = self.whole(who, id).await?;
        Ok(self.running.watch(&whole.head.id))
    }

    /// What a decision comes to, as far as it has scores. Reading changes nothing.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`](crate::DocketError::UnknownSession).
    pub async fn result(&self, who: &Identity, id: &str, look: Look) -> Result<Outlook, DecisionError> {
        let whole = self.whole(who, id).await?;
        let history = match look.include_history {
            false => None,
            true => Some(self.docket.history(&whole.head.id).await?),
        };
        let draws = self.rules().draws;
        // Thousands of draws are nothing for a thread that serves connections.
        let weighed = spawn_blocking(move || outlook(&whole, history, look.seed, draws));
        self.watchman.timed("weigh", weighed).await.map_err(|_| DecisionError::Stopped)
    }

    /// Takes the lease and says what is to be asked.
    async fn begin_evaluation(&self, caller: &Caller, id: &str, how: Evaluate) -> Result<Begun, DecisionError> {
        let (started, rules) = (Instant::now(), self.rules());
        let looking = self.looking(&caller.guest.identity, id);
        let head = self.freed(&looking, caller.deadline, &rules).await?;
        let whom = self.whom(&head).await;
        let seat = self.running.sit(&looking.id, rules.evaluations_max, &self.watchman.metrics)?;
        let lasts_ms = i64::try_from(rules.lease_ms).unwrap_or(i64::MAX);
        // What this server once evaluated and does no longer is free: the seat says so.
        let leased = self.docket.lease(looking, how.version, Arc::clone(&self.name), lasts_ms, whom, how.refresh).await;
        let (lease, whole) = leased?;
        let mut plan = Plan::of(&whole, how.refresh, &self.matrix);
        if rules.history_max > 0 {
            plan.history = self.docket.history_of(&lease.session, &plan.again(&whole)).await?;
        }
        let progress = seat.tell(|progress| progress.total = plan.work.len());
        caller.wishes.progress.tell(&step(&progress));
        Ok(Begun { seat, lease, plan, rules, started })
    }

    /// Whom to ask about a decision for which nobody was there when it was begun.
    async fn whom(&self, head: &Head) -> Whom {
        if head.model.is_some() {
            return Whom::default();
        }
        let backend = Some(head.backend.as_str()).filter(|backend| *backend != backend::DEFAULT);
        let chosen = backend::choose(&self.matrix, backend, None).await.unwrap_or_default();
        // That somebody else is asked is worth telling only where somebody is.
        let instead = chosen.instead.filter(|_| chosen.model.is_some());
        Whom { model: chosen.model, instead }
    }

    /// Waits until a lease is free that some other server holds, if it shows no sign of life; an error as soon as it does.
    /// The decision is looked at first: whose it is not, learns nothing of what runs.
    async fn freed(
        &self,
        looking: &Looking,
        deadline: Instant,
        rules: &settings::Decisions,
    ) -> Result<Head, DecisionError> {
        let (first, mut now) = self.docket.head(looking).await?;
        if self.running.holds(&looking.id) {
            return Ok(first);
        }
        let free = |head: &Head, now: i64| head.lease_ms <= now || head.owner == *self.name;
        let mut seen = first.clone();
        while !free(&seen, now) {
            let renewed = seen.lease_ms != first.lease_ms || seen.fence != first.fence;
            if renewed || Instant::now() >= deadline {
                return Err(DecisionError::running(&looking.id, None));
            }
            sleep(Duration::from_millis(rules.lease_ms) / LOOKS).await;
            (seen, now) = self.docket.head(looking).await?;
        }
        Ok(seen)
    }

    /// Asks, and says what came of it.
    async fn run(&self, caller: &Caller, begun: Begun, until: Instant) -> Result<Evaluation, DecisionError> {
        let session = begun.lease.session.to_string();
        let ran = self.watchman.timed("evaluate", Course::new(self, caller, &begun, until).run()).await;
        let ended = match ran {
            Ok(stopped) => self.ended(&begun, stopped, caller.deadline).await,
            Err(error) => Err(error),
        };
        match &ended {
            Ok(evaluation) => {
                self.watchman.evaluation(if evaluation.complete { "complete" } else { "partial" });
                let progress = begun.seat.tell(|progress| progress.finished = true);
                caller.wishes.progress.tell(&step(&progress));
            }
            Err(error) => {
                self.watchman.evaluation("failed");
                tracing::debug!(%session, %error, "an evaluation broke off");
            }
        }
        ended
    }

    /// What an evaluation came to, read from what was written.
    async fn ended(&self, begun: &Begun, stopped: Stopped, deadline: Instant) -> Result<Evaluation, DecisionError> {
        let mut tries = 1;
        let whole = loop {
            match self.docket.after(&begun.lease).await {
                Err(error) if course::passes(&error) && course::is_time(tries, deadline) => {
                    sleep(course::write_wait(tries)).await;
                    tries += 1;
                }
                read => break read?,
            }
        };
        Ok(plan::report(&whole, &begun.plan, &stopped, begun.started.elapsed()))
    }
}

/// How far an evaluation is, as doors are told.
pub(crate) fn step(progress: &Progress) -> Step {
    let (done, total) = (progress.done as u64, progress.total as u64);
    Step { done, total, message: words(progress) }
}
