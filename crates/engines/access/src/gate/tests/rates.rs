//! How often a key may be used.

use super::*;

async fn taken(door: &Door, key: &Key, tries: usize) -> usize {
    let mut taken = 0;
    for _ in 0..tries {
        taken += usize::from(door.admit(key.expose(), HERE).await.is_ok());
    }
    taken
}

#[tokio::test]
async fn a_key_may_be_used_so_often() {
    on_both(async |bench| {
        let key = bench.key(new_key("acme", Role::User)).await.key;
        let mut door = Door::new(bench, &Access { rpm: Some(60), ..Access::default() });
        assert_eq!(taken(&door, &key, 30).await, 10);
        let refused = door.admit(key.expose(), HERE).await.unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("rate_limited", fault::Kind::RateLimited));
        assert_eq!(refused.retry(), fault::Retry::After(Duration::from_secs(1)));
        let mut minute = 0;
        for _ in 0..60 {
            door.pass_s(1.0);
            minute += taken(&door, &key, 3).await;
        }
        assert_eq!(minute, 60);
        assert_eq!(bench.metrics.access().limited_keys.value(), 20 + 1 + 120);
        assert_eq!(bench.metrics.access().limited_addresses.value(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_has_its_own_rate_or_the_usual_one() {
    on_both(async |bench| {
        let own = bench.key(NewKey { rpm: Some(30), ..new_key("acme", Role::User) }).await.key;
        let (usual, another) =
            (bench.key(new_key("acme", Role::User)).await.key, bench.key(new_key("acme", Role::User)).await.key);
        let mut door = Door::new(bench, &Access { rpm: Some(120), ..Access::default() });
        assert_eq!((taken(&door, &own, 50).await, taken(&door, &usual, 50).await), (5, 20));
        assert_eq!(taken(&door, &another, 50).await, 20);
        door.gate.reload(&Access::default()).unwrap();
        assert_eq!((taken(&door, &own, 50).await, taken(&door, &usual, 50).await), (0, 50));
        door.gate.reload(&Access { rpm: Some(6), ..Access::default() }).unwrap();
        assert_eq!((taken(&door, &own, 50).await, taken(&door, &usual, 50).await), (0, 1));
        door.pass_s(10.0);
        assert_eq!((taken(&door, &own, 50).await, taken(&door, &usual, 50).await), (5, 1));
    })
    .await;
}

#[tokio::test]
async fn looking_a_key_up_again_gives_it_nothing() {
    on_both(async |bench| {
        let key = bench.key(NewKey { rpm: Some(6), ..new_key("acme", Role::User) }).await.key;
        let mut door = Door::new(bench, &Access { key_cache_ms: 1_000, ..Access::default() });
        let mut used = 0;
        for _ in 0..40 {
            used += taken(&door, &key, 2).await;
            door.pass_s(1.5);
        }
        assert_eq!(used, 6);
        bench.run("UPDATE access_key SET rpm = 60").await;
        door.pass_s(10.0);
        assert_eq!(taken(&door, &key, 30).await, 10);
    })
    .await;
}

#[tokio::test]
async fn other_limits_for_wrong_keys_take_hold_at_once() {
    let bench = Bench::sqlite(&Access::default()).await;
    bench.key(new_key("acme", Role::User)).await;
    let door = Door::new(&bench, &Access { wrong_keys_per_s: 1, ..Access::default() });
    let mut wrong = 0;
    for access in
        [Access { wrong_keys_per_s: 1, ..Access::default() }, Access { wrong_keys_per_s: 2, ..Access::default() }]
    {
        door.gate.reload(&access).unwrap();
        for _ in 0..20 {
            wrong += usize::from(door.says("x").await == "malformed_key");
        }
    }
    assert_eq!(wrong, 5 + 10);
}

#[tokio::test]
async fn servers_that_share_a_redis_share_a_rate() {
    let redis = testkit::Redis::start();
    let bench = Bench::sqlite(&Access::default()).await;
    let key = bench.key(NewKey { rpm: Some(600), ..new_key("acme", Role::User) }).await.key;
    // What Redis is trusted with begins with its own start.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let gate = |_| {
        let config =
            redis_link::Config { connections_max: 2, timeout: Duration::from_millis(500), namespace: "t".to_owned() };
        let link = redis_link::Link::open(&redis.url(), config, bench.metrics.redis("replicas")).unwrap();
        let rates = Some(Rates::new(link, 2, 0.05));
        Gate::new(Arc::clone(&bench.keys), purses(), &Access::default(), bench.metrics.access(), rates).unwrap()
    };
    let gates = [gate(0), gate(1)];
    let presented = Presented::from_text(key.expose());
    let started = Instant::now();
    let (mut passed, mut refused) = (0, 0);
    while refused < 40 {
        for gate in &gates {
            // What can be told at once is told at once.
            let judged = match gate.admit_now(Some(&presented), HERE) {
                Some(judged) => judged,
                None => gate.admit(Some(&presented), HERE).await,
            };
            match judged {
                Ok(_) => passed += 1,
                Err(denial) => {
                    assert!(matches!(denial, Denial::Limited { wait } if wait <= Duration::from_secs(1)), "{denial:?}");
                    refused += 1;
                }
            }
        }
    }
    // Ten seconds' worth at most, what came in meanwhile, and two slices of thirty.
    let most = 100.0 + 10.0 * started.elapsed().as_secs_f64() + 60.0;
    assert!((20..=most as usize).contains(&passed), "{passed} of at most {most}");
    assert_eq!(bench.metrics.access().limited_keys.value(), refused);
}
