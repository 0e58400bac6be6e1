//! What reaches the log, and what a bad filter is told.

use super::*;
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that two events leave under this filter.
fn logged(filter: &str, json: bool, ansi: bool) -> Vec<String> {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = subscriber(parse(filter).unwrap(), json, ansi, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(port = 8080, "listening");
        tracing::debug!(target: "hyper::client", "kept a connection");
    });
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn filters_take_levels_and_targets() {
    assert_eq!(logged("info", false, false).len(), 1);
    assert_eq!(logged("DEBUG", false, false).len(), 2);
    assert_eq!(logged("debug, hyper=warn", false, false).len(), 1);
    assert_eq!(logged("warn,hyper=debug", false, false).len(), 1);
    assert_eq!(logged("off", false, false).len(), 0);
    assert!(parse("info,[request{door=http}]=debug").is_ok());
}

#[test]
fn lines_for_people_are_short() {
    let lines = logged("info", false, false);
    assert!(lines[0].ends_with("INFO listening port=8080"), "{}", lines[0]);
    assert!(!lines[0].contains('\u{1b}') && !lines[0].contains("measure"), "{}", lines[0]);
    assert!(logged("info", false, true)[0].contains('\u{1b}'));
}

#[test]
fn lines_for_machines_are_flat_objects() {
    let line = &logged("info", true, true)[0];
    assert!(line.starts_with('{') && line.ends_with('}') && !line.contains('\u{1b}'), "{line}");
    for field in [r#""level":"INFO""#, r#""message":"listening""#, r#""port":8080"#, r#""target":"measure"#] {
        assert!(line.contains(field), "{field} is missing in {line}");
    }
}

#[test]
fn bad_filters_are_refused_with_a_hint() {
    for (filter, message, hint) in [
        ("inof", "`inof` is not a log level", "did you mean `info`?"),
        ("info,debgu", "`debgu` is not a log level", "did you mean `debug`?"),
        ("", "`` is not a log level", "write one of off, error, warn, info, debug, trace"),
        ("info,", "`` is not a log level", "write one of"),
        ("hyper=loud", "`hyper=loud` is not a log filter", "`info,hyper=warn`"),
    ] {
        let error = parse(filter).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
        assert_eq!((error.kind(), error.origin()), (Kind::BadInput, Origin::Caller));
    }
}

#[test]
fn setting_up_twice_is_an_error_and_not_a_panic() {
    init("off", false).unwrap();
    let error = init("off", true).unwrap_err();
    assert_eq!(error.code(), "log_already_set");
    assert_eq!(init("inof", true).unwrap_err().code(), "bad_log_level");
}
