//! What goes into the index: a document, or a question that was learned about one. Both are words and texts with a
//! meaning, so that whoever embeds and indexes need not tell them apart.

use crate::digest::Digest;
use crate::document::Document;
use search::{Doc, Field, Vector};
use std::collections::HashMap;
use std::sync::Arc;

/// Parts a tenant from a scope: neither can hold it.
const BETWEEN: char = '\u{1f}';
/// What follows a collection's name where the index keeps what was learned about it.
const USES: &str = "#uses";

/// Something in the store that is indexed together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The collection.
    pub(crate) collection: Arc<str>,
    /// The document.
    pub(crate) id: Arc<str>,
    /// Whose learned questions about it; `None` is the document itself.
    pub(crate) tenant: Option<Arc<str>>,
}

impl Place {
    /// A document's.
    pub(crate) fn document(collection: &Arc<str>, id: &Arc<str>) -> Self {
        Self { collection: Arc::clone(collection), id: Arc::clone(id), tenant: None }
    }
}

/// Something to index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Where it comes from.
    pub(crate) place: Place,
    /// As the index takes it, without vectors.
    doc: Doc,
    /// The texts that become its vectors.
    pub(crate) texts: Vec<String>,
}

impl Entry {
    /// A document.
    pub(crate) fn document(collection: &Arc<str>, document: &Document) -> Self {
        let Document { id, scope, fields, meanings, tags } = document.clone();
        let place = Place { collection: Arc::clone(collection), id: Arc::clone(&id), tenant: None };
        let doc = Doc { id, group: None, scope, fields, vectors: Vec::new(), tags };
        Self { place, doc, texts: meanings }
    }

    /// A question that led to a document, with what the document lets be seen and filtered.
    pub(crate) fn usage(place: Place, query: String, scope: &str, tags: Vec<Arc<str>>) -> Self {
        let tenant = place.tenant.as_deref().unwrap_or_default();
        let doc = Doc {
            id: usage_id(tenant, &place.id, &query),
            group: Some(Arc::clone(&place.id)),
            scope: usage_scope(tenant, scope),
            fields: vec![Field { text: query.clone(), weight: 1.0 }],
            vectors: Vec::new(),
            tags,
        };
        Self { place, doc, texts: vec![query] }
    }

    /// The collection of the index that it belongs to.
    pub(crate) fn shelf(&self) -> Arc<str> {
        match self.place.tenant {
            None => Arc::clone(&self.place.collection),
            Some(_) => usage_shelf(&self.place.collection),
        }
    }

    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.texts.iter().map(|text| Digest::text(text))
    }

    /// Its texts with their digests.
    pub(crate) fn digested(&self) -> impl Iterator<Item = (Digest, &str)> {
        self.texts.iter().map(|text| (Digest::text(text), &**text))
    }

    /// Its name in the index.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.doc.id)
    }

    /// The mean of those of its vectors that are known.
    pub(crate) fn vector(&self, known: &HashMap<Digest, Vector>) -> Option<Vector> {
        let vectors: Vec<&Vector> = self.digests().filter_map(|digest| known.get(&digest)).collect();
        mean(&vectors)
    }

    /// Who may see it.
    pub(crate) fn scope(&self) -> Arc<str> {
        Arc::clone(&self.doc.scope)
    }

    /// As the index takes it.
    pub(crate) fn doc(&self, vector: Option<Vector>) -> Doc {
        Doc { vectors: vector.into_iter().collect(), ..self.doc.clone() }
    }
}

/// The mean of vectors, of unit length; `None` of none, of those of several lengths, and of those that cancel out.
fn mean(vectors: &[&Vector]) -> Option<Vector> {
    let (first, rest) = vectors.split_first()?;
    if rest.is_empty() {
        return Some(Arc::clone(first));
    }
    let mut sum = first.to_vec();
    for vector in rest {
        if vector.len() != sum.len() {
            return None;
        }
        sum.iter_mut().zip(vector.iter()).for_each(|(sum, one)| *sum += one);
    }
    let length = sum.iter().map(|one| one * one).sum::<f32>().sqrt();
    (length > 1e-6).then(|| sum.iter().map(|one| one / length).collect())
}

/// Where the index keeps what was learned about a collection.
pub(crate) fn usage_shelf(collection: &str) -> Arc<str> {
    format!("{collection}{USES}").into()
}

/// The scope of what a tenant learned about documents of a scope: nobody else's queries name it.
pub(crate) fn usage_scope(tenant: &str, scope: &str) -> Arc<str> {
    format!("{tenant}{BETWEEN}{scope}").into()
}

/// The name of a learned question in the index.
pub(crate) fn usage_id(tenant: &str, id: &str, query: &str) -> Arc<str> {
    Digest::of([tenant.as_bytes(), id.as_bytes(), query.as_bytes()]).hex().into()
}
