//! Whole drawings: that they are XML, that they stay inside their box, and what a few of them look like.

use proptest::prelude::*;

use crate::svg::WIDTH;
use crate::*;

/// The name of an element and its attributes.
type Element<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// The elements of a well-formed drawing as names with their attributes; says what is wrong with any other.
fn elements(xml: &str) -> Result<Vec<Element<'_>>, String> {
    let (mut open, mut found, mut rest) = (Vec::new(), Vec::new(), xml);
    while let Some((text, tag_on)) = rest.split_once('<') {
        check_text(text)?;
        let (tag, after) = tag_on.split_once('>').ok_or("a tag has no end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let opened: Option<&str> = open.pop();
            (opened == Some(name)).then_some(()).ok_or(format!("</{name}> closes {opened:?}"))?;
            continue;
        }
        let inner = tag.trim_end_matches('/');
        let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        found.push((name, check_attributes(attributes)?));
        if !tag.ends_with('/') {
            open.push(name);
        } else if open.is_empty() {
            return Err(format!("<{name}> is a second root"));
        }
    }
    if open.is_empty() && rest.is_empty() { Ok(found) } else { Err(format!("{open:?} stay open before `{rest}`")) }
}

fn check_attributes(mut rest: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    while !rest.trim().is_empty() {
        let (name, after) = rest.trim_start().split_once("=\"").ok_or(format!("no value: `{rest}`"))?;
        let (value, after) = after.split_once('"').ok_or(format!("no end: `{rest}`"))?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-:".contains(c));
        let again = found.iter().any(|(known, _)| *known == name);
        (plain && !again).then_some(()).ok_or(format!("attribute `{name}`"))?;
        check_text(value)?;
        found.push((name, value));
        rest = after;
    }
    Ok(found)
}

fn check_text(text: &str) -> Result<(), String> {
    let known = |after: &str| ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|name| after.starts_with(name));
    let fine = text.split('&').skip(1).all(known) && !text.contains(['>', '\u{0}', '\u{1b}', '\u{ffff}']);
    if fine { Ok(()) } else { Err(format!("text `{text}`")) }
}

/// Checks a drawing: well-formed, described, without colours, with every coordinate in its box.
fn check(svg: &str) {
    let found = elements(svg).unwrap_or_else(|wrong| panic!("{wrong}\n{svg}"));
    let (root, attributes) = &found[0];
    let attribute = |name: &str| attributes.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!((*root, attribute("role"), attribute("width")), ("svg", "img", "100%"));
    assert_eq!(found[1].0, "title");
    let size: Vec<f64> = attribute("viewBox").split(' ').map(|number| number.parse().unwrap()).collect();
    for (name, attributes) in &found[1..] {
        for (attribute, value) in attributes {
            assert!(!["fill", "stroke", "style", "color"].contains(attribute), "{name} {attribute}");
            let numbers = |text: &str| -> Vec<f64> {
                let parts = text.split(|c: char| " MLHVZ".contains(c)).filter(|part| !part.is_empty());
                parts.map(|part| part.parse().unwrap()).collect()
            };
            let inside = match *attribute {
                "x" | "cx" | "width" => numbers(value).iter().all(|x| (0.0..=size[2]).contains(x)),
                "y" | "cy" | "height" => numbers(value).iter().all(|y| (0.0..=size[3]).contains(y)),
                "d" => numbers(value).iter().all(|number| (0.0..=WIDTH.max(size[3])).contains(number)),
                _ => true,
            };
            assert!(inside, "{name} {attribute}={value}");
        }
    }
}

fn series(name: &str, points: Vec<(f64, f64)>, kind: Kind) -> Series {
    Series { name: name.to_owned(), points, kind }
}

fn axis(label: &str, unit: Unit, scale: Scale) -> Axis<'_> {
    Axis { label, unit, scale }
}

/// All coordinates that paths draw to.
fn drawn_points(svg: &str) -> Vec<(f64, f64)> {
    let paths = elements(svg).unwrap().into_iter().filter(|(_, attributes)| attributes.contains(&("class", "line")));
    let paths = paths.filter_map(|(_, attributes)| Some(attributes.into_iter().find(|(name, _)| *name == "d")?.1));
    let points = paths.flat_map(|path| path.split(['M', 'L']).skip(1));
    points.map(|point| point.split_once(' ').unwrap()).map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
}

#[test]
fn the_check_finds_what_is_wrong() {
    for wrong in ["<a><b></a></b>", "<a>", "<a x=1/>", "<a>&x</a>", "<a x=\"1\" x=\"2\"></a>", "<a></a>b", "<a/>"] {
        assert!(elements(wrong).is_err(), "{wrong}");
    }
    assert_eq!(elements("<a x=\"1\"><b/>t</a>"), Ok(vec![("a", vec![("x", "1")]), ("b", vec![])]));
}

#[test]
fn a_small_chart() {
    let svg = Lines {
        title: "Latency <p95>",
        facts: "p95 stays below 2 s & is steady.",
        x: axis("time", Unit::Seconds, Scale::Linear),
        y: axis("latency", Unit::Milliseconds, Scale::Linear),
        series: vec![
            series(
                "p95",
                vec![(0.0, 800.0), (10.0, 1_500.0), (20.0, f64::NAN), (30.0, 900.0), (40.0, 950.0)],
                Kind::Line,
            ),
            series("p50", vec![(0.0, 300.0), (40.0, 310.0)], Kind::Area),
        ],
        rules: vec![Rule { at: 2_000.0, label: "target 2 s".to_owned() }],
        spans: vec![Span { from: 12.0, to: 25.0, label: "breaker open".to_owned() }],
    }
    .svg();
    check(&svg);
    insta::assert_snapshot!(svg);
}

#[test]
fn a_few_bars() {
    let bar = |label: &str, value, interval, verdict| Bar { label: label.to_owned(), value, interval, verdict };
    let bars = vec![
        bar("steady", 1.2, Some((1.0, 1.5)), Some(Verdict::Good)),
        bar("broken", f64::NAN, None, Some(Verdict::Unclear)),
        bar("less", -0.4, Some((-0.5, f64::INFINITY)), None),
    ];
    let svg = Bars { title: "Change", facts: "One rose.", unit: Unit::Seconds, bars }.svg();
    check(&svg);
    insta::assert_snapshot!(svg);
}

#[test]
fn a_spark() {
    let svg = spark(&[1.0, 3.0, f64::NAN, 2.0, 2.0, 5.0]);
    check(&svg);
    insta::assert_snapshot!(svg);
}

#[test]
fn a_peak_among_very_many_points_survives() {
    let mut points: Vec<(f64, f64)> = (0..100_000).map(|at| (f64::from(at), 100.0 + f64::from(at * 7 % 13))).collect();
    points[54_321].1 = 1_000.0;
    points[77_777].1 = 0.0;
    let lines = Lines { series: vec![series("a", points, Kind::Line)], ..Lines::default() };
    let (svg, drawn) = (lines.svg(), drawn_points(&lines.svg()));
    check(&svg);
    assert!(drawn.len() <= 800 && drawn.len() > 500, "{}", drawn.len());
    assert!(svg.len() < 20_000, "{}", svg.len());
    // The plot is 180 high and ends at 1,000 and at 0.
    let peak = drawn.iter().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
    let dip = drawn.iter().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap();
    assert_eq!(dip.1 - peak.1, 180.0);
    let share = |x: f64| (x - drawn[0].0) / (drawn[drawn.len() - 1].0 - drawn[0].0);
    assert!((share(peak.0) - 0.543_21).abs() < 0.001 && (share(dip.0) - 0.777_77).abs() < 0.001);
    check(&spark(&(0..100_000).map(f64::from).collect::<Vec<_>>()));
}

#[test]
fn drawings_stay_small_however_much_there_is() {
    let every_other = |at: i32| (f64::from(at), if at % 2 == 0 { f64::from(at) } else { f64::NAN });
    let one = || series("a long name of a series", (0..20_000).map(every_other).collect(), Kind::Line);
    let bounds = (0..20_000).map(|at| (f64::from(at), f64::from(at) + 5.0)).collect();
    let points = series("points", (0..20_000).map(every_other).collect(), Kind::Points(bounds));
    let spans = (0..20_000).map(|at| Span { from: f64::from(at), to: f64::from(at) + 0.1, label: "x".to_owned() });
    let series = (0..20).map(|index| if index == 0 { points.clone() } else { one() }).collect();
    let rules = (0..100).map(|at| Rule { at: f64::from(at), label: "rule".to_owned() }).collect();
    let svg = Lines { series, rules, spans: spans.collect(), ..Lines::default() }.svg();
    check(&svg);
    assert!(svg.contains("and 8 more that are not drawn") && svg.len() < 800_000, "{}", svg.len());
    let bars = vec![Bar::default(); 1_000];
    let svg = Bars { title: "", facts: "", unit: Unit::None, bars }.svg();
    check(&svg);
    assert!(svg.contains("and 940 more that are not drawn"));
}

#[test]
fn what_is_below_zero_has_no_place_on_powers_of_ten() {
    let points = vec![(0.0, -5.0), (1.0, 10.0), (2.0, 0.0), (3.0, 10.0), (4.0, 1_000.0)];
    let y = axis("", Unit::None, Scale::Log);
    let svg = Lines { y, series: vec![series("a", points, Kind::Line)], ..Lines::default() }.svg();
    check(&svg);
    assert_eq!(drawn_points(&svg).len(), 2);
    // The first point with a place has no neighbour.
    assert_eq!(svg.matches("<circle").count(), 1);
}

#[test]
fn nothing_to_draw_is_said() {
    for points in [vec![], vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)]] {
        let rules = vec![Rule { at: 5.0, label: "five".to_owned() }];
        let svg = Lines { series: vec![series("a", points, Kind::Line)], rules, ..Lines::default() }.svg();
        check(&svg);
        assert!(svg.contains("no data") && !svg.contains("five"));
    }
    check(&Bars::default().svg());
    check(&spark(&[]));
    assert!(Bars::default().svg().contains("no data") && spark(&[f64::NAN]).contains("no data"));
}

fn number() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![0.0, -0.0, 1.0, 0.999, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, 5e-324]);
    prop_oneof![odd, prop::num::f64::ANY, -10.0..1e4f64]
}

fn numbers() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((number(), number()), 0..20)
}

fn kinds() -> impl Strategy<Value = Kind> {
    let plain = prop::sample::select(vec![Kind::Line, Kind::Steps, Kind::Area]);
    prop_oneof![plain, numbers().prop_map(Kind::Band), numbers().prop_map(Kind::Points)]
}

fn axes() -> impl Strategy<Value = (Unit, Scale)> {
    use Unit::*;
    let units = prop::sample::select(vec![None, Milliseconds, Seconds, Megabytes, Percent, PerSecond, Usd]);
    let scales = prop::sample::select(vec![Scale::Linear, Scale::Zoom, Scale::Log, Scale::Quantile]);
    (units, scales)
}

proptest! {
    #[test]
    fn whatever_the_numbers_the_drawing_is_sound(
        x in axes(), y in axes(),
        all in prop::collection::vec((numbers(), kinds(), any::<String>()), 0..4),
        spans in numbers(), at in number(), text in any::<String>(),
    ) {
        let lines = Lines {
            title: &text,
            facts: &text,
            x: axis(&text, x.0, x.1),
            y: axis(&text, y.0, y.1),
            series: all.iter().map(|(points, kind, name)| series(name, points.clone(), kind.clone())).collect(),
            rules: vec![Rule { at, label: text.clone() }],
            spans: spans.iter().map(|(from, to)| Span { from: *from, to: *to, label: text.clone() }).collect(),
        };
        check(&lines.svg());
        prop_assert_eq!(lines.svg(), lines.clone().svg());
        let bars = spans.iter().map(|(value, end)| Bar {
            label: text.clone(),
            value: *value,
            interval: Some((*end, at)),
            verdict: Some(Verdict::Bad),
        });
        check(&Bars { title: &text, facts: &text, unit: x.0, bars: bars.collect() }.svg());
        check(&spark(&spans.iter().map(|(value, _)| *value).collect::<Vec<_>>()));
    }
}
