//! Order, classes, limits that move, and that nobody leaves a trace.

use super::*;
use futures_util::FutureExt;
use guard::Aimd;
use measure::Metrics;
use std::sync::atomic::{AtomicU32, Ordering};

const LONG: Duration = Duration::from_secs(60);

fn gate(in_flight_max: u32, queue_max: u32) -> Arc<Gate> {
    with(BulkheadConfig { in_flight_max, queue_max, ..BulkheadConfig::default() }, Adaptive::Fixed(in_flight_max))
}

fn with(config: BulkheadConfig, adaptive: Adaptive) -> Arc<Gate> {
    Gate::new(config, adaptive, Metrics::new("test").adaptive_limit("p"))
}

impl Gate {
    async fn enter_as(self: &Arc<Self>, class: Class, tenant: &str, remaining: Duration) -> Result<Place, Shed> {
        self.enter(class, &tenant.into(), remaining).await
    }

    async fn come(self: &Arc<Self>, remaining: Duration) -> Result<Place, Shed> {
        self.enter_as(Class::Normal, "house", remaining).await
    }
}

fn counts(gate: &Gate) -> (u32, u32) {
    let Load { in_flight, waiting, .. } = gate.load();
    (in_flight, waiting)
}

#[tokio::test(start_paused = true)]
async fn lets_in_one_after_the_other_in_order() {
    let gate = gate(1, 2);
    let first = gate.come(LONG).await.unwrap();
    let mut second = Box::pin(gate.come(LONG));
    let mut third = Box::pin(gate.come(LONG));
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    assert_eq!(gate.come(LONG).await.unwrap_err(), Shed::QueueFull { queue_max: 2 });
    drop(first);
    assert!((&mut third).now_or_never().is_none());
    let second = second.await.unwrap();
    assert_eq!(counts(&gate), (1, 1));
    drop(second);
    drop(third.await.unwrap());
    assert_eq!(counts(&gate), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_leaves_no_trace() {
    let gate = gate(1, 4);
    let first = gate.come(LONG).await.unwrap();
    let mut gone = Box::pin(gate.come(LONG));
    assert!((&mut gone).now_or_never().is_none());
    drop(gone);
    assert_eq!(counts(&gate), (1, 0));
    // Granted, and dropped before it noticed.
    let mut granted = Box::pin(gate.come(LONG));
    assert!((&mut granted).now_or_never().is_none());
    drop(first);
    drop(granted);
    assert_eq!(counts(&gate), (0, 0));
    assert!(gate.come(LONG).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_hold_under_any_crowd() {
    let gate = gate(3, 200);
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut crowd = tokio::task::JoinSet::new();
    for seed in 0..150 {
        let (gate, inside, most) = (Arc::clone(&gate), Arc::clone(&inside), Arc::clone(&most));
        crowd.spawn(async move {
            let mut rng = fastrand::Rng::with_seed(seed);
            for _ in 0..40 {
                let patience = Duration::from_micros(rng.u64(0..400));
                let entered = match rng.u8(0..3) {
                    // Some leave the line by themselves, some are dropped out of it.
                    0 => tokio::time::timeout(patience, gate.come(LONG)).await.ok().and_then(Result::ok),
                    1 => gate.come(patience).await.ok(),
                    _ => gate.come(LONG).await.ok(),
                };
                if let Some(place) = entered {
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_micros(rng.u64(0..60))).await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(place);
                }
            }
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }
    assert_eq!((counts(&gate), most.load(Ordering::SeqCst)), ((0, 0), 3));
}

#[tokio::test(start_paused = true)]
async fn a_turn_granted_to_one_who_left_goes_to_the_next() {
    let gate = gate(1, 4);
    let first = gate.come(LONG).await.unwrap();
    let mut gone = Box::pin(gate.come(LONG));
    let mut next = Box::pin(gate.come(LONG));
    assert!((&mut gone).now_or_never().is_none() && (&mut next).now_or_never().is_none());
    drop(first);
    drop(gone);
    assert!((&mut next).now_or_never().is_some_and(|place| place.is_ok()));
    assert_eq!(counts(&gate), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn waits_no_longer_than_there_is_time() {
    let gate = gate(1, 4);
    let _first = gate.come(LONG).await.unwrap();
    let short = Duration::from_millis(50);
    let before = Instant::now();
    assert!(matches!(gate.come(short).await, Err(Shed::TooLate { .. })));
    assert_eq!(before.elapsed(), short);
    assert_eq!(counts(&gate), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_displaced_is_told_at_once() {
    let gate = gate(1, 1);
    let first = gate.come(LONG).await.unwrap();
    let mut low = Box::pin(gate.enter_as(Class::Low, "house", LONG));
    assert!((&mut low).now_or_never().is_none());
    let mut critical = Box::pin(gate.enter_as(Class::Critical, "house", LONG));
    assert!((&mut critical).now_or_never().is_none());
    assert_eq!(low.await.unwrap_err(), Shed::Displaced);
    assert_eq!(counts(&gate), (1, 1));
    drop(first);
    drop(critical.await.unwrap());
    assert_eq!(counts(&gate), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_grows_lets_in_those_who_wait() {
    let config = BulkheadConfig { in_flight_max: 60, queue_max: 60, ..BulkheadConfig::default() };
    let gate = with(config, Adaptive::Aimd(Aimd::new(60)));
    let mut refused = gate.come(LONG).await.unwrap();
    refused.borne = Borne::Refused;
    drop(refused);
    assert_eq!(gate.load().limit, 30);
    let mut inside = Vec::new();
    for _ in 0..30 {
        inside.push(gate.come(LONG).await.unwrap());
    }
    let mut line: Vec<_> = (0..2).map(|_| Box::pin(gate.come(LONG))).collect();
    assert!(line.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
    inside.iter().for_each(|place| place.accepted(Duration::from_millis(5)));
    assert_eq!((gate.load().limit, gate.shown.value(), counts(&gate)), (31, 31, (31, 1)));
    inside.push(line.remove(0).await.unwrap());
    drop(line);
    tokio::time::advance(Duration::from_millis(1)).await;
    inside.iter_mut().take(10).for_each(|place| place.borne = Borne::Refused);
    drop(inside);
    assert_eq!((gate.load().limit, gate.shown.value(), counts(&gate)), (27, 27, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_nobody_used_says_nothing_about_the_wait() {
    let gate = gate(1, 4);
    let mut used = gate.come(LONG).await.unwrap();
    used.begin();
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(used);
    for _ in 0..30 {
        drop(gate.come(LONG).await.unwrap());
    }
    let _inside = gate.come(LONG).await.unwrap();
    let before = Instant::now();
    let expected = Duration::from_secs(10);
    let remaining = Duration::from_secs(5);
    assert_eq!(gate.come(remaining).await.unwrap_err(), Shed::TooLate { expected, remaining });
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn other_rules_hold_at_once_and_nobody_is_forgotten() {
    let rules = |in_flight_max, queue_max| BulkheadConfig { in_flight_max, queue_max, ..BulkheadConfig::default() };
    let gate = with(rules(40, 2), Adaptive::Aimd(Aimd::new(40)));
    let mut refused = gate.come(LONG).await.unwrap();
    refused.borne = Borne::Refused;
    drop(refused);
    let mut inside = Vec::new();
    for _ in 0..20 {
        inside.push(gate.come(LONG).await.unwrap());
    }
    let mut line = [Box::pin(gate.come(LONG)), Box::pin(gate.come(LONG))];
    assert!(line.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
    gate.set_rules(rules(40, 1), Adaptive::Aimd(Aimd::new(40)));
    assert_eq!(gate.load(), Load { in_flight: 20, limit: 20, in_flight_max: 40, waiting: 2, queue_max: 1 });
    assert_eq!(gate.come(LONG).await.unwrap_err(), Shed::QueueFull { queue_max: 1 });
    gate.set_rules(rules(21, 1), Adaptive::Aimd(Aimd::new(21)));
    assert_eq!(gate.load(), Load { in_flight: 21, limit: 21, in_flight_max: 21, waiting: 1, queue_max: 1 });
    gate.set_rules(rules(21, 1), Adaptive::Fixed(21));
    let [first, second] = line;
    inside.push(first.await.unwrap());
    drop((inside, second));
    assert_eq!((counts(&gate), gate.shown.value()), ((0, 0), 21));
}
