//! What goes wrong when texts become vectors; knows no status of any protocol.

use fault::{Explain, Kind, Origin, Retry};
use std::path::PathBuf;

/// Why there are no vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// There is no model in the folder.
    #[error("no embedding model in `{}`", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of a model is not what it should be.
    #[error("cannot use `{}` as an embedding model: {problem}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {problem}", file.display())]
    File {
        /// What was tried: `read` or `write`.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The folder that a converted model is to go into holds something else.
    #[error("`{}` cannot take a converted model: {problem}", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        problem: String,
    },
    /// The settings want models in the form of ONNX, and the program was built without them.
    #[error("`embed.kind` is `onnx`, which this program was built without")]
    NotBuilt,
    /// There is no model in the form of ONNX in the folder.
    #[error("no `model.onnx` in `{}`, nor `onnx/model.onnx`", folder.display())]
    NoGraph {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of a model in the form of ONNX is not what it should be.
    #[error("cannot use `{}` as an embedding model: {problem}", file.display())]
    Graph {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// ONNX Runtime cannot be loaded.
    #[error("cannot use `{}` as ONNX Runtime: {problem}", library.display())]
    Library {
        /// Its file, or the name that the system knows it by.
        library: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model works on none of the devices that it may work on.
    #[error("the embedding model works on no device of `embed.devices`: {refused}")]
    Devices {
        /// Each of them, with what is wrong with it.
        refused: String,
    },
    /// The model in this process did not do its work.
    #[error("the embedding model `{model}` failed: {problem}")]
    Failed {
        /// The model.
        model: String,
        /// What happened.
        problem: String,
    },
    /// A setting is missing or wrong.
    #[error("`embed.{key}` {problem}")]
    Setting {
        /// The key in the section `embed`.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// More texts wait than there is room for.
    #[error("`{waiting}` texts wait to be embedded, and `{most}` may")]
    Busy {
        /// How many wait.
        waiting: usize,
        /// How many may.
        most: usize,
    },
    /// The threads of the model are gone.
    #[error("the embedding model was closed")]
    Closed,
    /// The server could not be reached, or its answer not be read.
    #[error("the embedding server `{host}` did not answer: {problem}")]
    Unreached {
        /// Its host.
        host: String,
        /// What happened.
        problem: String,
    },
    /// The server took too long.
    #[error("the embedding server `{host}` took longer than {timeout_ms} ms")]
    Late {
        /// Its host.
        host: String,
        /// How long it had.
        timeout_ms: u64,
    },
    /// The server refused.
    #[error("the embedding server `{host}` answered with status `{status}`")]
    Refused {
        /// Its host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The server answered something else than vectors.
    #[error("the embedding server `{host}` answered no vectors: {problem}")]
    NotVectors {
        /// Its host.
        host: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

impl Explain for EmbedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "embed_model_missing",
            Self::Unusable { .. } => "embed_model_unusable",
            Self::File { .. } => "embed_file",
            Self::Occupied { .. } => "embed_target",
            Self::NotBuilt => "embed_not_built",
            Self::NoGraph { .. } => "embed_onnx_missing",
            Self::Graph { .. } => "embed_onnx_unusable",
            Self::Library { .. } => "embed_library",
            Self::Devices { .. } => "embed_devices",
            Self::Failed { .. } => "embed_failed",
            Self::Setting { .. } => "embed_setting",
            Self::Busy { .. } => "embed_busy",
            Self::Closed => "embed_closed",
            Self::Unreached { .. } => "embed_unreached",
            Self::Late { .. } => "embed_late",
            Self::Refused { .. } => "embed_refused",
            Self::NotVectors { .. } => "embed_not_vectors",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::NoGraph { .. } => Kind::NotFound,
            Self::Unusable { .. } | Self::Occupied { .. } | Self::Setting { .. } => Kind::BadInput,
            Self::NotBuilt | Self::Graph { .. } | Self::Library { .. } | Self::Devices { .. } => Kind::BadInput,
            Self::File { .. } => Kind::Internal,
            Self::Busy { .. } => Kind::Overloaded,
            Self::Closed | Self::Failed { .. } => Kind::Unavailable,
            Self::Unreached { .. } | Self::Refused { .. } | Self::NotVectors { .. } => Kind::Unavailable,
            Self::Late { .. } => Kind::Deadline,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Missing { .. } | Self::Unusable { .. } | Self::Occupied { .. } | Self::Setting { .. } => {
                Origin::Caller
            }
            Self::NotBuilt
            | Self::NoGraph { .. }
            | Self::Graph { .. }
            | Self::Library { .. }
            | Self::Devices { .. } => Origin::Caller,
            Self::File { .. } | Self::Busy { .. } | Self::Closed | Self::Failed { .. } => Origin::Us,
            Self::Unreached { .. } | Self::Late { .. } | Self::Refused { .. } | Self::NotVectors { .. } => {
                Origin::Upstream
            }
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Busy { .. } | Self::Failed { .. } | Self::Unreached { .. } | Self::Late { .. } => Retry::Now,
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => Retry::Now,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "run `make model`, or name a folder with a converted model in `embed.folder`",
            Self::Unusable { .. } => "run `make model` again: it converts the original afresh",
            Self::File { .. } => "check that the file is there, and who may read and write it",
            Self::Occupied { .. } => "name a new or an empty folder, or one that a conversion has made",
            Self::NotBuilt => {
                "build it with `cargo build --release -p althing --features onnx`, or choose another `embed.kind`"
            }
            Self::NoGraph { .. } => "name a folder with `model.onnx` and `tokenizer.json` in `embed.path`",
            Self::Graph { .. } => "get the model again, or name the folder of another in `embed.path`",
            Self::Library { .. } => {
                "get ONNX Runtime 1.17 or newer (the Python packages `onnxruntime` and `onnxruntime-gpu` hold it), and \
                 name its file in `embed.library` or `ORT_DYLIB_PATH`"
            }
            Self::Devices { .. } => "add `cpu` to `embed.devices`, or mend what is wrong with the others",
            Self::Failed { .. } => "see the log; `althing doctor` tries the model",
            Self::Setting { .. } => "change the section `embed` of the settings",
            Self::Busy { .. } => "ask again in a moment",
            Self::Closed => return None,
            Self::Unreached { .. } | Self::Late { .. } => "check `embed.base_url` and whether the server runs",
            Self::Refused { status: 401 | 403, .. } => "check `embed.api_key`",
            Self::Refused { status: 404, .. } => "check `embed.base_url` and `embed.model`",
            Self::Refused { .. } => "see the log of that server",
            Self::NotVectors { .. } => "check that `embed.base_url` and `embed.model` name a model that embeds texts",
        };
        Some(hint.to_owned())
    }
}
