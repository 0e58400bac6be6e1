//! The arguments of an operation: one object of its parameters and of what its body holds.

use crate::document::{Reason, deref, flag, text};
use crate::keywords::shape;
use crate::names::Names;
use crate::output::{OFFERED_MAX, is_json};
use crate::schemas::{Draft, Reach, Schemas, Side, described, schema_of};
use crate::{At, Limits, Place, Scheme, SchemeKind, Style};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Headers that a parameter may not set: they are the connection's, the body's or a credential's.
const NO_PARAMETERS: [&str; 20] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
];
/// How many parameters an operation may have.
const PARAMETERS_MAX: usize = 200;
/// How many members of a body become arguments of their own; a body with more is one argument.
const MEMBERS_MAX: usize = 100;
/// The keywords that an object may have whose members become arguments.
const PLAIN: [&str; 9] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "title",
    "description",
    "example",
    "examples",
    "default",
];

/// Whether arguments may set the header.
pub(crate) fn is_settable(header: &str) -> bool {
    !NO_PARAMETERS.contains(&header.to_ascii_lowercase().as_str())
}

/// What an operation takes.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) schema: Value,
    pub(crate) places: Vec<Place>,
    pub(crate) sends: Option<String>,
    pub(crate) body_required: bool,
}

/// Reads what an operation takes. `item` is the path that it is below, `schemes` are those whose credentials it needs.
pub(crate) fn input<'b>(
    schemas: &mut Schemas<'b>,
    limits: &Limits,
    path: &str,
    (item, operation): (&'b Value, &'b Value),
    schemes: &[&Scheme],
) -> Result<Input, Reason> {
    let mut builder =
        Builder { schemas, limits, names: Names::default(), reach: Reach::default(), made: Made::default() };
    for parameter in parameters(builder.schemas.root(), item, operation)? {
        builder.parameter(parameter, path, schemes)?;
    }
    builder.undeclared(path);
    if let Some(body) = operation.get("requestBody") {
        builder.body(deref(builder.schemas.root(), body)?)?;
    }
    builder.done()
}

/// An operation's own parameters before those of its path, each name in each place once.
fn parameters<'a>(root: &'a Value, item: &'a Value, operation: &'a Value) -> Result<Vec<&'a Value>, Reason> {
    let mut found: Vec<&Value> = Vec::new();
    let mut seen = HashSet::new();
    for holder in [operation, item] {
        for parameter in holder.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            let parameter = deref(root, parameter)?;
            if seen.insert((text(parameter, "in"), text(parameter, "name"))) {
                found.push(parameter);
            }
            if seen.len() > PARAMETERS_MAX {
                return Err(format!("it has more than {PARAMETERS_MAX} parameters"));
            }
        }
    }
    Ok(found)
}

/// The names between the braces of a path.
pub(crate) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
}

#[derive(Default)]
struct Made {
    properties: Map<String, Value>,
    required: Vec<Value>,
    dependent: Map<String, Value>,
    input: Input,
}

struct Builder<'a, 'b> {
    schemas: &'a mut Schemas<'b>,
    limits: &'a Limits,
    names: Names,
    reach: Reach,
    made: Made,
}

impl<'b> Builder<'_, 'b> {
    fn parameter(&mut self, parameter: &Value, path: &str, schemes: &[&Scheme]) -> Result<(), Reason> {
        let name = text(parameter, "name");
        let (at, usual) = match text(parameter, "in") {
            "path" if placeholders(path).any(|placeholder| placeholder == name) => (At::Path, Style::Simple),
            "query" => (At::Query, Style::Form),
            "header" if is_settable(name) && HeaderName::from_bytes(name.as_bytes()).is_ok() => {
                (At::Header, Style::Simple)
            }
            "cookie" => (At::Cookie, Style::Form),
            _ => return Ok(()),
        };
        if name.is_empty() || schemes.iter().any(|scheme| carries(scheme, at, name)) {
            return Ok(());
        }
        let style = if parameter.get("content").is_some() { Style::Json } else { style(parameter).unwrap_or(usual) };
        let explode = parameter.get("explode").and_then(Value::as_bool).unwrap_or(style == Style::Form);
        let schema = schema_of(parameter).unwrap_or(&Value::Null);
        let mut schema = self.schemas.convert(schema, Side::Input, &mut self.reach)?;
        if let Value::Object(schema) = &mut schema {
            // What is said of the parameter is nearer than what is said of its type.
            if let Some(said) = described(parameter, self.limits) {
                schema.insert("description".to_owned(), said);
            }
            if flag(parameter, "deprecated") {
                schema.insert("deprecated".to_owned(), Value::Bool(true));
            }
        }
        let (reserved, required) = (flag(parameter, "allowReserved"), flag(parameter, "required") || at == At::Path);
        let argument = self.names.give(name, &format!("{at:?} {name}"));
        let place = Place { argument, name: name.to_owned(), at, style, explode, reserved, required };
        self.add(place, schema);
        Ok(())
    }

    /// What a path needs although nobody has described it.
    fn undeclared(&mut self, path: &str) {
        for name in placeholders(path) {
            let places = &self.made.input.places;
            if !name.is_empty() && !places.iter().any(|place| place.at == At::Path && place.name == name) {
                let argument = self.names.give(name, &format!("path {name}"));
                let place = Place { required: true, ..member(argument, name, At::Path, Style::Simple) };
                self.add(place, json!({"type": "string"}));
            }
        }
    }

    fn add(&mut self, place: Place, schema: Value) {
        self.made.properties.insert(place.argument.clone(), schema);
        if place.required {
            self.made.required.push(Value::String(place.argument.clone()));
        }
        self.made.input.places.push(place);
    }

    fn body(&mut self, body: &'b Value) -> Result<(), Reason> {
        let content = body.get("content").and_then(Value::as_object);
        let Some(content) = content.filter(|content| !content.is_empty()) else { return Ok(()) };
        let (media, kind, content) = chosen(content)?;
        self.made.input.body_required = flag(body, "required");
        self.made.input.sends = Some(media);
        let schema = content.get("schema").unwrap_or(&Value::Null);
        match self.plain(schema, kind)? {
            Some(object) => self.spread(object, content, kind),
            None => self.nested(schema, body, kind),
        }
    }

    /// A body whose members may become arguments of their own: a plain object, if no parameter is called like one of
    /// them.
    fn plain(&self, schema: &'b Value, kind: Media) -> Result<Option<&'b Map<String, Value>>, Reason> {
        let Some(object) = deref(self.schemas.root(), schema)?.as_object() else { return Ok(None) };
        let Some(members) = object.get("properties").and_then(Value::as_object) else { return Ok(None) };
        if kind == Media::Text || !(1..=MEMBERS_MAX).contains(&members.len()) || object.len() > MEMBERS_MAX {
            return Ok(None);
        }
        let is_object = object.get("type").is_none_or(|word| word == "object");
        let is_closed = object.get("additionalProperties").is_none_or(|more| more == false);
        let is_plain = object.keys().all(|word| PLAIN.contains(&word.as_str()) || shape(word).is_none());
        let is_free = members.keys().all(|name| self.names.is_free(name));
        let may = is_object && is_closed && is_plain && is_free;
        Ok((may && object.get("nullable") != Some(&Value::Bool(true))).then_some(object))
    }

    /// Each member of the body as an argument.
    fn spread(&mut self, object: &Map<String, Value>, content: &Value, kind: Media) -> Result<(), Reason> {
        let listed = object.get("required").and_then(Value::as_array).into_iter().flatten();
        let listed: HashSet<&str> = listed.take(MEMBERS_MAX).filter_map(Value::as_str).collect();
        let members = object.get("properties").and_then(Value::as_object).into_iter().flatten();
        let (mut all, mut needed) = (Vec::new(), Vec::new());
        for (name, schema) in members.filter(|(_, schema)| !flag(schema, "readOnly")) {
            let schema = self.schemas.convert(schema, Side::Input, &mut self.reach)?;
            let argument = self.names.give(name, &format!("member {name}"));
            let is_needed = listed.contains(name.as_str());
            all.push(argument.clone());
            if is_needed {
                needed.push(argument.clone());
            }
            let required = is_needed && self.made.input.body_required;
            let encoding =
                content.get("encoding").and_then(|encoding| encoding.get(name)).filter(|_| kind == Media::Form);
            let usual = if kind == Media::Form { Style::Form } else { Style::Json };
            let style = encoding.and_then(style).unwrap_or(usual);
            let explode = encoding.and_then(|encoding| encoding.get("explode")?.as_bool());
            let explode = explode.unwrap_or(style == Style::Form);
            self.add(Place { required, explode, ..member(argument, name, At::Member, style) }, schema);
        }
        if !self.made.input.body_required {
            self.made.dependent = together(&all, &needed);
        }
        Ok(())
    }

    /// The whole body as one argument.
    fn nested(&mut self, schema: &Value, body: &Value, kind: Media) -> Result<(), Reason> {
        let mut schema = match kind {
            Media::Text => json!({"type": "string"}),
            _ => self.schemas.convert(schema, Side::Input, &mut self.reach)?,
        };
        if let (Value::Object(schema), Some(said)) = (&mut schema, described(body, self.limits)) {
            schema.entry("description").or_insert(said);
        }
        let argument = self.names.give(if self.names.is_free("body") { "body" } else { "request_body" }, "body");
        let style = if kind == Media::Form { Style::Form } else { Style::Json };
        let required = self.made.input.body_required;
        self.add(Place { required, ..member(argument, "", At::Body, style) }, schema);
        Ok(())
    }

    fn done(self) -> Result<Input, Reason> {
        let Made { properties, required, dependent, mut input } = self.made;
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        if !dependent.is_empty() {
            schema.insert("dependentRequired".to_owned(), Value::Object(dependent));
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        let draft = Draft { schema: Value::Object(schema), reach: self.reach };
        input.schema = self.schemas.complete(draft, Side::Input)?;
        Ok(input)
    }
}

/// A body that may be left out needs some members only where it is there: where any of its members is.
fn together(all: &[String], needed: &[String]) -> Map<String, Value> {
    let others = |one: &String| needed.iter().filter(|name| *name != one).cloned().collect::<Vec<_>>();
    all.iter().map(|name| (name.clone(), json!(others(name)))).filter(|(_, others)| *others != json!([])).collect()
}

/// Whether a credential goes there: its argument is not the caller's to give.
fn carries(scheme: &Scheme, at: At, name: &str) -> bool {
    match (scheme.kind, at) {
        (SchemeKind::Header, At::Header) => scheme.carrier.eq_ignore_ascii_case(name),
        (SchemeKind::Query, At::Query) | (SchemeKind::Cookie, At::Cookie) => scheme.carrier == name,
        _ => false,
    }
}

fn member(argument: String, name: &str, at: At, style: Style) -> Place {
    let name = name.to_owned();
    Place { argument, name, at, style, explode: style == Style::Form, reserved: false, required: false }
}

fn style(holder: &Value) -> Option<Style> {
    Some(match text(holder, "style") {
        "simple" => Style::Simple,
        "label" => Style::Label,
        "matrix" => Style::Matrix,
        "form" => Style::Form,
        "spaceDelimited" => Style::SpaceDelimited,
        "pipeDelimited" => Style::PipeDelimited,
        "deepObject" => Style::DeepObject,
        _ => return None,
    })
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Form,
    Text,
}

impl Media {
    /// How a body of this media type is written; `None` for one that arguments cannot give.
    pub(crate) fn of(media: &str) -> Option<Self> {
        let plain = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match plain.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            _ if is_json(&plain) => Some(Self::Json),
            _ if plain.starts_with("text/") && !plain.ends_with('*') => Some(Self::Text),
            _ => None,
        }
    }
}

/// The media type that is sent: JSON before forms before text.
fn chosen(content: &Map<String, Value>) -> Result<(String, Media, &Value), Reason> {
    let valid = |media: &str| HeaderValue::from_str(media).is_ok();
    for kind in [Media::Json, Media::Form, Media::Text] {
        // Plain JSON before its relatives.
        let plain = content.get_key_value("application/json").filter(|_| kind == Media::Json);
        let found = plain.or_else(|| {
            content.iter().take(OFFERED_MAX).find(|(media, _)| Media::of(media) == Some(kind) && valid(media))
        });
        if let Some((media, content)) = found {
            return Ok((media.clone(), kind, content));
        }
    }
    if let Some(any) = content.get("*/*").or_else(|| content.get("application/*")) {
        return Ok(("application/json".to_owned(), Media::Json, any));
    }
    let media = content.keys().next().map(String::as_str).unwrap_or_default();
    let shown = crate::document::shorten(media, 80);
    Err(format!("its body is `{shown}`, which arguments cannot give"))
}
