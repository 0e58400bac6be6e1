//! The tables of decisions, and rows as what they hold.

pub(crate) mod remove;
pub(crate) mod write;

use crate::clock::now;
use crate::rows::{CriterionRow, Head, History, OptionRow, Place, Said, ScoreRow, Whole};
use crate::{Clock, DocketError, PairOutcome};
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use store::{Migration, Row, Store, StoreError, Tx, Value, args};

/// Their name in the list of migrations.
pub(crate) const ROOM: &str = "decisions";
/// Names offered for one that nobody knows, at most.
pub(crate) const NEAREST_MAX: usize = 3;
/// Characters shown of a name that is not known.
pub(crate) const SHOWN_CHARS_MAX: usize = 80;
/// The newest decisions of a tenant among which a similar id is looked for.
const IDS_MAX: i64 = 1_000;
/// Pairs that one statement names, at most.
const PLACES_MAX: usize = 100;

/// Makes the tables, where they are not there yet.
pub(crate) async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

/// An id begins with the moment at which it was made, so that the order of ids is that of beginnings. What has an id in
/// one decision, options and criteria, is counted by `next_id`. `fence` grows with each evaluation that begins: only the
/// newest one may write scores. `decision_tenants` counts, so that nobody has to.
const DECISIONS: &str = "
CREATE TABLE decision_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    backend TEXT NOT NULL,
    model TEXT,
    temperature DOUBLE PRECISION NOT NULL,
    degraded BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    comparisons TEXT NOT NULL,
    version BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    touched_ms BIGINT NOT NULL,
    evaluated_ms BIGINT,
    evaluations BIGINT NOT NULL,
    owner TEXT NOT NULL,
    lease_ms BIGINT NOT NULL,
    fence BIGINT NOT NULL
);
CREATE UNIQUE INDEX decision_sessions_list ON decision_sessions (tenant, id);
CREATE INDEX decision_sessions_used ON decision_sessions (tenant, touched_ms);
CREATE INDEX decision_sessions_oldest ON decision_sessions (touched_ms);

CREATE TABLE decision_options (
    session TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    description TEXT NOT NULL,
    flags TEXT NOT NULL,
    PRIMARY KEY (session, id)
);
CREATE UNIQUE INDEX decision_options_name ON decision_options (session, folded);

CREATE TABLE decision_criteria (
    session TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    description TEXT NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    custom_prompt TEXT,
    model TEXT,
    temperature DOUBLE PRECISION,
    flags TEXT NOT NULL,
    PRIMARY KEY (session, id)
);
CREATE UNIQUE INDEX decision_criteria_name ON decision_criteria (session, folded);

CREATE TABLE decision_scores (
    session TEXT NOT NULL,
    option_id BIGINT NOT NULL,
    criterion_id BIGINT NOT NULL,
    asked TEXT NOT NULL,
    outcome TEXT NOT NULL,
    score DOUBLE PRECISION,
    confidence DOUBLE PRECISION,
    spread DOUBLE PRECISION,
    cost_usd DOUBLE PRECISION,
    simulated BIGINT NOT NULL,
    retryable BIGINT NOT NULL,
    model TEXT NOT NULL,
    code TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    justification TEXT NOT NULL,
    reason TEXT NOT NULL,
    votes TEXT NOT NULL,
    notes TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, option_id, criterion_id)
);

CREATE TABLE decision_messages (
    session TEXT NOT NULL,
    option_id BIGINT NOT NULL,
    criterion_id BIGINT NOT NULL,
    messages TEXT NOT NULL,
    PRIMARY KEY (session, option_id, criterion_id)
);

CREATE TABLE decision_tenants (
    tenant TEXT PRIMARY KEY NOT NULL,
    sessions BIGINT NOT NULL
);
";

/// What a refresh that was broken off goes on from: `refresh` is the fence of the evaluation with which it began, 0 where
/// none is unfinished, and a score's `fence` that of the evaluation which gave it.
const REFRESHES: &str = "
ALTER TABLE decision_sessions ADD COLUMN refresh BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decision_scores ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
";

pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { name: "decisions", sql: DECISIONS }, Migration { name: "refreshes", sql: REFRESHES }];

pub(crate) const HEAD: &str = "id, topic, backend, model, temperature, degraded, reasons, comparisons, version, next_id, \
     created_ms, touched_ms, evaluated_ms, evaluations, owner, lease_ms, fence, refresh";

impl Head {
    pub(crate) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            topic: row.get(1)?,
            backend: row.get(2)?,
            model: row.get(3)?,
            temperature: row.get(4)?,
            degraded: row.get(5)?,
            reasons: listed(&row.get::<String>(6)?),
            comparisons: listed(&row.get::<String>(7)?),
            version: row.get(8)?,
            next_id: row.get(9)?,
            created_ms: row.get(10)?,
            touched_ms: row.get(11)?,
            evaluated_ms: row.get(12)?,
            evaluations: row.get(13)?,
            owner: row.get(14)?,
            lease_ms: row.get(15)?,
            fence: row.get(16)?,
            refresh: row.get(17)?,
        })
    }
}

const SCORE: &str = "option_id, criterion_id, asked, outcome, score, confidence, spread, cost_usd, simulated, retryable, \
     model, code, prompt_version, justification, reason, votes, notes, at_ms, fence";

impl ScoreRow {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            place: (row.get(0)?, row.get(1)?),
            asked: row.get(2)?,
            outcome: PairOutcome::named(&row.get::<String>(3)?),
            score: row.get(4)?,
            confidence: row.get(5)?,
            spread: row.get(6)?,
            cost_usd: row.get(7)?,
            simulated: row.get(8)?,
            retryable: row.get(9)?,
            model: row.get(10)?,
            code: row.get(11)?,
            prompt_version: row.get(12)?,
            justification: row.get(13)?,
            reason: row.get(14)?,
            votes: listed(&row.get::<String>(15)?),
            notes: listed(&row.get::<String>(16)?),
            at_ms: row.get(17)?,
            fence: row.get(18)?,
        })
    }
}

/// A list that is kept as JSON.
pub(crate) fn listed<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The same, written.
pub(crate) fn written<T: Serialize>(list: &[T]) -> String {
    if list.is_empty() { "[]".to_owned() } else { serde_json::to_string(list).unwrap_or_default() }
}

/// How a decision is looked for.
#[derive(Debug, Clone)]
pub struct Looking {
    /// Whose it must be.
    pub tenant: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// How long it lives unused, in milliseconds.
    pub ttl_ms: i64,
}

impl Looking {
    /// The row of the decision, if it is there and alive; and what time it is.
    pub(crate) async fn head(&self, tx: &mut Tx, clock: &Clock) -> Result<(Head, i64), DocketError> {
        let now = now(clock, tx).await?;
        let sql = format!("SELECT {HEAD} FROM decision_sessions WHERE id = $1 AND tenant = $2");
        let row = tx.fetch_optional(sql, args![&self.id, &self.tenant]).await?;
        let head = row.as_ref().map(Head::of).transpose()?;
        match head.filter(|head| self.is_alive(head, now)) {
            Some(head) => Ok((head, now)),
            None => Err(self.unknown(tx, now).await?),
        }
    }

    pub(crate) fn is_alive(&self, head: &Head, now: i64) -> bool {
        head.touched_ms.saturating_add(self.ttl_ms) > now || head.lease_ms > now
    }

    /// Why it is not found, with ids of the tenant's own that look like it.
    pub(crate) async fn unknown(&self, tx: &mut Tx, now: i64) -> Result<DocketError, StoreError> {
        let sql = format!(
            "SELECT id FROM decision_sessions WHERE tenant = $1 AND touched_ms > $2 ORDER BY id DESC LIMIT {IDS_MAX}"
        );
        let rows = tx.fetch_all(sql, args![&self.tenant, now.saturating_sub(self.ttl_ms)]).await?;
        let ids = rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()?;
        let near = fault::nearest(&self.id, ids.iter().map(String::as_str), NEAREST_MAX);
        // All ids begin alike: one that shares no more than that is no slip of the hand.
        let near = near.into_iter().filter(|id| alike(id, &self.id)).map(str::to_owned).collect();
        let id = self.id.chars().take(SHOWN_CHARS_MAX).collect();
        Ok(DocketError::UnknownSession { id, nearest: near })
    }

    /// The decision with all that belongs to it.
    pub(crate) async fn whole(&self, tx: &mut Tx, clock: &Clock) -> Result<Whole, DocketError> {
        let (head, now) = self.head(tx, clock).await?;
        Ok(rest(tx, head, now).await?)
    }
}

/// Whether at least three of four characters are the same, place by place or from the end.
fn alike(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
    let back = one.bytes().rev().zip(other.bytes().rev()).filter(|(a, b)| a == b).count();
    let most = one.len().max(other.len());
    same.max(back) * 4 >= most * 3 || one.starts_with(other) || other.contains(one)
}

/// What belongs to a decision.
pub(crate) async fn rest(tx: &mut Tx, head: Head, now_ms: i64) -> Result<Whole, StoreError> {
    let (options, criteria) = (options(tx, &head.id).await?, criteria(tx, &head.id).await?);
    let sql = format!("SELECT {SCORE} FROM decision_scores WHERE session = $1 ORDER BY option_id, criterion_id");
    let rows = tx.fetch_all(sql, args![&head.id]).await?;
    let scores = rows.iter().map(ScoreRow::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Whole { head, options, criteria, scores, now_ms, current: OnceLock::new() })
}

pub(crate) async fn options(tx: &mut Tx, session: &Arc<str>) -> Result<Vec<OptionRow>, StoreError> {
    let sql = "SELECT id, name, description, flags FROM decision_options WHERE session = $1 ORDER BY id";
    let rows = tx.fetch_all(sql, args![session]).await?;
    let option = |row: &Row| {
        let (id, name, description) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(OptionRow { id, name, description, flags: listed(&row.get::<String>(3)?) })
    };
    rows.iter().map(option).collect()
}

pub(crate) async fn criteria(tx: &mut Tx, session: &Arc<str>) -> Result<Vec<CriterionRow>, StoreError> {
    let sql = "SELECT id, name, description, weight, custom_prompt, model, temperature, flags \
               FROM decision_criteria WHERE session = $1 ORDER BY id";
    let rows = tx.fetch_all(sql, args![session]).await?;
    let criterion = |row: &Row| {
        Ok(CriterionRow {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            weight: row.get(3)?,
            custom_prompt: row.get(4)?,
            model: row.get(5)?,
            temperature: row.get(6)?,
            flags: listed(&row.get::<String>(7)?),
        })
    };
    rows.iter().map(criterion).collect()
}

const SAID: &str = "SELECT option_id, criterion_id, messages FROM decision_messages WHERE session = $1";

/// What was said about each pair.
pub(crate) async fn history(tx: &mut Tx, session: &Arc<str>) -> Result<History, StoreError> {
    let rows = tx.fetch_all(SAID, args![session]).await?;
    rows.iter().map(talk).collect()
}

/// What was said about these pairs.
pub(crate) async fn history_of(tx: &mut Tx, session: &Arc<str>, places: &[Place]) -> Result<History, StoreError> {
    let mut found = History::new();
    for some in places.chunks(PLACES_MAX) {
        let place = |at: usize| format!("(option_id = ${} AND criterion_id = ${})", 2 * at + 2, 2 * at + 3);
        let sql = format!("{SAID} AND ({})", (0..some.len()).map(place).collect::<Vec<_>>().join(" OR "));
        let ids = some.iter().flat_map(|(option, criterion)| [Value::from(*option), Value::from(*criterion)]);
        let rows = tx.fetch_all(sql, std::iter::once(Value::from(session)).chain(ids).collect()).await?;
        for row in &rows {
            let (place, said) = talk(row)?;
            found.insert(place, said);
        }
    }
    Ok(found)
}

fn talk(row: &Row) -> Result<(Place, Vec<Said>), StoreError> {
    Ok(((row.get(0)?, row.get(1)?), listed(&row.get::<String>(2)?)))
}
