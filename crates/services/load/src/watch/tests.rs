//! Looking at a target over a real socket.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use testkit::{Reply, Upstream, in_turn};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn watch(upstream: &Upstream) -> Watch {
    Watch::new(&root(upstream), &HeaderMap::new(), None)
}

fn root(upstream: &Upstream) -> Uri {
    format!("http://{}", upstream.addr()).parse().unwrap()
}

fn page(text: impl Into<String>) -> Reply {
    Reply::body(200, OPEN_METRICS, text.into() + "# EOF\n")
}

#[tokio::test]
async fn one_look_asks_for_metrics_below_the_root_with_the_headers() {
    let text = "althing_build_info{version=\"0.4.0\"} 1\nalthing_sessions_active 3\n";
    let upstream = Upstream::start(move |_| page(text)).await;
    let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), "Bearer secret".parse().unwrap())]);
    let below = format!("http://{}/proxied/", upstream.addr()).parse().unwrap();
    let watch = Watch::new(&below, &headers, None);
    assert_eq!(watch.look().await, Some(Look { read: true, sessions: Some(3.0), ..Look::default() }));
    assert_eq!(watch.version().await.as_deref(), Some("0.4.0"));
    let seen = upstream.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/proxied/metrics"));
    assert_eq!((seen[0].header("authorization"), seen[0].header("accept")), (Some("Bearer secret"), Some(ACCEPTED)));
    assert_eq!(upstream.accepted_connections(), 1, "the connection is kept");
    assert!(!format!("{watch:?}").contains("secret"), "{watch:?}");
}

#[tokio::test]
async fn what_is_no_metrics_page_is_not_seen() {
    let text = "althing_sessions_active 3\n";
    for (reply, seen) in [
        (page(text), true),
        (page(text).header("connection", "close"), true),
        (Reply::body(200, "text/plain; version=0.0.4", text), true),
        (Reply::body(200, "text/plain", b"\xff\xfe rubbish\nalthing_sessions_active 3\n\xff".as_slice()), true),
        (Reply::body(200, OPEN_METRICS, text), false),
        (page(text).status(404), false),
        (page(text).status(302).header("location", "/elsewhere"), false),
        (Reply::body(200, "text/html", "<html>\n<p>Hello</p>\n</html>"), false),
        (Reply::chat("hello"), false),
        (page(text).cut_after(0, 20), false),
        (Reply::bare().raw("rubbish\r\n\r\n").cut(), false),
        (Reply::bare().reset(), false),
        (Reply::body(200, "text/plain", text.repeat(PAGE_BYTES_MAX / text.len() + 1)), false),
    ] {
        let shown: String = format!("{reply:?}").chars().take(200).collect();
        let upstream = Upstream::start(in_turn(vec![reply])).await;
        assert_eq!(watch(&upstream).look().await.is_some(), seen, "{shown}");
    }
}

#[tokio::test]
async fn a_root_that_is_no_address_shows_nothing() {
    for root in ["/", "localhost:80", "*"] {
        assert_eq!(Watch::new(&root.parse().unwrap(), &HeaderMap::new(), None).look().await, None, "{root}");
    }
}

#[tokio::test]
async fn no_look_is_longer_than_its_bound() {
    let hangs = Upstream::start(|_| Reply::hang()).await;
    let trickles = Upstream::start(|_| {
        let drops = vec!["althing_sessions_active 3\n"; 200];
        drops.iter().fold(Reply::stream(&[]), |reply, drop| reply.chunk(*drop)).pause(Duration::from_millis(50))
    })
    .await;
    let (hanging, trickling) = (watch(&hangs), watch(&trickles));
    let began = Instant::now();
    let seen = tokio::join!(hanging.look(), trickling.look(), hanging.version());
    assert_eq!(seen, (None, None, None));
    let took = began.elapsed();
    assert!(took >= LOOK_TIME_MAX && took < LOOK_TIME_MAX + Duration::from_millis(500), "{took:?}");
    // Whoever stops looking lets the target know.
    hangs.wait_cancelled(2, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn following_sees_changes_and_leaves_gaps() {
    let turn = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turn);
    let upstream = Upstream::start(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
        0 => page("althing_shed_total{where=\"door\"} 10\n"),
        1 => Reply::error(500, "server_error", "not now"),
        2 => page("althing_shed_total{where=\"door\"} 12\nalthing_retries_total{provider=\"a\"} 4\n"),
        3 => Reply::bare().reset(),
        // Restarted.
        _ => page("althing_shed_total{where=\"door\"} 5\nalthing_retries_total{provider=\"a\"} 1\n"),
    })
    .await;
    let (watch, stop, start) = (watch(&upstream), CancellationToken::new(), Instant::now());
    let (looks, ()) = tokio::join!(watch.follow(Duration::from_millis(20), stop.clone()), async {
        upstream.wait_seen(6, Duration::from_secs(5)).await;
        stop.cancel();
    });
    let found = glimpses(&looks, start, 0.0);
    let (shed, retries): (Vec<_>, Vec<_>) = found.iter().map(|glimpse| (glimpse.shed, glimpse.retries)).unzip();
    assert_eq!(shed[..3], [Some(0.0), Some(2.0), Some(7.0)]);
    assert_eq!(retries[..3], [Some(0.0), Some(4.0), Some(5.0)]);
    assert!(found.is_sorted_by(|a, b| a.at_s < b.at_s), "{found:?}");
    let asked = u32::try_from(looks.len()).unwrap();
    let (asked_most, answered_least) = (turn.load(Ordering::Relaxed), 4);
    assert!(asked >= answered_least && asked + 2 <= asked_most, "{asked} looks of {asked_most}");
}

#[tokio::test]
async fn a_look_that_hangs_does_not_keep_the_end_waiting() {
    let one = page("althing_sessions_active 1\n");
    let upstream = Upstream::start(in_turn(vec![one.clone(), Reply::hang(), one])).await;
    let (watch, stop, began) = (watch(&upstream), CancellationToken::new(), Instant::now());
    let (looks, ()) = tokio::join!(watch.follow(Duration::from_millis(10), stop.clone()), async {
        upstream.wait_seen(2, Duration::from_secs(5)).await;
        stop.cancel();
    });
    assert_eq!(looks.len(), 2, "the first and the last");
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_target_that_vanishes_leaves_what_was_seen() {
    let upstream = Upstream::start(|_| page("althing_sessions_active 1\n")).await;
    let (watch, stop) = (watch(&upstream), CancellationToken::new());
    let (looks, seen) = tokio::join!(watch.follow(Duration::from_millis(10), stop.clone()), async {
        let seen = upstream.wait_seen(3, Duration::from_secs(5)).await.len();
        upstream.stop().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
        seen
    });
    assert!((2..=seen).contains(&looks.len()), "{} looks of {seen}", looks.len());
}

#[tokio::test]
async fn stopped_at_once_there_is_one_look() {
    let upstream = Upstream::start(|_| page("althing_sessions_active 1\n")).await;
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(watch(&upstream).follow(Duration::ZERO, stop).await.len(), 1);
}

#[tokio::test]
async fn too_many_looks_are_thinned() {
    let turn = AtomicU32::new(0);
    let upstream = Upstream::start(move |_| {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        // The peak is in the fourth page.
        let mb = if turn == 3 { 900 } else { 100 };
        page(format!("process_resident_memory_bytes {}\nalthing_shed_total {turn}\n", mb * 1_048_576))
    })
    .await;
    let watch = Watch { looks_max: 8, ..watch(&upstream) };
    let (stop, start) = (CancellationToken::new(), Instant::now());
    let (looks, ()) = tokio::join!(watch.follow(Duration::ZERO, stop.clone()), async {
        upstream.wait_seen(15, Duration::from_secs(5)).await;
        stop.cancel();
    });
    assert!((5..=9).contains(&looks.len()), "{}", looks.len());
    let found = glimpses(&looks, start, 0.0);
    assert!(found.last().unwrap().shed >= Some(14.0), "{found:?}");
    assert_eq!(memory(&found).map(|memory| (memory.start_mb, memory.growth_mb)), Some((100.0, 800.0)));
    // Eight looks take 70 ms, three more 20 each, three more 40 each and one more 80; never thinned, fifteen take 140.
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_stands_in_for_a_target_without_metrics() {
    let upstream = Upstream::start(in_turn(vec![
        Reply::error(404, "not_found", "no such path"),
        page("althing_shed_total 3\nprocess_resident_memory_bytes 1\nprocess_cpu_seconds_total 1e9\n"),
    ]))
    .await;
    let watch = Watch::new(&root(&upstream), &HeaderMap::new(), Some(std::process::id()));
    let (first, second) = (watch.look().await.unwrap(), watch.look().await.unwrap());
    assert!(!first.read && first.shed.is_none() && first.resident_mb > Some(0.5), "{first:?}");
    // One source for both looks, so that nothing looks like a restart.
    assert!(second.read && second.shed == Some(3.0) && second.resident_mb > Some(0.5), "{second:?}");
    assert!(second.cpu_s < Some(1e9) && second.cpu_s >= first.cpu_s, "{second:?}");
    let nobody = Watch::new(&root(&upstream), &HeaderMap::new(), Some(u32::MAX));
    assert_eq!(nobody.look().await.and_then(|look| look.cpu_s), Some(1e9));
}
