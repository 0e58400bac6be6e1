//! Schemas of a document as JSON Schema 2020-12 that stands on its own.
//!
//! A reference stays one: what it leads to becomes one of the schema's `$defs`, converted once for the whole document.
//! So a cycle costs nothing, and converting never goes deeper than the document's own brackets. What a document spends
//! on schemas is metered as a whole, failed attempts included: no document takes longer than its limit.

use crate::Limits;
use crate::document::{self, Reason, at, flag, pointer, shorten};
use crate::keywords::{Shape, TYPES, shape};
use crate::names::Names;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::rc::Rc;

/// What a schema costs beside its words, in bytes of JSON.
const PUNCTUATION_BYTES: usize = 4;
/// What a reference costs beside its name.
const REFERENCE_BYTES: usize = 18;

/// Which way what a schema describes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// To the server: what only it may set is left out.
    Input,
    /// From the server: what it never tells is not required.
    Output,
}

/// A schema whose references lead to `$defs` that are not with it yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) schema: Value,
    pub(crate) reach: Reach,
}

/// What converting a schema, or several that become one, has come upon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// Pointers, and whether what they lead to is about the same value as the schema itself.
    to: Vec<(String, bool)>,
    bytes: usize,
}

/// Converts the schemas of one document.
pub(crate) struct Schemas<'a> {
    root: &'a Value,
    limits: &'a Limits,
    /// Whether the document is of version 3.0, whose schemas are a dialect of their own.
    is_old: bool,
    /// The name among `$defs` of what each pointer leads to.
    names: HashMap<String, String>,
    taken: Names,
    kept: HashMap<(Side, String), Result<Rc<Draft>, Reason>>,
    spent: usize,
}

/// Where in a schema we are.
#[derive(Clone, Copy)]
struct Spot {
    side: Side,
    depth: usize,
    /// Whether we are still at the value that the whole schema is about.
    same: bool,
}

impl Spot {
    fn part(self) -> Self {
        Self { depth: self.depth + 1, same: false, ..self }
    }

    fn same(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(root: &'a Value, limits: &'a Limits, is_old: bool) -> Self {
        let (names, taken, kept) = (HashMap::new(), Names::default(), HashMap::new());
        Self { root, limits, is_old, names, taken, kept, spent: 0 }
    }

    pub(crate) fn root(&self) -> &'a Value {
        self.root
    }

    /// Converts one schema that becomes part of another; what it refers to is added to `reach`.
    pub(crate) fn convert(&mut self, schema: &Value, side: Side, reach: &mut Reach) -> Result<Value, Reason> {
        self.schema(schema, Spot { side, depth: 0, same: false }, reach)
    }

    /// Converts a whole schema.
    pub(crate) fn whole(&mut self, schema: &Value, side: Side) -> Result<Value, Reason> {
        let mut reach = Reach::default();
        let schema = self.schema(schema, Spot { side, depth: 0, same: true }, &mut reach)?;
        self.complete(Draft { schema, reach }, side)
    }

    /// Adds the `$defs` that a schema reaches.
    pub(crate) fn complete(&mut self, draft: Draft, side: Side) -> Result<Value, Reason> {
        let Draft { mut schema, mut reach } = draft;
        let (mut waiting, mut seen) = (reach.to.clone(), HashSet::new());
        let mut found: Vec<(String, Rc<Draft>)> = Vec::new();
        while let Some((pointer, _)) = waiting.pop() {
            if !seen.insert(pointer.clone()) {
                continue;
            }
            if seen.len() > self.limits.defs_max {
                return Err(format!("its schema reaches more than {} others", self.limits.defs_max));
            }
            let def = self.def(&pointer, side)?;
            self.charge(&mut reach, def.reach.bytes)?;
            waiting.extend(def.reach.to.iter().cloned());
            found.push((pointer, def));
        }
        refuse_circles(&found)?;
        let mut defs: Vec<_> = found.into_iter().map(|(pointer, def)| (self.name(&pointer), def)).collect();
        defs.sort_by(|a, b| a.0.cmp(&b.0));
        let defs: Map<String, Value> = defs.into_iter().map(|(name, def)| (name, def.schema.clone())).collect();
        if let (Value::Object(schema), false) = (&mut schema, defs.is_empty()) {
            schema.insert("$defs".to_owned(), Value::Object(defs));
        }
        Ok(schema)
    }

    /// What a pointer leads to, converted once.
    fn def(&mut self, pointer: &str, side: Side) -> Result<Rc<Draft>, Reason> {
        let key = (side, pointer.to_owned());
        if let Some(kept) = self.kept.get(&key) {
            return kept.clone();
        }
        let mut reach = Reach::default();
        let converted = at(self.root, pointer)
            .and_then(|schema| self.schema(schema, Spot { side, depth: 0, same: true }, &mut reach))
            .map(|schema| Rc::new(Draft { schema, reach }));
        self.kept.insert(key, converted.clone());
        converted
    }

    /// The name of what a pointer leads to.
    fn name(&mut self, pointer: &str) -> String {
        if let Some(name) = self.names.get(pointer) {
            return name.clone();
        }
        let last = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let name = self.taken.give(&last, pointer);
        self.names.insert(pointer.to_owned(), name.clone());
        name
    }

    fn charge(&mut self, reach: &mut Reach, bytes: usize) -> Result<(), Reason> {
        reach.bytes = reach.bytes.saturating_add(bytes);
        self.spent = self.spent.saturating_add(bytes);
        if reach.bytes > self.limits.schema_bytes_max {
            return Err(format!("its schema is larger than {} bytes", self.limits.schema_bytes_max));
        }
        if self.spent > self.limits.schemas_bytes_max {
            let most = self.limits.schemas_bytes_max;
            return Err(format!("the schemas of the document are together larger than {most} bytes"));
        }
        Ok(())
    }

    fn schema(&mut self, schema: &Value, spot: Spot, reach: &mut Reach) -> Result<Value, Reason> {
        if spot.depth > self.limits.depth_max {
            return Err(format!("its schema nests deeper than {}", self.limits.depth_max));
        }
        self.charge(reach, PUNCTUATION_BYTES)?;
        match schema {
            Value::Bool(_) => Ok(schema.clone()),
            Value::Object(from) => match from.get("$ref").and_then(Value::as_str) {
                Some(reference) => self.reference(reference, from, spot, reach),
                None => self.object(from, spot, reach).map(Value::Object),
            },
            // Whatever else stands there says nothing.
            _ => Ok(json!({})),
        }
    }

    fn reference(
        &mut self,
        reference: &str,
        from: &Map<String, Value>,
        spot: Spot,
        reach: &mut Reach,
    ) -> Result<Value, Reason> {
        let pointer = pointer(reference)?;
        at(self.root, &pointer)?;
        let name = self.name(&pointer);
        self.charge(reach, name.len() + REFERENCE_BYTES)?;
        reach.to.push((pointer, spot.same));
        // What stands beside a reference counts since 3.1; before, everybody reads its description all the same.
        let beside: fn(&str) -> bool = if self.is_old { |word| word == "description" } else { |word| word != "$ref" };
        let mut schema = Map::from_iter([("$ref".to_owned(), Value::String(format!("#/$defs/{name}")))]);
        schema.extend(self.keywords(from, beside, spot, reach)?);
        let schema = Value::Object(schema);
        let may_be_null = from.get("nullable") == Some(&Value::Bool(true));
        Ok(if may_be_null { json!({"anyOf": [schema, {"type": "null"}]}) } else { schema })
    }

    fn object(
        &mut self,
        from: &Map<String, Value>,
        spot: Spot,
        reach: &mut Reach,
    ) -> Result<Map<String, Value>, Reason> {
        let mut schema = self.keywords(from, |_| true, spot, reach)?;
        old_limits(from, &mut schema);
        one_way(spot.side, &mut schema);
        if from.get("nullable") == Some(&Value::Bool(true)) {
            schema = nullable(schema);
        }
        Ok(schema)
    }

    /// What is kept of those keywords that count.
    fn keywords(
        &mut self,
        from: &Map<String, Value>,
        counts: fn(&str) -> bool,
        spot: Spot,
        reach: &mut Reach,
    ) -> Result<Map<String, Value>, Reason> {
        // What is left out takes time as well.
        self.charge(reach, from.len())?;
        let mut schema = Map::new();
        for (keyword, value) in from.iter().filter(|(keyword, _)| counts(keyword)) {
            let (keyword, value) = match (keyword.as_str(), value) {
                // Lists of items by place had this name before 2020-12.
                ("items", Value::Array(_)) => ("prefixItems", value),
                ("example", value) if !from.contains_key("examples") => {
                    self.charge(reach, size(value))?;
                    schema.insert("examples".to_owned(), json!([value]));
                    continue;
                }
                (keyword, value) => (keyword, value),
            };
            let Some(shape) = shape(keyword) else { continue };
            if let Some(value) = self.held(shape, value, spot, reach)? {
                self.charge(reach, keyword.len() + PUNCTUATION_BYTES)?;
                schema.insert(keyword.to_owned(), value);
            }
        }
        Ok(schema)
    }

    /// What a keyword holds, where it is what the keyword may hold.
    fn held(&mut self, shape: Shape, value: &Value, spot: Spot, reach: &mut Reach) -> Result<Option<Value>, Reason> {
        Ok(match (shape, value) {
            (Shape::Part, Value::Object(_) | Value::Bool(_)) => Some(self.schema(value, spot.part(), reach)?),
            (Shape::Same, Value::Object(_) | Value::Bool(_)) => Some(self.schema(value, spot.same(), reach)?),
            (Shape::Parts, Value::Object(map)) => Some(self.by_name(map, spot.part(), reach)?),
            (Shape::Sames, Value::Object(map)) => Some(self.by_name(map, spot.same(), reach)?),
            (Shape::PartList, Value::Array(list)) if !list.is_empty() => Some(self.list(list, spot.part(), reach)?),
            (Shape::SameList, Value::Array(list)) if !list.is_empty() => Some(self.list(list, spot.same(), reach)?),
            (Shape::Text, Value::String(text)) => {
                let text = shorten(text.trim(), self.limits.description_chars_max);
                self.charge(reach, text.len())?;
                Some(Value::String(text))
            }
            _ => {
                self.charge(reach, size(value))?;
                fits(shape, value).then(|| tidied(shape, value))
            }
        })
    }

    fn by_name(&mut self, map: &Map<String, Value>, spot: Spot, reach: &mut Reach) -> Result<Value, Reason> {
        let mut schemas = Map::new();
        for (name, schema) in map {
            self.charge(reach, name.len() + PUNCTUATION_BYTES)?;
            schemas.insert(name.clone(), self.schema(schema, spot, reach)?);
        }
        Ok(Value::Object(schemas))
    }

    fn list(&mut self, list: &[Value], spot: Spot, reach: &mut Reach) -> Result<Value, Reason> {
        list.iter().map(|schema| self.schema(schema, spot, reach)).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }
}

/// Whether a keyword of this shape may hold the value; for shapes that hold no schemas.
fn fits(shape: Shape, value: &Value) -> bool {
    let names = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    match shape {
        Shape::Any => true,
        Shape::Flag => value.is_boolean(),
        Shape::Number => value.is_number(),
        Shape::Step => value.as_f64().is_some_and(|step| step > 0.0),
        Shape::Count => value.is_u64(),
        Shape::Values => value.as_array().is_some_and(|list| !list.is_empty()),
        Shape::Names => names(value),
        Shape::NamesOf => value.as_object().is_some_and(|map| map.values().all(names)),
        Shape::Type => match value {
            Value::Array(list) => {
                !list.is_empty() && list.iter().all(|word| fits(Shape::Type, word) && word.is_string())
            }
            _ => value.as_str().is_some_and(|word| TYPES.contains(&word)),
        },
        _ => false,
    }
}

/// The value with each of its names once.
fn tidied(shape: Shape, value: &Value) -> Value {
    match value {
        Value::Array(list) if matches!(shape, Shape::Names | Shape::Type) => {
            let mut seen = HashSet::new();
            list.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
        }
        Value::Object(map) if shape == Shape::NamesOf => {
            Value::Object(map.iter().map(|(name, list)| (name.clone(), tidied(Shape::Names, list))).collect())
        }
        _ => value.clone(),
    }
}

/// In 3.0 a limit is exclusive where a flag beside it says so.
fn old_limits(from: &Map<String, Value>, schema: &mut Map<String, Value>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if from.get(exclusive) == Some(&Value::Bool(true))
            && let Some(value) = schema.remove(limit)
        {
            schema.insert(exclusive.to_owned(), value);
        }
    }
}

/// Leaves out what goes the other way alone.
fn one_way(side: Side, schema: &mut Map<String, Value>) {
    let other = if side == Side::Input { "readOnly" } else { "writeOnly" };
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    let gone: HashSet<String> =
        members.iter().filter(|(_, member)| flag(member, other)).map(|(name, _)| name.clone()).collect();
    // An answer that holds such a member all the same is no wrong one.
    if side == Side::Input {
        members.retain(|name, _| !gone.contains(name));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !gone.contains(name)));
    }
}

/// The schema, or null.
fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    let with_null = match schema.get("type") {
        Some(Value::String(word)) if word != "null" => json!([word, "null"]),
        Some(Value::Array(words)) if !words.contains(&json!("null")) => {
            words.iter().cloned().chain([json!("null")]).collect()
        }
        Some(_) => return schema,
        // Without a type a schema says nothing against null, unless others stand in it.
        None if ["allOf", "anyOf", "oneOf", "enum", "const"].iter().any(|word| schema.contains_key(*word)) => {
            let description = schema.remove("description").map(|text| ("description".to_owned(), text));
            let either = json!([Value::Object(schema), {"type": "null"}]);
            return description.into_iter().chain([("anyOf".to_owned(), either)]).collect();
        }
        None => return schema,
    };
    schema.insert("type".to_owned(), with_null);
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    schema
}

/// Refuses schemas that lead back to themselves without having gone a step into the value: nobody who checks a value by
/// one would come to an end.
fn refuse_circles(found: &[(String, Rc<Draft>)]) -> Result<(), Reason> {
    let (mut left, mut from): (HashMap<&str, usize>, HashMap<&str, Vec<&str>>) = (HashMap::new(), HashMap::new());
    for (pointer, def) in found {
        let to: HashSet<&str> =
            def.reach.to.iter().filter(|(_, same)| *same).map(|(pointer, _)| pointer.as_str()).collect();
        left.insert(pointer, to.len());
        for target in to {
            from.entry(target).or_default().push(pointer);
        }
    }
    // What leads nowhere any more is taken away; what remains is in a circle, or leads into one.
    let mut ends: Vec<&str> = left.iter().filter(|(_, to)| **to == 0).map(|(pointer, _)| *pointer).collect();
    while let Some(end) = ends.pop() {
        left.remove(end);
        for source in from.remove(end).unwrap_or_default() {
            let Some(to) = left.get_mut(source) else { continue };
            *to -= 1;
            if *to == 0 {
                ends.push(source);
            }
        }
    }
    match left.keys().min() {
        Some(pointer) => Err(format!("`#{}` refers to itself without an end", shorten(pointer, 120))),
        None => Ok(()),
    }
}

/// How many bytes a value has as JSON.
pub(crate) fn size(value: &Value) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

/// Takes the schema of a parameter, a header or a media type: its own, or that of its one content.
pub(crate) fn schema_of(holder: &Value) -> Option<&Value> {
    holder.get("schema").or_else(|| holder.get("content")?.as_object()?.values().next()?.get("schema"))
}

/// A text that a model reads, within the limit.
pub(crate) fn described(holder: &Value, limits: &Limits) -> Option<Value> {
    let text = document::text(holder, "description");
    (!text.is_empty()).then(|| Value::String(shorten(text, limits.description_chars_max)))
}
