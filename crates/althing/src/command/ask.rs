//! `althing ask`: one question, one answer with its report.

use crate::exit::{CONFIGURATION, DONE, FAILED, Failure, UNREACHABLE, USAGE};
use crate::print::{self, print};
use crate::sharing::Links;
use crate::{progress, wiring};
use caller::{Caller, Guest};
use fault::{nearest, shown_ms};
use matrix::{AskAnswer, AskError, Matrix, ModelInfo};
use serde_json::json;
use settings::Settings;
use shell::{Ask, Global};
use std::io::{IsTerminal, Read};
use std::time::Duration;
use terminal::hang;
use tokio::time::Instant;
use wire::openai::ChatRequest;

/// Names offered when one is not known, at most.
const NEAREST_MAX: usize = 3;
/// Names listed when none is near, at most.
const LISTED_MAX: usize = 8;

/// Asks and prints.
pub(crate) fn run(global: &Global, args: &Ask) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let (ready, data) = wiring::place(global, &args.place)?;
    let settings = &ready.loaded.settings;
    let prompt = prompt(&args.prompt, settings.server.body_bytes_max)?;
    let answer = wiring::run(async {
        let metrics = wiring::metrics();
        let matrix = wiring::matrix(&ready, &data, &metrics, &Links::default())?;
        let model = model(args, &matrix)?;
        let house = wiring::house(settings, &data, &metrics).await?;
        matrix.keep_votes(&house.votes);
        let asked = ask(&matrix, settings, house.local(), &model, &prompt);
        let asked = progress::wait(&format!("asking {model}"), asked).await;
        house.close().await;
        asked?.map_err(|error| failure(&error, &matrix))
    })?;
    let answer = answer.ok_or_else(|| Failure::new(FAILED, "the answer is a stream that nobody asked for"))?;
    match global.json {
        true => print::json(&answer)?,
        false => print(&terminal::answer(&answer, ready.scripted()))?,
    }
    Ok(DONE)
}

/// `None` would be a stream, which nobody asked for.
async fn ask(
    matrix: &Matrix,
    settings: &Settings,
    guest: Guest,
    model: &str,
    prompt: &str,
) -> Result<Option<AskAnswer>, AskError> {
    let started = Instant::now();
    let caller = Caller {
        request_id: caller::new_request_id(),
        deadline: started + Duration::from_millis(settings.server.deadline_ms),
        guest,
        wishes: caller::Wishes::default(),
    };
    let outcome = matrix.ask(&caller, &ChatRequest::from_prompt(model, prompt)).await?;
    Ok(outcome.into_answer(started))
}

/// The words of the command line, or standard input for `-`.
fn prompt(words: &[String], bytes_max: usize) -> Result<String, Failure> {
    let usage = |message: &str| Failure::new(USAGE, message).hint("`althing ask \"what is 6 times 7?\"`");
    let prompt = match words {
        // The line break at the end is the shell's, not the question's.
        [word] if word == "-" => read(bytes_max)?.trim_end_matches(['\r', '\n']).to_owned(),
        words => words.join(" "),
    };
    if prompt.trim().is_empty() {
        return Err(usage("the question is empty"));
    }
    if prompt.len() > bytes_max {
        return Err(usage(&format!("the question is longer than {bytes_max} bytes"))
            .hint("shorten it, or raise `server.body_bytes_max`"));
    }
    Ok(prompt)
}

/// At most one byte more than may be asked: enough to tell that it is too long.
fn read(bytes_max: usize) -> Result<String, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        print::say("type the question, then press Ctrl-D\n");
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let taken = input.lock().take(most).read_to_end(&mut bytes);
    taken.map_err(|error| Failure::new(FAILED, format!("cannot read standard input: {error}")))?;
    if bytes.len() > bytes_max {
        // Where it was cut, a letter may be torn.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(USAGE, "the question on standard input is not text in UTF-8"))
}

/// The name to ask: a panel must be one.
fn model(args: &Ask, matrix: &Matrix) -> Result<String, Failure> {
    if let Some(panel) = args.panel.as_ref().filter(|panel| !matrix.is_panel(panel)) {
        let failure = Failure::new(FAILED, format!("the panel `{panel}` does not exist")).named("model_not_found");
        let (panels, others): (Vec<_>, Vec<_>) = matrix.models().into_iter().partition(|model| model.kind == "panel");
        return Err(match others.iter().find(|other| other.id == *panel) {
            Some(other) => failure.hint(format!("it is a {}: ask it with `--model {panel}`", other.kind)),
            None => failure.hint(offer(panel, &panels, "panels")),
        });
    }
    let named = args.panel.clone().or_else(|| args.model.clone());
    named.or_else(|| matrix.default_model()).ok_or_else(|| {
        Failure::new(CONFIGURATION, "no model is set up")
            .hint("list `models` in a `[[provider]]`, or name one with `--model provider/model`")
    })
}

/// What could have been meant, or what there is.
fn offer(asked: &str, known: &[ModelInfo], what: &str) -> String {
    let known: Vec<&str> = known.iter().map(|model| model.id.as_str()).collect();
    let near = nearest(asked, known.iter().copied(), NEAREST_MAX);
    if !near.is_empty() {
        return format!("did you mean `{}`?", near.join("` or `"));
    }
    if known.is_empty() {
        return format!("there are no {what}");
    }
    let more = if known.len() > LISTED_MAX { " and more" } else { "" };
    format!("there are the {what} `{}`{more}", known[..known.len().min(LISTED_MAX)].join("`, `"))
}

/// Why there is no answer: every attempt on a line of its own.
fn failure(error: &AskError, matrix: &Matrix) -> Failure {
    let failure = Failure::of(error).code(FAILED);
    let (failure, attempts) = match error {
        AskError::UnknownModel { name, .. } => {
            return failure.hint(offer(name, &matrix.models(), "models"));
        }
        AskError::Disagreement { agreement, .. } => {
            let text = terminal::agreement(agreement, None);
            return failure
                .details(text, "agreement", json!(agreement))
                .hint("lower the panel's `agreement`, or set its `on_disagreement` to `list` or `plurality`");
        }
        AskError::NoAnswer { attempts, .. } => (failure.message("no model answered").code(UNREACHABLE), attempts),
        AskError::Deadline { within, attempts } => {
            (failure.message(format!("no answer within {}", shown_ms(*within))).code(UNREACHABLE), attempts)
        }
        AskError::Refused { attempts, .. } => (failure, attempts),
        _ => return failure,
    };
    let lines = terminal::folded(attempts.iter().map(|attempt| format!("{}: {}", attempt.model, attempt.reason)));
    let lines = lines.iter().map(|line| hang("  ", line)).collect();
    failure.details(lines, "attempts", json!(attempts))
}
