//! What tools are: documents read as tools, the domains they belong to, arguments checked against their schemas.
//!
//! [`Definition`] is ToolWeaver's model of a tool. [`open`] reads lists, OpenAPI documents and the configuration files of
//! MCP clients, and says of each item what is wrong with it. Nothing here has a table, an index, a socket or a clock, or
//! knows who may see what.

mod definition;
mod domains;
mod id;
mod import;
mod shape;
pub mod text;
mod validate;

pub use definition::{Annotations, Definition, Example, Http, Kind, Parameter, tokens, words_of};
pub use domains::Domains;
pub use id::hex;
pub use import::{Contents, Defaults, Format, Items, Noted, Refused, Report, Server, definition, open};
pub use shape::{Shape, shape};
pub use validate::{Misfit, Validators};
