//! Rows written: a decision begun and changed, a lease taken, scores.

use crate::rows::{CriterionRow, Head, History, OptionRow, Said, ScoreRow};
use crate::tables::remove::{Which, count_of, some};
use crate::tables::{HEAD, Looking, written};
use crate::{Clock, DocketError};
use std::sync::Arc;
use store::{StoreError, Tx, Value, args};

/// A decision to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// Its id; [`Docket::begin`](crate::Docket::begin) gives it one.
    pub id: Arc<str>,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// What is to be decided.
    pub topic: String,
    /// Who was asked for.
    pub backend: String,
    /// Whom pairs are put to.
    pub model: Option<String>,
    /// How much chance models may use.
    pub temperature: f64,
    /// Whether somebody else is asked than was asked for.
    pub degraded: bool,
    /// Why.
    pub reasons: Vec<String>,
    /// Its options, with ids from 1.
    pub options: Vec<OptionRow>,
    /// Its criteria, with ids that go on from there.
    pub criteria: Vec<CriterionRow>,
}

/// No more than one of so many decisions goes at once for want of room, whatever the batch.
const BATCH_SHARE: i64 = 4;

/// How many decisions a tenant may hold, and how many go at once.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The most that it may hold.
    pub most: i64,
    /// How many go together; never more than a quarter of them.
    pub batch: i64,
}

/// Writes a decision; where there are too many, those used least recently go.
pub(crate) async fn begin(tx: &mut Tx, begun: &Begun, now: i64, room: Room) -> Result<u64, DocketError> {
    // What is removed is locked before its tenant, here as everywhere: nobody waits in a circle.
    let sessions = count_of(tx, &begun.tenant).await? + 1;
    let mut gone = 0;
    if sessions > room.most {
        let over = (sessions - room.most).max(room.batch.min(room.most / BATCH_SHARE));
        while gone < over {
            let removed = some(tx, &Which::LeastRecent(Arc::clone(&begun.tenant), over - gone), now).await?;
            if removed == 0 {
                break;
            }
            gone += i64::try_from(removed).unwrap_or(i64::MAX);
        }
        if sessions - gone > room.most {
            return Err(DocketError::Full { sessions: usize::try_from(sessions - 1).unwrap_or(usize::MAX) });
        }
    }
    let sql = "INSERT INTO decision_tenants (tenant, sessions) VALUES ($1, 1) \
               ON CONFLICT (tenant) DO UPDATE SET sessions = decision_tenants.sessions + 1";
    tx.execute(sql, args![&begun.tenant]).await?;
    let next = (begun.options.len() + begun.criteria.len()) as i64 + 1;
    let sql = "INSERT INTO decision_sessions (id, tenant, topic, backend, model, temperature, degraded, reasons, \
               comparisons, version, next_id, created_ms, touched_ms, evaluations, owner, lease_ms, fence) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '[]', 1, $9, $10, $10, 0, '', 0, 0)";
    let row = args![
        &begun.id,
        &begun.tenant,
        begun.topic.as_str(),
        begun.backend.as_str(),
        begun.model.clone(),
        begun.temperature,
        begun.degraded,
        written(&begun.reasons),
        next,
        now,
    ];
    tx.execute(sql, row).await?;
    options(tx, &begun.id, &begun.options).await?;
    criteria(tx, &begun.id, &begun.criteria).await?;
    Ok(gone.unsigned_abs())
}

pub(crate) async fn options(tx: &mut Tx, session: &Arc<str>, options: &[OptionRow]) -> Result<(), StoreError> {
    let row = |option: &OptionRow| -> Vec<Value> {
        let OptionRow { id, name, description, flags } = option;
        args![session, *id, name.as_str(), folded(name), description.as_str(), written(flags)]
    };
    let head = "INSERT INTO decision_options (session, id, name, folded, description, flags)";
    tx.insert_many(head, options.iter().map(row).collect(), "").await.map(drop)
}

pub(crate) async fn criteria(tx: &mut Tx, session: &Arc<str>, criteria: &[CriterionRow]) -> Result<(), StoreError> {
    let row = |it: &CriterionRow| -> Vec<Value> {
        let name = it.name.as_str();
        let (prompt, model) = (it.custom_prompt.clone(), it.model.clone());
        let head: Vec<Value> = args![session, it.id, name, folded(name), it.description.as_str(), it.weight];
        let tail: Vec<Value> = args![prompt, model, it.temperature, written(&it.flags)];
        head.into_iter().chain(tail).collect()
    };
    let head = "INSERT INTO decision_criteria (session, id, name, folded, description, weight, custom_prompt, model, \
                temperature, flags)";
    tx.insert_many(head, criteria.iter().map(row).collect(), "").await.map(drop)
}

/// A name as two of them are compared.
pub fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Takes hold of a decision to change it, and raises its version. `free` is asked once the row is locked.
pub(crate) async fn hold(
    tx: &mut Tx,
    clock: &Clock,
    looking: &Looking,
    version: Option<i64>,
    free: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<(Head, i64), DocketError> {
    // The row is locked by the update: what is read before may be old on PostgreSQL.
    let sql = format!(
        "UPDATE decision_sessions SET version = version + 1, touched_ms = $3 \
         WHERE id = $1 AND tenant = $2 AND (touched_ms > $4 OR lease_ms > $3) RETURNING {HEAD}"
    );
    let now = crate::clock::now(clock, tx).await?;
    let args = args![&looking.id, &looking.tenant, now, now.saturating_sub(looking.ttl_ms)];
    let Some(row) = tx.fetch_optional(sql, args).await? else { return Err(looking.unknown(tx, now).await?) };
    let head = Head::of(&row)?;
    if version.is_some_and(|version| version != head.version - 1) {
        return Err(DocketError::Stale { id: head.id.to_string(), version: head.version - 1 });
    }
    if head.lease_ms > now && !free(&head.owner) {
        return Err(DocketError::Running { id: head.id.to_string() });
    }
    Ok((head, now))
}

/// Takes the lease from whoever held it last, for a decision that is held: what is heard for it is about what was there
/// before.
pub(crate) async fn let_go(tx: &mut Tx, head: &mut Head) -> Result<(), StoreError> {
    if head.owner.is_empty() {
        return Ok(());
    }
    (head.owner, head.lease_ms, head.fence) = (String::new(), 0, head.fence + 1);
    let sql = "UPDATE decision_sessions SET owner = '', lease_ms = 0, fence = $2 WHERE id = $1";
    tx.execute(sql, args![&head.id, head.fence]).await.map(drop)
}

/// Who may write scores, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of which decision.
    pub session: Arc<str>,
    /// Which server.
    pub owner: Arc<str>,
    /// Which evaluation.
    pub fence: i64,
    /// How long it lasts without a sign of life, in milliseconds.
    pub lasts_ms: i64,
}

impl Lease {
    /// Takes it, for a decision that is held.
    pub(crate) async fn take(&self, tx: &mut Tx, now: i64) -> Result<(), StoreError> {
        let sql = "UPDATE decision_sessions SET owner = $2, lease_ms = $3, fence = $4 WHERE id = $1";
        let args = args![&self.session, &self.owner, now + self.lasts_ms, self.fence];
        tx.execute(sql, args).await.map(drop)
    }

    /// Renews it, or ends it where the evaluation has `ended`; the version then. `None` where somebody else has taken it,
    /// or the decision is gone.
    pub(crate) async fn renew(&self, tx: &mut Tx, now: i64, end: End) -> Result<Option<i64>, StoreError> {
        let sql = "UPDATE decision_sessions SET lease_ms = $4, version = version + $5, touched_ms = $6, \
                   evaluations = evaluations + $7, evaluated_ms = COALESCE($8, evaluated_ms), refresh = refresh * $9 \
                   WHERE id = $1 AND owner = $2 AND fence = $3 RETURNING version";
        let on = now + self.lasts_ms;
        let (until, raised, counted, scored): (i64, i64, i64, Option<i64>) = match end {
            End::GoesOn => (on, 0, 0, None),
            End::Wrote => (on, 1, 0, Some(now)),
            End::Ended { wrote, .. } => (0, 1, 1, wrote.then_some(now)),
        };
        let goes_on = i64::from(!matches!(end, End::Ended { refreshed: true, .. }));
        let args = args![&self.session, &self.owner, self.fence, until, raised, now, counted, scored, goes_on];
        tx.fetch_optional(sql, args).await?.map(|row| row.get(0)).transpose()
    }
}

/// What a write of an evaluation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A sign of life.
    GoesOn,
    /// Scores.
    Wrote,
    /// The last one, with scores or without.
    Ended {
        /// Whether there are scores in it.
        wrote: bool,
        /// Whether nothing is left of the refresh.
        refreshed: bool,
    },
}

/// Writes scores, in place of those that were there. A failure takes the place of no score that is still about the same
/// texts.
pub(crate) async fn scores(tx: &mut Tx, session: &Arc<str>, scores: &[ScoreRow]) -> Result<(), StoreError> {
    let row = |it: &ScoreRow| -> Vec<Value> {
        let head: Vec<Value> = args![session, it.place.0, it.place.1, &it.asked, it.outcome.name(), it.score];
        let figures: Vec<Value> = args![it.confidence, it.spread, it.cost_usd, it.simulated, it.retryable];
        let texts: Vec<Value> = args![
            it.model.as_str(),
            it.code.as_str(),
            it.prompt_version.as_str(),
            it.justification.as_str(),
            it.reason.as_str(),
            written(&it.votes),
            written(&it.notes),
            it.at_ms,
            it.fence,
        ];
        head.into_iter().chain(figures).chain(texts).collect()
    };
    let head = "INSERT INTO decision_scores (session, option_id, criterion_id, asked, outcome, score, confidence, spread, \
                cost_usd, simulated, retryable, model, code, prompt_version, justification, reason, votes, notes, at_ms, \
                fence)";
    let tail = "ON CONFLICT (session, option_id, criterion_id) DO UPDATE SET asked = excluded.asked, \
                outcome = excluded.outcome, score = excluded.score, confidence = excluded.confidence, \
                spread = excluded.spread, cost_usd = excluded.cost_usd, simulated = excluded.simulated, \
                retryable = excluded.retryable, model = excluded.model, code = excluded.code, \
                prompt_version = excluded.prompt_version, justification = excluded.justification, \
                reason = excluded.reason, votes = excluded.votes, notes = excluded.notes, at_ms = excluded.at_ms, \
                fence = excluded.fence \
                WHERE excluded.outcome <> 'failed' OR decision_scores.outcome = 'failed' \
                OR decision_scores.asked <> excluded.asked";
    tx.insert_many(head, scores.iter().map(row).collect(), tail).await.map(drop)
}

/// Writes what was said, in place of what was there.
pub(crate) async fn history(tx: &mut Tx, session: &Arc<str>, history: &History) -> Result<(), StoreError> {
    let mut rows: Vec<_> = history.iter().collect();
    // In one order for all, so that nobody waits for somebody who waits.
    rows.sort_unstable_by_key(|(place, _)| **place);
    let row = |((option, criterion), said): (&(i64, i64), &Vec<Said>)| -> Vec<Value> {
        args![session, *option, *criterion, written(said)]
    };
    let head = "INSERT INTO decision_messages (session, option_id, criterion_id, messages)";
    let tail = "ON CONFLICT (session, option_id, criterion_id) DO UPDATE SET messages = excluded.messages";
    tx.insert_many(head, rows.into_iter().map(row).collect(), tail).await.map(drop)
}
