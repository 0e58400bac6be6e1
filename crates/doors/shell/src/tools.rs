//! `althing tools` and `althing eval`.

use crate::At;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `althing tools`.
#[derive(Debug, Clone, Subcommand)]
pub enum Tools {
    /// List tools
    List {
        /// The most tools
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Which tools.
        #[command(flatten)]
        filter: Filter,
        /// Only tools of this kind: mcp, function, code_exec, agent, tool, http
        #[arg(long = "type", value_name = "K")]
        kind: Option<String>,
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Find tools for something that is to be done
    Search(Search),
    /// Show a tool in full
    Info {
        /// Its id
        id: String,
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Take in tools: JSON Lines, a JSON list, an OpenAPI document, or an MCP client's configuration
    Import(Box<Import>),
    /// Remove a tool
    Remove {
        /// Its id
        id: String,
        /// Whose it is [default: everybody's]
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
        /// The `revision` that `tools info` shows; if the tool has another one by now, nothing is removed
        #[arg(long, value_name = "N")]
        revision: Option<i64>,
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Show the domains, and how many tools each has
    Domains {
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Show the catalogue in figures
    Stats {
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Find the weights by which a labelled set is ranked best, and print them as settings
    Tune {
        /// The folder with `tools.jsonl`, `queries.jsonl` and `qrels.tsv`
        dir: PathBuf,
        /// The most questions
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Named overrides of the settings
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// Call a tool
    Execute {
        /// Its id
        id: String,
        /// The arguments, as a JSON object; `-` reads them from standard input
        #[arg(value_name = "JSON", default_value = "{}")]
        arguments: String,
        /// The question that led to it, from which later searches learn
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// The same key with the same arguments is the same call, for a day
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        /// Refuse unless it is trusted to change nothing
        #[arg(long)]
        read_only: bool,
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
    /// Forget which questions led to a tool, or to all of them
    Forget {
        /// Its id [default: all tools]
        id: Option<String>,
        /// Where the catalogue is.
        #[command(flatten)]
        at: At,
    },
}

/// Which tools.
#[derive(Debug, Clone, Args)]
pub struct Filter {
    /// Only tools of this server
    #[arg(long, value_name = "S")]
    pub server: Option<String>,
    /// Only tools of this domain
    #[arg(long, value_name = "D")]
    pub domain: Option<String>,
    /// Only tools with this tag
    #[arg(long, value_name = "T")]
    pub tag: Option<String>,
}

/// `althing tools search`.
#[derive(Debug, Clone, Args)]
pub struct Search {
    /// What the tool should do
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// The most tools
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub limit: usize,
    /// Which tools.
    #[command(flatten)]
    pub filter: Filter,
    /// Only tools that are trusted to change nothing
    #[arg(long)]
    pub read_only: bool,
    /// Where the catalogue is.
    #[command(flatten)]
    pub at: At,
}

/// `althing tools import`.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// The documents; `-` reads one from standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What they are: jsonl, json, openapi or mcp [default: what they look like]
    #[arg(long, value_name = "F")]
    pub format: Option<String>,
    /// Who offers the tools, where the document does not say
    #[arg(long, value_name = "S")]
    pub server: Option<String>,
    /// Whose they are [default: everybody's]
    #[arg(long, value_name = "T")]
    pub tenant: Option<String>,
    /// Who may find and call them, at least: viewer, user, operator or admin [default: user]
    #[arg(long, value_name = "R")]
    pub role: Option<String>,
    /// Words to filter by
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub tag: Vec<String>,
    /// What they are about
    #[arg(long, value_name = "D")]
    pub domain: Option<String>,
    /// For OpenAPI: where the API is, instead of what the document says
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// For OpenAPI: the name of the `[[tools.credential]]` that calls go out with
    #[arg(long, value_name = "NAME")]
    pub credential: Option<String>,
    /// For OpenAPI: how long a call may take
    #[arg(long, value_name = "MS")]
    pub timeout_ms: Option<u64>,
    /// Believe those that say that they change nothing
    #[arg(long)]
    pub trust_read_only: bool,
    /// Remove tools of the same server that are not in the document
    #[arg(long)]
    pub replace: bool,
    /// Where the catalogue is.
    #[command(flatten)]
    pub at: At,
}

/// `althing eval`.
#[derive(Debug, Clone, Subcommand)]
pub enum Eval {
    /// How well tools are found
    Tools {
        /// The folder with `tools.jsonl`, `queries.jsonl` and `qrels.tsv`
        dir: PathBuf,
        /// The most questions
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Named overrides of the settings
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
}
