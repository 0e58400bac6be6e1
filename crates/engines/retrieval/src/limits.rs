//! What this room takes at most.

/// What this room takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Documents of all collections together.
    pub documents_max: usize,
    /// Text of one document, in bytes: fields, meanings, tags.
    pub document_bytes_max: usize,
    /// Texts of one document that become vectors.
    pub meanings_max: usize,
    /// Fields of one document.
    pub fields_max: usize,
    /// Tags of one document.
    pub tags_max: usize,
    /// The name or the scope of a document, in bytes.
    pub name_bytes_max: usize,
    /// Hits of one question.
    pub hits_max: usize,
    /// A question, in bytes; what is longer is cut.
    pub query_bytes_max: usize,
    /// A question that is learned, in bytes; what is longer is not.
    pub learned_bytes_max: usize,
    /// Learned questions of all tenants and collections together; beyond it none are learned.
    pub learned_total_max: usize,
    /// How many models' vectors are kept, the one in force included.
    pub models_max: usize,
    /// Days that the vector of a text is kept that no document has any more.
    pub unused_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            documents_max: 1_000_000,
            document_bytes_max: 256 * 1024,
            meanings_max: 16,
            fields_max: 64,
            tags_max: 256,
            name_bytes_max: 512,
            hits_max: 1_000,
            query_bytes_max: 64 * 1024,
            learned_bytes_max: 1_000,
            learned_total_max: 200_000,
            models_max: 3,
            unused_days: 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_fits_the_index() {
        let (limits, index) = (Limits::default(), search::Limits::default());
        assert!(limits.fields_max <= index.fields_max && limits.tags_max <= index.tags_max);
        assert!(limits.document_bytes_max + 2 * limits.name_bytes_max <= index.document_bytes_max);
        assert!(limits.documents_max <= index.documents_max && limits.hits_max <= index.candidates_max);
    }
}
