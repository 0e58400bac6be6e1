//! Redis: what servers share through it, and that nobody notices when it is gone but the figures.

use crate::support::books::{CALL, metered, priced, request, settled, spend};
use crate::support::{Place, Response, Server, ask, get, provider, question, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Postgres, Redis, RedisOptions, Reply, Upstream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What one server says of its Redis: 1 if it answers.
async fn up(server: &Server, key: &str) -> Option<u64> {
    let text = ask(server.address(), key, "GET", "/metrics", None).await;
    let line = text.text().lines().find_map(|line| line.strip_prefix("althing_redis_up{redis=\"replicas\"} "))?;
    line.parse().ok()
}

/// Waits until every server says so of its Redis.
async fn all(servers: &[Server], key: &str, expect: u64) {
    for server in servers {
        until("its Redis", async || (up(server, key).await? == expect).then_some(())).await;
    }
}

/// The settings of one of three servers that share this Redis.
fn sharing(redis: &Redis, more: &str) -> String {
    format!("[replicas]\nredis_url = {:?}\nexpected = 3\nslice = 0.05\n{more}", redis.url())
}

/// Asks without pause until told to stop, and counts those who are let in.
async fn hammer(address: std::net::SocketAddr, key: Arc<str>, passed: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let reply = ask(address, &key, "GET", "/api/v1/whoami", None).await;
        match reply.status {
            200 => drop(passed.fetch_add(1, Ordering::Relaxed)),
            429 => sleep(Duration::from_millis(3)).await,
            _ => panic!("{}", reply.text()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_keep_one_rate_while_redis_is_killed_and_restarted() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let config = sharing(&redis, &format!("[store]\nurl = {:?}\n", postgres.url()));
    let places = [(); 3].map(|()| Place::new(&config));
    let rpm = 1_200.0;
    let made = places[0].run(&["keys", "create", "--role", "user", "--rpm", "1200"]).good();
    let (key, admin): (Arc<str>, _) = (made["key"].as_str().unwrap().into(), places[0].key("admin", "default"));
    let servers = places.map(Place::start);
    all(&servers, &admin, 1).await;

    let (passed, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let started = Instant::now();
    let hammers: JoinSet<_> = (0..6)
        .map(|nth| hammer(servers[nth % 3].address(), Arc::clone(&key), Arc::clone(&passed), Arc::clone(&stop)))
        .collect();
    // Ten seconds' worth at once, what comes in, and a slice for each server: once more for each loss.
    let within = |losses: f64| {
        let most = rpm / 6.0 + rpm / 60.0 * started.elapsed().as_secs_f64() + 0.05 * rpm * 3.0 * (1.0 + losses);
        let passed = passed.load(Ordering::Relaxed) as f64;
        assert!(passed <= most, "{passed} of at most {most}");
        passed
    };
    sleep(Duration::from_secs(2)).await;
    assert!(within(0.0) > 40.0);
    redis.kill();
    all(&servers, &admin, 0).await;
    let before = within(1.0);
    sleep(Duration::from_secs(1)).await;
    assert!(within(1.0) - before > 5.0, "each server goes on with its part");
    redis.start_again();
    all(&servers, &admin, 1).await;
    let (before, since) = (within(1.0), Instant::now());
    sleep(Duration::from_secs(2)).await;
    let (more, earned) = (within(1.0) - before, rpm / 60.0 * since.elapsed().as_secs_f64());
    assert!(more > earned / 2.0, "{more} of {earned} that came in");
    stop.store(true, Ordering::Relaxed);
    hammers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_redis_is_killed_stands_still_and_comes_back() {
    let redis = Redis::start();
    let upstream = Upstream::start(|_| Reply::chat("42")).await;
    let kit = provider("kit", &upstream.url(), &["m"]) + "rpm = 600000\ntpm = 60000000\n";
    let config = sharing(&redis, &format!("[access]\nrpm = 60000\n[cache]\nredis_url = {:?}\n{kit}", redis.url()))
        .replace("expected = 3", "expected = 2");
    let config = config.replace("[replicas]\n", "[replicas]\nnamespace = \"shared\"\n");
    let places = [Place::new(&config), Place::new(&config)];
    let keys = places.each_ref().map(|place| place.key("user", "acme"));
    let admins = places.each_ref().map(|place| place.key("admin", "default"));
    let servers = places.map(Place::start);
    let up = async |expect: u64| {
        for (server, admin) in servers.iter().zip(&admins) {
            let look = async || {
                let text = ask(server.address(), admin, "GET", "/metrics", None).await;
                text.text().contains(&format!("althing_redis_up{{redis=\"cache\"}} {expect}\n")).then_some(())
            };
            until("its Redis", look).await;
        }
    };
    up(1).await;

    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = JoinSet::new();
    for nth in 0..6 {
        let (address, key) = (servers[nth % 2].address(), keys[nth % 2].clone());
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        load.spawn(async move {
            let mut slowest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let mut body = question("kit/m", false);
                body["temperature"] = 0.into();
                body["seed"] = (sent.fetch_add(1, Ordering::Relaxed) % 40).into();
                let started = Instant::now();
                let reply = ask(address, &key, "POST", "/v1/chat/completions", Some(&body)).await;
                assert_eq!((reply.status, reply.content().as_str()), (200, "42"), "{}", reply.text());
                slowest = slowest.max(started.elapsed());
                sleep(Duration::from_millis(5)).await;
            }
            slowest
        });
    }
    sleep(Duration::from_millis(500)).await;
    redis.kill();
    up(0).await;
    assert_eq!(get(servers[0].address(), "/readyz").await.status, 200, "ready without it");
    redis.start_again();
    up(1).await;
    redis.freeze();
    up(0).await;
    redis.thaw();
    up(1).await;
    redis.limit_memory(1);
    up(0).await;
    redis.limit_memory(0);
    up(1).await;
    stop.store(true, Ordering::Relaxed);
    let slowest = load.join_all().await.into_iter().max().unwrap();
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(sent.load(Ordering::Relaxed) > 200);
    for server in &servers {
        let lost = server.log().matches("Redis is away").count();
        assert!((1..=6).contains(&lost), "told once for each loss: {}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_never_overspend_with_redis_killed_midway() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (worth, crowd) = (30usize, 120usize);
    let upstream = metered(Duration::from_millis(20)).await;
    let limit = CALL * i64::try_from(worth).unwrap() + CALL / 2;
    let budget = format!("[store]\nurl = {:?}\n[budget]\ntenant_usd_per_day = \"0.{limit:09}\"\n", postgres.url());
    let config = sharing(&redis, &format!("{budget}[access]\nrpm = 60000\n{}", priced(&upstream)));
    let places = [(); 3].map(|()| Place::new(&config));
    let (key, operator): (Arc<str>, _) = (places[0].key("user", "acme").into(), places[0].key("operator", "default"));
    let servers = places.map(Place::start);
    all(&servers, &operator, 1).await;

    let mut asking = JoinSet::new();
    for nth in 0..crowd {
        let (address, key) = (servers[nth % 3].address(), Arc::clone(&key));
        asking.spawn(async move {
            sleep(Duration::from_millis(10) * u32::try_from(nth).unwrap()).await;
            spend(address, &key, &request("kit/m", false, Some(100))).await
        });
    }
    upstream.wait_seen(worth / 3, Duration::from_secs(10)).await;
    redis.kill();
    upstream.wait_seen(worth * 2 / 3, Duration::from_secs(10)).await;
    redis.start_again();
    let replies: Vec<Response> = asking.join_all().await;
    let served = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 402)), "nobody is refused for Redis");
    assert!((worth - 3..=worth).contains(&served), "{served} of {worth}");
    assert_eq!(upstream.seen().len(), served);
    let budget = settled(servers[0].address(), &operator, "tenant").await;
    assert_eq!(budget.spent, CALL * i64::try_from(served).unwrap());
    assert!(budget.spent <= budget.limit);
    all(&servers, &operator, 1).await;
}

#[tokio::test]
async fn an_endpoint_that_asked_to_be_left_alone_is_left_alone_by_all() {
    let redis = Redis::start();
    let upstream = Upstream::start(|_| Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "30"));
    let upstream = upstream.await;
    let config = sharing(&redis, &provider("kit", &upstream.url(), &["m"]));
    let servers = [Server::start(&config), Server::start(&config)];
    all(&servers, "", 1).await;
    let asks = async |server: &Server| {
        ask(server.address(), "", "POST", "/v1/chat/completions", Some(&question("kit/m", false))).await
    };
    let wait = |reply: &Response| reply.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    let first = asks(&servers[0]).await;
    assert_eq!((wait(&first), upstream.seen().len()), (Some(30), 1), "{} {}", first.status, first.text());
    let told = async || (redis.cli(&["ZCARD", "althing:parked"]) == "1").then_some(());
    until("Redis knows", told).await;
    sleep(Duration::from_secs(1)).await;
    let seen = upstream.seen().len();
    let refused = asks(&servers[1]).await;
    assert!(wait(&refused).is_some_and(|wait| (20..=30).contains(&wait)), "{} {}", refused.status, refused.text());
    assert_eq!(upstream.seen().len(), seen);
}

#[tokio::test]
async fn encryption_and_a_password_are_no_obstacle_and_doctor_says_how_it_stands() {
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Some((authority.cert.pem(), authority.signing_key.serialize_pem()));
    let settings = vec![("requirepass".to_owned(), "s3cret".to_owned())];
    let redis = Redis::start_with(&RedisOptions { settings, tls });
    let url = redis.url().replace("//", "//:s3cret@");
    let place =
        Place::new(&format!("[replicas]\nredis_url = {url:?}\n[[provider]]\nname = \"s\"\nkind = \"scripted\"\n"));
    let believed = place.path().join("authority.pem");
    std::fs::write(&believed, authority.cert.pem()).unwrap();
    let doctor = |believed: Option<&std::path::Path>| {
        let mut command = place.on_data(&["doctor", "--json"]);
        if let Some(file) = believed {
            command.env("SSL_CERT_FILE", file);
        }
        let ended = crate::support::Ended::of(command);
        assert!(!(ended.stdout.clone() + &ended.stderr).contains("s3cret"), "{ended:?}");
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let checks = told["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "redis of replicas").unwrap()
    };
    let well = doctor(Some(&believed));
    assert_eq!(well["status"], "ok", "{well}");
    let strange = doctor(None);
    assert_eq!(strange["status"], "warn", "{strange}");

    let server = place.start_with("127.0.0.1:0", |up| {
        up.env("SSL_CERT_FILE", &believed);
    });
    until("its Redis", async || (up(&server, "").await? == 1).then_some(())).await;
    assert!(!server.log().contains("s3cret"));
}
