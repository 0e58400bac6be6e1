//! What headers say a request wants besides its answer: how much it matters, what it is about, whether a kept answer will
//! do. What a route makes of it is not known here.

use caller::{Class, Guest, Kept, Role, Wishes};
use fault::Kind;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use matrix::Matrix;
use routes::Refusal;
use std::sync::Arc;

const CACHE: HeaderName = HeaderName::from_static("x-althing-cache");
const CLASS: HeaderName = HeaderName::from_static("x-althing-class");
const TAGS: HeaderName = HeaderName::from_static("x-althing-tags");
/// The most tags of one request.
const TAGS_MAX: usize = 16;
/// The longest tag.
const TAG_CHARS_MAX: usize = 64;

/// What the headers say. A class that is not the caller's to claim counts as `normal`.
pub(crate) fn read(headers: &HeaderMap, guest: &Guest, matrix: &Matrix) -> Result<Wishes, Box<Refusal>> {
    let (class, tags) = (class(headers)?, tags(headers)?);
    let may = || guest.identity.role >= Role::Operator || matrix.may_be_critical(&guest.identity.tenant);
    let class = if class == Class::Critical && !may() { Class::Normal } else { class };
    Ok(Wishes { class, tags, kept: kept(headers)?, ..Wishes::default() })
}

/// Our own header, else the one that every client of HTTP knows.
fn kept(headers: &HeaderMap) -> Result<Kept, Box<Refusal>> {
    if let Some(value) = headers.get(&CACHE) {
        return match word(value).as_deref() {
            Some("on") => Ok(Kept::Welcome),
            Some("refresh") => Ok(Kept::Refresh),
            Some("off") => Ok(Kept::Never),
            _ => Err(wrong(&CACHE, "write `on`, `refresh` or `off`, or leave it out")),
        };
    }
    let mut kept = Kept::Usual;
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            match directive.trim().to_ascii_lowercase().as_str() {
                "no-store" => return Ok(Kept::Never),
                "no-cache" | "max-age=0" => kept = Kept::Refresh,
                _ => {}
            }
        }
    }
    Ok(kept)
}

fn class(headers: &HeaderMap) -> Result<Class, Box<Refusal>> {
    let Some(value) = headers.get(&CLASS) else { return Ok(Class::default()) };
    let named = word(value).and_then(|word| Class::named(&word));
    named.ok_or_else(|| wrong(&CLASS, "write `critical`, `normal` or `low`, or leave it out"))
}

fn tags(headers: &HeaderMap) -> Result<Arc<[Box<str>]>, Box<Refusal>> {
    let mut tags: Vec<Box<str>> = Vec::new();
    for value in headers.get_all(&TAGS) {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong(&TAGS, "write plain text"))?;
        tags.extend(text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(Box::from));
    }
    tags.sort_unstable();
    tags.dedup();
    if tags.len() > TAGS_MAX || tags.iter().any(|tag| tag.chars().count() > TAG_CHARS_MAX) {
        return Err(wrong(&TAGS, "write at most 16 tags of at most 64 characters, parted by commas"));
    }
    Ok(tags.into())
}

fn word(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().map(|text| text.trim().to_ascii_lowercase())
}

fn wrong(name: &HeaderName, hint: &'static str) -> Box<Refusal> {
    let message = format!("the header `{name}` cannot be read");
    Box::new(Refusal::new(Kind::BadInput, "invalid_header", message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn our_header_goes_before_the_standard_one() {
        for (pairs, expect) in [
            (&[][..], Kept::Usual),
            (&[("x-althing-cache", "on")], Kept::Welcome),
            (&[("x-althing-cache", " Refresh ")], Kept::Refresh),
            (&[("x-althing-cache", "off")], Kept::Never),
            (&[("x-althing-cache", "on"), ("cache-control", "no-store")], Kept::Welcome),
            (&[("cache-control", "no-cache")], Kept::Refresh),
            (&[("cache-control", "Max-Age=0")], Kept::Refresh),
            (&[("cache-control", "no-cache, no-store")], Kept::Never),
            (&[("cache-control", "max-age=60")], Kept::Usual),
        ] {
            assert_eq!(kept(&headers(pairs)).unwrap_or_else(|_| panic!("{pairs:?}")), expect, "{pairs:?}");
        }
        assert!(kept(&headers(&[("x-althing-cache", "yes")])).is_err());
    }

    #[test]
    fn tags_are_told_apart_and_limited() {
        let read = |text: &'static str| tags(&headers(&[("x-althing-tags", text)])).ok();
        assert_eq!(read("b, a ,,b").unwrap().iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read("").unwrap().len(), 0);
        assert!(read("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16").is_some());
        assert!(read("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17").is_none());
        assert!(read("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").is_none());
    }

    #[test]
    fn a_class_is_one_of_three() {
        let read = |text: &'static str| class(&headers(&[("x-althing-class", text)])).ok();
        assert_eq!((read("low"), read("CRITICAL"), read("high")), (Some(Class::Low), Some(Class::Critical), None));
        assert_eq!(class(&headers(&[])).ok(), Some(Class::Normal));
    }
}
