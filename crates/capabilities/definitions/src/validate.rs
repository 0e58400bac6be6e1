//! Arguments against a tool's schema, and what is wrong with them in words that let a model repair its call at once.

use crate::definition::Definition;
use crate::shape::{Shape, Weight, shape};
use crate::text::{cut, quoted};
use jsonschema::error::ValidationErrorKind as Wrong;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most validators that are kept.
const KEPT_MAX: usize = 256;
/// The most that is told to be wrong at once.
const PROBLEMS_MAX: usize = 8;
/// The largest schema that is shown with what is wrong, in bytes.
const SHOWN_BYTES_MAX: usize = 8 * 1024;
/// The largest automaton of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How many names are offered for one that nobody knows and that resembles none.
const OFFERED_MAX: usize = 12;

/// A schema that is ready to be checked against.
struct Ready {
    validator: Validator,
    shape: Shape,
}

/// Why arguments cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// They do not fit the schema.
    Unfit {
        /// What is wrong where.
        problems: Vec<String>,
        /// The schema, or what is said of one that is too large to show.
        schema: String,
    },
    /// Nothing can be checked against the schema.
    Unusable {
        /// Why not.
        reason: String,
    },
}

/// What came of reading a schema, and when it was last used.
type Use = (u64, Result<Arc<Ready>, String>);

/// The validators in use, by the hash of the definition.
#[derive(Default)]
pub struct Validators {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_hash: HashMap<Arc<str>, Use>,
    uses: u64,
}

impl Validators {
    /// Checks arguments against the schema of a tool; `hash` is that of its definition.
    ///
    /// # Errors
    /// [`Misfit::Unfit`], or [`Misfit::Unusable`] where nothing can be checked against the schema.
    pub fn check(&self, tool: &Definition, hash: &Arc<str>, arguments: &Value) -> Result<(), Misfit> {
        let ready = self.ready(tool, hash).map_err(|reason| Misfit::Unusable { reason })?;
        let problems = match ready.shape.weigh(arguments) {
            Weight::TooDeep => vec![format!("they nest deeper than {}", ready.shape.value_depth_max)],
            Weight::TooMuch => vec!["checking them would take too long; send less".to_owned()],
            _ if ready.validator.is_valid(arguments) => return Ok(()),
            Weight::Light => problems(&ready.validator, &tool.input_schema, arguments),
            // What is wrong with each part of it could take more memory than anybody has.
            Weight::Heavy => heavy(&tool.input_schema, arguments),
        };
        if problems.is_empty() { Ok(()) } else { Err(Misfit::unfit(tool, problems)) }
    }

    fn ready(&self, tool: &Definition, hash: &Arc<str>) -> Result<Arc<Ready>, String> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = lock();
            kept.uses += 1;
            let now = kept.uses;
            if let Some((used, ready)) = kept.by_hash.get_mut(hash) {
                *used = now;
                return ready.clone();
            }
        }
        let made = compiled(&tool.input_schema).map(Arc::new);
        let mut kept = lock();
        if kept.by_hash.len() >= KEPT_MAX
            && let Some(oldest) = kept.by_hash.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| Arc::clone(key))
        {
            kept.by_hash.remove(&oldest);
        }
        let now = kept.uses;
        kept.by_hash.insert(Arc::clone(hash), (now, made.clone()));
        made
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.lock().unwrap().by_hash.len()
    }
}

fn compiled(schema: &Value) -> Result<Ready, String> {
    let shape = shape(schema)?;
    // No pattern that goes back and forth, and nothing is fetched.
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    let built = jsonschema::options().with_pattern_options(patterns).offline().build(schema);
    let validator = built.map_err(|error| format!("its schema cannot be used: {}", cut(&error.to_string(), 200)))?;
    Ok(Ready { validator, shape })
}

impl Misfit {
    /// That arguments do not fit, with the schema.
    pub fn unfit(tool: &Definition, problems: Vec<String>) -> Self {
        let whole = tool.input_schema.to_string();
        let schema = match whole.len() <= SHOWN_BYTES_MAX {
            true => whole,
            false => {
                let names: Vec<String> = tool.parameters().into_iter().map(|it| it.name).take(50).collect();
                let names = quoted(names.iter().map(String::as_str));
                format!("too large to show; its parameters are {names}, and `describe_tools` shows it whole")
            }
        };
        Self::Unfit { problems, schema }
    }
}

fn problems(validator: &Validator, schema: &Value, arguments: &Value) -> Vec<String> {
    let mut found: Vec<String> =
        validator.iter_errors(arguments).take(PROBLEMS_MAX).flat_map(|error| told(&error, schema)).collect();
    if found.is_empty() {
        return found;
    }
    found.extend(misnamed(schema, arguments));
    found.dedup();
    found
}

/// What is said of arguments that are too large to say where they are wrong.
fn heavy(schema: &Value, arguments: &Value) -> Vec<String> {
    let mut found = vec!["they are too large to say where; send less".to_owned()];
    found.extend(misnamed(schema, arguments));
    found
}

/// What is wrong where, without repeating long values.
fn told(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let path = error.instance_path().to_string();
    let at = match path.trim_start_matches('/') {
        "" => "the arguments".to_owned(),
        inner => format!("`{}`", inner.replace('/', ".")),
    };
    match error.kind() {
        Wrong::Required { property } => vec![format!("{} is missing in {at}", in_backticks(property))],
        Wrong::AdditionalProperties { unexpected } | Wrong::UnevaluatedProperties { unexpected } => {
            let known = names_at(schema, &path);
            unexpected.iter().map(|name| unknown(name, &known, &at)).collect()
        }
        Wrong::Enum { options } => vec![format!("{at} must be one of {}", cut(&options.to_string(), 300))],
        Wrong::Type { .. } => vec![format!("{at} is {}, and must be {}", kind_of(error.instance()), wanted(error))],
        Wrong::AnyOf { .. } | Wrong::OneOfNotValid { .. } => vec![format!("{at} fits none of the alternatives")],
        Wrong::OneOfMultipleValid { .. } => vec![format!("{at} fits more than one of the alternatives")],
        _ => vec![format!("{at}: {}", cut(&error.masked_with("it").to_string(), 200))],
    }
}

/// The types that would do, as the library lists them: `it is not of type "string"`.
fn wanted(error: &ValidationError<'_>) -> String {
    let said = error.masked_with("it").to_string();
    let kinds = said.split_once("of type").map_or("of another type", |(_, kinds)| kinds);
    kinds.trim_start_matches('s').trim().replace('"', "`")
}

fn in_backticks(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn unknown(name: &str, known: &[&str], at: &str) -> String {
    let shown = cut(name, 60);
    match fault::nearest(name, known.iter().copied(), 1).first() {
        Some(near) => format!("`{shown}` is no member of {at}, did you mean `{near}`?"),
        None if known.is_empty() => format!("`{shown}` is no member of {at}"),
        None => {
            let all = quoted(known.iter().copied().take(OFFERED_MAX));
            format!("`{shown}` is no member of {at}, which has {all}")
        }
    }
}

/// The names that a schema knows at a place, as far as that can be told without following references.
fn names_at<'a>(schema: &'a Value, path: &str) -> Vec<&'a str> {
    let mut here = Some(schema);
    for step in path.split('/').filter(|step| !step.is_empty()) {
        here = here.and_then(|it| match step.parse::<usize>() {
            Ok(_) => it.get("items"),
            Err(_) => it.get("properties")?.get(step),
        });
    }
    let properties = here.and_then(|it| it.get("properties")).and_then(Value::as_object);
    properties.into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

/// Where something is wrong, names that nobody knows and that resemble one that is missing are probably why.
fn misnamed(schema: &Value, arguments: &Value) -> Vec<String> {
    let known = names_at(schema, "");
    let Some(given) = arguments.as_object() else { return Vec::new() };
    let missing: Vec<&str> = known.iter().copied().filter(|name| !given.contains_key(*name)).collect();
    let strange = given.keys().filter(|name| !known.contains(&name.as_str()));
    let near = strange.filter_map(|name| Some((name, *fault::nearest(name, missing.iter().copied(), 1).first()?)));
    near.take(PROBLEMS_MAX)
        .map(|(name, near)| format!("`{}` is no member of the arguments, did you mean `{near}`?", cut(name, 60)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Defaults, definition};
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn tool(schema: Value) -> Definition {
        definition(json!({ "name": "t", "input_schema": schema }), &Defaults::default()).unwrap()
    }

    fn wrong(schema: Value, arguments: Value) -> Vec<String> {
        let tool = tool(schema);
        match Validators::default().check(&tool, &"h".into(), &arguments) {
            Ok(()) => Vec::new(),
            Err(Misfit::Unfit { problems, .. }) => problems,
            Err(Misfit::Unusable { reason }) => vec![reason],
        }
    }

    #[test]
    fn what_is_wrong_says_where_and_what_would_be_right() {
        let schema = json!({
            "type": "object", "required": ["title"], "additionalProperties": false,
            "properties": {
                "title": { "type": "string", "maxLength": 5 },
                "state": { "enum": ["open", "closed"] },
                "to": { "type": "object", "properties": { "zip": { "type": "integer" } }, "additionalProperties": false },
                "n": { "type": ["integer", "null"], "minimum": 1 },
            },
        });
        let check = |arguments: Value, expect: &[&str]| {
            assert_eq!(wrong(schema.clone(), arguments.clone()), expect, "{arguments}");
        };
        check(json!({ "title": "a" }), &[]);
        check(json!({}), &["`title` is missing in the arguments"]);
        let near = "`titel` is no member of the arguments, did you mean `title`?";
        check(json!({ "titel": "a" }), &[near, "`title` is missing in the arguments", near]);
        check(json!({ "title": 3 }), &["`title` is a number, and must be `string`"]);
        check(json!({ "title": "a", "n": "x" }), &["`n` is a string, and must be `null`, `integer`"]);
        check(json!({ "title": "a", "state": "opne" }), &["`state` must be one of [\"open\",\"closed\"]"]);
        check(json!({ "title": "a", "to": { "zpi": 1 } }), &["`zpi` is no member of `to`, which has `zip`"]);
        check(json!({ "title": "a secret that is long" }), &["`title`: it is longer than 5 characters"]);
        check(json!({ "title": "a", "n": 0 }), &["`n`: it is less than the minimum of 1"]);
        check(json!([]), &["the arguments is an array, and must be `object`"]);
    }

    #[test]
    fn cyclic_schemas_are_checked_and_end() {
        let tree =
            json!({ "type": "object", "properties": { "kids": { "items": { "$ref": "#" } } }, "required": ["v"] });
        assert!(wrong(tree.clone(), json!({ "v": 1, "kids": [{ "v": 2 }] })).is_empty());
        assert_eq!(wrong(tree, json!({ "v": 1, "kids": [{}] })), ["`v` is missing in `kids.0`"]);
        let itself = wrong(json!({ "type": "object", "$ref": "#" }), json!({}));
        assert_eq!(itself, ["its schema refers to itself in place"]);
    }

    #[test]
    fn what_could_take_forever_ends_soon() {
        let began = Instant::now();
        // Two alternatives that both go deeper, and a leaf that fits neither: as many ways as leaves of a tree.
        let both = json!({
            "type": "object", "$ref": "#/$defs/n", "$defs": { "n": { "anyOf": [
                { "properties": { "n": { "$ref": "#/$defs/n" } }, "required": ["a"] },
                { "properties": { "n": { "$ref": "#/$defs/n" } }, "required": ["b"] }] } },
        });
        for depth in [14, 16, 60] {
            let value = (0..depth).fold(json!({}), |inner, _| json!({ "n": inner }));
            assert!(!wrong(both.clone(), value).is_empty());
        }
        let pattern = json!({ "properties": { "a": { "pattern": "^(a+)+$" } } });
        assert!(!wrong(pattern, json!({ "a": format!("{}!", "a".repeat(50_000)) })).is_empty());
        let look = json!({ "properties": { "a": { "pattern": "(?=a)b" } } });
        assert!(wrong(look, json!({ "a": "b" }))[0].contains("its schema cannot be used"));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[test]
    fn no_way_of_multiplying_takes_long() {
        let began = Instant::now();
        let node = json!({ "$ref": "#" });
        let a = json!({ "required": ["a"], "$ref": "#" });
        let two = json!({ "anyOf": [a, a] });
        let more = json!({ "type": "object", "properties": { "n": node } });
        let with = |key: &str, value: Value| {
            let mut schema = more.clone();
            schema[key] = value;
            schema
        };
        let nodes = json!({ "n": node });
        let inner = json!({ "properties": nodes });
        for schema in [
            with("patternProperties", nodes.clone()),
            json!({ "type": "object", "properties": { "n": { "anyOf": [two, two] } } }),
            with("dependentSchemas", json!({ "n": inner })),
            with("if", inner.clone()),
            with("not", inner.clone()),
            with("unevaluatedProperties", json!(false)),
            with("allOf", json!([{ "anyOf": [inner, inner] }, { "oneOf": [inner, inner] }])),
        ] {
            for depth in [4, 7, 9, 12, 15, 60] {
                let value = (0..depth).fold(json!(1), |inner, _| json!({ "n": inner }));
                let _ = wrong(schema.clone(), value);
            }
            assert!(began.elapsed() < Duration::from_secs(8), "{schema} {:?}", began.elapsed());
        }
        // Many members that all lead to the same: nothing of it may be written out.
        let defs: Map<String, Value> = (0..40)
            .map(|at| {
                let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
                (format!("d{at}"), if at == 39 { json!({}) } else { json!({ "properties": { "a": next, "b": next } }) })
            })
            .collect();
        assert!(wrong(json!({ "$ref": "#/$defs/d0", "$defs": defs }), json!({})).is_empty());
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_too_large_is_told_without_its_places() {
        let schema = json!({ "properties": { "n": { "items": { "type": "string" } } } });
        assert_eq!(wrong(schema.clone(), json!({ "n": [1] })), ["`n.0` is a number, and must be `string`"]);
        let large = wrong(schema.clone(), json!({ "n": vec![1; 200_000] }));
        assert_eq!(large, ["they are too large to say where; send less"]);
        assert!(wrong(schema, json!({ "n": vec![""; 200_000] })).is_empty());
    }

    #[test]
    fn large_schemas_are_checked_and_not_shown() {
        let properties: Map<String, Value> = (0..40_000)
            .map(|at| (format!("p{at}"), json!({ "type": "string", "description": "x".repeat(100) })))
            .collect();
        let tool = tool(json!({ "type": "object", "properties": properties, "required": ["p1"] }));
        assert!(tool.input_schema.to_string().len() > 5_000_000);
        let began = Instant::now();
        let error = Validators::default().check(&tool, &"h".into(), &json!({ "p2": 1 })).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let Misfit::Unfit { schema, .. } = error else { panic!("{error:?}") };
        assert!(schema.len() < 1_000 && schema.starts_with("too large to show"), "{schema}");
    }

    #[test]
    fn few_validators_are_kept() {
        let (validators, tool) = (Validators::default(), tool(json!({})));
        for at in 0..KEPT_MAX + 20 {
            validators.check(&tool, &format!("{at}").into(), &json!({})).unwrap();
        }
        assert_eq!(validators.len(), KEPT_MAX);
    }
}
