//! What an event stream says, read in the plainest way that the WHATWG HTML standard allows: decoded as a whole, cut
//! into lines, line by line. Refuses to be fast and knows nothing of the parser that is held against it.

/// An event as it is dispatched: its name, empty for the usual one, and its data.
pub(crate) type Dispatched = (String, String);

/// All complete events of a stream.
pub(crate) fn dispatched(stream: &[u8]) -> Vec<Dispatched> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // Behind the last line end there is no line yet.
    lines.pop();
    let (mut all, mut name, mut data) = (Vec::new(), String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            if let Some(whole) = data.strip_suffix('\n') {
                all.push((name.clone(), whole.to_owned()));
            }
            (name, data) = (String::new(), String::new());
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data += &format!("{value}\n"),
            "event" => name = value.to_owned(),
            _ => {}
        }
    }
    all
}
