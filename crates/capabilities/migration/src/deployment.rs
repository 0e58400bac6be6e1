//! What every format is read into: deployments (a model at an address with a key), the names they are asked by, and
//! what holds for the whole server. It knows no format and writes nothing.

use crate::Whole;
use crate::notes::Notes;
use crate::secret::Key;
use settings::ModelEntry;

/// A model at an address.
#[derive(Clone)]
pub(crate) struct Deployment {
    /// The protocol, one of our kinds.
    pub(crate) kind: &'static str,
    /// The address, cleaned; without one, the kind's usual one.
    pub(crate) base_url: Option<String>,
    pub(crate) key: Key,
    /// Where the key stands.
    pub(crate) key_from: String,
    pub(crate) aws: Option<AwsKeys>,
    pub(crate) timeout_ms: Option<u64>,
    /// What the provider is best called.
    pub(crate) provider: Option<String>,
    /// The model; none for a provider that answers to any name.
    pub(crate) entry: Option<ModelEntry>,
    /// Where it stands.
    pub(crate) from: String,
}

impl Deployment {
    /// A model of a kind at its usual address, without a key.
    pub(crate) fn new(kind: &'static str, model: &str, from: &str) -> Self {
        let entry = ModelEntry { name: model.to_owned(), ..ModelEntry::default() };
        Self {
            kind,
            base_url: None,
            key: Key::None,
            key_from: String::new(),
            aws: None,
            timeout_ms: None,
            provider: None,
            entry: Some(entry),
            from: from.to_owned(),
        }
    }
}

/// Where and as whom a provider on Amazon Web Services is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AwsKeys {
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) access_key_id: Key,
    pub(crate) secret_access_key: Key,
    pub(crate) session_token: Key,
}

/// A name that clients ask for, and the deployments behind it in the order in which they are tried.
pub(crate) struct Called {
    pub(crate) name: String,
    pub(crate) deployments: Vec<usize>,
    /// Where it stands.
    pub(crate) from: String,
}

/// Models that answer together.
pub(crate) struct Together {
    pub(crate) name: &'static str,
    pub(crate) deployments: Vec<usize>,
    pub(crate) agreement: f64,
    pub(crate) deadline_ms: u64,
    pub(crate) from: &'static str,
}

/// Everything that a format was read into.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) called: Vec<Called>,
    /// Other names for names.
    pub(crate) also: Vec<(String, String, String)>,
    pub(crate) together: Vec<Together>,
    /// The time an attempt may take where a deployment says nothing, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) whole: Whole,
    pub(crate) notes: Notes,
}
