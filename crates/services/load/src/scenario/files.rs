//! Prompts that lie in files beside a scenario: one per line, or JSON lines with `prompt` and perhaps `answer`.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

use serde::Deserialize;

use super::check::{PROMPT_FILE_BYTES_MAX, PROMPTS_MAX};
use super::{Mix, Scenario, ScenarioError};

/// One prompt of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// What is asked.
    pub prompt: String,
    /// The known answer.
    #[serde(default)]
    pub answer: Option<String>,
}

/// Prompts read from files, by the index of the entry of the mix that names the file.
pub type Files = BTreeMap<usize, Vec<Prompt>>;

/// Reads the prompt files of a scenario that was read from `file`, beside which they lie.
///
/// # Errors
///
/// A file that is missing, unreadable, empty or larger than the limits, or a line that is not a prompt.
pub fn prompts(scenario: &Scenario, file: &str) -> Result<Files, ScenarioError> {
    let mut files = Files::new();
    for (index, mix) in scenario.mix.iter().enumerate() {
        if let Some(prompts) = of(mix, file)? {
            files.insert(index, prompts);
        }
    }
    Ok(files)
}

/// The prompts of one entry, if it names a file.
pub(super) fn of(mix: &Mix, file: &str) -> Result<Option<Vec<Prompt>>, ScenarioError> {
    let Some(name) = &mix.prompt_file else { return Ok(None) };
    let path = Path::new(file).parent().unwrap_or(Path::new("")).join(name);
    let text = text(&path, PROMPT_FILE_BYTES_MAX)?;
    parse(&text, &path).map(Some)
}

/// A file's whole text.
pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String, ScenarioError> {
    let unreadable = |source| ScenarioError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    // Before the text is looked at: the limit may fall into the middle of a character.
    if bytes.len() as u64 > bytes_max {
        return Err(ScenarioError::TooLarge { path: path.to_owned(), limit: format!("{bytes_max} bytes") });
    }
    String::from_utf8(bytes).map_err(|_| unreadable(Error::new(ErrorKind::InvalidData, "it is not UTF-8")))
}

fn parse(text: &str, path: &Path) -> Result<Vec<Prompt>, ScenarioError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut prompts = Vec::new();
    for (index, line) in lines {
        if prompts.len() >= PROMPTS_MAX as usize {
            return Err(ScenarioError::TooLarge { path: path.to_owned(), limit: format!("{PROMPTS_MAX} prompts") });
        }
        let prompt = prompt(line.trim()).map_err(|problem| {
            let path = path.to_owned();
            ScenarioError::Prompt { path, line: index + 1, problem }
        })?;
        prompts.push(prompt);
    }
    if prompts.is_empty() {
        return Err(ScenarioError::Prompt { path: path.to_owned(), line: 1, problem: "no prompts".to_owned() });
    }
    Ok(prompts)
}

/// A line that begins with a brace is JSON, any other is the prompt itself.
fn prompt(line: &str) -> Result<Prompt, String> {
    if !line.starts_with('{') {
        return Ok(Prompt { prompt: line.to_owned(), answer: None });
    }
    let prompt: Prompt = serde_json::from_str(line).map_err(|error| error.to_string().to_lowercase())?;
    if prompt.prompt.trim().is_empty() {
        return Err("an empty prompt".to_owned());
    }
    Ok(prompt)
}
