//! What is kept to be found, how it is asked for, and what comes back. It knows no table and no index.

use crate::RetrievalError;
use crate::limits::Limits;
use search::{Field, Filter};
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

/// What a field may weigh at most, as the index has it.
const WEIGHT_MAX: f32 = 100.0;

/// Which documents are looked through together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Collection {
    /// The catalogue of tools.
    Tools,
    /// Passages of texts, under a name that whoever keeps them chooses.
    Passages(Arc<str>),
}

impl Collection {
    /// Its name in tables and in the index.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::Tools => "tools".into(),
            Self::Passages(name) => format!("passages/{name}").into(),
        }
    }

    /// What kind it is, as figures name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Passages(_) => "passages",
        }
    }
}

/// Something to find.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its name, unique in its collection.
    pub id: Arc<str>,
    /// Who may see it: only queries that name this scope find it, and only there it counts in statistics.
    pub scope: Arc<str>,
    /// What it is found by word for word.
    pub fields: Vec<Field>,
    /// Texts that say what it means; the mean of their vectors is its own. On both of the labelled sets that was better than
    /// the nearest of them, or any one of them.
    pub meanings: Vec<String>,
    /// What filters may ask for.
    pub tags: Vec<Arc<str>>,
}

impl Document {
    /// Its parts as they are kept: fields, meanings, tags, each as JSON.
    pub(crate) fn columns(&self) -> [String; 3] {
        let fields: Vec<_> = self.fields.iter().map(|field| (&field.text, field.weight)).collect();
        [json(&fields), json(&self.meanings), json(&self.tags)]
    }

    /// What [`Document::columns`] has made; `None` for anything else.
    pub(crate) fn of_columns(id: Arc<str>, scope: Arc<str>, [fields, meanings, tags]: [&str; 3]) -> Option<Self> {
        let fields: Vec<(String, f32)> = serde_json::from_str(fields).ok()?;
        let fields = fields.into_iter().map(|(text, weight)| Field { text, weight }).collect();
        let (meanings, tags) = (serde_json::from_str(meanings).ok()?, serde_json::from_str(tags).ok()?);
        Some(Self { id, scope, fields, meanings, tags })
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), RetrievalError> {
        let texts = self.fields.iter().map(|field| field.text.len()).chain(self.meanings.iter().map(String::len));
        let bytes = texts.chain(self.tags.iter().map(|tag| tag.len())).sum();
        let name = self.id.len().max(self.scope.len());
        for (what, found, limit) in [
            ("bytes of text", bytes, limits.document_bytes_max),
            ("texts with a meaning", self.meanings.len(), limits.meanings_max),
            ("fields", self.fields.len(), limits.fields_max),
            ("tags", self.tags.len(), limits.tags_max),
            ("bytes in its name or scope", name, limits.name_bytes_max),
        ] {
            if found > limit {
                return Err(RetrievalError::TooLarge { id: self.id.to_string(), what, found, limit });
            }
        }
        let unfit = self.id.is_empty() || self.id.contains('\0') || self.scope.contains('\0');
        let unweighed = self.fields.iter().any(|field| !(0.0..=WEIGHT_MAX).contains(&field.weight));
        if unfit || unweighed {
            let reason = if unweighed {
                "a field weighs less than nothing or more than `100`"
            } else {
                "its name or scope is no text"
            };
            return Err(RetrievalError::Unfit { id: self.id.to_string(), reason });
        }
        Ok(())
    }
}

/// Plain data has a JSON form, always.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What became of documents that were put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Put {
    /// New ones.
    pub added: usize,
    /// Those whose content differs from before.
    pub changed: usize,
    /// Those that were there already.
    pub same: usize,
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is looked through.
    pub collection: &'a Collection,
    /// What whoever asks may see.
    pub scopes: &'a [Arc<str>],
    /// Whose learned usage counts.
    pub tenant: &'a str,
    /// The question.
    pub text: &'a str,
    /// What hits must carry.
    pub filter: &'a Filter,
    /// The most hits.
    pub limit: usize,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Best first.
    pub hits: Vec<Hit>,
    /// Whether nothing says that any of them has to do with the question.
    pub weak: bool,
    /// What was missing, where something was: words alone, or vectors of some documents alone.
    pub degraded: Option<Cow<'static, str>>,
    /// What it took.
    pub from: Timing,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Until the vector of the question was there, in microseconds.
    pub embed_us: u64,
    /// All else, in microseconds.
    pub search_us: u64,
    /// Whether the question had to be embedded: it was in no cache.
    pub embedded: bool,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Which one.
    pub id: Arc<str>,
    /// How good it is among those found for this question, 0 to 1.
    pub score: f32,
    /// What that is made of.
    pub parts: Parts,
}

/// What a score is made of: `score = words × words_weight + vectors × vectors_weight + usage × usage_weight`. The weights
/// add up to 1; to less for a document that was never used among others that were.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parts {
    /// By words, 0 to 1.
    pub words: f32,
    /// By meaning, 0 to 1.
    pub vectors: f32,
    /// By what it was used for before, 0 to 1.
    pub usage: f32,
    /// What words weigh.
    pub words_weight: f32,
    /// What meaning weighs.
    pub vectors_weight: f32,
    /// What usage weighs.
    pub usage_weight: f32,
    /// The cosine of question and document, -1 to 1, where both have vectors.
    pub cosine: Option<f32>,
}

/// A document that was used for a question, successfully and by somebody who may.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// Where the document is.
    pub collection: &'a Collection,
    /// Who learns from it.
    pub tenant: &'a str,
    /// Which document.
    pub id: &'a str,
    /// The question that led to it.
    pub query: &'a str,
}

/// A question that was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Which document it led to.
    pub id: Arc<str>,
    /// The question.
    pub query: String,
    /// When it was asked last, in milliseconds since 1970.
    pub at_ms: i64,
}

/// How far things are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Documents that can be found.
    pub documents: usize,
    /// Those whose meaning is known too.
    pub embedded: usize,
    /// Documents and learned questions that wait for their vectors.
    pub waiting: usize,
    /// Texts that the model refused: their documents are found by words alone.
    pub refused: usize,
    /// Learned questions that are remembered.
    pub learned: usize,
    /// Who makes vectors; `None` for nobody.
    pub model: Option<String>,
    /// Where the model works, where that can be more than one place.
    pub place: Option<String>,
    /// What is missing, where something is.
    pub degraded: Option<String>,
}
