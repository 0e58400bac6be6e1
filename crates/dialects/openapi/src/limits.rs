//! How much of a document is believed.

/// How much of a document is believed. What is beyond a limit of the whole document refuses it; what is beyond a limit
/// of one operation leaves that operation out, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest document, in bytes.
    pub document_bytes_max: usize,
    /// The most values (objects, lists, words, numbers) of a document, aliases of YAML counted each time they are used.
    pub values_max: usize,
    /// The most operations of a document.
    pub operations_max: usize,
    /// The most `$defs` that the schema of one operation reaches.
    pub defs_max: usize,
    /// How many schemas may lie within each other, references not followed.
    pub depth_max: usize,
    /// The largest input schema of one operation, in bytes of JSON. An output schema beyond it is left out alone.
    pub schema_bytes_max: usize,
    /// The largest sum of the schemas of all operations, in bytes of JSON.
    pub schemas_bytes_max: usize,
    /// The longest description, in characters: of an operation, and of anything within its schema.
    pub description_chars_max: usize,
}

impl Default for Limits {
    /// 16 MB, 2,000,000 values and 10,000 operations; for each operation 500 `$defs`, depth 64 and 256 KB of schema,
    /// 128 MB for all; 2,000 characters.
    fn default() -> Self {
        Self {
            document_bytes_max: 16 * 1024 * 1024,
            values_max: 2_000_000,
            operations_max: 10_000,
            defs_max: 500,
            depth_max: 64,
            schema_bytes_max: 256 * 1024,
            schemas_bytes_max: 128 * 1024 * 1024,
            description_chars_max: 2_000,
        }
    }
}
