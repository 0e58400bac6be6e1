//! A question on its way through: its vector, what words, meaning and use say, and one order of it all.

use crate::RetrievalError;
use crate::desk::Desk;
use crate::document::{Asked, Found, Hit, Timing};
use crate::entry::{usage_scope, usage_shelf};
use crate::floor::{Footing, footing, likeness};
use crate::fusion::{Evidence, fuse, leading};
use crate::mean::{Centre, beyond, dot, moved};
use crate::question::{Meaning, NoVector};
use search::{Candidate, Query, SearchError};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

impl Desk {
    pub(crate) async fn search(&self, asked: Asked<'_>) -> Result<Found, RetrievalError> {
        let blank = |letter: char| letter.is_whitespace() || letter.is_control();
        let text = cut(asked.text.trim_matches(blank), self.limits.query_bytes_max);
        if text.is_empty() || asked.limit == 0 || asked.scopes.is_empty() {
            let from = Timing::default();
            return Ok(Found { hits: Vec::new(), weak: true, degraded: None, from });
        }
        let began = Instant::now();
        let meaning = self.questions.vector(text).await;
        let embed = began.elapsed();
        let name = asked.collection.name();
        let (vector, embedded, missing) = match meaning {
            Ok(Meaning { vector, embedded }) => (Some(vector), embedded, self.lacking(&name, asked.scopes)),
            Err(NoVector(reason)) => (None, false, Some(Cow::Owned(reason.to_string()))),
        };
        let began = Instant::now();
        let looked = self.look(&asked, &name, text, vector.as_deref(), missing.is_none()).await;
        let ((hits, weak), missing) = match looked {
            Err(RetrievalError::Index(error)) if vector.is_some() && may_blame_vector(&error) => {
                tracing::warn!(%error, "the vector of a question does not fit the index");
                (self.look(&asked, &name, text, None, false).await?, Some(Cow::Borrowed(UNLIKE)))
            }
            looked => (looked?, missing),
        };
        let took = began.elapsed();
        let metrics = self.metrics(asked.collection);
        metrics.took(took);
        if missing.is_some() {
            metrics.degraded.inc();
        }
        let from = Timing { embed_us: micros(embed), search_us: micros(took), embedded };
        Ok(Found { hits, weak, degraded: missing, from })
    }

    /// `compared` says whether every document that the caller may see has a vector to compare the question's with.
    async fn look(
        &self,
        asked: &Asked<'_>,
        name: &str,
        text: &str,
        vector: Option<&[f32]>,
        compared: bool,
    ) -> Result<(Vec<Hit>, bool), RetrievalError> {
        let rules = self.rules.load_full();
        let ranking = rules.ranking(asked.collection);
        let Asked { scopes, filter, .. } = *asked;
        let most = asked.limit.min(self.limits.hits_max);
        let limit = ranking.candidates.max(most);
        let query = Query { collection: name, scopes, text: Some(text), vector, filter, limit };
        let found = self.index.query(query).await?;
        let anything = rules.learned_max > 0 && self.shelf().learned > 0;
        let used = if anything { self.used(asked.tenant, query).await? } else { HashMap::new() };
        let possible = found.words_best_possible;
        let mut evidence = gather(found.candidates, used);
        if let Some(vector) = vector {
            self.judge_meanings(name, scopes, vector, &mut evidence, &|evidence| {
                leading(evidence, ranking, possible, FEEDBACK_BEST)
            });
        }
        let footing = footing(&evidence, possible, compared);
        let hits = match footing {
            Footing::None => Vec::new(),
            Footing::Firm | Footing::Weak => fuse(&evidence, ranking, possible, vector.is_some(), most),
        };
        Ok((hits, footing != Footing::Firm))
    }

    /// How much the questions that led a tenant to each document are like the one asked: of each document the likest counts.
    async fn used(&self, tenant: &str, query: Query<'_>) -> Result<HashMap<Arc<str>, f32>, RetrievalError> {
        let scopes: Vec<Arc<str>> = query.scopes.iter().map(|scope| usage_scope(tenant, scope)).collect();
        let collection = usage_shelf(query.collection);
        let limit = query.limit.saturating_mul(QUESTIONS);
        let query = Query { collection: &collection, scopes: &scopes, limit, ..query };
        let found = self.index.query(query).await?;
        let mut used: HashMap<Arc<str>, f32> = HashMap::new();
        for Candidate { group, words, cosine, .. } in &found.candidates {
            let Some(group) = group else { continue };
            let likeness = likeness(*words, found.words_best_possible, *cosine);
            let best = used.entry(Arc::clone(group)).or_default();
            *best = best.max(likeness);
        }
        Ok(used)
    }

    /// Judges how near each document is, beyond what all visible documents have in common, and once more with the question
    /// moved a little towards those that seem to answer it.
    fn judge_meanings(
        &self,
        name: &str,
        scopes: &[Arc<str>],
        question: &[f32],
        evidence: &mut [Evidence],
        leading: &dyn Fn(&[Evidence]) -> Vec<usize>,
    ) {
        let (vectors, sum) = {
            let shelf = self.shelf();
            (shelf.vectors(name, evidence.iter().map(|one| &one.id)), shelf.sum(name, scopes))
        };
        let centre = Centre::new(sum.mean());
        let rests: Vec<f32> = vectors.iter().map(|vector| vector.as_ref().map_or(1.0, |it| centre.rest(it))).collect();
        let common = centre.common(question);
        for ((one, vector), rest) in evidence.iter_mut().zip(&vectors).zip(&rests) {
            let Some(vector) = vector else { continue };
            // What only past questions lead to was not compared yet.
            let cosine = *one.cosine.get_or_insert_with(|| dot(question, vector));
            one.meaning = Some(beyond(cosine, common, *rest));
        }
        let best = leading(evidence).into_iter().filter_map(|at| vectors.get(at)?.clone());
        let question = moved(question, &best.collect::<Vec<_>>(), FEEDBACK);
        let common = centre.common(&question);
        for ((one, vector), rest) in evidence.iter_mut().zip(&vectors).zip(&rests) {
            if let Some(vector) = vector {
                one.meaning = Some(beyond(dot(&question, vector), common, *rest));
            }
        }
    }
}

/// How far a question moves towards the documents that seem to answer it, and how many these are.
const FEEDBACK: f32 = 0.1;
const FEEDBACK_BEST: usize = 3;
/// How many past questions are looked at, for each document that is.
const QUESTIONS: usize = 4;
/// How many documents may be found by their past use alone.
const USED_MAX: usize = 50;

/// What speaks for each document that any list names.
fn gather(candidates: Vec<Candidate>, mut used: HashMap<Arc<str>, f32>) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = candidates
        .into_iter()
        .map(|Candidate { id, words, cosine, .. }| {
            let usage = used.remove(&id);
            Evidence { id, words, cosine, meaning: cosine, usage }
        })
        .collect();
    let mut rest: Vec<(Arc<str>, f32)> = used.into_iter().filter(|(_, usage)| *usage > 0.0).collect();
    rest.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let rest = rest.into_iter().take(USED_MAX);
    evidence.extend(rest.map(|(id, usage)| Evidence {
        id,
        words: 0.0,
        cosine: None,
        meaning: None,
        usage: Some(usage),
    }));
    evidence
}

/// Said where a question's vector is of another length than those of documents.
const UNLIKE: &str = "words alone: the question's vector cannot be compared with those of documents";

/// Whether an index may have refused a query for its vector.
fn may_blame_vector(error: &SearchError) -> bool {
    matches!(error, SearchError::Dimensions { .. } | SearchError::Vector { .. } | SearchError::TooLarge { .. })
}

/// The beginning of a text, whole characters only.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
