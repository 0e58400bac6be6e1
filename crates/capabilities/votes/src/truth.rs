//! The truth about a question, told afterwards: which answers were right, and what that adds to the counts.

use crate::VotesError;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{StoreError, Tx, args};

/// What is known about a question now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// How often the truth was told; the next one may ask for this version.
    pub version: i64,
    /// Who was right: everybody whose answer is in one group with one that was named.
    pub right: Vec<String>,
    /// Who was wrong.
    pub wrong: Vec<String>,
}

/// Which question, and what is said about it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) tenant: Arc<str>,
    pub(crate) panel: String,
    pub(crate) request_id: String,
    pub(crate) right: Vec<String>,
    pub(crate) version: Option<i64>,
}

/// One answer of the question.
struct Given {
    seat: i64,
    model: String,
    cluster: i64,
    was_right: Option<bool>,
}

/// Writes the truth down. What was said before is taken back, so that each question counts once.
pub(crate) async fn settle(tx: &mut Tx, told: &Told) -> Result<Settled, VotesError> {
    // The row is locked by changing it, before anything about it is decided.
    let sql = "UPDATE votes_question SET version = version + 1 WHERE tenant = $1 AND panel = $2 AND request_id = $3 \
               RETURNING id, day, version";
    let key = args![&*told.tenant, told.panel.as_str(), told.request_id.as_str()];
    let Some(row) = tx.fetch_optional(sql, key).await? else {
        return Err(VotesError::NotFound { panel: told.panel.clone(), request_id: told.request_id.clone() });
    };
    let (id, day, version): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if told.version.is_some_and(|wanted| wanted != version - 1) {
        return Err(VotesError::Stale { request_id: told.request_id.clone(), version: version - 1 });
    }
    let given = answers(tx, id).await?;
    let right = clusters_of(&given, told)?;
    for answer in &given {
        let sql = "UPDATE votes_answer SET was_right = $1 WHERE question = $2 AND seat = $3";
        tx.execute(sql, args![i64::from(right.contains(&answer.cluster)), id, answer.seat]).await?;
    }
    let before: Option<Vec<_>> = given.iter().map(|answer| Some((&*answer.model, answer.was_right?))).collect();
    if let Some(before) = before {
        add(tx, told, day, &before, -1).await?;
    }
    let now: Vec<_> = given.iter().map(|answer| (&*answer.model, right.contains(&answer.cluster))).collect();
    add(tx, told, day, &now, 1).await?;
    let named =
        |hit: bool| now.iter().filter(|(_, right)| *right == hit).map(|(model, _)| (*model).to_owned()).collect();
    Ok(Settled { version, right: named(true), wrong: named(false) })
}

async fn answers(tx: &mut Tx, id: i64) -> Result<Vec<Given>, StoreError> {
    let sql = "SELECT seat, model, cluster, was_right FROM votes_answer WHERE question = $1 ORDER BY seat";
    let rows = tx.fetch_all(sql, args![id]).await?;
    let given = rows.iter().map(|row| {
        let was_right = row.get::<Option<i64>>(3)?.map(|right| right != 0);
        Ok(Given { seat: row.get(0)?, model: row.get(1)?, cluster: row.get(2)?, was_right })
    });
    given.collect()
}

/// The groups whose members were named: who says the same is right together.
fn clusters_of(given: &[Given], told: &Told) -> Result<BTreeSet<i64>, VotesError> {
    let cluster = |model: &String| {
        let found = given.iter().find(|answer| answer.model == *model);
        found.map(|answer| answer.cluster).ok_or_else(|| VotesError::NoAnswer {
            model: model.chars().take(200).collect(),
            request_id: told.request_id.clone(),
            answered: given.iter().map(|answer| answer.model.clone()).collect(),
        })
    };
    told.right.iter().map(cluster).collect()
}

/// Adds a question to the counts, or takes it away again.
async fn add(tx: &mut Tx, told: &Told, day: i64, answers: &[(&str, bool)], sign: i64) -> Result<(), StoreError> {
    let (tenant, panel) = (&*told.tenant, told.panel.as_str());
    // In one order for everybody, so that two who count at once do not wait for each other.
    let mut sorted = answers.to_vec();
    sorted.sort_unstable();
    sorted.dedup_by(|a, b| a.0 == b.0);
    for (model, right) in &sorted {
        let sql = "INSERT INTO votes_model_day (day, tenant, panel, model, hits, asked) VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (day, tenant, panel, model) DO UPDATE SET \
                   hits = votes_model_day.hits + excluded.hits, asked = votes_model_day.asked + excluded.asked";
        tx.execute(sql, args![day, tenant, panel, *model, sign * i64::from(*right), sign]).await?;
    }
    for (at, (model, right)) in sorted.iter().enumerate() {
        for (other, other_right) in sorted.iter().skip(at + 1) {
            let is = |both: (bool, bool)| sign * i64::from((*right, *other_right) == both);
            let (both_right, both_wrong) = (is((true, true)), is((false, false)));
            let (only_model, only_other) = (is((true, false)), is((false, true)));
            let row = args![day, tenant, panel, *model, *other, both_right, only_model, only_other, both_wrong];
            tx.execute(PAIR, row).await?;
        }
    }
    Ok(())
}

const PAIR: &str = "INSERT INTO votes_pair_day \
    (day, tenant, panel, model, other, both_right, only_model, only_other, both_wrong) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (day, tenant, panel, model, other) DO UPDATE SET \
    both_right = votes_pair_day.both_right + excluded.both_right, \
    only_model = votes_pair_day.only_model + excluded.only_model, \
    only_other = votes_pair_day.only_other + excluded.only_other, \
    both_wrong = votes_pair_day.both_wrong + excluded.both_wrong";
