//! A document on its way in: held against the limits, and read into words, before anybody has to wait for it.

use crate::forms::Forms;
use crate::tables::Set;
use crate::words::Reader;
use crate::{Doc, Field, Limits, SearchError, Vector};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Steps that one occurrence of a word of weight 1 counts for. Whole numbers, as their sums are the same in whatever
/// order documents come and go.
pub(crate) const STEP: f32 = 64.0;

/// The largest that a dimension of a vector of unit length is, with some room for roundings.
const DIMENSION_MAX: f32 = 1.001;

/// The largest weight of a field.
const WEIGHT_MAX: f32 = 100.0;

/// A document within the limits, its words not read yet.
pub(crate) struct Prepared {
    pub(crate) id: Arc<str>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) scope: Arc<str>,
    fields: Vec<Field>,
    pub(crate) vectors: Vec<Vector>,
    /// Each once.
    pub(crate) tags: Vec<Arc<str>>,
    pub(crate) digest: u64,
    /// How long reading it takes, about.
    pub(crate) bytes: usize,
}

/// What a document says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The number of each word's form, with how often it is said, in [`STEP`]s.
    pub(crate) words: Vec<(u32, u16)>,
    /// How much all of it is, in [`STEP`]s.
    pub(crate) length: u32,
}

/// Holds a document against the limits.
pub(crate) fn prepare(doc: Doc, limits: &Limits, hasher: &impl BuildHasher) -> Result<Prepared, SearchError> {
    let bytes = check(&doc, limits)?;
    let digest = digest(&doc, hasher);
    let Doc { id, group, scope, fields, vectors, mut tags } = doc;
    let mut seen = Set::default();
    tags.retain(|tag| seen.insert(Arc::clone(tag)));
    Ok(Prepared { id, group, scope, fields, vectors, tags, digest, bytes })
}

fn check(doc: &Doc, limits: &Limits) -> Result<usize, SearchError> {
    let what = || format!("document `{}`", shown(&doc.id));
    let names = doc.id.len() + doc.scope.len() + doc.group.as_ref().map_or(0, |group| group.len());
    let said: usize = doc.fields.iter().map(|field| field.text.len()).sum();
    let bytes = names + said + doc.tags.iter().map(|tag| tag.len()).sum::<usize>();
    let measures = [
        ("bytes", bytes, limits.document_bytes_max),
        ("fields", doc.fields.len(), limits.fields_max),
        ("vectors", doc.vectors.len(), limits.vectors_max),
        ("tags", doc.tags.len(), limits.tags_max),
    ];
    for (unit, given, max) in measures {
        within(what, unit, given, max)?;
    }
    if let Some(field) = doc.fields.iter().find(|field| !(0.0..=WEIGHT_MAX).contains(&field.weight)) {
        return Err(SearchError::Weight { what: what(), weight: field.weight });
    }
    doc.vectors.iter().try_for_each(|vector| check_vector(what, vector, limits))?;
    Ok(bytes)
}

/// Whether there is no more of something than may be.
pub(crate) fn within(
    what: impl Fn() -> String,
    unit: &'static str,
    given: usize,
    max: usize,
) -> Result<(), SearchError> {
    if given > max {
        return Err(SearchError::TooLarge { what: what(), unit, given, max });
    }
    Ok(())
}

/// Whether a vector can be compared with others.
pub(crate) fn check_vector(what: impl Fn() -> String, vector: &[f32], limits: &Limits) -> Result<(), SearchError> {
    within(&what, "dimensions", vector.len(), limits.dimensions_max)?;
    if vector.is_empty() || !vector.iter().all(|x| x.abs() <= DIMENSION_MAX) {
        return Err(SearchError::Vector { what: what() });
    }
    Ok(())
}

/// The beginning of an id, for messages.
fn shown(id: &str) -> &str {
    id.char_indices().nth(100).and_then(|(at, _)| id.get(..at)).unwrap_or(id)
}

/// A number that changes with all that a document is, but for its vectors.
fn digest(doc: &Doc, hasher: &impl BuildHasher) -> u64 {
    let fields: Vec<_> = doc.fields.iter().map(|field| (&field.text, field.weight.to_bits())).collect();
    hasher.hash_one((&doc.scope, &doc.group, &doc.tags, fields))
}

impl Prepared {
    /// Reads its words; of more than `terms_max` different ones the first so many.
    pub(crate) fn read(&self, reader: &Reader, forms: &mut Forms, terms_max: usize) -> Said {
        let weigh = |field: &'_ Field| (field.weight * STEP).round() as u32;
        forms.read(self.fields.iter().map(|field| (field.text.as_str(), weigh(field))), reader, terms_max)
    }
}
