//! How much an index takes. Callers have tighter limits of their own; these are what the memory of this process stands.

/// The most of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most collections with documents in them.
    pub collections_max: usize,
    /// The most documents of one collection.
    pub documents_max: usize,
    /// The most bytes of a document: its id, scope, group, fields and tags together.
    pub document_bytes_max: usize,
    /// The most fields of a document.
    pub fields_max: usize,
    /// The most different words of a document; of a longer one the first so many are indexed.
    pub terms_max: usize,
    /// The most vectors of a document.
    pub vectors_max: usize,
    /// The most dimensions of a vector.
    pub dimensions_max: usize,
    /// The most tags of a document.
    pub tags_max: usize,
    /// The most scopes of a query.
    pub scopes_max: usize,
    /// The most tags in the filter of a query, all groups together.
    pub filter_tags_max: usize,
    /// How many bytes of a query's words are read; what comes after them is not.
    pub query_bytes_max: usize,
    /// The most different words of a query; of more the rarest so many are looked for.
    pub query_terms_max: usize,
    /// The most documents that a query asks for, of each list; of a query that asks for more so many are told.
    pub candidates_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            collections_max: 10_000,
            documents_max: 1_000_000,
            document_bytes_max: 1024 * 1024,
            fields_max: 64,
            terms_max: 8_192,
            vectors_max: 64,
            dimensions_max: 4_096,
            tags_max: 256,
            scopes_max: 256,
            filter_tags_max: 1_024,
            query_bytes_max: 32 * 1024,
            query_terms_max: 64,
            candidates_max: 1_000,
        }
    }
}
