//! The drawing as text: elements, coordinates, escapes. Knows no chart.

use std::fmt::Write as _;

/// The width of every chart, in the units of its drawing; about pixels.
pub(crate) const WIDTH: f64 = 720.0;

/// Where a text ends up in relation to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing that grows element by element.
pub(crate) struct Svg(String);

impl Svg {
    /// A drawing with a title and a sentence for those who cannot see it. The class is ours, the texts are anybody's.
    pub(crate) fn open(class: &str, (width, height): (f64, f64), title: &str, facts: &str) -> Self {
        let mut svg = Self(String::new());
        svg.push(&format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="{class}" viewBox="0 0 {width} {height}" width="100%" role="img">"#
        ));
        svg.push(&format!("<title>{}</title>", escaped(title)));
        if !facts.is_empty() {
            svg.push(&format!("<desc>{}</desc>", escaped(facts)));
        }
        svg
    }

    pub(crate) fn close(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }

    pub(crate) fn group(&mut self, class: &str, fill: impl FnOnce(&mut Self)) {
        self.push(&format!(r#"<g class="{class}">"#));
        fill(self);
        self.push("</g>");
    }

    pub(crate) fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            self.push(&format!(r#"<path class="{class}" d="{path}"/>"#));
        }
    }

    /// A rectangle from one corner to the opposite one, with a text for those who point at it, if there is one.
    pub(crate) fn rect(&mut self, class: &str, from: (f64, f64), to: (f64, f64), hover: &str) {
        let (x, y) = (tenths(from.0.min(to.0)), tenths(from.1.min(to.1)));
        let (width, height) = (tenths((to.0 - from.0).abs()), tenths((to.1 - from.1).abs()));
        let hover = if hover.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(hover)) };
        self.push(&format!(
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}">{hover}</rect>"#
        ));
    }

    pub(crate) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.push(&format!(r#"<circle class="{class}" cx="{}" cy="{}" r="{radius}"/>"#, tenths(x), tenths(y)));
    }

    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let (x, y, text) = (tenths(x), tenths(y), escaped(text));
        self.push(&format!(r#"<text class="{class}" x="{x}" y="{y}"{anchor}>{text}</text>"#));
    }

    fn push(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }
}

/// The outline of a path, point by point.
#[derive(Default)]
pub(crate) struct Outline(pub(crate) String);

impl Outline {
    pub(crate) fn start(&mut self, (x, y): (f64, f64)) -> &mut Self {
        self.step(format_args!("M{} {}", tenths(x), tenths(y)))
    }

    pub(crate) fn line(&mut self, (x, y): (f64, f64)) -> &mut Self {
        self.step(format_args!("L{} {}", tenths(x), tenths(y)))
    }

    pub(crate) fn across(&mut self, x: f64) -> &mut Self {
        self.step(format_args!("H{}", tenths(x)))
    }

    pub(crate) fn along(&mut self, y: f64) -> &mut Self {
        self.step(format_args!("V{}", tenths(y)))
    }

    pub(crate) fn close(&mut self) -> &mut Self {
        self.step(format_args!("Z"))
    }

    fn step(&mut self, step: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a string never fails.
        let _ = self.0.write_fmt(step);
        self
    }
}

/// A coordinate: always one decimal, and no negative zero, so that the same numbers give the same text.
pub(crate) fn tenths(value: f64) -> String {
    format!("{:.1}", (value * 10.0).round() / 10.0 + 0.0)
}

/// Text that may stand in XML, also where characters are that XML has no place for.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        assert_eq!(escaped("a\u{0}b\u{1b}[1m\nµ€"), "a\u{fffd}b\u{fffd}[1m µ€");
    }

    #[test]
    fn coordinates_have_one_decimal() {
        assert_eq!([0.0, -0.0, -0.04, 1.25, 719.96].map(tenths), ["0.0", "0.0", "0.0", "1.3", "720.0"]);
    }
}
