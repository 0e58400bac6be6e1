//! The decision as Markdown, for models that read and for people in a terminal. Computes nothing.

mod escape;
mod lines;

use crate::text::columns;
use crate::told::{self, Standing, Told};
use crate::view::{Counts, View};
use crate::{Outcome, Sheet, words};
use escape::cell;
use lines::Head::{Figures, Words};
use lines::{Head, Lines, WIDTH, room};

/// The widest that a name may be in a table, in columns; wider ones get a key there, and a list of their own.
const LABEL: usize = 22;
/// How many characters all justifications may have together; fewer for each where there are many.
const WHY_ALL: usize = 12_000;
/// How many characters of one justification stand.
const WHY_MAX: usize = 240;
/// Justifications that would have to be shorter than this are left out.
const WHY_MIN: usize = 60;
/// The most reasons for missing scores, cautions or places of another method that are told.
const LISTED_MAX: usize = 10;
/// How many characters of a caution or a reason stand.
const NOTE_MAX: usize = 500;

/// The decision as Markdown: what a model reads, and a person in a terminal of 80 columns.
///
/// No line is wider than 80 columns; tables line up as they are. Texts of the sheet can form no link, no markup and no
/// cell of their own, and what cannot be seen in them is shown as `�`. Each text is shortened to what a summary needs,
/// and justifications of large decisions are left out, which is said: [`json`](fn@crate::json) holds all of it.
pub fn markdown(sheet: &Sheet) -> String {
    let view = View::new(sheet);
    let counts = view.counts();
    let labels = Labels::new(&view);
    let mut lines = Lines::default();
    lines.heading(1, "Decision: ", &sheet.topic);
    beforehand(&mut lines, &view, &counts);
    outcome(&mut lines, &view);
    ranking(&mut lines, &view, &labels);
    criteria(&mut lines, &view, &labels);
    scores(&mut lines, &view, &labels, &counts);
    opinions(&mut lines, &view);
    reasons(&mut lines, &view, &counts);
    abstentions(&mut lines, &view);
    full_names(&mut lines, &view, &labels);
    source(&mut lines, &view, &counts);
    lines.finish()
}

/// One foreign text as Markdown of one line that shows it and does nothing else; of more than `chars_max` characters the
/// first stand. Empty for a text without a letter.
pub fn escaped(text: &str, chars_max: usize) -> String {
    let mut words = if text.trim().is_empty() { Vec::new() } else { escape::words(text, chars_max, usize::MAX) };
    if let Some(first) = words.first_mut() {
        *first = escape::guarded(first);
    }
    words.join(" ")
}

/// Names as they stand in tables.
struct Labels {
    options: Vec<String>,
    criteria: Vec<String>,
    /// Whether some names of options, and of criteria, do not stand whole.
    cut: [bool; 2],
    /// How wide the widest of the options' is.
    width: usize,
    /// Whether the scores' columns are headed by keys, because the criteria's are too wide for a terminal.
    keyed: bool,
}

impl Labels {
    fn new(view: &View<'_>) -> Self {
        let options = view.sheet.options.iter().map(|option| option.name.as_str());
        let criteria = view.sheet.criteria.iter().map(|criterion| criterion.name.as_str());
        let ((options, long), (criteria, wide)) = (labels("O", options), labels("C", criteria));
        let width = options.iter().map(|label| columns(label)).max().unwrap_or(0).max(6);
        let heads: Vec<usize> = criteria.iter().map(|label| columns(label).max(4)).collect();
        let keyed = wide || room(&heads, 1) < width;
        Self { options, criteria, cut: [long, wide], width, keyed }
    }

    fn option(&self, option: usize) -> String {
        self.options.get(option).cloned().unwrap_or_default()
    }

    fn criterion(&self, criterion: usize) -> String {
        self.criteria.get(criterion).cloned().unwrap_or_default()
    }
}

/// Each name as it is, or a key and its beginning; and whether there is one of those.
fn labels<'a>(letter: &str, names: impl Iterator<Item = &'a str>) -> (Vec<String>, bool) {
    let mut cut = false;
    let label = |(index, name): (usize, &str)| {
        let (whole, fits) = cell(name, LABEL);
        if fits {
            return whole;
        }
        cut = true;
        let key = format!("{letter}{} ", index + 1);
        let start = cell(name, LABEL - key.len()).0;
        key + &start
    };
    let labels = names.enumerate().map(label).collect();
    (labels, cut)
}

/// Whatever makes the rest worth less than it looks.
fn beforehand(lines: &mut Lines, view: &View<'_>, counts: &Counts) {
    if let Some([heading, text]) = told::simulated(view, counts) {
        lines.quote(&format!("{heading}."), &Told::new(text));
    }
    if let Some(heading) = told::unfinished(counts) {
        lines.paragraph(&heading, &Told::default());
        let gaps = view.gaps();
        let open: Vec<_> = gaps.iter().filter(|gap| gap.outcome != Outcome::Abstained).collect();
        open.iter().take(LISTED_MAX).for_each(|gap| lines.item("", &told::gap(view, gap), NOTE_MAX));
        more(lines, open.len(), "reason");
    }
    let mut cautions: Vec<Told<'_>> = view.sheet.cautions.iter().map(|caution| Told::default().text(caution)).collect();
    cautions.extend(told::flagged(view));
    if !cautions.is_empty() {
        lines.paragraph("Before believing it:", &Told::default());
        cautions.iter().take(LISTED_MAX).for_each(|caution| lines.item("", caution, NOTE_MAX));
        more(lines, cautions.len(), "caution");
    }
}

fn more(lines: &mut Lines, count: usize, noun: &str) {
    if count > LISTED_MAX {
        lines.item(
            "",
            &Told::new(format!("and {}", words::several((count - LISTED_MAX) as u64, &format!("more {noun}")))),
            NOTE_MAX,
        );
    }
}

fn outcome(lines: &mut Lines, view: &View<'_>) {
    if !view.sheet.recommendation.is_empty() {
        lines.paragraph("Recommendation:", &Told::default().text(&view.sheet.recommendation));
    }
    let close = view.sheet.close_call.as_ref();
    if let Some(shared) = told::shared(view) {
        lines.paragraph("Tied:", &shared);
    }
    if let Some(close) = close {
        let heading = if close.close { "This is a close call." } else { "The first place is not close." };
        lines.paragraph(heading, &Told::default());
        let reasons = close.reasons.iter().take(LISTED_MAX);
        reasons.for_each(|reason| lines.item("", &Told::default().text(reason), NOTE_MAX));
        more(lines, close.reasons.len(), "reason");
    }
    for told in [told::chance(view), told::smallest(view)].into_iter().flatten() {
        lines.paragraph("", &told);
    }
}

fn ranking(lines: &mut Lines, view: &View<'_>, labels: &Labels) {
    if view.sheet.ranking.is_empty() {
        return;
    }
    lines.heading(2, "Ranking", "");
    let decimals = words::decimals(view.sheet.ranking.iter().map(|one| one.total));
    let (drawn, uncovered) = (view.sheet.first_share.is_some(), view.uncovered());
    let mut head = vec![Figures("#".to_owned()), Words("Option".to_owned()), Figures("Total".to_owned())];
    if drawn {
        head.extend([Figures("First in".to_owned()), Figures("95 % interval".to_owned())]);
    }
    head.extend(uncovered.then(|| Figures("Covered".to_owned())));
    let row = |option: usize| {
        let one = view.ranked(option)?;
        let place = format!("{}{}", one.rank, if one.tied { "=" } else { "" });
        let mut row = vec![place, labels.option(option), words::fixed(one.total, decimals)];
        if drawn {
            let chance = view.chance(option);
            let known = |figure: Option<String>| figure.unwrap_or_else(|| words::NONE.to_owned());
            row.push(known(chance.map(|chance| words::fine_percent(chance.p))));
            row.push(known(chance.map(|chance| words::interval(chance.low, chance.high))));
        }
        row.extend(uncovered.then(|| words::percent(one.covered_weight)));
        Some(row)
    };
    let rows: Vec<_> = view.order().iter().filter_map(|&option| row(option)).collect();
    lines.table(&head, &rows);
    if uncovered {
        lines.paragraph("", &Told::new("Covered: the share of all weight that an option’s scores cover."));
    }
}

fn criteria(lines: &mut Lines, view: &View<'_>, labels: &Labels) {
    if view.sheet.criteria.is_empty() {
        return;
    }
    lines.heading(2, "Criteria", "");
    let flips = told::flips(view);
    let mut head: Vec<Head> = labels.keyed.then(|| Words("Key".to_owned())).into_iter().collect();
    head.extend([Words("Criterion".to_owned()), Figures("Weight".to_owned()), Figures("Share".to_owned())]);
    let told = flips.is_some();
    if told {
        head.extend([Figures("Flips at".to_owned()), Words("First then".to_owned())]);
    }
    let mut rows = Vec::with_capacity(view.sheet.criteria.len());
    for (index, criterion) in view.sheet.criteria.iter().enumerate() {
        let mut row: Vec<String> = labels.keyed.then(|| key(index)).into_iter().collect();
        let label = labels.criterion(index);
        let label = if labels.keyed { cell(&criterion.name, LABEL - 6).0 } else { label };
        row.extend([label, words::weight(criterion.weight), words::percent(criterion.share)]);
        if let Some(flips) = &flips {
            let flip = flips.get(index).copied().flatten();
            let rival = flip.and_then(|flip| Some((view.option(flip.rivals.first()?)?, flip.rivals.len())));
            row.push(flip.map_or(words::NONE.to_owned(), |flip| words::weights(criterion.weight, flip.at)[1].clone()));
            row.push(match rival {
                Some((rival, 1)) => labels.option(rival),
                Some((_, several)) => format!("{several} options"),
                None => words::NONE.to_owned(),
            });
        }
        rows.push(row);
    }
    lines.table(&head, &rows);
    if told {
        let range = format!("from {} to {}", crate::WEIGHT_MIN, crate::WEIGHT_MAX);
        let text = format!("Flips at: the nearest weight {range} past which another option is first, all other ")
            + &format!("weights unchanged; {} where there is none.", words::NONE);
        lines.paragraph("", &Told::new(text));
    }
}

fn key(criterion: usize) -> String {
    format!("C{}", criterion + 1)
}

fn scores(lines: &mut Lines, view: &View<'_>, labels: &Labels, counts: &Counts) {
    if counts.pairs == 0 || told::standing(counts) == Standing::Unscored {
        return;
    }
    lines.heading(2, "Scores", "");
    let width = view.sheet.criteria.len();
    let fitting = if labels.keyed { (WIDTH - 4 - labels.width) / 7 } else { width };
    let names = |criterion| if labels.keyed { key(criterion) } else { labels.criterion(criterion) };
    for from in (0..width).step_by(fitting.max(1)) {
        let block = from..(from + fitting).min(width);
        let head = [Words("Option".to_owned())].into_iter().chain(block.clone().map(|at| Figures(names(at))));
        let row = |&option: &usize| {
            let cells = block.clone().map(|criterion| figure(view, option, criterion));
            [labels.option(option)].into_iter().chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = view.order().iter().map(row).collect();
        lines.table(&head.collect::<Vec<_>>(), &rows);
    }
    let kinds = [
        (counts.abstained, "abs.: abstained"),
        (counts.failed, "fail: asked without a usable answer"),
        (counts.missing, "–: not asked"),
    ];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    let scale = "From 1, worst, to 10, best.".to_owned();
    let text = if kinds.is_empty() { scale } else { format!("{scale} {}.", kinds.join("; ")) };
    lines.paragraph("", &Told::new(text));
}

fn figure(view: &View<'_>, option: usize, criterion: usize) -> String {
    match view.outcome(option, criterion) {
        Outcome::Scored => view.score(option, criterion).map_or(words::NONE.to_owned(), words::score),
        Outcome::Abstained => "abs.".to_owned(),
        Outcome::Failed => "fail".to_owned(),
        Outcome::Missing => words::NONE.to_owned(),
    }
}

fn opinions(lines: &mut Lines, view: &View<'_>) {
    if view.sheet.opinions.is_empty() {
        return;
    }
    lines.heading(2, "Second opinions", "");
    if let Some(all) = told::opinions(&view.sheet.opinions) {
        lines.paragraph("", &Told::new(all));
    }
    for opinion in view.sheet.opinions.iter().take(LISTED_MAX) {
        let mut told = told::opinion(view, opinion);
        for (index, place) in opinion.order.iter().take(LISTED_MAX).enumerate() {
            let before = if index == 0 { " Order: " } else { ", " };
            told = told.say(before).name(&place.option).say(format!(" {}", words::fixed(place.value, 3)));
        }
        let more = opinion.order.len().saturating_sub(LISTED_MAX);
        let end = if more > 0 { format!(" and {more} more.") } else { ".".to_owned() };
        let told = if opinion.order.is_empty() { told } else { told.say(end) };
        lines.item("", &told, NOTE_MAX);
    }
}

/// Why each score, as far as there is room.
fn reasons(lines: &mut Lines, view: &View<'_>, counts: &Counts) {
    let each = (WHY_ALL / counts.scored.max(1) as usize).min(WHY_MAX);
    let said = |option, criterion| {
        let pair = view.pair(option, criterion).filter(|pair| !pair.justification.is_empty())?;
        Some((pair, view.score(option, criterion)?))
    };
    if !view.pairs().any(|(option, criterion)| said(option, criterion).is_some()) {
        return;
    }
    lines.heading(2, "Why", "");
    if each < WHY_MIN {
        let text =
            format!("{} have their reasons in the JSON and on the page.", words::several(counts.scored, "score"));
        return lines.paragraph("", &Told::new(text));
    }
    for &option in view.order() {
        let mut headed = false;
        for criterion in 0..view.sheet.criteria.len() {
            let Some((pair, score)) = said(option, criterion) else { continue };
            if !std::mem::replace(&mut headed, true) {
                lines.heading(3, "", told::option_name(view, option));
            }
            let sure = pair.confidence.map(|sure| format!(", {} sure", words::percent(sure))).unwrap_or_default();
            let spread = pair.spread.filter(|spread| spread.is_finite());
            let spread = spread.map(|spread| format!(", {} votes ± {}", pair.votes.len(), words::fixed(spread, 1)));
            let figures = format!(" ({}{sure}{}): ", words::score(score), spread.unwrap_or_default());
            let told = Told::default().name(told::criterion_name(view, criterion)).say(figures);
            lines.item("", &told.text(&pair.justification), each);
        }
    }
}

fn abstentions(lines: &mut Lines, view: &View<'_>) {
    let gaps = view.gaps();
    let abstained: Vec<_> = gaps.iter().filter(|gap| gap.outcome == Outcome::Abstained).collect();
    if abstained.is_empty() {
        return;
    }
    lines.heading(2, "Abstentions", "");
    abstained.iter().take(LISTED_MAX).for_each(|gap| lines.item("", &told::gap(view, gap), NOTE_MAX));
    more(lines, abstained.len(), "reason");
}

fn full_names(lines: &mut Lines, view: &View<'_>, labels: &Labels) {
    if !labels.cut[0] && !labels.cut[1] {
        return;
    }
    lines.heading(2, "Names in full", "");
    if labels.cut[0] {
        for (index, option) in view.sheet.options.iter().enumerate() {
            lines.item("", &Told::new(format!("O{}: ", index + 1)).text(&option.name), NOTE_MAX);
        }
    }
    if labels.cut[1] {
        for (index, criterion) in view.sheet.criteria.iter().enumerate() {
            lines.item("", &Told::new(format!("{}: ", key(index))).text(&criterion.name), NOTE_MAX);
        }
    }
}

/// What the decision is, whom it was put to and when.
fn source(lines: &mut Lines, view: &View<'_>, counts: &Counts) {
    let sheet = view.sheet;
    lines.heading(2, "About", "");
    let mut told = Told::new(
        "Totals are weighted means of the scores, from 1 to 10; what has no score counts neither in the sum nor in the \
         weight. ",
    );
    if counts.pairs > 0 {
        told = told.say(format!(
            "{} of {} have a score. ",
            words::thousands(counts.scored),
            words::several(counts.pairs, "pair")
        ));
    }
    for (before, text) in [("Scored by ", &sheet.model), ("Decision ", &sheet.id), ("Begun ", &sheet.created)] {
        told = if text.is_empty() { told } else { told.say(before).text(text).say(". ") };
    }
    if let Some(evaluated) = &sheet.evaluated {
        told = told.say("Scored last ").text(evaluated).say(".");
    }
    lines.paragraph("", &told);
}
