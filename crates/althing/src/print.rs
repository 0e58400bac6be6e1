//! Words for people and documents for programs, on the standard streams.
//!
//! `println!` ends the program when nobody reads any more, so everything is written through here. What is said and
//! how it is laid out is decided elsewhere.

use crate::exit::{FAILED, Failure};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Prints text on standard output. A reader who has left, as `head` does, is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(FAILED, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one document of JSON, indented.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| Failure::new(FAILED, format!("this cannot be told as JSON: {error}")))?;
    print(&format!("{text}\n"))
}

/// Says something on standard error; if nobody hears it, nothing is lost.
pub(crate) fn say(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
