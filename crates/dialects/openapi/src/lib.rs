//! OpenAPI documents as operations that can be called.
//!
//! [`read()`] turns a document of OpenAPI 3 (JSON or YAML) into [`Operation`]s, each with one JSON Schema for its
//! arguments; [`Operation::request`] turns arguments into an HTTP request. This room opens no socket and no file: what a
//! document refers to elsewhere is never fetched, and where the request goes is for somebody else to judge. It knows no
//! secrets: it names the security schemes of a document and leaves their places empty.

mod document;
mod error;
mod input;
mod keywords;
mod limits;
mod names;
mod operation;
mod output;
mod place;
mod read;
mod request;
mod schemas;
mod security;
mod servers;
mod yaml;

pub use error::OpenApiError;
pub use limits::Limits;
pub use operation::{Operation, Prepared};
pub use place::{At, Place, Style};
pub use read::{Imported, read};
pub use security::{Scheme, SchemeKind};
pub use servers::resolve;
