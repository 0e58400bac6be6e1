//! One model behind several backends, over real sockets: who gets how much, and how little reaches one that is sick.

use crate::support::{Response, Server, chat, get, provider, question, refuses, until};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Backends that offer the model `m`, called `p0`, `p1` …; those that are sick fail at once, unless something else ails
/// them.
struct Backends {
    all: Vec<Upstream>,
    sick: Vec<Arc<AtomicBool>>,
}

impl Backends {
    /// As many as there are times, each of which takes so long for an answer when it is well.
    async fn new(take_ms: &[u64]) -> Self {
        Self::ailing(take_ms, Reply::error(500, "server_error", "sick")).await
    }

    async fn ailing(take_ms: &[u64], ails: Reply) -> Self {
        let (mut all, mut sick) = (Vec::new(), Vec::new());
        for (at, takes) in take_ms.iter().copied().enumerate() {
            let is_sick = Arc::new(AtomicBool::new(false));
            let (state, ails) = (Arc::clone(&is_sick), ails.clone());
            let upstream = Upstream::start(move |_| match state.load(Ordering::Relaxed) {
                true => ails.clone(),
                false => Reply::chat(&format!("p{at}")).after(ms(takes)),
            });
            all.push(upstream.await);
            sick.push(is_sick);
        }
        Self { all, sick }
    }

    /// The settings of them, in order.
    fn providers(&self) -> String {
        let one = |(at, upstream): (usize, &Upstream)| provider(&format!("p{at}"), &upstream.url(), &["m"]);
        self.all.iter().enumerate().map(one).collect()
    }

    fn is_sick(&self, at: usize, sick: bool) {
        self.sick[at].store(sick, Ordering::Relaxed);
    }

    /// How many requests each has seen since then.
    fn since(&self, from: Instant) -> Vec<usize> {
        self.all.iter().map(|upstream| upstream.seen().iter().filter(|seen| seen.at >= from).count()).collect()
    }
}

/// Sends so many requests, one each `every`, answered or not, and gives what came of all.
async fn send(address: SocketAddr, model: &'static str, every: Duration, times: usize) -> Vec<Response> {
    let (mut asking, mut due) = (JoinSet::new(), interval(every));
    for _ in 0..times {
        due.tick().await;
        asking.spawn(async move { chat(address, &question(model, false)).await.finish().await });
    }
    asking.join_all().await
}

/// The same for so long.
async fn load(address: SocketAddr, model: &'static str, every: Duration, lasts: Duration) -> Vec<Response> {
    send(address, model, every, (lasts.as_millis() / every.as_millis()) as usize).await
}

/// How one of five falls ill under load.
struct Illness<'a> {
    config: &'a str,
    ails: Reply,
    /// How long those that are well take for an answer, in milliseconds.
    take_ms: u64,
    every: Duration,
    lasts: Duration,
    /// How long after its first failure it counts as found out.
    learnt: Duration,
    /// The most of a thousand attempts that reach it, those by which it is found out included.
    most: usize,
}

/// Nobody who asks notices that one of five is sick. The backends themselves count what reaches them, repeated attempts
/// included: from `learnt` after its first failure on, at most one attempt in a hundred reaches the sick one. With all
/// before that, by which it is found out, they are still no more than so many of a thousand.
async fn next_to_nothing_reaches_the_sick(illness: Illness<'_>) {
    let Illness { config, ails, take_ms, every, lasts, learnt, most } = illness;
    let backends = Backends::ailing(&[take_ms; 5], ails).await;
    let providers = backends.providers().replace("base_url", "timeout_ms = 2400\nbase_url");
    let server = Server::start(&format!("{config}{providers}"));
    load(server.address(), "m", every, Duration::from_secs(2)).await;
    assert!(backends.all.iter().all(|upstream| !upstream.seen().is_empty()), "all are used while all are well");

    backends.is_sick(0, true);
    let fell_ill = Instant::now();
    let replies = load(server.address(), "m", every, lasts).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "nobody notices");
    let met = backends.all[0].seen().into_iter().find(|seen| seen.at >= fell_ill).expect("it is asked once more").at;
    let (counted, ever) = (backends.since(met + learnt), backends.since(fell_ill));
    let (all, all_ever) = (counted.iter().sum::<usize>(), ever.iter().sum::<usize>());
    assert!(counted[0] * 100 <= all, "{} of {all} attempts reached it once it was found out: {counted:?}", counted[0]);
    assert!(ever[0] * 1_000 <= most * all_ever, "{} of {all_ever} attempts reached it: {ever:?}", ever[0]);
    assert!(counted[1..].iter().all(|seen| *seen * 10 > all), "the others share the rest: {counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_a_second_and_one_of_five_fails_at_once() {
    let (every, lasts, learnt) = (ms(50), ms(12_000), ms(1_500));
    let ails = Reply::error(500, "server_error", "sick");
    next_to_nothing_reaches_the_sick(Illness { config: "", ails, take_ms: 100, every, lasts, learnt, most: 10 }).await;
}

/// One request a second and answers that take as long, over five minutes: told 25 times as fast, with 25 requests a
/// second and a twenty-fifth of each time in the settings.
async fn one_at_a_time(ails: Reply, learnt: Duration, most: usize) {
    let balance = "[balance]\ndecay_ms = 400\npenalty_ms = 200\nslow_start_ms = 400\n";
    let guard = "[guard]\nbreaker_open_ms = 2400\nbackoff_base_ms = 4\nbackoff_max_ms = 200\nretry_min_per_s = 50.0\n";
    let (config, every, lasts) = (format!("{balance}{guard}"), ms(40), ms(12_000));
    next_to_nothing_reaches_the_sick(Illness { config: &config, ails, take_ms: 40, every, lasts, learnt, most }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_and_one_of_five_fails_at_once() {
    one_at_a_time(Reply::error(500, "server_error", "sick"), ms(800), 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_and_one_of_five_has_no_such_model() {
    one_at_a_time(Reply::error(404, "model_not_found", "sick"), ms(800), 10).await;
}

/// Each call to it takes all its time, in which further ones may come; once the first is over it is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_and_one_of_five_hangs() {
    one_at_a_time(Reply::hang(), ms(2_600), 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_well_again_gets_its_share_back_little_by_little() {
    let backends = Backends::new(&[10, 10]).await;
    let balance = "[balance]\nstrategy = \"round_robin\"\ndecay_ms = 100\nslow_start_ms = 4000\n";
    let guard = "[guard]\nattempts_max = 1\nbreaker_failures = 1\nbreaker_open_ms = 500\n";
    let server = Server::start(&format!("{balance}{guard}{}", backends.providers()));
    let address = server.address();
    let every = ms(20);
    backends.is_sick(0, true);
    let ill = load(address, "m", every, Duration::from_secs(1)).await;
    assert!(ill.iter().all(|reply| reply.content() == "p1"));
    backends.is_sick(0, false);
    let well_from = until("it answers again", async || {
        chat(address, &question("m", false)).await.finish().await.content().eq("p0").then(Instant::now)
    });
    let well_from = well_from.await;
    load(address, "m", every, Duration::from_secs(7)).await;
    let share = |from_ms: u64, to_ms: u64| {
        let (from, to) = (well_from + ms(from_ms), well_from + ms(to_ms));
        let between = |at: usize| backends.all[at].seen().iter().filter(|seen| (from..to).contains(&seen.at)).count();
        between(0) as f64 / (between(0) + between(1)) as f64
    };
    let (early, late) = (share(0, 1_000), share(5_000, 7_000));
    assert!(early < 0.35 && late > 0.45, "{early} of all at first, {late} later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_checks_find_the_sick_before_any_request_does() {
    tokio::join!(finds_the_sick("round_robin"), finds_the_sick("order"));
}

async fn finds_the_sick(strategy: &str) {
    let backends = Backends::new(&[10, 10]).await;
    let balance = format!("[balance]\nstrategy = {strategy:?}\nhealth_check_ms = 1000\n");
    let server = Server::start(&format!("{balance}{}", backends.providers()));
    backends.is_sick(0, true);
    let down = async || metric(&server, "althing_provider_up{provider=\"p0\"}").await.filter(|up| *up == 0.0);
    until("it is known to be down", down).await;
    let replies = load(server.address(), "m", ms(20), ms(600)).await;
    assert!(replies.iter().all(|reply| reply.content() == "p1"));
    let chats = |at: usize| backends.all[at].seen().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!((chats(0), chats(1)), (0, replies.len()));
    backends.is_sick(0, false);
    let up = async || metric(&server, "althing_provider_up{provider=\"p0\"}").await.filter(|up| *up == 1.0);
    until("it is known to be up", up).await;
}

async fn metric(server: &Server, series: &str) -> Option<f64> {
    let text = get(server.address(), "/metrics").await;
    text.text().lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// Who answered how often.
fn served(replies: &[Response]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.text());
        *counts.entry(reply.content()).or_default() += 1;
    }
    counts
}

/// Asks a rule of this strategy over backends that take so long, every so often; who answered how often, and the last
/// reason.
async fn spread(balance: &str, take_ms: &[u64], every_ms: u64, times: usize) -> (BTreeMap<String, usize>, String) {
    let backends = Backends::new(take_ms).await;
    let weighed = |at: usize| format!("{{ model = \"p{at}/m\", weight = {} }}", take_ms.len() - at);
    let models: Vec<String> = (0..take_ms.len()).map(weighed).collect();
    spread_over(&backends, &backends.providers(), &models.join(", "), balance, every_ms, times).await
}

async fn spread_over(
    backends: &Backends,
    providers: &str,
    models: &str,
    balance: &str,
    every_ms: u64,
    times: usize,
) -> (BTreeMap<String, usize>, String) {
    let route = format!("[[route]]\nname = \"r\"\nrules = [{{ models = [{models}], balance = {balance:?} }}]\n");
    let server = Server::start(&format!("[balance]\nslow_start_ms = 0\n{providers}{route}"));
    let replies = send(server.address(), "r", ms(every_ms), times).await;
    let last = chat(server.address(), &question("r", false)).await.finish().await;
    assert_eq!(backends.all.iter().map(|upstream| upstream.seen().len()).sum::<usize>(), replies.len() + 1);
    (served(&replies), last.json()["althing"]["reasons"].to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_order_in_turn_and_by_weight() {
    for (balance, expect, reason) in [
        ("order", vec![30], "the route `r` led to `p0/m`"),
        ("round_robin", vec![10, 10, 10], "its turn among 3"),
        ("weighted", vec![15, 10, 5], "its turn by weight among 3"),
        ("weighted_round_robin", vec![15, 10, 5], "its turn by weight among 3"),
    ] {
        let (counts, reasons) = spread(balance, &[5, 5, 5], 10, 30).await;
        assert_eq!(counts.into_values().collect::<Vec<usize>>(), expect, "{balance}");
        assert!(reasons.contains(reason), "{balance}: {reasons}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_slow_or_busy_gets_less() {
    for (balance, most, reason) in [
        ("peak_ewma", 0.3, "the least loaded of 2"),
        ("least_connections", 0.3, "the fewest calls in progress of 2"),
        ("adaptive", 0.4, "the best score of 2"),
        ("fastest", 0.2, "usually the fastest of 2"),
    ] {
        let (counts, reasons) = spread(balance, &[600, 10], 40, 75).await;
        let slow = counts.get("p0").copied().unwrap_or_default() as f64 / 75.0;
        assert!(slow <= most, "{balance}: {slow} of all went to the slow one");
        assert!(reasons.contains(reason), "{balance}: {reasons}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_decides_where_resources_do() {
    let backends = Backends::new(&[300, 300]).await;
    let places = |most: usize| format!("in_flight_max = {most}\nconcurrency = \"fixed\"\n");
    let one = |at: usize, most| provider(&format!("p{at}"), &backends.all[at].url(), &["m"]) + &places(most);
    let providers = one(0, 2) + &one(1, 8);
    let models = "\"p0/m\", \"p1/m\"";
    let (counts, reasons) = spread_over(&backends, &providers, models, "resource_based", 40, 50).await;
    // Some seven are under way at a time: of ten places, two are of the first.
    let small = counts.get("p0").copied().unwrap_or_default();
    assert!((3..=16).contains(&small), "{counts:?}");
    assert!(reasons.contains("the most room left of 2"), "{reasons}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_place_and_a_hint() {
    let provider = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\n";
    for (section, says) in [
        ("[balance]\nstrategy = \"peak_ewna\"\n", &["althing.toml:2:12", "peak_ewma"][..]),
        ("[balance]\nslow_strat_ms = 1\n", &["althing.toml:2:1", "did you mean `slow_start_ms`"]),
        ("[balance]\ndecay_ms = 0\n", &["`balance.decay_ms`", "althing.toml:2:12", "hint: "]),
        ("[balance]\npenalty_ms = -1\n", &["althing.toml:2:14"]),
        ("[guard]\nshed_low = 1.5\n", &["`guard.shed_low`", "althing.toml:2:12", "hint: "]),
        ("[guard]\ntenant_share = 0\n", &["`guard.tenant_share`", "althing.toml:2:16", "hint: "]),
    ] {
        refuses(&format!("{section}{provider}"), says);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_can_be_changed_while_serving() {
    let backends = Backends::new(&[5, 5]).await;
    let settings = |strategy: &str| format!("[balance]\nstrategy = {strategy:?}\n{}", backends.providers());
    let server = Server::start(&settings("order"));
    let often = || send(server.address(), "m", ms(5), 20);
    assert_eq!(served(&often().await).len(), 1);
    std::fs::write(server.config(), settings("round_robin")).unwrap();
    server.signal("HUP");
    let both = async || (served(&often().await).len() == 2).then_some(());
    until("both are asked", both).await;
    sleep(ms(50)).await;
    let counts = served(&often().await);
    assert!(counts["p0"].abs_diff(counts["p1"]) <= 1, "{counts:?}");
}
