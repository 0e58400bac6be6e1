//! A server's REST API, asked: over a socket with a key, or in process where there is no server.
//!
//! It knows how requests are sent and how a problem (RFC 9457) is told. It knows no resource: paths and bodies are
//! whatever the caller writes, answers are JSON.

mod error;
mod server;

pub use error::RemoteError;
pub use server::{Answer, Handler, Server};

/// Parameters as they stand behind a path; those without a value are left out.
pub fn query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_deref()?))));
    let given: Vec<String> = given.collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}

/// A text of lines in parts of about so many bytes, each of whole lines; one line may be larger.
pub fn parts(text: &[u8], bytes_max: usize) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() > bytes_max {
        let feed = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let next = || rest.iter().position(|byte| *byte == b'\n');
        let Some(end) = rest.get(..bytes_max).and_then(feed).or_else(next) else { break };
        let (part, after) = rest.split_at(end + 1);
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// A text as it may stand in a path or a query, `/` included.
pub fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{escaped, parts, query};

    #[test]
    fn parameters_without_a_value_are_left_out() {
        assert_eq!(query("/p", &[("a", None)]), "/p");
        assert_eq!(
            query("/p", &[("a", Some("x y".to_owned())), ("b", None), ("c", Some("1".to_owned()))]),
            "/p?a=x%20y&c=1"
        );
    }

    #[test]
    fn lines_stay_whole_in_parts() {
        let check = |text: &str, expect: &[&str]| {
            let parts: Vec<_> =
                parts(text.as_bytes(), 4).into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect();
            assert_eq!(parts, expect);
        };
        check("", &[]);
        check("a\nb\n", &["a\nb\n"]);
        check("a\nb\nc\nd", &["a\nb\n", "c\nd"]);
        check("abcdefg\nb\n", &["abcdefg\n", "b\n"]);
        check("abcdefg", &["abcdefg"]);
    }

    #[test]
    fn texts_survive_a_query() {
        assert_eq!(escaped("a/b c&d=é"), "a/b%20c%26d%3D%C3%A9");
    }
}
