//! Reading a scenario file: one scenario, or several under `[[scenario]]`, every fault named with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{Broken, DEPTH_MAX, FILE_BYTES_MAX, SCENARIOS_MAX, duplicate, room};
use super::{Scenario, ScenarioError, Spot, files, wording};

/// Scenarios that are run one after the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Set {
    /// Its name; the file's if empty.
    pub name: String,
    /// What it stands for, in a sentence.
    pub description: String,
    /// Each, in the order of running.
    #[serde(rename = "scenario")]
    pub scenarios: Vec<Scenario>,
}

/// What a file may hold.
#[derive(JsonSchema)]
#[schemars(untagged, title = "Althing load scenarios")]
#[expect(dead_code, reason = "it is there for its schema")]
enum File {
    /// One scenario.
    One(Box<Scenario>),
    /// Several, under `[[scenario]]`.
    Several(Set),
}

/// The JSON Schema (draft 2020-12) of a scenario file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

/// Reads and checks a scenario file; see [`read`].
///
/// # Errors
///
/// Those of [`read`], and a file that cannot be read.
pub fn read_file(path: &Path) -> Result<Set, ScenarioError> {
    read(&files::text(path, FILE_BYTES_MAX)?, &path.display().to_string())
}

/// Reads and checks the text of a scenario file, whose name errors repeat and beside which its prompt files lie.
///
/// # Errors
///
/// What is not TOML, keys that nobody knows, values of the wrong type, scenarios that cannot be run, and prompt files
/// that cannot be read.
pub fn read(text: &str, file: &str) -> Result<Set, ScenarioError> {
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ScenarioError::TooLarge { path: file.into(), limit: format!("{FILE_BYTES_MAX} bytes") });
    }
    let mut map = Map { text, file, marks: BTreeMap::new() };
    let root = DeTable::parse(text).map_err(|error| map.syntax(&error))?;
    map.walk("", root.get_ref(), 1)?;
    let is_set = root.get_ref().contains_key("scenario");
    let reader = toml::de::Deserializer::from(root);
    let mut set = if is_set {
        Set::deserialize(reader).map_err(|error| map.misfit(&error))?
    } else {
        let scenario = Scenario::deserialize(reader).map_err(|error| map.misfit(&error))?;
        let (name, description) = (scenario.name.clone(), scenario.description.clone());
        Set { name, description, scenarios: vec![scenario] }
    };
    name(&mut set, file);
    map.check(&set, is_set)?;
    Ok(set)
}

/// Gives everything without a name that of its file.
fn name(set: &mut Set, file: &str) {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if set.name.is_empty() {
        set.name = stem;
    }
    let several = set.scenarios.len() > 1;
    for (index, scenario) in set.scenarios.iter_mut().enumerate().filter(|(_, scenario)| scenario.name.is_empty()) {
        scenario.name = if several { format!("{}-{}", set.name, index + 1) } else { set.name.clone() };
    }
}

/// The text and where everything stands in it.
struct Map<'a> {
    text: &'a str,
    file: &'a str,
    /// Where each value stands, in bytes of the text, by its dotted path.
    marks: BTreeMap<String, Range<usize>>,
}

impl Map<'_> {
    fn walk(&mut self, path: &str, table: &DeTable<'_>, depth: usize) -> Result<(), ScenarioError> {
        for (key, value) in table {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            self.mark(path, key.span(), value, depth)?;
        }
        Ok(())
    }

    fn mark(
        &mut self,
        path: String,
        key: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        depth: usize,
    ) -> Result<(), ScenarioError> {
        if depth > DEPTH_MAX {
            let problem = format!("more than {DEPTH_MAX} tables and lists inside one another");
            return Err(ScenarioError::Syntax { problem, spot: self.spot(key.start) });
        }
        match value.get_ref() {
            // A list would be taken for the values of a table's keys in their order.
            DeValue::Array(_) if wants_table(&path) => {
                let problem = format!("`{path}` must be a table, not a list");
                return Err(ScenarioError::Value { path, problem, hint: None, spot: self.spot(value.span().start) });
            }
            DeValue::Table(table) => self.walk(&path, table, depth + 1)?,
            DeValue::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    self.mark(format!("{path}[{index}]"), item.span(), item, depth + 1)?;
                }
            }
            _ => {}
        }
        self.marks.insert(path, value.span());
        Ok(())
    }

    fn check(&self, set: &Set, is_set: bool) -> Result<(), ScenarioError> {
        if set.scenarios.is_empty() || set.scenarios.len() > SCENARIOS_MAX {
            let problem = format!("a set of {} scenarios", set.scenarios.len());
            let hint = format!("write from 1 to {SCENARIOS_MAX} times `[[scenario]]`");
            return Err(self.broken("", Broken { path: "scenario".to_owned(), problem, hint }));
        }
        for (index, scenario) in set.scenarios.iter().enumerate() {
            let prefix = if is_set { format!("scenario[{index}].") } else { String::new() };
            let earlier = set.scenarios.get(..index).unwrap_or_default();
            duplicate(scenario, earlier).map_err(|broken| self.broken(&prefix, broken))?;
            scenario.faults().map_err(|broken| self.broken(&prefix, broken))?;
            self.prompts(scenario, &prefix)?;
        }
        Ok(())
    }

    fn prompts(&self, scenario: &Scenario, prefix: &str) -> Result<(), ScenarioError> {
        for (index, mix) in scenario.mix.iter().enumerate() {
            let read = files::of(mix, self.file).map_err(|error| match error {
                ScenarioError::Unreadable { path: named, source } => {
                    let problem = format!("cannot read the prompt file `{}`", named.display());
                    let hint = format!("prompt files lie beside the scenario; {}", source.to_string().to_lowercase());
                    self.broken(prefix, Broken { path: format!("mix[{index}].prompt_file"), problem, hint })
                }
                other => other,
            })?;
            let (count, largest) = read.map_or((0, 0), |prompts| {
                (prompts.len(), prompts.iter().map(|prompt| prompt.prompt.len()).max().unwrap_or_default())
            });
            room(mix, count, largest).map_err(|broken| {
                self.broken(prefix, Broken { path: format!("mix[{index}].prompt_file"), ..broken })
            })?;
        }
        Ok(())
    }

    fn broken(&self, prefix: &str, broken: Broken) -> ScenarioError {
        let path = format!("{prefix}{}", broken.path);
        let place = format!("at {}", self.spot_of(&path));
        // Under `[[scenario]]` the tables of one scenario have longer names.
        let within = |text: String| match prefix {
            "" => text,
            _ => text.replace("`[[mix]]", "`[[scenario.mix]]").replace("`[goodput]", "`[scenario.goodput]"),
        };
        ScenarioError::Rule { path, problem: within(broken.problem), hint: within(broken.hint), place }
    }

    fn syntax(&self, error: &toml::de::Error) -> ScenarioError {
        let at = error.span().map_or(self.text.len(), |span| span.start);
        ScenarioError::Syntax { problem: wording::syntax(error.message()), spot: self.spot(at) }
    }

    fn misfit(&self, error: &toml::de::Error) -> ScenarioError {
        let span = error.span().unwrap_or(0..0);
        let spot = self.spot(span.start);
        if let Some((key, known)) = wording::unknown_key(error.message()) {
            return ScenarioError::UnknownKey { key, known, spot };
        }
        let around = |mark: &Range<usize>| mark.start <= span.start && span.end <= mark.end;
        let smallest = self.marks.iter().filter(|(_, mark)| around(mark));
        let smallest = smallest.min_by_key(|(path, mark)| (mark.len(), usize::MAX - path.len()));
        let path = smallest.map_or_else(|| "the file".to_owned(), |(path, _)| path.clone());
        let (problem, hint) = wording::misfit(&path, error.message());
        ScenarioError::Value { path, problem, hint, spot }
    }

    /// Where the value of this path stands, or else the nearest table around it.
    fn spot_of(&self, mut path: &str) -> Spot {
        loop {
            if let Some(mark) = self.marks.get(path) {
                return self.spot(mark.start);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return self.spot(0),
            }
        }
    }

    fn spot(&self, at: usize) -> Spot {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Spot { file: self.file.to_owned(), line, column: before[line_start..].chars().count() + 1 }
    }
}

/// Whether a table must stand at a path.
fn wants_table(path: &str) -> bool {
    if path.contains("arguments") || path.contains("body") {
        return false;
    }
    let last = path.rsplit('.').next().unwrap_or(path);
    ["slo", "goodput", "fault"].contains(&last) || last.starts_with("mix[") || last.starts_with("scenario[")
}
