//! Whose settings a file holds, by what stands in it. Nothing is read here beyond that.

use crate::error::MigrationError;
use crate::read::{Node, Tree};
use std::fmt;

/// A project whose settings can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// LiteLLM's proxy: YAML with a `model_list`.
    Litellm,
    /// ToolWeaver: variables for a planner and a worker.
    Toolweaver,
    /// Conjecture: JSON with a list of `providers`.
    Conjecture,
    /// Decision Matrix MCP: variables that begin with `DMM_`, or JSON or YAML with the same.
    DecisionMatrix,
}

/// What gives a format away, in words.
type Sign = &'static str;

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Litellm, Self::Toolweaver, Self::Conjecture, Self::DecisionMatrix];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::Toolweaver => "toolweaver",
            Self::Conjecture => "conjecture",
            Self::DecisionMatrix => "decision-matrix",
        }
    }

    /// What is looked for to tell it from the others.
    pub fn signs(self) -> &'static str {
        match self {
            Self::Litellm => "`model_list`, `litellm_settings` or `router_settings`",
            Self::Toolweaver => "`PLANNER_…`, `WORKER_MODEL`, `SMALL_MODEL_BACKEND`, `TOOLWEAVER_…` or `mcpServers`",
            Self::Conjecture => "a list `providers` with `url` and `model`",
            Self::DecisionMatrix => {
                "`DMM_…`, `BEDROCK_MODEL_ID`, `DEFAULT_MODEL_BACKEND`, `backend.bedrock_model` or limits in `validation`"
            }
        }
    }

    pub(crate) fn looked_for() -> String {
        let signs: Vec<String> = Self::ALL.iter().map(|format| format!("{} ({format})", format.signs())).collect();
        format!("looked for {}; `--from` names the format", signs.join("; "))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Whose settings the files hold. A file of lines without a sign of its own goes with the others.
pub(crate) fn detect(files: &[Tree]) -> Result<(Format, Sign), MigrationError> {
    let mut found: Option<(Format, Sign, &str)> = None;
    for file in files {
        let sign = if file.lines { of_lines(&file.root) } else { of_tree(&file.root) };
        match (sign, found) {
            (None, _) if file.lines => {}
            (None, _) => return Err(MigrationError::Unknown { file: file.name.clone() }),
            (Some((format, _)), Some((first, _, name))) if format != first => {
                let formats = (first, format);
                return Err(MigrationError::Mixed { first: name.to_owned(), second: file.name.clone(), formats });
            }
            (Some((format, sign)), None) => found = Some((format, sign, &file.name)),
            (Some(_), Some(_)) => {}
        }
    }
    let unknown = || files.first().map(|file| file.name.clone()).unwrap_or_default();
    found.map(|(format, sign, _)| (format, sign)).ok_or_else(|| MigrationError::Unknown { file: unknown() })
}

/// Keys of Decision Matrix MCP's sections that nobody else has there.
const LIMITS: [(&str, &str); 15] = [
    ("validation", "max_topic_length"),
    ("validation", "max_option_name_length"),
    ("validation", "max_criterion_name_length"),
    ("validation", "max_options_allowed"),
    ("validation", "min_options_required"),
    ("validation", "max_criteria_allowed"),
    ("validation", "max_criterion_weight"),
    ("session", "max_active_sessions"),
    ("session", "lru_eviction_batch_size"),
    ("session", "default_max_sessions"),
    ("session", "default_session_ttl_hours"),
    ("session", "default_cleanup_interval_minutes"),
    ("performance", "request_timeout_seconds"),
    ("performance", "max_concurrent_evaluations"),
    ("performance", "cot_timeout_seconds"),
];

fn of_tree(root: &Node) -> Option<(Format, Sign)> {
    let has = |key: &str| root.get(key).is_some();
    let section = |section: &str, key: &str| root.get(section).is_some_and(|inner| inner.get(key).is_some());
    let listed = root.get("providers").map(Node::items).unwrap_or_default();
    if has("model_list") {
        Some((Format::Litellm, "model_list"))
    } else if has("litellm_settings") || has("router_settings") {
        Some((Format::Litellm, "litellm_settings or router_settings"))
    } else if listed.iter().any(|one| one.get("url").is_some() && one.get("model").is_some()) {
        Some((Format::Conjecture, "providers with url and model"))
    } else if has("mcpServers") || section("planner", "provider") || section("planner", "model") {
        Some((Format::Toolweaver, "mcpServers or planner"))
    } else if ["bedrock_model", "litellm_model", "ollama_model"].iter().any(|key| section("backend", key)) {
        Some((Format::DecisionMatrix, "models in backend"))
    } else if LIMITS.iter().any(|(name, key)| section(name, key)) {
        Some((Format::DecisionMatrix, "limits in validation, session or performance"))
    } else {
        None
    }
}

fn of_lines(root: &Node) -> Option<(Format, Sign)> {
    let mut names = root.entries().iter().map(|(name, _)| name.as_str());
    names.find_map(|name| match name {
        "BEDROCK_MODEL_ID" | "DEFAULT_MODEL_BACKEND" | "LITELLM_DEFAULT_MODEL" | "OLLAMA_DEFAULT_MODEL" => {
            Some((Format::DecisionMatrix, "names of its variables"))
        }
        "PLANNER_PROVIDER" | "PLANNER_MODEL" | "WORKER_MODEL" | "SMALL_MODEL_BACKEND" | "USE_SMALL_MODEL" => {
            Some((Format::Toolweaver, "names of its variables"))
        }
        name if name.starts_with("DMM_") => Some((Format::DecisionMatrix, "variables that begin with DMM_")),
        name if name.starts_with("TOOLWEAVER_") => Some((Format::Toolweaver, "variables that begin with TOOLWEAVER_")),
        _ => None,
    })
}
