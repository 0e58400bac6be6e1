//! Changes of a decision: what is written, each within the transaction that holds the decision.

use crate::check::{self, OPTIONS_MIN};
use crate::decision::CALLER;
use crate::rows::{Compared, CriterionRow, OptionRow, ScoreRow, Whole};
use crate::tables::write::{self, folded};
use crate::tables::{NEAREST_MAX, written};
use crate::{Comparison, CriterionChange, DocketError, GivenScore, OptionChange, PairOutcome};
use settings::Decisions;
use store::{Tx, args};

/// Where a score of the caller's own comes from, in place of a prompt's version.
const GIVEN: &str = "given";

/// The strongest comparison of two criteria, and the weakest: Saaty's scale.
const COMPARED: [f64; 2] = [1.0 / 9.0, 9.0];

/// Tells what a name and a description try to order a model.
pub type Flagged = fn(&str, &str) -> Vec<String>;

/// Whom else to ask, and why that is not who was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whom {
    /// A model, a panel or a route; `None` where nobody is there.
    pub model: Option<String>,
    /// Why it is not who was asked for.
    pub instead: Option<String>,
}

/// A change of a decision. What is named by a text is found whatever its case.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Another option; its id is given to it.
    AddOption(OptionRow),
    /// Another criterion, whose id is given to it, and why somebody else is asked than was asked for.
    AddCriterion(Box<CriterionRow>, Option<String>),
    /// Other texts of an option.
    SetOption(String, OptionChange),
    /// Another weight, other texts of a criterion, or somebody else to ask.
    SetCriterion(String, Box<CriterionChange>, Option<Whom>),
    /// An option less.
    RemoveOption(String),
    /// A criterion less.
    RemoveCriterion(String),
    /// Scores that the caller gives itself.
    Score(Vec<GivenScore>),
    /// How criteria compare, in place of what was told before.
    Compare(Vec<Comparison>),
}

/// Writes a change of a decision that is held.
pub(crate) async fn apply(
    tx: &mut Tx,
    whole: &Whole,
    change: &Change,
    (rules, flagged): (&Decisions, Flagged),
) -> Result<(), DocketError> {
    match change {
        Change::AddOption(option) => add_option(tx, whole, option, rules).await,
        Change::AddCriterion(criterion, instead) => {
            add_criterion(tx, whole, criterion, instead.as_deref(), rules).await
        }
        Change::SetOption(name, change) => set_option(tx, whole, name, change, (rules, flagged)).await,
        Change::SetCriterion(name, change, chosen) => {
            set_criterion(tx, whole, name, (change, chosen.as_ref()), (rules, flagged)).await
        }
        Change::RemoveOption(name) => {
            let id = option(whole, name)?.id;
            if whole.options.len() <= OPTIONS_MIN {
                let problem = format!("a decision needs at least {OPTIONS_MIN} options");
                return Err(DocketError::limit("options", problem));
            }
            remove(tx, whole, ("decision_options", "option_id"), id).await
        }
        Change::RemoveCriterion(name) => {
            let id = criterion(whole, name)?.id;
            remove(tx, whole, ("decision_criteria", "criterion_id"), id).await
        }
        Change::Score(given) => score(tx, whole, given, rules).await,
        Change::Compare(comparisons) => compare(tx, whole, comparisons).await,
    }
}

/// The option of a name, whatever its case.
pub(crate) fn option<'a>(whole: &'a Whole, name: &str) -> Result<&'a OptionRow, DocketError> {
    let found = whole.options.iter().find(|option| folded(&option.name) == folded(name));
    found.ok_or_else(|| unknown("option", name, whole.options.iter().map(|option| option.name.as_str())))
}

/// The criterion of a name, whatever its case.
pub(crate) fn criterion<'a>(whole: &'a Whole, name: &str) -> Result<&'a CriterionRow, DocketError> {
    let found = whole.criteria.iter().find(|criterion| folded(&criterion.name) == folded(name));
    found.ok_or_else(|| unknown("criterion", name, whole.criteria.iter().map(|it| it.name.as_str())))
}

fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> DocketError {
    let nearest = fault::nearest(name, known, NEAREST_MAX).into_iter().map(str::to_owned).collect();
    DocketError::UnknownName { what, name: check::shown(name), nearest }
}

fn free<'a>(what: &'static str, name: &str, mut others: impl Iterator<Item = &'a str>) -> Result<(), DocketError> {
    match others.find(|other| folded(other) == folded(name)) {
        Some(other) => Err(DocketError::DuplicateName { what, name: check::shown(other) }),
        None => Ok(()),
    }
}

async fn add_option(tx: &mut Tx, whole: &Whole, new: &OptionRow, rules: &Decisions) -> Result<(), DocketError> {
    free("option", &new.name, whole.options.iter().map(|it| it.name.as_str()))?;
    check::count_options(rules, whole.options.len() + 1)?;
    let row = OptionRow { id: next_id(tx, whole).await?, ..new.clone() };
    Ok(write::options(tx, &whole.head.id, &[row]).await?)
}

async fn add_criterion(
    tx: &mut Tx,
    whole: &Whole,
    new: &CriterionRow,
    instead: Option<&str>,
    rules: &Decisions,
) -> Result<(), DocketError> {
    free("criterion", &new.name, whole.criteria.iter().map(|it| it.name.as_str()))?;
    check::count_criteria(rules, whole.criteria.len() + 1)?;
    // Who is asked for all of them needs no name.
    let model = new.model.clone().filter(|model| whole.head.model.as_ref() != Some(model));
    let row = CriterionRow { id: next_id(tx, whole).await?, model, ..new.clone() };
    write::criteria(tx, &whole.head.id, &[row]).await?;
    note(tx, whole, instead).await
}

/// Writes down that somebody else is asked than was asked for, once.
async fn note(tx: &mut Tx, whole: &Whole, instead: Option<&str>) -> Result<(), DocketError> {
    let Some(instead) = instead.filter(|it| !whole.head.reasons.iter().any(|reason| reason == it)) else {
        return Ok(());
    };
    let reasons: Vec<&str> = whole.head.reasons.iter().map(String::as_str).chain([instead]).collect();
    let sql = "UPDATE decision_sessions SET degraded = 1, reasons = $2 WHERE id = $1";
    tx.execute(sql, args![&whole.head.id, written(&reasons)]).await?;
    Ok(())
}

async fn next_id(tx: &mut Tx, whole: &Whole) -> Result<i64, DocketError> {
    let sql = "UPDATE decision_sessions SET next_id = next_id + 1 WHERE id = $1";
    tx.execute(sql, args![&whole.head.id]).await?;
    Ok(whole.head.next_id)
}

async fn set_option(
    tx: &mut Tx,
    whole: &Whole,
    name: &str,
    change: &OptionChange,
    (rules, flagged): (&Decisions, Flagged),
) -> Result<(), DocketError> {
    let old = option(whole, name)?;
    let name = change.name.as_deref().unwrap_or(&old.name);
    let name = check::option_name(rules).fits_and_is_there(name)?;
    let text = change.description.as_deref().unwrap_or(&old.description);
    let text = check::description(rules).fits(text)?;
    free("option", &name, whole.options.iter().filter(|it| it.id != old.id).map(|it| it.name.as_str()))?;
    let sql = "UPDATE decision_options SET name = $3, folded = $4, description = $5, flags = $6 \
               WHERE session = $1 AND id = $2";
    let flags = written(&flagged(&name, &text));
    tx.execute(sql, args![&whole.head.id, old.id, name.as_str(), folded(&name), text, flags]).await?;
    Ok(())
}

async fn set_criterion(
    tx: &mut Tx,
    whole: &Whole,
    name: &str,
    (change, chosen): (&CriterionChange, Option<&Whom>),
    (rules, flagged): (&Decisions, Flagged),
) -> Result<(), DocketError> {
    let old = criterion(whole, name)?;
    let name = check::criterion_name(rules).fits_and_is_there(change.name.as_deref().unwrap_or(&old.name))?;
    let text = change.description.as_deref().unwrap_or(&old.description);
    let text = check::description(rules).fits(text)?;
    let prompt = match change.custom_prompt.as_deref() {
        None => old.custom_prompt.clone(),
        Some(prompt) => Some(check::custom_prompt(rules).fits(prompt)?).filter(|prompt| !prompt.is_empty()),
    };
    let weight = check::weight(change.weight.unwrap_or(old.weight))?;
    let temperature = change.temperature.map(check::temperature).transpose()?.or(old.temperature);
    let model = chosen.map_or_else(|| old.model.clone(), |chosen| chosen.model.clone());
    let model = model.filter(|model| whole.head.model.as_ref() != Some(model));
    free("criterion", &name, whole.criteria.iter().filter(|it| it.id != old.id).map(|it| it.name.as_str()))?;
    let sql = "UPDATE decision_criteria SET name = $3, folded = $4, description = $5, weight = $6, custom_prompt = $7, \
               model = $8, temperature = $9, flags = $10 WHERE session = $1 AND id = $2";
    let (fold, flags) = (folded(&name), written(&flagged(&name, &text)));
    let args = args![&whole.head.id, old.id, name, fold, text, weight, prompt, model, temperature, flags];
    tx.execute(sql, args).await?;
    note(tx, whole, chosen.and_then(|chosen| chosen.instead.as_deref())).await
}

/// Removes an option or a criterion with all that belongs to it.
async fn remove(
    tx: &mut Tx,
    whole: &Whole,
    (table, column): (&'static str, &'static str),
    id: i64,
) -> Result<(), DocketError> {
    let session = &whole.head.id;
    tx.execute(format!("DELETE FROM {table} WHERE session = $1 AND id = $2"), args![session, id]).await?;
    for part in ["decision_scores", "decision_messages"] {
        tx.execute(format!("DELETE FROM {part} WHERE session = $1 AND {column} = $2"), args![session, id]).await?;
    }
    Ok(())
}

async fn score(tx: &mut Tx, whole: &Whole, given: &[GivenScore], rules: &Decisions) -> Result<(), DocketError> {
    let mut rows: Vec<ScoreRow> = Vec::with_capacity(given.len());
    for it in given {
        check::score(it)?;
        let (option, criterion) = (option(whole, &it.option)?, criterion(whole, &it.criterion)?);
        let place = (option.id, criterion.id);
        if rows.iter().any(|row| row.place == place) {
            let name = format!("{} × {}", option.name, criterion.name);
            return Err(DocketError::argument("scores", format!("`{}` is scored twice", check::shown(&name)), None));
        }
        let text = check::kept(it.justification.trim(), rules.justification_chars_max);
        let scored = it.score.is_some();
        rows.push(ScoreRow {
            place,
            asked: crate::asked::asked(&whole.head, option, criterion, CALLER),
            outcome: if scored { PairOutcome::Scored } else { PairOutcome::Abstained },
            score: it.score,
            confidence: it.confidence,
            spread: None,
            cost_usd: Some(0.0),
            simulated: false,
            retryable: false,
            model: CALLER.to_owned(),
            code: String::new(),
            prompt_version: GIVEN.to_owned(),
            reason: if scored { String::new() } else { text.clone() },
            justification: text,
            votes: Vec::new(),
            notes: Vec::new(),
            at_ms: whole.now_ms,
            fence: 0,
        });
    }
    write::scores(tx, &whole.head.id, &rows).await?;
    let sql = "UPDATE decision_sessions SET evaluated_ms = $2 WHERE id = $1";
    tx.execute(sql, args![&whole.head.id, whole.now_ms]).await?;
    Ok(())
}

async fn compare(tx: &mut Tx, whole: &Whole, comparisons: &[Comparison]) -> Result<(), DocketError> {
    let mut compared: Vec<Compared> = Vec::with_capacity(comparisons.len());
    for it in comparisons {
        let (one, other) = (criterion(whole, &it.criterion)?, criterion(whole, &it.with)?);
        let [least, most] = COMPARED;
        if !(least * 0.99..=most * 1.01).contains(&it.times) {
            let problem = format!("`times` is `{}`", it.times);
            return Err(DocketError::argument("times", problem, "write 1/9 to 9".to_owned()));
        }
        let same = |known: &Compared| {
            (known.criterion, known.with) == (one.id, other.id) || (known.with, known.criterion) == (one.id, other.id)
        };
        if one.id == other.id || compared.iter().any(same) {
            let pair = format!("{} and {}", one.name, other.name);
            let problem = format!("`{}` are compared twice, or one with itself", check::shown(&pair));
            return Err(DocketError::argument("comparisons", problem, None));
        }
        compared.push(Compared { criterion: one.id, with: other.id, times: it.times });
    }
    let sql = "UPDATE decision_sessions SET comparisons = $2 WHERE id = $1";
    tx.execute(sql, args![&whole.head.id, written(&compared)]).await?;
    Ok(())
}
