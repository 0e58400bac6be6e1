//! The command line: what can be typed, and the help that is shown for it.
//!
//! It knows words and their shapes, and does nothing: what a command does is the binary's.

mod decide;
mod load;
mod tools;

pub use decide::{CriterionWords, Decide, DecisionFormat, KnownDecision, NewDecision, OptionWords};
pub use load::{Against, Load, LoadRun, LoadSweep, Plan};
pub use tools::{Eval, Filter, Import as ToolsImport, Search, Tools};

use caller::Role;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use migration::Format;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One server between applications or agents and the models, tools and knowledge they use.
#[derive(Debug, Parser)]
#[command(name = "althing", version, propagate_version = true, arg_required_else_help = true, max_term_width = 80)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Which of them.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Settings file [default: ./althing.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON document and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// What to log: error, warn, info, debug, trace, or `room=level,…` [default: info for `up`, else warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve
    Up(Up),
    /// Serve scripted models over OpenAI's and Anthropic's protocols: an upstream to break on purpose
    Simulate(Simulate),
    /// Ask one question and print the answer with its agreement report
    Ask(Ask),
    /// Have options scored by criteria, one question to a model for each pair, and say which comes first
    Decide(Box<Decide>),
    /// Say how far observers agree who rated the same units (Krippendorff's alpha)
    Agreement(Agreement),
    /// Check settings, data folder, providers and clock, with a fix for whatever is wrong
    Doctor(Doctor),
    /// Look at the settings
    #[command(subcommand)]
    Config(Config),
    /// Speak MCP
    #[command(subcommand)]
    Mcp(Mcp),
    /// Make, list and revoke keys
    #[command(subcommand)]
    Keys(Keys),
    /// Look after the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Back up, restore and check the database
    #[command(subcommand)]
    Store(Store),
    /// Show what was used and spent, by day, tenant, key or model
    Usage(Usage),
    /// Show what models cost, and bring a newer price list
    #[command(subcommand)]
    Prices(Prices),
    /// Find, fill and call the catalogue of tools
    #[command(subcommand)]
    Tools(Tools),
    /// Measure how well something is found, on a labelled set
    #[command(subcommand)]
    Eval(Eval),
    /// Look at the answers that a server keeps, drop them, or have them made beforehand
    #[command(subcommand)]
    Cache(Cache),
    /// Send load to a server and judge what comes of it
    #[command(subcommand)]
    Load(Load),
    /// Say what a growing demand needs, from a measured sweep
    Plan(Box<Plan>),
    /// Turn a published embedding model into the form that a server reads
    #[command(subcommand)]
    Embed(Embed),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// `althing up`.
#[derive(Debug, Clone, Args)]
pub struct Up {
    /// Where to listen, as ADDRESS:PORT [default: 127.0.0.1:8700]
    #[arg(long, value_name = "A:P")]
    pub bind: Option<String>,
    /// Where to keep data [default: $XDG_DATA_HOME/althing]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Named overrides of the settings
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Serve these rooms alone
    #[arg(long, value_name = "ROOM,…", value_delimiter = ',')]
    pub only: Vec<Room>,
}

/// What `--only` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Room {
    /// The OpenAI-compatible API
    Http,
    /// The MCP server
    Mcp,
}

/// `althing simulate`.
#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// Where to listen, as ADDRESS:PORT
    #[arg(long, value_name = "A:P", default_value = "127.0.0.1:8701")]
    pub bind: SocketAddr,
    /// How the models behave, as TOML; see examples/simulate.toml
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

/// `althing ask`.
#[derive(Debug, Clone, Args)]
pub struct Ask {
    /// The question; `-` reads it from standard input
    #[arg(required = true, value_name = "PROMPT")]
    pub prompt: Vec<String>,
    /// A model, panel or route [default: the panel `quorum`, else the first model]
    #[arg(long, short, value_name = "M", conflicts_with = "panel")]
    pub model: Option<String>,
    /// A panel
    #[arg(long, short, value_name = "P")]
    pub panel: Option<String>,
    /// Which database.
    #[command(flatten)]
    pub place: Where,
}

/// `althing agreement`.
#[derive(Debug, Clone, Args)]
pub struct Agreement {
    /// The ratings; `-` reads them from standard input. As CSV, one line per unit below one with the observers' names
    /// (a column `unit` or `id` is no observer); as JSON, one list per observer, or an object with `level` and `ratings`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What may be done with the values [default: what a JSON file says, else nominal]
    #[arg(long, value_name = "L")]
    pub level: Option<RatingLevel>,
}

/// What `--level` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RatingLevel {
    /// Names
    Nominal,
    /// An order
    Ordinal,
    /// Figures whose differences mean something
    Interval,
    /// Figures from 0 up whose quotients mean something
    Ratio,
}

/// `althing doctor`.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// The data folder to check [default: $XDG_DATA_HOME/althing]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Named overrides of the settings
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// `althing config`.
#[derive(Debug, Clone, Subcommand)]
pub enum Config {
    /// Print the JSON Schema of the settings file
    Schema,
    /// Check the settings and say what is wrong, with line and column
    Check {
        /// Named overrides of the settings
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// Print every setting in force and where it comes from; secrets stay references
    Show {
        /// Named overrides of the settings
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
    /// Rewrite other projects' settings as ours; keys are never copied
    Import(Import),
}

/// `althing config import`.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// Files of one project: YAML, JSON or lines of NAME=value
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Whose they are [default: what their content says]
    #[arg(long, value_name = "PROJECT", value_parser = project())]
    pub from: Option<Format>,
    /// Where to write the settings [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// Reads the word for a project.
fn project() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(Format::ALL.map(Format::name));
    names.try_map(|name| Format::ALL.into_iter().find(|format| format.name() == name).ok_or("no such project"))
}

/// `althing mcp`.
#[derive(Debug, Clone, Subcommand)]
pub enum Mcp {
    /// Serve the tools over standard input and output
    Stdio {
        /// The tools of one system whole, as at `/mcp/s/TOOLSET` [default: the core tools, as at `/mcp`]
        #[arg(long, value_name = "TOOLSET")]
        toolset: Option<String>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// Print the block that an MCP client wants in its own file; a key stays a reference
    Config {
        /// Whose file
        #[arg(long, value_name = "CLIENT")]
        client: Client,
        /// The server's root [default: where the settings say that it listens]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The tools of one system whole [default: the core tools]
        #[arg(long, value_name = "TOOLSET")]
        toolset: Option<String>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
}

/// The MCP clients whose files are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Desktop, which starts a program
    ClaudeDesktop,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    #[value(name = "vscode")]
    VsCode,
    /// Codex
    Codex,
}

/// `althing embed`.
#[derive(Debug, Clone, Subcommand)]
pub enum Embed {
    /// Convert all-MiniLM-L6-v2 to small integers, once; `make model` fetches it and does so
    Convert {
        /// The folder with `model.safetensors` and `tokenizer.json`, in it or below it, as in an unpacked package
        from: PathBuf,
        /// Where to put it [default: where every server looks, in $XDG_DATA_HOME/althing/models]
        to: Option<PathBuf>,
    },
    /// Say whether a converted model can be used
    Check {
        /// The folder [default: where every server looks, in $XDG_DATA_HOME/althing/models]
        folder: Option<PathBuf>,
    },
}

/// Which database a command works on.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The data folder [default: $XDG_DATA_HOME/althing]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Named overrides of the settings
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Where something is: with a server that is named or that runs on the data folder, else in the database; ALTHING_KEY
/// holds a key for a server.
#[derive(Debug, Clone, Args)]
pub struct At {
    /// A server's root [default: the one that runs on the data folder, if one does]
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "profile"])]
    pub target: Option<String>,
    /// Which database.
    #[command(flatten)]
    pub place: Where,
}

/// `althing cache`.
#[derive(Debug, Clone, Subcommand)]
pub enum Cache {
    /// Show how full the tiers are and how often they have what is asked for
    Stats {
        /// Which server.
        #[command(flatten)]
        at: CacheAt,
    },
    /// Drop kept answers, on all replicas: all of them, or those with a tag
    Drop {
        /// Only those with this tag: a model, a route, a panel, or one of `x-althing-tags`
        #[arg(long, value_name = "T")]
        tag: Option<String>,
        /// Only this tenant's
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
        /// Which server.
        #[command(flatten)]
        at: CacheAt,
    },
    /// Ask questions so that their answers are kept
    Warm {
        /// The questions: in each line the body of a chat, as JSON
        file: PathBuf,
        /// Which server.
        #[command(flatten)]
        at: CacheAt,
    },
}

/// Which server; ALTHING_KEY holds a key for it.
#[derive(Debug, Clone, Args)]
pub struct CacheAt {
    /// The server's root [default: where the settings say that it listens]
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
}

/// `althing keys`.
#[derive(Debug, Clone, Subcommand)]
pub enum Keys {
    /// Make a key and show it, once
    Create {
        /// What it may do: viewer, user, operator or admin
        #[arg(long, value_name = "R")]
        role: Role,
        /// Whose it is
        #[arg(long, value_name = "T", default_value = caller::HOUSE)]
        tenant: String,
        /// When it ends: a span (`12h`, `30d`), a date or a moment of UTC
        #[arg(long, value_name = "D")]
        expires: Option<String>,
        /// What it is for, in a few words
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// The most requests per minute
        #[arg(long, value_name = "N")]
        rpm: Option<u32>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// List all keys
    List {
        /// Only this tenant's
        #[arg(long, value_name = "T")]
        tenant: Option<String>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// Take a key back
    Revoke {
        /// Its id, or the beginning of the key that `keys list` shows
        id: String,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
}

/// `althing audit`.
#[derive(Debug, Clone, Subcommand)]
pub enum Audit {
    /// Check that no row was changed, added or removed
    Verify {
        /// Files with signed checkpoints [default: those in the data folder]
        #[arg(long, value_name = "FILE")]
        checkpoints: Vec<PathBuf>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
}

/// `althing store`.
#[derive(Debug, Clone, Subcommand)]
pub enum Store {
    /// Write a backup, while the server runs or not
    Backup {
        /// Where to [default: a new file in `backups` in the data folder]
        file: Option<PathBuf>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// Put a backup in the place of the database; the server must not run
    Restore {
        /// The backup
        file: PathBuf,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// Check the database
    Check {
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
}

/// `althing usage`.
#[derive(Debug, Clone, Args)]
pub struct Usage {
    /// What to sum by: day, tenant, key, model
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',', default_value = "day,model")]
    pub by: Vec<String>,
    /// The first day, as 2026-11-01 [default: thirty days ago]
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// Only this tenant
    #[arg(long, value_name = "T")]
    pub tenant: Option<String>,
    /// Only this key, by its id
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// Only this model
    #[arg(long, value_name = "M")]
    pub model: Option<String>,
    /// Print comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// Which database.
    #[command(flatten)]
    pub place: Where,
}

/// `althing prices`.
#[derive(Debug, Clone, Subcommand)]
pub enum Prices {
    /// List prices in US dollars per million tokens
    List {
        /// Only models with this in their names, or the one that it stands for
        #[arg(value_name = "MODEL")]
        model: Option<String>,
        /// Only the list of this house
        #[arg(long, value_name = "H")]
        house: Option<String>,
        /// The data folder [default: $XDG_DATA_HOME/althing]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Lay another price list over the shipped one
    Update {
        /// The list: of our own, LiteLLM's `model_prices_and_context_window.json` or `api.json` of models.dev
        file: PathBuf,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// The data folder [default: $XDG_DATA_HOME/althing]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}
