//! How well tools are found, on a labelled set: a folder with `tools.jsonl`, `queries.jsonl` and `qrels.tsv`. Words alone,
//! vectors alone and both together are judged side by side, and what vectors should weigh is fitted.
//!
//! It takes a [`Retrieval`] of its own, which it fills; it never touches a catalogue in use.

use crate::document::document;
use definitions::{Defaults, definition};
use retrieval::{Asked, Collection, Document, Retrieval, RetrievalError, Rules, Used};
use search::Filter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use statistics::{complete_at, ndcg_at, recall_at};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// How deep a ranking is judged.
const DEPTH: usize = 10;
/// The largest file of a labelled set, in bytes.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How many documents are put at a time.
const SLICE: usize = 1_000;
/// How many questions of one tool are learned at most.
const LEARNED_MAX: usize = 10;
/// Whose learned usage that is.
const TENANT: &str = "evaluation";
/// Where its tools are.
const SCOPE: &str = "*/user";

/// Why a labelled set cannot be judged by.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A file cannot be read.
    #[error("`{file}` cannot be read: {reason}")]
    File {
        /// Which one.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A line is not what it should be.
    #[error("line {line} of `{file}` {reason}")]
    Line {
        /// Which file.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// No question has a relevant tool.
    #[error("no question of `{set}` has a relevant tool: `qrels.tsv` names ids of `queries.jsonl` and `tools.jsonl`")]
    Nothing {
        /// Which set.
        set: String,
    },
    /// Vectors cannot be made: whatever was measured now would be words alone.
    #[error("vectors cannot be made: {reason}")]
    Unembedded {
        /// Why not.
        reason: String,
    },
    /// Finding failed.
    #[error(transparent)]
    Retrieval(#[from] RetrievalError),
}

/// A labelled set.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// What it is called: its folder's name.
    pub set: String,
    documents: Vec<Document>,
    questions: Vec<Question>,
}

/// A question, and what is relevant to it.
#[derive(Debug, Clone)]
struct Question {
    text: String,
    relevant: Vec<(Arc<str>, f64)>,
}

/// How well tools were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Which set.
    pub set: String,
    /// How many tools it holds.
    pub documents: usize,
    /// How many questions were asked.
    pub queries: usize,
    /// By the ranking in force.
    #[serde(flatten)]
    pub quality: Quality,
    /// How long a search took, question's vector included.
    pub latency_ms: Latency,
    /// The same by `words`, `vectors`, `fused`, and `usage`: the other half of the questions after half of each tool's were
    /// learned.
    pub by: BTreeMap<&'static str, Quality>,
}

/// How good rankings are on average, 0 to 1 each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quality {
    /// The share of relevant tools among the first five.
    #[serde(rename = "recall@5")]
    pub recall_5: f64,
    /// Among the first ten.
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// Of the first ten.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// The share of questions with all relevant tools among the first ten.
    #[serde(rename = "complete@10")]
    pub complete_10: f64,
}

/// How long searches took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// 95 % of them took no longer.
    pub p95: f64,
}

/// What vectors should weigh.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    /// Which set.
    pub set: String,
    /// The best weight on one half of the questions.
    pub vectors: f64,
    /// nDCG@10 on the other half with the weight before.
    pub before: f64,
    /// And with the best one.
    pub after: f64,
    /// nDCG@10 of the fitting half by weight.
    pub tried: Vec<(f64, f64)>,
}

/// Waits for all vectors.
async fn settled(retrieval: &Retrieval) -> Result<(), EvaluationError> {
    if retrieval.settled().await {
        return Ok(());
    }
    let reason = retrieval.progress().degraded.unwrap_or_else(|| "it was stopped".to_owned());
    Err(EvaluationError::Unembedded { reason })
}

#[derive(Deserialize)]
struct QueryLine {
    id: String,
    text: String,
}

impl Labelled {
    /// Reads a folder; of its questions at most `limit`, spread evenly.
    ///
    /// # Errors
    /// [`EvaluationError`]: files that are missing, too large or not what they should be.
    pub fn read(folder: &Path, limit: Option<usize>) -> Result<Self, EvaluationError> {
        let set = folder.file_name().map_or_else(|| "set".to_owned(), |name| name.to_string_lossy().into_owned());
        let mut documents = Vec::new();
        for (line, item) in lines::<Value>(folder, "tools.jsonl")? {
            documents.push(tool(item).map_err(|reason| bad("tools.jsonl", line, reason))?);
        }
        let known: HashSet<Arc<str>> = documents.iter().map(|document: &Document| Arc::clone(&document.id)).collect();
        let mut judged = relevant(folder, &known)?;
        let mut questions = Vec::new();
        for (_, QueryLine { id, text }) in lines::<QueryLine>(folder, "queries.jsonl")? {
            questions.extend(judged.remove(&id).map(|relevant| Question { text, relevant }));
        }
        if questions.is_empty() {
            return Err(EvaluationError::Nothing { set });
        }
        Ok(Self { set, documents, questions: spread(questions, limit) })
    }

    /// Puts its tools into an empty [`Retrieval`] and waits for their vectors.
    ///
    /// # Errors
    /// [`EvaluationError::Retrieval`], [`EvaluationError::Unembedded`].
    pub async fn fill(&self, retrieval: &Retrieval) -> Result<(), EvaluationError> {
        for slice in self.documents.chunks(SLICE) {
            retrieval.put(&Collection::Tools, slice.to_vec()).await?;
        }
        settled(retrieval).await?;
        Ok(())
    }

    /// Asks all its questions. The [`Retrieval`] is filled and works by `rules`, and does again afterwards; vectors are left
    /// out where it has nobody who makes them.
    ///
    /// # Errors
    /// [`EvaluationError::Retrieval`], [`EvaluationError::Unembedded`].
    pub async fn evaluate(&self, retrieval: &Retrieval, rules: &Rules) -> Result<Evaluation, EvaluationError> {
        let all: Vec<&Question> = self.questions.iter().collect();
        let (quality, mut took) = ask(retrieval, &all).await?;
        let mut by = BTreeMap::from([("fused", quality)]);
        let ways: &[_] = match retrieval.progress().model {
            Some(_) => &[("words", 0.0), ("vectors", 1.0)],
            None => &[("words", 0.0)],
        };
        for (way, vectors) in ways {
            retrieval.reload(weighing(rules, *vectors));
            by.insert(way, ask(retrieval, &all).await?.0);
        }
        retrieval.reload(rules.clone());
        by.insert("usage", self.with_usage(retrieval).await?);
        took.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| statistics::quantile(&took, share).unwrap_or_default();
        let latency_ms = Latency { p50: at(0.5), p95: at(0.95) };
        let (documents, queries) = (self.documents.len(), self.questions.len());
        Ok(Evaluation { set: self.set.clone(), documents, queries, quality, latency_ms, by })
    }

    /// How well the other half of the questions is answered once half of each tool's questions, ten at most, were learned.
    async fn with_usage(&self, retrieval: &Retrieval) -> Result<Quality, EvaluationError> {
        let collection = &Collection::Tools;
        let (lessons, taken) = self.lessons();
        for (id, query) in lessons {
            retrieval.learn(Used { collection, tenant: TENANT, id, query }).await?;
        }
        settled(retrieval).await?;
        let rest =
            self.questions.iter().enumerate().filter(|(at, _)| !taken.contains(at)).map(|(_, question)| question);
        let quality = ask(retrieval, &rest.collect::<Vec<_>>()).await?.0;
        retrieval.unlearn(collection, TENANT, None).await?;
        Ok(quality)
    }

    /// Half of each tool's questions: what is learned of them, and where they are. None is learned and judged by.
    fn lessons(&self) -> (Vec<(&str, &str)>, HashSet<usize>) {
        let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, question) in self.questions.iter().enumerate() {
            for (id, _) in &question.relevant {
                of.entry(id).or_default().push(at);
            }
        }
        let (mut lessons, mut taken) = (Vec::new(), HashSet::new());
        for (id, asked) in of {
            for at in asked.iter().step_by(2).take(asked.len() / 2).take(LEARNED_MAX) {
                taken.insert(*at);
                lessons.extend(self.questions.get(*at).map(|question| (id, question.text.as_str())));
            }
        }
        (lessons, taken)
    }

    /// Fits what vectors weigh on every other question, and judges it by those between. The [`Retrieval`] is filled and works
    /// by `rules`, and does again afterwards.
    ///
    /// # Errors
    /// [`EvaluationError::Retrieval`].
    pub async fn tune(&self, retrieval: &Retrieval, rules: &Rules) -> Result<Tuned, EvaluationError> {
        let fitting: Vec<&Question> = self.questions.iter().step_by(2).collect();
        let judging: Vec<&Question> = self.questions.iter().skip(1).step_by(2).collect();
        let (mut tried, mut best) = (Vec::new(), (rules.tools.vectors, 0.0));
        for step in 0..=20 {
            let vectors = f64::from(step) / 20.0;
            retrieval.reload(weighing(rules, vectors));
            let ndcg = ask(retrieval, &fitting).await?.0.ndcg_10;
            tried.push((vectors, ndcg));
            if ndcg > best.1 {
                best = (vectors, ndcg);
            }
        }
        retrieval.reload(weighing(rules, best.0));
        let after = ask(retrieval, &judging).await?.0.ndcg_10;
        retrieval.reload(rules.clone());
        let before = ask(retrieval, &judging).await?.0.ndcg_10;
        Ok(Tuned { set: self.set.clone(), vectors: best.0, before, after, tried })
    }
}

/// The same rules with other weights for words and vectors.
fn weighing(rules: &Rules, vectors: f64) -> Rules {
    let mut rules = rules.clone();
    rules.tools.vectors = vectors;
    rules
}

/// Asks questions one after the other: how good the answers are, and how long each took in milliseconds.
async fn ask(retrieval: &Retrieval, questions: &[&Question]) -> Result<(Quality, Vec<f64>), EvaluationError> {
    let (scopes, filter) = ([Arc::from(SCOPE)], Filter::default());
    let (mut sum, mut took) = (Quality::default(), Vec::with_capacity(questions.len()));
    for Question { text, relevant } in questions {
        let asked = Asked {
            collection: &Collection::Tools,
            scopes: &scopes,
            tenant: TENANT,
            text,
            filter: &filter,
            limit: DEPTH,
        };
        let found = retrieval.search(asked).await?;
        took.push((found.from.embed_us + found.from.search_us) as f64 / 1_000.0);
        let ranking: Vec<Arc<str>> = found.hits.into_iter().map(|hit| hit.id).collect();
        sum.recall_5 += recall_at(&ranking, relevant, 5).unwrap_or_default();
        sum.recall_10 += recall_at(&ranking, relevant, DEPTH).unwrap_or_default();
        sum.ndcg_10 += ndcg_at(&ranking, relevant, DEPTH).unwrap_or_default();
        sum.complete_10 += f64::from(complete_at(&ranking, relevant, DEPTH).unwrap_or_default());
    }
    let count = questions.len().max(1) as f64;
    let mean = |value: f64| value / count;
    let quality = Quality {
        recall_5: mean(sum.recall_5),
        recall_10: mean(sum.recall_10),
        ndcg_10: mean(sum.ndcg_10),
        complete_10: mean(sum.complete_10),
    };
    Ok((quality, took))
}

/// A line of `tools.jsonl` as the index takes it, under its own id.
fn tool(item: Value) -> Result<Document, String> {
    let id = item.get("id").and_then(Value::as_str).ok_or("has no `id`")?.to_owned();
    let mut made = document(&definition(item, &Defaults::default())?);
    (made.id, made.scope) = (id.into(), SCOPE.into());
    Ok(made)
}

/// The relevant tools of each question, with their grades.
type Judged = HashMap<String, Vec<(Arc<str>, f64)>>;

/// What is relevant to which question; tools that are not there are left out.
fn relevant(folder: &Path, known: &HashSet<Arc<str>>) -> Result<Judged, EvaluationError> {
    let file = "qrels.tsv";
    let mut judged = Judged::new();
    for (at, line) in text(folder, file)?.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let mut columns = line.split('\t');
        let (Some(query), Some(id), grade) = (columns.next(), columns.next(), columns.next()) else {
            return Err(bad(file, at + 1, "has no two columns divided by a tab".to_owned()));
        };
        let grade: f64 = grade
            .map_or(Ok(1.0), |grade| grade.trim().parse())
            .map_err(|_| bad(file, at + 1, "has no number as its relevance".to_owned()))?;
        let tool = known.get(id).filter(|_| grade > 0.0);
        if let Some(tool) = tool {
            judged.entry(query.to_owned()).or_default().push((Arc::clone(tool), grade));
        }
    }
    Ok(judged)
}

/// At most `limit` of a list, from all of its parts.
fn spread<T>(all: Vec<T>, limit: Option<usize>) -> Vec<T> {
    let (count, limit) = (all.len(), limit.unwrap_or(all.len()).clamp(1, all.len().max(1)));
    let taken = |at: usize| at * limit / count != (at + 1) * limit / count;
    all.into_iter().enumerate().filter(|(at, _)| taken(*at)).map(|(_, one)| one).collect()
}

/// The lines of a file of JSON Lines with their numbers.
fn lines<T: for<'de> Deserialize<'de>>(folder: &Path, file: &str) -> Result<Vec<(usize, T)>, EvaluationError> {
    let read = text(folder, file)?;
    let lines = read.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| match serde_json::from_str(line) {
            Ok(value) => Ok((at + 1, value)),
            Err(error) => Err(bad(file, at + 1, format!("cannot be read: {error}"))),
        })
        .collect()
}

fn text(folder: &Path, file: &str) -> Result<String, EvaluationError> {
    let path = folder.join(file);
    let trouble = |reason: String| EvaluationError::File { file: path.display().to_string(), reason };
    let bytes = std::fs::metadata(&path).map_err(|error| trouble(error.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(trouble(format!("it has {bytes} bytes, {FILE_BYTES_MAX} are the most")));
    }
    std::fs::read_to_string(&path).map_err(|error| trouble(error.to_string()))
}

fn bad(file: &str, line: usize, reason: String) -> EvaluationError {
    EvaluationError::Line { file: file.to_owned(), line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use measure::Metrics;
    use search::{Embedded, Limits};
    use std::fs::write;

    const TOOLS: &str = r#"{"id": "a", "name": "get_weather", "description": "The forecast of a city", "server": "s", "input_schema": null}
{"id": "b", "name": "send_mail", "description": "Sends a letter", "server": "s", "input_schema": null}
{"id": "c", "name": "list_files", "description": "What lies in a folder", "server": "s", "input_schema": null}
"#;
    const QUERIES: &str = r#"{"id": "1", "text": "weather forecast"}
{"id": "2", "text": "send a letter"}
{"id": "3", "text": "nobody knows"}
{"id": "4", "text": "weather of a city"}
"#;

    fn folder(qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("tools.jsonl"), TOOLS).unwrap();
        write(folder.path().join("queries.jsonl"), QUERIES).unwrap();
        write(folder.path().join("qrels.tsv"), qrels).unwrap();
        folder
    }

    #[test]
    fn spreading_takes_from_all_parts() {
        let check = |limit, expect: &[usize]| assert_eq!(spread((0..6).collect(), limit), expect);
        check(None, &[0, 1, 2, 3, 4, 5]);
        check(Some(3), &[1, 3, 5]);
        check(Some(99), &[0, 1, 2, 3, 4, 5]);
        check(Some(0), &[5]);
    }

    #[test]
    fn what_is_wrong_with_a_set_is_said() {
        let check = |qrels: &str, expect: &str| {
            let error = Labelled::read(folder(qrels).path(), None).unwrap_err();
            assert!(error.to_string().contains(expect), "{error}");
        };
        check("q\tt\tr\n1 a 1\n", "line 2 of `qrels.tsv` has no two columns");
        check("q\tt\tr\n1\ta\tmuch\n", "line 2 of `qrels.tsv` has no number");
        check("q\tt\tr\n1\tx\t1\n", "has a relevant tool");
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(Labelled::read(empty.path(), None), Err(EvaluationError::File { .. })));
    }

    #[test]
    fn no_question_is_learned_and_judged_by() {
        let folder = folder("q\tt\tr\n1\ta\t1\n2\tb\t1\n4\ta\t1\n");
        let labelled = Labelled::read(folder.path(), None).unwrap();
        let (lessons, taken) = labelled.lessons();
        assert_eq!(lessons, [("a", "weather forecast")]);
        assert_eq!(taken, HashSet::from([0]));
    }

    #[tokio::test]
    async fn words_find_what_they_name() {
        let folder = folder("q\tt\tr\n1\ta\t1\n2\tb\t1\n3\tc\t1\n4\ta\t1\n");
        let labelled = Labelled::read(folder.path(), None).unwrap();
        let metrics = Metrics::new("test");
        let config = store::Config::new(&settings::Store::default(), folder.path()).unwrap();
        let store = store::Store::open(&config, metrics.store()).await.unwrap();
        let settings = settings::Settings::default();
        let index = Arc::new(Embedded::new(Limits::default()));
        let setup = retrieval::Setup::new(index, None, &settings, metrics);
        let retrieval = Retrieval::open(store, setup).await.unwrap();
        labelled.fill(&retrieval).await.unwrap();
        let told = labelled.evaluate(&retrieval, &Rules::new(&settings)).await.unwrap();
        assert_eq!((told.documents, told.queries), (3, 4));
        // The third question says no word of its tool.
        assert_eq!((told.quality.ndcg_10, told.quality.complete_10), (0.75, 0.75));
        assert_eq!(told.by.keys().copied().collect::<Vec<_>>(), ["fused", "usage", "words"]);
        let json = serde_json::to_value(&told).unwrap();
        assert!(json["recall@5"].is_number() && json["by"]["words"]["ndcg@10"].is_number(), "{json}");
        let tuned = labelled.tune(&retrieval, &Rules::new(&settings)).await.unwrap();
        assert_eq!(tuned.tried.len(), 21);
        retrieval.close().await;
    }
}
