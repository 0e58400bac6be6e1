//! Where an argument goes in a request, and how it is written there.

use serde::{Deserialize, Serialize};

/// Where one argument goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The argument's name: a property of the input schema.
    pub argument: String,
    /// What the document calls it: a parameter, or a member of the body. Empty for a whole body.
    pub name: String,
    /// The part of the request.
    pub at: At,
    /// How it is written there.
    pub style: Style,
    /// Whether each item of a list, or member of an object, stands for itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub explode: bool,
    /// Whether characters such as `/` and `:` are left as they are in a query.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reserved: bool,
    /// Whether the request makes no sense without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// A `{name}` of the path.
    Path,
    /// Behind the question mark.
    Query,
    /// A header.
    Header,
    /// A pair of the header `cookie`.
    Cookie,
    /// The whole body.
    Body,
    /// A member of a body that is an object.
    Member,
}

/// How a value is written, in OpenAPI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `a,b`: paths and headers.
    Simple,
    /// `.a.b`: paths.
    Label,
    /// `;name=a`: paths.
    Matrix,
    /// `name=a&name=b`, or `name=a,b`: queries, cookies, forms.
    Form,
    /// `name=a%20b`: queries.
    SpaceDelimited,
    /// `name=a|b`: queries.
    PipeDelimited,
    /// `name[member]=a`: queries, forms.
    DeepObject,
    /// As JSON: parameters with a `content`, and members of a JSON body.
    Json,
}
