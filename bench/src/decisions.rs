//! How long decisions take, whole and in parts, and what many of them cost. Knows the tools of decisions by name; refuses
//! to know how scores become an order, which the example of that room measures.

use super::mcp::Client;
use super::outcome::{Figure, Measured, Subject};
use super::process::{Folder, Server};
use super::sample::{median, percentile, round};
use super::{Setup, version};
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TOOLSET: &str = "/mcp/s/decisions";
/// The large matrix, how long each answer takes, and how many are asked for at once.
const LARGE: (usize, usize) = (20, 15);
const TAKES: Duration = Duration::from_millis(100);
const IN_FLIGHT: usize = 20;
/// The small one.
const SMALL: (usize, usize) = (5, 4);
/// How often each operation is timed.
const OPERATIONS: u32 = 1_000;
/// What is written before a sync: about what a change leaves in a log of SQLite's.
const SYNCED: [u8; 8_192] = [7; 8_192];
/// Whole sessions that count, and those that warm up.
const WHOLE: u32 = 500;
const WARM: u32 = 20;
/// Sessions between two looks at resident memory.
const IDLE: u32 = 10_000;
/// How many sessions are listed among.
const FEW: usize = 1_000;
const MANY: u32 = 100_000;
/// How often a list is read.
const LOOKS: usize = 200;
/// Connections that fill a store.
const FILLERS: usize = 8;
/// What a server may do after much work before it is looked at.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let mut measured = Measured::default();
    let version = version(&setup.binary, "--version");
    large(setup, &mut measured)?;
    operations(setup, &mut measured)?;
    let told = [("sessions".to_owned(), f64::from(whole(setup, &mut measured)?))];
    many(setup, &mut measured)?;
    measured.subjects.push(Subject { name: "althing".to_owned(), version, measured: told.into() });
    Ok(measured)
}

/// A server that asks a simulated model, which takes this long to answer, and that model.
fn house(setup: &Setup, takes: Duration, home: Folder) -> Result<(Server, Server), Trouble> {
    let answer = json!({ "score": 7, "reasoning": "It does well.", "confidence": 0.8, "status": "success" });
    let script = format!("[default]\nanswers = ['{answer}']\nlatency = {{ ms = {} }}\n", takes.as_millis());
    let upstream = Server::simulate(&setup.binary, &script)?;
    let config = format!(
        "[embed]\nkind = \"off\"\n[decisions]\nsessions_max = 1_000_000\nmemory_share_max = 0\n\
         in_flight_max = {IN_FLIGHT}\ncriterion_in_flight_max = {IN_FLIGHT}\n\
         [[provider]]\nname = \"sim\"\nbase_url = \"http://{}/v1\"\nmodels = [\"m\"]\n",
        upstream.address
    );
    Ok((Server::up_in(&setup.binary, home, &config)?, upstream))
}

fn connect(address: SocketAddr) -> Result<Client, Trouble> {
    Client::connect_to(address, TOOLSET)
}

/// The arguments that begin a decision of this size.
fn new((options, criteria): (usize, usize)) -> Value {
    let options: Vec<String> = (1..=options).map(|at| format!("option {at}")).collect();
    let criterion =
        |at: usize| json!({ "name": format!("criterion {at}"), "description": "how good it is", "weight": 2 });
    let criteria: Vec<Value> = (1..=criteria).map(criterion).collect();
    json!({ "topic": "which of them", "options": options, "initial_criteria": criteria, "model_name": "sim/m" })
}

/// Begins a decision and gives the arguments that name it, and how long that took.
fn begin(client: &mut Client, new: &Value) -> Result<(Value, Duration), Trouble> {
    let mut begun = client.call("start_decision_analysis", new)?;
    Ok((json!({ "session_id": begun.content["session_id"].take() }), begun.took))
}

/// Evaluates a decision, and fails where a pair is left.
fn evaluate(client: &mut Client, of: &Value) -> Result<Duration, Trouble> {
    let told = client.call("evaluate_options", of)?;
    if told.content["evaluation_complete"] != true {
        return Err(Trouble::Bench { what: format!("an evaluation is not complete: {}", told.content["summary"]) });
    }
    Ok(told.took)
}

/// The large matrix against the ideal, in which places at the model are never empty.
fn large(setup: &Setup, measured: &mut Measured) -> Result<(), Trouble> {
    let (server, upstream) = house(setup, TAKES, Folder::new()?)?;
    let mut took = Vec::new();
    for round in 0..setup.rounds() {
        let mut client = connect(server.address)?;
        let (of, _) = begin(&mut client, &new(LARGE))?;
        let evaluated = evaluate(&mut client, &of)?;
        if round > 0 {
            took.push(evaluated.as_secs_f64());
        }
    }
    drop(upstream);
    let pairs = LARGE.0 * LARGE.1;
    let ideal = TAKES.as_secs_f64() * pairs.div_ceil(IN_FLIGHT) as f64;
    measured.figures.push(Figure::new("20 × 15 at 100 ms", median(&took), "s"));
    measured.figures.push(Figure::new("20 × 15 at 100 ms over the ideal", median(&took) / ideal, "times"));
    Ok(())
}

/// Each operation on sessions beside a sync of the disk, by turns.
fn operations(setup: &Setup, measured: &mut Measured) -> Result<(), Trouble> {
    let home = Folder::new()?;
    let (server, _upstream) = house(setup, Duration::ZERO, home.clone())?;
    let mut client = connect(server.address)?;
    let mut file = File::create(home.path().join("synced")).map_err(failed)?;
    let (mut syncs, mut writes, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    for nth in 0..setup.share(OPERATIONS) {
        syncs.push(ms(sync(&mut file)?));
        let (of, took) = begin(&mut client, &new(SMALL))?;
        writes.push(ms(took));
        let with = |name: &str, value: String| {
            let mut all = json!({ "session_id": of["session_id"], "description": "as well" });
            all[name] = value.into();
            all
        };
        for (tool, arguments) in [
            ("add_option", with("option_name", format!("another {nth}"))),
            ("add_criterion", with("name", format!("another {nth}"))),
        ] {
            syncs.push(ms(sync(&mut file)?));
            writes.push(ms(client.call(tool, &arguments)?.took));
        }
        reads.push(ms(client.call("current_session", &json!({}))?.took));
    }
    let [sync, wrote, read] = [&syncs, &writes, &reads].map(|sample| percentile(sample, 0.95));
    measured.figures.extend([
        Figure::new("p50 of a sync", median(&syncs), "ms"),
        Figure::new("p95 of a sync", sync, "ms"),
        Figure::new("p50 of what writes", median(&writes), "ms"),
        Figure::new("p95 of what writes", wrote, "ms"),
        Figure::new("p95 of what writes, less a sync's", wrote - sync, "ms"),
        Figure::new("p50 of what reads", median(&reads), "ms"),
        Figure::new("p95 of what reads", read, "ms"),
    ]);
    Ok(())
}

/// A write and a sync of the disk that the store lies on.
fn sync(file: &mut File) -> Result<Duration, Trouble> {
    let began = Instant::now();
    file.write_all(&SYNCED).map_err(failed)?;
    file.sync_data().map_err(failed)?;
    Ok(began.elapsed())
}

/// Whole sessions: begun, evaluated and read. How many counted.
fn whole(setup: &Setup, measured: &mut Measured) -> Result<u32, Trouble> {
    let (server, _upstream) = house(setup, Duration::ZERO, Folder::new()?)?;
    let mut client = connect(server.address)?;
    let (count, mut began) = (setup.share(WHOLE), Instant::now());
    for nth in 0..WARM + count {
        if nth == WARM {
            began = Instant::now();
        }
        let (of, _) = begin(&mut client, &new(SMALL))?;
        evaluate(&mut client, &of)?;
        client.call("get_decision_matrix", &of)?;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64() * 60.0;
    measured.figures.push(Figure::new("whole sessions one after another", rate, "per minute"));
    Ok(count)
}

/// What many sessions cost: memory, and the time to list them.
fn many(setup: &Setup, measured: &mut Measured) -> Result<(), Trouble> {
    let (few, _upstream) = house(setup, Duration::ZERO, Folder::new()?)?;
    let (many, _other) = house(setup, Duration::ZERO, Folder::new()?)?;
    let (idle, all) = (setup.share(IDLE) as usize, setup.share(MANY) as usize);
    fill(few.address, FEW, false)?;
    fill(many.address, FEW, true)?;
    std::thread::sleep(SETTLE);
    let before = many.resident_mb();
    fill(many.address, idle, true)?;
    std::thread::sleep(SETTLE);
    let after = many.resident_mb();
    measured.figures.push(Figure::new("memory of an idle session", (after - before) * 1_024.0 / idle as f64, "KB"));
    fill(many.address, all.saturating_sub(FEW + idle), false)?;
    let (mut short, mut long) = (Vec::new(), Vec::new());
    let (mut of_few, mut of_many) = (connect(few.address)?, connect(many.address)?);
    // By turns, so that whatever else the machine does meets both.
    for _ in 0..LOOKS {
        short.push(listed(&mut of_few)?);
        long.push(listed(&mut of_many)?);
    }
    measured.figures.extend([
        Figure::new("listing among 1,000", median(&short), "ms"),
        Figure::new("listing among 100,000", median(&long), "ms"),
        Figure::new("listing among 100,000 over among 1,000", median(&long) / median(&short), "times"),
    ]);
    let total = of_many.call("list_sessions", &json!({}))?.content["total_active"].take();
    measured.notes.push(format!(
        "{idle} idle sessions with scores; {total} sessions at the end, {} MB then",
        round(many.resident_mb())
    ));
    Ok(())
}

/// Milliseconds that it takes to list the newest hundred.
fn listed(client: &mut Client) -> Result<f64, Trouble> {
    Ok(client.call("list_sessions", &json!({}))?.took.as_secs_f64() * 1e3)
}

/// Begins so many decisions, with all scores where they are to have any, over several connections.
fn fill(address: SocketAddr, count: usize, scored: bool) -> Result<(), Trouble> {
    std::thread::scope(|scope| {
        let share = |nth: usize| count / FILLERS + usize::from(nth < count % FILLERS);
        let fillers: Vec<_> =
            (0..FILLERS).map(|nth| scope.spawn(move || fill_one(address, share(nth), scored))).collect();
        let ended = fillers.into_iter().map(|filler| filler.join());
        let ended =
            ended.map(|it| it.unwrap_or_else(|_| Err(Trouble::Bench { what: "a connection broke".to_owned() })));
        ended.collect::<Result<Vec<()>, _>>().map(drop)
    })
}

fn fill_one(address: SocketAddr, count: usize, scored: bool) -> Result<(), Trouble> {
    let mut client = connect(address)?;
    let score =
        |at: usize| json!({ "criterion": format!("criterion {at}"), "score": 7, "justification": "It does well." });
    let (new, scores) = (new(SMALL), (1..=SMALL.1).map(score).collect::<Vec<Value>>());
    for _ in 0..count {
        let (of, _) = begin(&mut client, &new)?;
        for option in (1..=SMALL.0).filter(|_| scored) {
            let mut given = of.clone();
            given["option_name"] = format!("option {option}").into();
            given["scores"] = scores.clone().into();
            client.call("score_option", &given)?;
        }
    }
    Ok(())
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::Bench { what: error.to_string() }
}
