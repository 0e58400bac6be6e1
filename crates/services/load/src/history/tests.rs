//! Tests of what is kept: each case runs on both databases.

use super::*;
use fault::{Explain, Kind};
use measure::Metrics;
use serde_json::json;
use statistics::usl::Usl;
use store::{Config, Engine};
use tempfile::TempDir;
use testkit::Postgres;
use verdict::sweep::{LevelRepeat, LevelReport, SWEEP_SCHEMA, Sweep, fitted};
use verdict::{CmoGrade, Glimpse, Grade, Percentiles, Pooled, ScenarioReport, Share, Slice, TargetFacts, Verdict};

const USERS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// A sweep over a curve, without noise.
fn sweep() -> Sweep {
    let truth = Usl { lambda: 40.0, sigma: 0.02, kappa: 0.0004 };
    let level = |users: u32| {
        let repeat = LevelRepeat {
            rate_per_s: truth.throughput(f64::from(users)),
            success: 1.0,
            run: format!("run_{users}"),
            ..LevelRepeat::default()
        };
        LevelReport { users, repeats: vec![repeat.clone(), repeat] }
    };
    let levels: Vec<LevelReport> = USERS.into_iter().map(level).collect();
    let found = fitted(&levels);
    Sweep {
        schema: SWEEP_SCHEMA,
        id: "sweep_1".into(),
        started: "2026-11-21T03:26:06Z".into(),
        target: TargetFacts { url: "http://127.0.0.1:8700".into(), ..TargetFacts::default() },
        environment: verdict::Environment::default(),
        scenario: "chat".into(),
        levels,
        fit: found.fit,
        fit_error: found.fit_error,
        notes: Vec::new(),
    }
}

/// A history, and the data folder of its server.
struct Bench {
    history: History,
    store: Store,
    _data: TempDir,
}

impl Bench {
    async fn open(settings: settings::Store) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = Config::new(&settings, data.path()).unwrap();
        let store = Store::open(&config, Metrics::new("test").store()).await.unwrap();
        Self { history: History::open(&store).await.unwrap(), store, _data: data }
    }

    /// Names of what is kept, the newest first, page by page.
    async fn listed(&self, query: RunQuery) -> Vec<String> {
        let (mut query, mut ids) = (query, Vec::new());
        loop {
            let page = self.history.list(&query).await.unwrap();
            ids.extend(page.entries.into_iter().map(|row| row.id));
            query.cursor = page.cursor;
            if query.cursor.is_none() {
                return ids;
            }
        }
    }
}

/// Runs a case on SQLite, then on PostgreSQL.
async fn on_both(case: impl AsyncFn(&Bench)) {
    case(&Bench::open(settings::Store::default()).await).await;
    let postgres = Postgres::start();
    let url = Some(postgres.url().parse().unwrap());
    let bench = Bench::open(settings::Store { url, ..settings::Store::default() }).await;
    assert_eq!(bench.store.engine(), Engine::Postgres);
    case(&bench).await;
}

fn percentiles(count: u64, p50: f64) -> Percentiles {
    Percentiles { count, p50, p95: p50 * 2.0, p99: p50 * 3.0, ..Percentiles::default() }
}

fn scenario(operations: u64, wall_s: f64, latency_ms: Percentiles) -> ScenarioReport {
    ScenarioReport {
        name: "one".into(),
        description: String::new(),
        users: 10,
        operations,
        planned: operations,
        pattern: "sustained".into(),
        duration_s: wall_s,
        wall_s,
        seed: 1,
        schedule_sha256: String::new(),
        success: Share::new(operations, operations),
        latency_ms,
        service_ms: Percentiles::default(),
        wait_ms: Percentiles::default(),
        first_token_ms: None,
        per_token_ms: None,
        between_tokens_ms: None,
        goodput: None,
        rate_per_s: 10.0,
        users_seen: 10,
        in_flight_max: 10,
        cost_usd_mean: None,
        cache: Default::default(),
        degraded: 0,
        errors: Vec::new(),
        by_operation: Vec::new(),
        slices: Vec::new(),
        curve: Curve::default(),
        glimpses: Vec::new(),
        memory: None,
        cpu_s_per_operation: None,
        generator: Default::default(),
        requirements: Vec::new(),
        verdict: Verdict::Pass,
        grade: Grade::A,
        grade_cmo: CmoGrade::A,
    }
}

/// A run of two scenarios that began so many seconds after noon.
fn run(id: &str, second: u32) -> Report {
    Report {
        schema: 1,
        id: id.into(),
        name: "set".into(),
        started: format!("2026-11-21T12:{:02}:{:02}Z", second / 60, second % 60),
        target: TargetFacts { url: "http://127.0.0.1:8700".into(), ..TargetFacts::default() },
        environment: Default::default(),
        repeats: 1,
        complete: true,
        incomplete: None,
        verdict: Verdict::NotMeasured,
        grade: Grade::B,
        grade_cmo: CmoGrade::APlus,
        pooled: Pooled { success: Share::new(380, 400), success_mean: 0.95, p95_ms_mean: 150.0 },
        layers: Vec::new(),
        scenarios: vec![scenario(300, 10.0, percentiles(290, 50.0)), scenario(100, 10.0, percentiles(90, 100.0))],
        integrity: None,
        notes: Vec::new(),
    }
}

#[tokio::test]
async fn a_run_becomes_a_row_and_comes_back_whole() {
    on_both(async |bench| {
        let report = run("load_1", 6);
        bench.history.keep(&report).await.unwrap();
        // Whoever does not know whether it was kept keeps it again.
        bench.history.keep(&report).await.unwrap();
        let page = bench.history.list(&RunQuery::default()).await.unwrap();
        let row = json!({
            "id": "load_1", "name": "set", "kind": "run", "started": "2026-11-21T12:00:06Z",
            "target": "http://127.0.0.1:8700", "verdict": "not_measured", "grade": "B", "grade_cmo": "A+",
            "operations": 400, "success": 0.95, "p50_ms": 100.0, "p95_ms": 200.0, "p99_ms": 300.0, "rate_per_s": 20.0,
        });
        assert_eq!((json!(page.entries), page.cursor), (json!([row]), None));
        let document = bench.history.document("load_1").await.unwrap().unwrap();
        assert_eq!(document, serde_json::to_string(&report).unwrap());
        assert_eq!(serde_json::from_str::<Report>(&document).unwrap().scenarios.len(), 2);
        for nobody in ["load_2", "", "a\0", &"x".repeat(9_999)] {
            assert_eq!(bench.history.document(nobody).await.unwrap(), None);
        }
        // A second server finds the table as it is.
        let beside = History::open(&bench.store).await.unwrap();
        assert!(beside.document("load_1").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn what_was_not_measured_is_not_told() {
    on_both(async |bench| {
        let mut report = run("load_1", 0);
        report.scenarios = vec![scenario(0, 0.0, Percentiles::default())];
        report.pooled.success = Share::new(0, 0);
        bench.history.keep(&report).await.unwrap();
        report.id = "load_2".into();
        report.scenarios = vec![scenario(5, f64::INFINITY, percentiles(5, f64::NAN))];
        bench.history.keep(&report).await.unwrap();
        for row in bench.history.list(&RunQuery::default()).await.unwrap().entries {
            assert_eq!((row.success, row.p50_ms, row.p95_ms, row.p99_ms), (None, None, None, None), "{row:?}");
        }
        let past = bench.history.past("set", None, 9).await.unwrap();
        assert!(past.len() == 2 && past.iter().all(|run| run.p95_ms.is_nan() && run.success.is_nan()), "{past:?}");
    })
    .await;
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    on_both(async |bench| {
        for (at, second) in [(1, 10), (2, 30), (3, 30), (4, 20), (5, 30)] {
            bench.history.keep(&run(&format!("load_{at}"), second)).await.unwrap();
        }
        let other = Report { name: "other".into(), ..run("load_6", 0) };
        bench.history.keep(&other).await.unwrap();
        let mut swept = sweep();
        swept.scenario = "set".into();
        bench.history.keep_sweep(&swept).await.unwrap();

        // Those that began at once have an order too.
        let all = ["load_5", "load_3", "load_2", "load_4", "load_1", "load_6", "sweep_1"];
        for limit in [1, 2, 7, 8] {
            assert_eq!(bench.listed(RunQuery { limit: Some(limit), ..RunQuery::default() }).await, all, "{limit}");
        }
        let (name, kind) = (Some("set".to_owned()), Some(RunKind::Run));
        let query = RunQuery { name: name.clone(), limit: Some(4), ..RunQuery::default() };
        assert_eq!(bench.listed(query.clone()).await, ["load_5", "load_3", "load_2", "load_4", "load_1", "sweep_1"]);
        assert_eq!(bench.listed(RunQuery { kind, ..query.clone() }).await, all[..5]);
        assert_eq!(bench.listed(RunQuery { kind: Some(RunKind::Sweep), ..query }).await, ["sweep_1"]);
        let nobodys = RunQuery { name: Some("a\0b".into()), ..RunQuery::default() };
        assert!(bench.listed(nobodys).await.is_empty());

        for cursor in ["", "x", "WyIxIl0", "WyJ4IiwieSJd"] {
            let wrong = RunQuery { cursor: Some(cursor.into()), ..RunQuery::default() };
            let error = bench.history.list(&wrong).await.unwrap_err();
            assert_eq!((error.kind(), error.param().as_deref()), (Kind::BadInput, Some("cursor")), "{cursor}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_past_is_that_of_a_name_and_a_target() {
    on_both(async |bench| {
        for (at, second) in [(1, 40), (2, 20), (3, 30)] {
            bench.history.keep(&run(&format!("load_{at}"), second)).await.unwrap();
        }
        let mut elsewhere = run("load_4", 50);
        elsewhere.target.url = "http://elsewhere:8700".into();
        bench.history.keep(&elsewhere).await.unwrap();
        let past = async |target, limit| {
            let past = bench.history.past("set", target, limit).await.unwrap();
            past.into_iter().map(|run| run.id).collect::<Vec<_>>()
        };
        assert_eq!(past(None, usize::MAX).await, ["load_2", "load_3", "load_1", "load_4"]);
        assert_eq!(past(Some("http://127.0.0.1:8700"), 2).await, ["load_3", "load_1"]);
        assert_eq!(past(Some("http://nobody"), 2).await, [""; 0]);
        assert_eq!(past(None, 0).await, [""; 0]);
        let first = bench.history.past("set", None, 9).await.unwrap().remove(0);
        let expect = Past {
            id: "load_2".into(),
            started: "2026-11-21T12:00:20Z".into(),
            started_s: 1_795_262_420.0,
            p50_ms: 100.0,
            p95_ms: 200.0,
            success: 0.95,
            rate_per_s: 20.0,
            verdict: Verdict::NotMeasured,
        };
        assert_eq!(first, expect);
    })
    .await;
}

#[tokio::test]
async fn the_latest_sweep_comes_back() {
    on_both(async |bench| {
        assert_eq!(bench.history.latest_sweep(None).await.unwrap(), None);
        bench.history.keep(&run("load_1", 59)).await.unwrap();
        for (id, scenario, hour) in [("sweep_a", "chat", 14), ("sweep_b", "chat", 13), ("sweep_c", "mcp", 16)] {
            let mut swept = sweep();
            (swept.id, swept.scenario) = (id.into(), scenario.into());
            swept.started = format!("2026-11-21T{hour}:00:00Z");
            bench.history.keep_sweep(&swept).await.unwrap();
        }
        for (name, expect) in [(None, Some("sweep_c")), (Some("chat"), Some("sweep_a")), (Some("set"), None)] {
            let found = bench.history.latest_sweep(name).await.unwrap();
            assert_eq!(found.as_ref().map(|found| found.id.as_str()), expect, "{name:?}");
            assert!(found.is_none_or(|found| found.levels.len() == USERS.len() && found.fit.is_some()));
        }
        let row =
            bench.history.list(&RunQuery { limit: Some(1), ..RunQuery::default() }).await.unwrap().entries.remove(0);
        assert_eq!((row.kind, row.verdict, row.grade, row.operations), (RunKind::Sweep, None, None, None));
        assert!(row.rate_per_s.is_some_and(|rate| (600.0..1_000.0).contains(&rate)), "{row:?}");

        let spoil = bench.store.write(Isolation::ReadCommitted, |tx| {
            async { tx.execute("UPDATE load_runs SET document = '{}' WHERE id = 'sweep_c'", args![]).await }.boxed()
        });
        assert_eq!(spoil.await.map_err(|error: StoreError| error).unwrap(), 1);
        let error = bench.history.latest_sweep(None).await.unwrap_err();
        assert!(error.kind() == Kind::Internal && error.to_string().contains("`sweep_c`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn beyond_a_thousand_the_oldest_go() {
    on_both(async |bench| {
        // Rows as they would be there after a thousand runs: newer ones than those of `run`.
        let rows = (0..RUNS_PER_NAME_MAX as i64)
            .map(|at| args![format!("load_x{at:04}"), "set", "run", 1_800_000_000_000 + at, "t", "{}"]);
        let rows: Vec<_> = rows.collect();
        let fill = bench.store.write(Isolation::ReadCommitted, move |tx| {
            let rows = rows.clone();
            let head = "INSERT INTO load_runs (id, name, kind, started_ms, target, document)";
            async move { tx.insert_many(head, rows, "").await }.boxed()
        });
        assert_eq!(fill.await.map_err(|error: StoreError| error).unwrap(), 1_000);
        let kept = async || {
            bench.listed(RunQuery { name: Some("set".into()), kind: Some(RunKind::Run), ..RunQuery::default() }).await
        };
        let mut swept = sweep();
        swept.scenario = "set".into();
        bench.history.keep_sweep(&swept).await.unwrap();
        bench.history.keep(&Report { name: "other".into(), ..run("load_o", 0) }).await.unwrap();
        assert_eq!(kept().await.len(), RUNS_PER_NAME_MAX);

        bench.history.keep(&Report { started: "2030-01-01T00:00:00Z".into(), ..run("load_new", 0) }).await.unwrap();
        let ids = kept().await;
        assert_eq!((ids.len(), &*ids[0], &*ids[999]), (1_000, "load_new", "load_x0001"));
        // One that is older than all of them is the oldest.
        bench.history.keep(&run("load_old", 0)).await.unwrap();
        assert_eq!(kept().await, ids);
        assert!(bench.history.latest_sweep(Some("set")).await.unwrap().is_some());
        assert!(bench.history.document("load_o").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_report_that_is_too_large_loses_its_seconds() {
    let mut large = run("load_1", 0);
    large.notes.push("first".into());
    let long = Some(1.0 / 3.0 * 1e-300);
    let glimpse = Glimpse { at_s: 1.0, cpu_s: long, cache_hits: long, shed: long, model_s: long, ..Glimpse::default() };
    large.scenarios[0].slices = vec![Slice::default(); 9];
    large.scenarios[0].glimpses = vec![glimpse; 60_000];
    large.scenarios[0].curve.ecdf = vec![[1.0, 0.5]];
    let bytes = serde_json::to_string(&large).unwrap().len();
    assert!(bytes > DOCUMENT_BYTES_MAX, "{bytes}");
    on_both(async |bench| {
        bench.history.keep(&large).await.unwrap();
        let kept = bench.history.document("load_1").await.unwrap().unwrap();
        let mut kept: Report = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept.notes[0], "first");
        assert!(kept.notes[1].starts_with(&format!("the whole report has {bytes} bytes, and 16000000 are kept")));
        let scenario = &kept.scenarios[0];
        assert!(scenario.slices.is_empty() && scenario.glimpses.is_empty() && scenario.curve == Curve::default());
        assert_eq!((kept.scenarios.len(), scenario.operations), (2, 300));

        kept.notes = vec!["x".repeat(DOCUMENT_BYTES_MAX)];
        kept.id = "load_2".into();
        let error = bench.history.keep(&kept).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::TooLarge, "run_too_large"));
        assert_eq!(bench.listed(RunQuery::default()).await, ["load_1"]);
    })
    .await;
}

#[tokio::test]
async fn a_document_of_the_largest_size_is_kept() {
    on_both(async |bench| {
        let mut report = run("load_1", 0);
        report.notes.push(String::new());
        let room = DOCUMENT_BYTES_MAX - serde_json::to_string(&report).unwrap().len();
        report.notes[0] = "x".repeat(room);
        bench.history.keep(&report).await.unwrap();
        assert_eq!(bench.history.document("load_1").await.unwrap().unwrap().len(), DOCUMENT_BYTES_MAX);
    })
    .await;
}

#[tokio::test]
async fn text_is_cut_and_moments_are_checked() {
    on_both(async |bench| {
        // As long as can be in bytes, and without a pattern that a database could fold.
        let mut rng = fastrand::Rng::with_seed(1);
        let mut long = || (0..9_999).map(|_| rng.char('\u{10000}'..='\u{10ffff}')).collect::<String>();
        let mut report = Report { name: long(), ..run("load_1", 0) };
        report.target.url = format!("a\0{}", long());
        bench.history.keep(&report).await.unwrap();
        let past = bench.history.past(&report.name, Some(&report.target.url), 9).await.unwrap();
        assert_eq!(past.len(), 1);
        assert_eq!(bench.listed(RunQuery { name: Some(report.name), ..RunQuery::default() }).await, ["load_1"]);

        let error = bench.history.keep(&Report { started: "noon".into(), ..run("load_2", 0) }).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (Kind::BadInput, "`load_2` began at `noon`, which is no moment".into())
        );
    })
    .await;
}
