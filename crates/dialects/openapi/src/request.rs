//! Arguments as an HTTP request.

mod text;

use crate::document::{leads_away, shorten};
use crate::input::{Media, is_settable, placeholders};
use crate::{At, OpenApiError, Operation, Place, Prepared, Style, resolve};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde_json::{Map, Value};
use text::{FormPairs, Safe, joined, plain, template};

/// The longest address.
const ADDRESS_BYTES_MAX: usize = 16 * 1024;
/// How much of an unknown name is shown.
const SHOWN_CHARS_MAX: usize = 80;
/// What is accepted where the document promises nothing.
const ANYTHING: HeaderValue = HeaderValue::from_static("application/json, text/plain;q=0.9, */*;q=0.5");

impl Operation {
    /// The request that these arguments make of the server at `base`, an address such as
    /// [`crate::resolve`] gives. A parameter that is `null` is left out.
    ///
    /// Checked is what a request needs to be one: names, what may not be missing, and that no argument leaves its place:
    /// its segment of the path, its header. Whether values are what the schema says is for whoever checks schemas.
    ///
    /// # Errors
    /// [`OpenApiError`], which names the argument and never holds its value.
    pub fn request(&self, base: &str, arguments: &Map<String, Value>) -> Result<Prepared, OpenApiError> {
        self.check(arguments)?;
        let given = Given { operation: self, arguments };
        let uri = given.uri(&resolve(base, None)?)?;
        let (mut headers, body) = (given.headers()?, given.body()?);
        if let (Some(_), Some(media)) = (&body, &self.sends) {
            headers.insert(header::CONTENT_TYPE, of_document(media)?);
        }
        let accepted = self.accepts.as_deref().map_or(Ok(ANYTHING), of_document)?;
        headers.insert(header::ACCEPT, accepted);
        Ok(Prepared { method: self.method.clone(), uri, headers, body: body.unwrap_or_default() })
    }

    fn check(&self, arguments: &Map<String, Value>) -> Result<(), OpenApiError> {
        let known = |name: &str| self.places.iter().any(|place| place.argument == name);
        if let Some(name) = arguments.keys().find(|name| !known(name)) {
            let known = self.places.iter().map(|place| place.argument.clone()).collect();
            return Err(OpenApiError::Unknown { name: shorten(name, SHOWN_CHARS_MAX), known });
        }
        let given = Given { operation: self, arguments };
        match self.places.iter().find(|place| place.required && given.value(place).is_none()) {
            Some(place) => Err(OpenApiError::Missing { name: place.argument.clone() }),
            None => Ok(()),
        }
    }
}

/// A media type of the document as a header.
fn of_document(media: &str) -> Result<HeaderValue, OpenApiError> {
    let bad = |_| OpenApiError::Argument { name: "body".to_owned(), problem: "its media type is none" };
    HeaderValue::from_str(media).map_err(bad)
}

fn refused(place: &Place, problem: &'static str) -> OpenApiError {
    OpenApiError::Argument { name: place.argument.clone(), problem }
}

struct Given<'a> {
    operation: &'a Operation,
    arguments: &'a Map<String, Value>,
}

impl<'a> Given<'a> {
    /// What was given for a place. Null says something in a body alone.
    fn value(&self, place: &Place) -> Option<&'a Value> {
        let says = |value: &&Value| !value.is_null() || matches!(place.at, At::Body | At::Member);
        self.arguments.get(&place.argument).filter(says)
    }

    fn at(&self, at: At) -> impl Iterator<Item = (&'a Place, &'a Value)> {
        self.operation
            .places
            .iter()
            .filter(move |place| place.at == at)
            .filter_map(|place| Some((place, self.value(place)?)))
    }

    fn uri(&self, base: &str) -> Result<Uri, OpenApiError> {
        let mut address = format!("{base}{}", self.path()?);
        let mut pairs = FormPairs::default();
        for (place, value) in self.at(At::Query) {
            pairs.add(place, value, Safe::query(place.reserved)).map_err(|problem| refused(place, problem))?;
        }
        if !pairs.is_empty() {
            address.push('?');
            address.push_str(&pairs.joined("&"));
        }
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(OpenApiError::AddressTooLong { bytes: address.len(), most: ADDRESS_BYTES_MAX });
        }
        let server = || shorten(base, SHOWN_CHARS_MAX);
        address.parse().map_err(|_| OpenApiError::Server { server: server(), problem: "it makes no address" })
    }

    fn path(&self) -> Result<String, OpenApiError> {
        let mut path = self.operation.path.clone();
        if placeholders(&path).next().is_none() {
            return Ok(template(&path));
        }
        let mut written = String::new();
        let mut rest = std::mem::take(&mut path);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            written.push_str(&template(before));
            let found = self.at(At::Path).find(|(place, _)| place.name == name);
            let (place, value) = found.ok_or_else(|| OpenApiError::Missing { name: name.to_owned() })?;
            written.push_str(&text::segment(place, value).map_err(|problem| refused(place, problem))?);
            rest = after.to_owned();
        }
        written.push_str(&template(&rest));
        // Two arguments in one segment may make what neither of them is.
        if leads_away(&written) {
            let name = self.at(At::Path).next().map_or_else(String::new, |(place, _)| place.argument.clone());
            return Err(OpenApiError::Argument { name, problem: "it would leave its place in the path" });
        }
        Ok(written)
    }

    fn headers(&self) -> Result<HeaderMap, OpenApiError> {
        let mut headers = HeaderMap::new();
        for (place, value) in self.at(At::Header) {
            if !is_settable(&place.name) {
                return Err(refused(place, "this header is not for arguments to set"));
            }
            let name = HeaderName::from_bytes(place.name.as_bytes());
            let name = name.map_err(|_| refused(place, "its name is no name of a header"))?;
            let text = joined(place, value, ",", &plain);
            let value = HeaderValue::from_str(&text).ok().filter(|_| text.is_ascii());
            headers.append(name, value.ok_or_else(|| refused(place, "a header holds printable ASCII alone"))?);
        }
        let mut pairs = FormPairs::default();
        for (place, value) in self.at(At::Cookie) {
            pairs.add(place, value, Safe::strict()).map_err(|problem| refused(place, problem))?;
        }
        if let (false, Ok(cookies)) = (pairs.is_empty(), HeaderValue::try_from(pairs.joined("; "))) {
            headers.insert(header::COOKIE, cookies);
        }
        Ok(headers)
    }

    fn body(&self) -> Result<Option<Bytes>, OpenApiError> {
        let Some(kind) = self.operation.sends.as_deref().and_then(Media::of) else { return Ok(None) };
        if let Some((place, value)) = self.at(At::Body).next() {
            return whole(kind, place, value).map(Some);
        }
        let members: Vec<_> = self.at(At::Member).collect();
        let has_members = self.operation.places.iter().any(|place| place.at == At::Member);
        if members.is_empty() && !(self.operation.body_required && has_members) {
            return Ok(None);
        }
        if kind == Media::Form {
            let mut pairs = FormPairs::default();
            for (place, value) in members {
                pairs.add(place, value, Safe::strict()).map_err(|problem| refused(place, problem))?;
            }
            return Ok(Some(pairs.joined("&").into()));
        }
        let object: Map<String, Value> =
            members.into_iter().map(|(place, value)| (place.name.clone(), value.clone())).collect();
        Ok(Some(Value::Object(object).to_string().into()))
    }
}

/// A body that is one argument.
fn whole(kind: Media, place: &Place, value: &Value) -> Result<Bytes, OpenApiError> {
    match (kind, value) {
        (Media::Json, _) => Ok(value.to_string().into()),
        (Media::Text, Value::Array(_) | Value::Object(_)) => Err(refused(place, "this body is a text")),
        (Media::Text, _) => Ok(plain(value).into()),
        (Media::Form, Value::Object(members)) => {
            let mut pairs = FormPairs::default();
            for (name, value) in members {
                let place = Place { name: name.clone(), style: Style::Form, explode: true, ..place.clone() };
                pairs.add(&place, value, Safe::strict()).map_err(|problem| refused(&place, problem))?;
            }
            Ok(pairs.joined("&").into())
        }
        (Media::Form, _) => Err(refused(place, "this body is an object")),
    }
}

#[cfg(test)]
mod tests;
