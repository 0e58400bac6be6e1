//! One piece of TOML that claims to be settings: where each key stands and what is wrong with its types.
//!
//! The settings file, a variable and a flag are all read here, so that each refuses the same things in the same
//! words. Nothing here knows what the other pieces say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::depth::{DEPTH_MAX, DOTS_MAX, dotted_too_deep};
use crate::error::{Place, SettingsError};
use crate::layer::{element, join};
use crate::lines::Lines;
use crate::model::Settings;
use crate::wording;

/// Whose text it is, for errors.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    /// The settings file.
    File(PathBuf),
    /// The environment variable of this name.
    Variable(String),
    /// The flag that sets this dotted path.
    Flag(String),
}

/// Text of which every key is known and every value has the right type.
#[derive(Debug)]
pub(crate) struct Document {
    /// What it says.
    pub(crate) table: toml::Table,
    map: Map,
}

impl Document {
    /// Reads text and refuses what is not TOML, keys that nobody knows and values of the wrong type.
    pub(crate) fn read(text: &str, whose: Whose) -> Result<Self, SettingsError> {
        let mut map = Map { lines: Lines::new(text.to_owned()), whose, marks: BTreeMap::new() };
        if let Some(at) = dotted_too_deep(text) {
            let problem = format!("a key with more than {DOTS_MAX} dots");
            return Err(SettingsError::Syntax { problem, place: map.place(&(at..at + 1)) });
        }
        let root = DeTable::parse(text).map_err(|error| map.syntax(&error))?;
        map.walk("", root.get_ref(), 1)?;
        map.fits("", root.get_ref(), toml::de::Deserializer::from(root.clone()))?;
        if let Some(DeValue::Table(profiles)) = root.get_ref().get("profile").map(Spanned::get_ref) {
            for (name, profile) in profiles {
                map.profile(name.get_ref(), profile)?;
            }
        }
        let table = toml::Table::deserialize(toml::de::Deserializer::from(root)).map_err(|error| map.syntax(&error))?;
        Ok(Self { table, map })
    }

    /// The line, counted from 1, on which the key with this path stands, if it does.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        self.map.marks.get(path).map(|mark| self.map.lines.line(mark.key.start))
    }

    /// Where the value of this path stands, or else the nearest table around it.
    pub(crate) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(mark) = self.map.marks.get(path) {
                return self.map.place(&mark.value);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return self.map.place(&(0..0)),
            }
        }
    }
}

/// Where a key and its value stand, in bytes of the text.
#[derive(Debug)]
struct Mark {
    key: Range<usize>,
    value: Range<usize>,
}

/// The text and where everything stands in it.
#[derive(Debug)]
struct Map {
    lines: Lines,
    whose: Whose,
    marks: BTreeMap<String, Mark>,
}

impl Map {
    fn walk(&mut self, path: &str, table: &DeTable<'_>, depth: usize) -> Result<(), SettingsError> {
        for (key, value) in table {
            self.mark(join(path, key.get_ref()), key.span(), value, depth)?;
        }
        Ok(())
    }

    fn mark(
        &mut self,
        path: String,
        key: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        depth: usize,
    ) -> Result<(), SettingsError> {
        if depth > DEPTH_MAX {
            let problem = format!("more than {DEPTH_MAX} tables and lists inside one another");
            return Err(SettingsError::Syntax { problem, place: self.place(&key) });
        }
        match value.get_ref() {
            DeValue::Table(table) => self.walk(&path, table, depth + 1)?,
            DeValue::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    self.mark(element(&path, index), item.span(), item, depth + 1)?;
                }
            }
            _ => {}
        }
        self.marks.insert(path, Mark { key, value: value.span() });
        Ok(())
    }

    /// Whether the types fit.
    fn fits<'de, D>(&self, path: &str, table: &DeTable<'_>, deserializer: D) -> Result<(), SettingsError>
    where
        D: serde::Deserializer<'de, Error = toml::de::Error>,
    {
        let settings = Settings::deserialize(deserializer).map_err(|error| self.misfit(&error))?;
        let meant = toml::Table::try_from(&settings).unwrap_or_default();
        let Some(path) = list_for_table(path, table, &meant) else { return Ok(()) };
        let span = self.marks.get(&path).map_or(0..0, |mark| mark.value.clone());
        let problem = format!("`{path}` must be a table, not a list");
        Err(SettingsError::Value { path, problem, place: self.place(&span), hint: None })
    }

    fn profile(&self, name: &str, profile: &Spanned<DeValue<'_>>) -> Result<(), SettingsError> {
        let path = join("profile", name);
        let empty = DeTable::new();
        let table = profile.get_ref().as_table().unwrap_or(&empty);
        self.fits(&path, table, toml::de::ValueDeserializer::from(profile.clone()))?;
        match self.marks.get(&join(&path, "profile")) {
            None => Ok(()),
            Some(mark) => Err(SettingsError::Rule {
                problem: format!("`{path}` has profiles of its own"),
                place: self.place(&mark.key),
                hint: "profiles do not nest, write `[profile.NAME]`".to_owned(),
                path,
            }),
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> SettingsError {
        let end = self.lines.text().len();
        let span = error.span().unwrap_or(end..end);
        SettingsError::Syntax { problem: wording::syntax(error.message()), place: self.place(&span) }
    }

    fn misfit(&self, error: &toml::de::Error) -> SettingsError {
        let span = error.span().unwrap_or(0..0);
        let place = self.place(&span);
        if let Some((key, known)) = wording::unknown_key(error.message()) {
            let path = self.marks.iter().find(|(_, mark)| mark.key == span).map_or("", |(path, _)| path);
            let section = path.strip_suffix(&join("", &key)).unwrap_or(path).trim_end_matches('.');
            return SettingsError::UnknownKey { key, section: section.to_owned(), place, known };
        }
        let path = self.path(&span);
        let (problem, hint) = wording::misfit(&path, error.message());
        SettingsError::Value { path, problem, place, hint }
    }

    /// The path of the smallest value that has this span inside.
    fn path(&self, span: &Range<usize>) -> String {
        let around = |mark: &Mark| mark.value.start <= span.start && span.end <= mark.value.end;
        self.marks
            .iter()
            .filter(|(_, mark)| around(mark))
            .min_by_key(|(path, mark)| (mark.value.len(), usize::MAX - path.len()))
            .map_or_else(|| "the file".to_owned(), |(path, _)| path.clone())
    }

    fn place(&self, span: &Range<usize>) -> Place {
        match &self.whose {
            Whose::File(path) => Place::File(Box::new(self.lines.spot(path, span))),
            Whose::Variable(name) => Place::Variable(name.clone()),
            Whose::Flag(path) => Place::Flag(path.clone()),
        }
    }
}

/// The path of a list that stands where a table should, which was read as the values of its keys in their order.
fn list_for_table(path: &str, written: &DeTable<'_>, meant: &toml::Table) -> Option<String> {
    written
        .iter()
        .find_map(|(key, value)| misread(join(path, key.get_ref()), value.get_ref(), meant.get(&**key.get_ref())?))
}

fn misread(path: String, written: &DeValue<'_>, meant: &toml::Value) -> Option<String> {
    match (written, meant) {
        (DeValue::Array(_), toml::Value::Table(_)) => Some(path),
        (DeValue::Table(written), toml::Value::Table(meant)) => list_for_table(&path, written, meant),
        (DeValue::Array(written), toml::Value::Array(meant)) => written
            .iter()
            .zip(meant)
            .enumerate()
            .find_map(|(index, (written, meant))| misread(element(&path, index), written.get_ref(), meant)),
        _ => None,
    }
}
