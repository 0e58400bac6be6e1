//! Loading: the defaults, the file, the profile, the variables and the flags, laid over one another in this order.
//!
//! Each piece is checked alone first, so that whatever is wrong is blamed on the piece it stands in. Nothing here
//! looks for a file or reads the environment: the caller hands both in.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use toml::{Table, Value};

use crate::check::{Finding, check};
use crate::depth::{DEPTH_MAX, DOTS_MAX, dotted_too_deep, is_deeper};
use crate::document::{Document, Whose};
use crate::error::{Place, SettingsError};
use crate::layer::{Layers, join, leaves, merge, nested};
use crate::lines::Lines;
use crate::model::Settings;
use crate::{decisions, redis, store};

/// The most bytes a settings file may have.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The profiles that can always be asked for.
///
/// Each sets what decisions may take up (`decisions.rs`); beyond that `dev` and `prod` override nothing, and `high-scale`
/// sets `server.connections_max = 16384`, `server.in_flight_max = 8192`, `store.pool_max = 25` and
/// `guard.pool_max = 25`. A table `[profile.NAME]` in the file may override all of them.
pub const PROFILES: [&str; 3] = ["dev", "prod", "high-scale"];

/// What begins the name of every variable that overrides a setting.
const PREFIX: &str = "ALTHING__";

/// Sections that are lists of tables or belong to the file, and that no single variable can change.
const FILE_ONLY: [&str; 6] = ["alias", "flag", "provider", "panel", "route", "profile"];

/// Where settings come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The settings file; without one, defaults are used.
    pub file: Option<PathBuf>,
    /// Environment variables by name; those that begin with `ALTHING__` override settings.
    pub env: Vec<(String, String)>,
    /// The profile to apply.
    pub profile: Option<String>,
    /// Values by dotted path (`server.bind`) that override everything else.
    pub flags: Vec<(String, Value)>,
}

/// Where the effective value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This line, counted from 1, of this file.
    File(PathBuf, usize),
    /// The profile of this name, from the file or built in.
    Profile(String),
    /// The environment variable of this name.
    Env(String),
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path, line) => write!(out, "{}:{line}", path.display()),
            Self::Profile(name) => write!(out, "profile {name}"),
            Self::Env(name) => write!(out, "env {name}"),
            Self::Flag => out.write_str("flag"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Settings that were checked, and where each came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings in effect.
    pub settings: Settings,
    /// The origin of every effective leaf by its path, such as `server.bind` or `provider[0].base_url`.
    pub origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

/// Loads and checks settings.
///
/// # Errors
/// The first thing that is wrong; [`problems`] tells of all of them.
pub fn load(source: &Source) -> Result<Loaded, SettingsError> {
    let (loaded, wrong) = assemble(source)?;
    wrong.into_iter().next().map_or(Ok(loaded), Err)
}

/// Everything that is wrong with the settings, in no particular order; empty when they can be used.
///
/// What makes the settings unreadable (a syntax error, an unknown key, a wrong type) is told alone.
pub fn problems(source: &Source) -> Vec<SettingsError> {
    match assemble(source) {
        Ok((_, wrong)) => wrong,
        Err(error) => vec![error],
    }
}

fn assemble(source: &Source) -> Result<(Loaded, Vec<SettingsError>), SettingsError> {
    let document = match &source.file {
        Some(path) => Document::read(&read(path)?, Whose::File(path.clone()))?,
        None => Document::read("", Whose::File(PathBuf::new()))?,
    };
    let mut layers = Layers::default();
    let mut profile = lay_file(&mut layers, &document, source)?;
    profile.values_mut().for_each(store::hide_passwords);
    profile.values_mut().for_each(redis::hide_passwords);
    for (name, value) in source.env.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        layers.lay(variable(name, value)?, |_| Origin::Env(name.clone()));
    }
    for (path, value) in &source.flags {
        layers.lay(flag(path, value)?, |_| Origin::Flag);
    }
    let mut settings = Settings::deserialize(layers.table.clone()).map_err(|error| SettingsError::Value {
        path: String::new(),
        problem: format!("the settings do not fit together: {}", error.message()),
        place: Place::BuiltIn(None),
        hint: None,
    })?;
    let places = Places { layers: &layers, document: &document };
    let wrong = check(&settings).into_iter().map(|finding| places.blame(finding)).collect();
    let origins = origins(&settings, &layers);
    settings.profile = profile;
    Ok((Loaded { settings, origins, file: source.file.clone() }, wrong))
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(
        |source| match source.kind() {
            std::io::ErrorKind::NotFound => SettingsError::Missing { path: path.to_owned() },
            _ => SettingsError::Unreadable { path: path.to_owned(), source },
        },
    )?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(SettingsError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let lines = Lines::new(String::from_utf8_lossy(error.as_bytes()).into_owned());
        SettingsError::Syntax {
            problem: "not valid TOML: a byte that is not UTF-8".to_owned(),
            place: Place::File(Box::new(lines.spot(path, &(at..at)))),
        }
    })
}

/// Lays the file and the profile, and gives back the profiles of the file.
fn lay_file(
    layers: &mut Layers,
    document: &Document,
    source: &Source,
) -> Result<BTreeMap<String, Table>, SettingsError> {
    let mut table = document.table.clone();
    let profiles: BTreeMap<String, Table> = match table.remove("profile") {
        Some(Value::Table(profiles)) => {
            profiles.into_iter().filter_map(|(name, value)| Some((name, value.as_table()?.clone()))).collect()
        }
        _ => BTreeMap::new(),
    };
    let path = source.file.clone().unwrap_or_default();
    layers.lay(table, |leaf| Origin::File(path.clone(), document.line(leaf).unwrap_or(1)));
    if let Some(name) = &source.profile {
        let known = PROFILES.contains(&name.as_str());
        if !known && !profiles.contains_key(name) {
            let mut known: Vec<String> = profiles.into_keys().chain(PROFILES.map(str::to_owned)).collect();
            known.sort();
            known.dedup();
            return Err(SettingsError::UnknownProfile { name: name.clone(), known });
        }
        let built_in = built_in(name);
        layers.lay(built_in, |_| Origin::Profile(name.clone()));
        let own = profiles.get(name).cloned().unwrap_or_default();
        layers.lay(own, |_| Origin::Profile(name.clone()));
    }
    Ok(profiles)
}

/// What a well-known profile overrides.
fn built_in(profile: &str) -> Table {
    let values: &[(&str, &str, i64)] = match profile {
        "high-scale" => &[
            ("server", "connections_max", 16_384),
            ("server", "in_flight_max", 8_192),
            ("store", "pool_max", 25),
            ("guard", "pool_max", 25),
        ],
        _ => &[],
    };
    let mut table = Table::new();
    for (section, key, value) in values.iter().chain(decisions::profile(profile)) {
        merge(&mut table, nested([*section, *key].into_iter(), Value::Integer(*value)));
    }
    table
}

/// The override that a variable stands for: its value as TOML where that fits, and else as text.
fn variable(name: &str, value: &str) -> Result<Table, SettingsError> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase().replace("__", ".");
    let whose = Whose::Variable(name.to_owned());
    let place = || Place::Variable(name.to_owned());
    if !path.contains('.') {
        return Err(misuse(place(), &path, "a whole section cannot be overridden", "write `ALTHING__SECTION__KEY`"));
    }
    if let Some(section) = path.split('.').next().filter(|first| FILE_ONLY.contains(first)) {
        let hint = "set it in the settings file, a variable only changes single keys of a section";
        return Err(misuse(place(), &path, &format!("`{section}` cannot be overridden"), hint));
    }
    let as_text = || fitting(&path, Value::String(value.to_owned()), whose.clone());
    let parsed = if dotted_too_deep(value).is_some() { None } else { value.parse::<Value>().ok() };
    match parsed {
        Some(parsed) => fitting(&path, parsed, whose.clone()).or_else(|error| as_text().map_err(|_| error)),
        None => as_text(),
    }
}

fn flag(path: &str, value: &Value) -> Result<Table, SettingsError> {
    if path == "profile" || path.starts_with("profile.") {
        let place = Place::Flag(path.to_owned());
        return Err(misuse(place, path, "a profile cannot be overridden", "write it in the settings file"));
    }
    fitting(path, value.clone(), Whose::Flag(path.to_owned()))
}

/// One value at a dotted path, of which the keys are known and the type fits, as read from its own text.
fn fitting(path: &str, value: Value, whose: Whose) -> Result<Table, SettingsError> {
    let place = || match &whose {
        Whose::File(_) => Place::BuiltIn(None),
        Whose::Variable(name) => Place::Variable(name.clone()),
        Whose::Flag(path) => Place::Flag(path.clone()),
    };
    if path.split('.').any(str::is_empty) {
        return Err(misuse(place(), path, "a key without a name", "name a section and a key of it"));
    }
    if path.split('.').count() > DOTS_MAX || is_deeper(&value, DEPTH_MAX) {
        return Err(misuse(place(), path, "nested too deep", "no setting lies that deep, look for a slip"));
    }
    let text = toml::to_string(&nested(path.split('.'), value)).map_err(|error| {
        misuse(place(), path, &format!("not a value of TOML: {error}"), "write it in the settings file")
    })?;
    Document::read(&text, whose).map(|document| document.table)
}

fn misuse(place: Place, path: &str, problem: &str, hint: &str) -> SettingsError {
    SettingsError::Rule { path: path.to_owned(), problem: problem.to_owned(), place, hint: hint.to_owned() }
}

/// The origin of every leaf that is in effect.
fn origins(settings: &Settings, layers: &Layers) -> BTreeMap<String, Origin> {
    let table = effective(settings);
    let origin = |path: &str| layers.origin(path).cloned().unwrap_or(Origin::Default);
    leaves(&table).into_iter().map(|(path, _)| (path.clone(), origin(&path))).collect()
}

/// The settings as a table, without the profiles: what is chosen from them is already laid over the rest.
pub(crate) fn effective(settings: &Settings) -> Table {
    let mut table = Table::try_from(settings).unwrap_or_default();
    table.remove("profile");
    table
}

/// Where each value stands, to blame it.
struct Places<'a> {
    layers: &'a Layers,
    document: &'a Document,
}

impl Places<'_> {
    fn blame(&self, finding: Finding) -> SettingsError {
        let Finding { path, problem, hint } = finding;
        let place = self.place(&path);
        SettingsError::Rule { path, problem, place, hint }
    }

    fn place(&self, path: &str) -> Place {
        let mut around = path;
        loop {
            match self.layers.origin(around) {
                Some(Origin::File(..)) => return self.document.place(path),
                Some(Origin::Profile(name)) => return self.profile(name, around, path),
                Some(Origin::Env(name)) => return Place::Variable(name.clone()),
                Some(Origin::Flag) => return Place::Flag(around.to_owned()),
                Some(Origin::Default) | None => {}
            }
            match around.rfind(['.', '[']) {
                Some(cut) => around = &around[..cut],
                None => return Place::BuiltIn(None),
            }
        }
    }

    fn profile(&self, name: &str, around: &str, path: &str) -> Place {
        let profile = join("profile", name);
        match self.document.line(&format!("{profile}.{around}")) {
            Some(_) => self.document.place(&format!("{profile}.{path}")),
            None => Place::BuiltIn(Some(name.to_owned())),
        }
    }
}
