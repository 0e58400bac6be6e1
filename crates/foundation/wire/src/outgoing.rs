//! A request on its way to a provider that speaks another dialect.

use bytes::Bytes;

/// A request translated for a provider.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The body.
    pub body: Bytes,
    /// Headers that its dialect needs: lower case.
    pub headers: Vec<(&'static str, String)>,
    /// What the dialect cannot say, in words for people, such as ``\`logit_bias\```: the provider was not told.
    pub lost: Vec<String>,
}
