//! The sections about finding: how texts become vectors, how what is found is ranked, and the catalogue of tools.

use crate::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How texts become vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Embed {
    /// Who makes them.
    pub kind: EmbedKind,
    /// The model: for `local` the name of its folder among the models, for `openai` the name that the server knows.
    pub model: String,
    /// A folder with a converted model, instead of the one that `model` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// A folder with a model as it was published, for `onnx`: `model.onnx` or `onnx/model.onnx`, and `tokenizer.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The library of ONNX Runtime, for `onnx`; without it the one that `ORT_DYLIB_PATH` names, else the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Where a model for `onnx` may work: the first of these that can be used.
    pub devices: Vec<EmbedDevice>,
    /// The most memory of a graphics card that a model on `cuda` takes for its numbers, in MiB; without it, as much as
    /// there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb_max: Option<u64>,
    /// Where a server answers `/embeddings`, such as `https://api.openai.com/v1`; for `openai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Its key, as `env:NAME` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretRef>,
    /// How many numbers its vectors have; asked of the server where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// As what the local model keeps its weights.
    pub precision: EmbedPrecision,
    /// How many texts are embedded together, 1 to 128; for `onnx` how many at first, as it finds out how many are best.
    pub batch: usize,
    /// How many threads a model in this process works with.
    pub threads: usize,
    /// How long a server may take for one batch, in milliseconds.
    pub timeout_ms: u64,
    /// How long a search waits for the vector of its question, in milliseconds; past that it goes by words alone.
    pub question_ms: u64,
}

impl Default for Embed {
    fn default() -> Self {
        Self {
            kind: EmbedKind::Auto,
            model: "all-minilm-l6-v2".to_owned(),
            folder: None,
            path: None,
            library: None,
            devices: vec![EmbedDevice::Cuda, EmbedDevice::Coreml, EmbedDevice::Cpu],
            memory_mb_max: None,
            base_url: None,
            api_key: None,
            dimensions: None,
            precision: EmbedPrecision::Int8,
            batch: 32,
            threads: 2,
            timeout_ms: 30_000,
            question_ms: 1_500,
        }
    }
}

/// Who makes vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedKind {
    /// The local model where its weights are, else nobody: search goes by words alone, and says so.
    #[default]
    Auto,
    /// The local model; without its weights the server does not start.
    Local,
    /// Any model in the form of ONNX, on a graphics card too. Where it cannot be used search goes by words alone, and says
    /// so; a program that was built without the feature `onnx` does not start.
    Onnx,
    /// A server that speaks OpenAI's `/embeddings`.
    Openai,
    /// Nobody: search goes by words alone.
    Off,
}

/// Where a model works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedDevice {
    /// A graphics card of NVIDIA's.
    Cuda,
    /// What Apple's machines have; also `mps`.
    #[serde(alias = "mps")]
    Coreml,
    /// The processor.
    Cpu,
}

impl EmbedDevice {
    /// As settings name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Coreml => "coreml",
            Self::Cpu => "cpu",
        }
    }
}

/// As what a local model keeps its weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedPrecision {
    /// Bytes: several times faster, a quarter of the memory, and next to the same vectors.
    #[default]
    Int8,
    /// Floats, as the model was published.
    F32,
}

/// How what is found is ranked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// What holds the indexes.
    pub backend: SearchBackend,
    /// How tools are ranked.
    pub tools: Ranking,
    /// How passages are ranked.
    pub passages: Ranking,
}

/// What holds the indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchBackend {
    /// This process.
    #[default]
    Embedded,
}

/// How the documents of a collection are ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ranking {
    /// How the lists found by words and by vectors become one.
    pub fusion: Fusion,
    /// What the vectors weigh, 0 to 1; words weigh the rest.
    pub vectors: f64,
    /// What learned usage weighs beside the two, 0 to 1.
    pub usage: f64,
    /// The constant of reciprocal rank fusion.
    pub rrf_k: u32,
    /// How many of each list take part.
    pub candidates: usize,
}

impl Default for Ranking {
    fn default() -> Self {
        Self { fusion: Fusion::MinMax, vectors: 0.6, usage: 0.5, rrf_k: 20, candidates: 100 }
    }
}

/// How two lists become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// Scores of each list stretched to 0 to 1 and added by weight.
    #[default]
    MinMax,
    /// Reciprocal ranks added by weight.
    Rrf,
}

/// The catalogue of tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tools {
    /// The most tools that the catalogue holds.
    pub tools_max: usize,
    /// The largest input schema of one tool, in bytes.
    pub schema_bytes_max: usize,
    /// How long a call of a tool may take, in milliseconds.
    pub timeout_ms: u64,
    /// The largest answer of a tool that is read, in bytes.
    pub result_bytes_max: usize,
    /// Answers above so many bytes become a resource that the client reads when it wants to.
    pub inline_bytes_max: usize,
    /// How many past queries of each tool are remembered for each tenant; 0 learns nothing.
    pub learned_max: usize,
    /// Networks such as `10.0.0.0/8` that tools may reach although they are private.
    pub allowed_networks: Vec<String>,
    /// How long a search is kept, in seconds; 0 keeps none. Also `SEARCH_CACHE_TTL`.
    pub search_ttl_s: u64,
    /// How long the catalogue is kept, in seconds; 0 keeps none. Also `CATALOG_CACHE_TTL`.
    pub catalog_ttl_s: u64,
    /// How long the vector of a query is kept, in seconds; 0 keeps none. Also `EMBEDDING_CACHE_TTL`.
    pub embedding_ttl_s: u64,
    /// How long the definition of a tool is kept, in seconds; 0 keeps none. Also `TOOL_METADATA_CACHE_TTL`.
    pub tool_ttl_s: u64,
    /// What tools authenticate with; an imported tool names one of these, and never a secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credential: Vec<Credential>,
    /// Words that put tools into domains, beside the five built in; a built-in name replaces its words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub domain: BTreeMap<String, Domain>,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            tools_max: 100_000,
            schema_bytes_max: 256 * 1024,
            timeout_ms: 30_000,
            result_bytes_max: 8 * 1024 * 1024,
            inline_bytes_max: 32 * 1024,
            learned_max: 10,
            allowed_networks: Vec::new(),
            search_ttl_s: 3_600,
            catalog_ttl_s: 86_400,
            embedding_ttl_s: 604_800,
            tool_ttl_s: 86_400,
            credential: Vec::new(),
            domain: BTreeMap::new(),
        }
    }
}

/// What a tool authenticates with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The name by which imports ask for it.
    pub name: String,
    /// The header that carries it, such as `authorization`.
    pub header: String,
    /// What stands before the secret, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
    /// The secret, as `env:NAME` or `file:PATH`.
    pub secret: SecretRef,
    /// The hosts that it is sent to, and no others. Over TLS, unless one is written `http://host:port` or is an address
    /// in `tools.allowed_networks`.
    pub hosts: Vec<String>,
    /// The tenants whose calls may use it; empty for all.
    #[serde(default)]
    pub tenants: Vec<String>,
}

/// What puts a tool into a domain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Domain {
    /// Words or phrases, matched as whole words.
    pub keywords: Vec<String>,
    /// Names of tools that belong to it whatever they say.
    pub tools: Vec<String>,
}
