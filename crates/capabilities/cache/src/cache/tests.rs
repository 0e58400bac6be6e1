//! All tiers together: up and down, lives, renewals, drops, a Redis that is away.

use super::*;
use crate::fixtures::{Hands, Shared, Text};
use crate::key::KeyMaker;
use std::sync::atomic::AtomicUsize;
use tempfile::TempDir;

pub(super) type Texts = Cache<Text, &'static str>;

/// A cache with all that it stands on.
pub(super) struct Bench {
    pub(super) cache: Arc<Texts>,
    pub(super) worker: Worker<Text, &'static str>,
    pub(super) hands: Hands,
    folder: Arc<TempDir>,
    remote: Option<Arc<Shared>>,
    settings: settings::Cache,
}

impl Bench {
    pub(super) fn new(settings: settings::Cache, remote: bool) -> Self {
        let hands = Hands::new();
        let remote = remote.then(|| Shared::new(&hands));
        Self::on(settings, hands, Arc::new(TempDir::new().unwrap()), remote)
    }

    fn on(settings: settings::Cache, hands: Hands, folder: Arc<TempDir>, remote: Option<Arc<Shared>>) -> Self {
        let setup = Setup {
            name: "answers",
            settings: settings.clone(),
            folder: Some(folder.path().join("cache")),
            remote: remote.clone().map(|remote| remote as Arc<dyn Remote>),
            metrics: Metrics::new("0"),
            clock: hands.clock(),
            seed: 7,
        };
        let (cache, worker) = Cache::open(setup).unwrap();
        Self { cache, worker, hands, folder, remote, settings }
    }

    /// The same after a restart.
    pub(super) fn restarted(&self) -> Self {
        Self::on(self.settings.clone(), self.hands.clone(), Arc::clone(&self.folder), self.remote.clone())
    }

    /// Redis, where there is one, loses what was dropped.
    pub(super) fn lose_drops(&self) {
        self.remote.iter().for_each(|remote| remote.lose_drops());
    }

    /// Another server on the same Redis.
    fn replica(&self) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        Self::on(self.settings.clone(), self.hands.clone(), folder, self.remote.clone())
    }

    pub(super) async fn ask(&self, wanted: Wanted, answer: &str) -> (Text, Whence) {
        let made = Made { value: Text::from(answer), life: Life::Usual };
        let answer = self.cache.get_or(wanted, |_| async { Ok(made) }).await.unwrap();
        (answer.value, answer.whence)
    }
}

pub(super) fn wanted(name: &str, tenant: &str, tags: &[&str]) -> Wanted {
    let key = KeyMaker::default().with(tenant.as_bytes()).with(name.as_bytes()).key();
    let label = Label { tenant: tenant.into(), tags: tags.iter().map(|tag| (*tag).into()).collect() };
    Wanted { key, label, new: false, ttl: None }
}

fn disk_too() -> settings::Cache {
    settings::Cache { disk_mb: 4, ..settings::Cache::default() }
}

fn scope(tag: &str) -> Scope {
    Scope { tenant: None, tag: Some(tag.into()) }
}

const KEPT: Whence = Whence::Kept(Tier::Memory);

#[tokio::test]
async fn what_is_kept_goes_down_and_what_is_found_goes_up() {
    let mut bench = Bench::new(disk_too(), true);
    bench.worker.settle().await;
    assert_eq!(bench.ask(wanted("a", "t", &[]), "one").await, ("one".into(), Whence::Made));
    assert_eq!(bench.ask(wanted("a", "t", &[]), "two").await, ("one".into(), KEPT));
    bench.ask(wanted("b", "t", &[]), "another").await;
    bench.worker.settle().await;
    let after = bench.restarted();
    assert_eq!(after.ask(wanted("a", "t", &[]), "two").await, ("one".into(), Whence::Kept(Tier::Disk)));
    assert_eq!(after.ask(wanted("a", "t", &[]), "two").await, ("one".into(), KEPT));
    let mut other = bench.replica();
    other.worker.settle().await;
    assert_eq!(other.ask(wanted("a", "t", &[]), "two").await, ("one".into(), Whence::Kept(Tier::Redis)));
    assert_eq!(other.ask(wanted("a", "t", &[]), "two").await, ("one".into(), KEPT));
    // It went to the disk of the other one as well.
    other.worker.settle().await;
    assert_eq!(other.restarted().ask(wanted("a", "t", &[]), "two").await.1, Whence::Kept(Tier::Disk));
    let stats = other.cache.stats();
    assert_eq!((stats.lookups, stats.hits, stats.tiers[2].hit_rate), (2, 2, Some(1.0)));
}

#[tokio::test]
async fn a_life_is_drawn_once_and_ends_everywhere_at_once() {
    let mut bench = Bench::new(disk_too(), true);
    bench.worker.settle().await;
    bench.ask(wanted("a", "t", &[]), "one").await;
    let entry = bench.cache.peek(&wanted("a", "t", &[]).key).unwrap().entry;
    let life = entry.times.dead_ms - entry.times.stored_ms;
    assert!((540_000..=660_000).contains(&life), "{life}");
    bench.worker.settle().await;
    bench.hands.turn(life - 1);
    assert_eq!(bench.restarted().ask(wanted("a", "t", &[]), "two").await.0, "one".into());
    bench.hands.turn(1);
    for bench in [bench.restarted(), bench.replica(), bench] {
        let key = wanted("a", "t", &[]).key;
        assert!(bench.cache.peek(&key).is_none() && bench.cache.look(&key).await.is_none());
    }
}

#[tokio::test]
async fn an_old_answer_is_given_while_one_new_one_is_made() {
    let mut bench = Bench::new(settings::Cache { stale_s: 3_600, ..settings::Cache::default() }, false);
    bench.ask(wanted("a", "t", &[]), "one").await;
    bench.hands.turn(700_000);
    // Whoever has it renewed is told, for that is not free.
    for (answer, age) in [("two", Age::Renewed), ("three", Age::Stale), ("four", Age::Stale)] {
        let made = Made { value: Text::from(answer), life: Life::Usual };
        let given = bench.cache.get_or(wanted("a", "t", &[]), |_| async { Ok(made) }).await.unwrap();
        assert_eq!((given.value, given.whence, given.age), ("one".into(), KEPT, age));
    }
    bench.worker.settle().await;
    assert_eq!(bench.ask(wanted("a", "t", &[]), "five").await, ("two".into(), KEPT));
    let stale = bench.cache.figures.of(Tier::Memory).stale.value();
    assert_eq!(stale, 3);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_answer_and_is_tried_again_a_second_later() {
    let mut bench = Bench::new(settings::Cache { stale_s: 3_600, ..settings::Cache::default() }, false);
    bench.ask(wanted("a", "t", &[]), "one").await;
    bench.hands.turn(700_000);
    let tries = Arc::new(AtomicUsize::new(0));
    for (wait, expected) in [(0, 1), (10, 1), (1_000, 2)] {
        bench.hands.turn(wait);
        let tried = Arc::clone(&tries);
        let fails = move |_| async move {
            tried.fetch_add(1, Ordering::Relaxed);
            Err("down")
        };
        let answer = bench.cache.get_or(wanted("a", "t", &[]), fails).await.unwrap();
        assert_eq!(answer.value, "one".into());
        bench.worker.settle().await;
        assert_eq!(tries.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn errors_are_not_kept_and_short_lives_are_short() {
    let bench = Bench::new(settings::Cache::default(), false);
    let failed = bench.cache.get_or(wanted("a", "t", &[]), |_| async { Err("down") }).await.unwrap_err();
    assert_eq!((failed.error, failed.shared), ("down", false));
    let short = |_| async { Ok(Made { value: Text::from("none"), life: Life::Short }) };
    assert_eq!(bench.cache.get_or(wanted("a", "t", &[]), short).await.unwrap().whence, Whence::Made);
    assert_eq!(bench.ask(wanted("a", "t", &[]), "one").await, ("none".into(), KEPT));
    bench.hands.turn(11_001);
    assert_eq!(bench.ask(wanted("a", "t", &[]), "one").await, ("one".into(), Whence::Made));
    let unkept = |_| async { Ok(Made { value: Text::from("b"), life: Life::None }) };
    assert!(bench.cache.get_or(wanted("b", "t", &[]), unkept).await.is_ok());
    assert_eq!(bench.ask(wanted("b", "t", &[]), "c").await, ("c".into(), Whence::Made));
}

#[tokio::test(start_paused = true)]
async fn sizes_are_shown_every_ten_seconds() {
    let Bench { cache, mut worker, .. } = Bench::new(settings::Cache::default(), false);
    let shown = || cache.figures.of(Tier::Memory).entries.value();
    let looks = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let make = |_| async { Ok(Made { value: Text::from("one"), life: Life::Usual }) };
        assert!(cache.get_or(wanted("a", "t", &[]), make).await.is_ok());
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(shown(), 0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(shown(), 1);
    };
    tokio::select! {
        () = worker.run() => panic!("it works until it is dropped"),
        () = looks => {}
    }
}

#[tokio::test(start_paused = true)]
async fn identical_requests_in_flight_are_made_once() {
    let bench = Bench::new(settings::Cache::default(), false);
    let asked = Arc::new(AtomicUsize::new(0));
    let ask = || {
        let asked = Arc::clone(&asked);
        let make = move |_| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let at = asked.fetch_add(1, Ordering::Relaxed);
            Ok(Made { value: Text::from(format!("{at}").as_str()), life: Life::Usual })
        };
        bench.cache.get_or(Wanted { new: true, ..wanted("a", "t", &[]) }, make)
    };
    let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let made = answers.iter().filter(|answer| answer.as_ref().unwrap().whence == Whence::Made).count();
    assert_eq!((made, bench.cache.stats().shared), (1, 49));
    // Whoever wants a new one later gets a new one.
    assert_eq!(ask().await.unwrap().value, "1".into());
}

#[tokio::test]
async fn a_tag_is_dropped_everywhere_and_nothing_else_is() {
    let mut bench = Bench::new(disk_too(), true);
    let mut other = bench.replica();
    bench.worker.settle().await;
    other.worker.settle().await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.ask(wanted("b", "t", &["blue"]), "one").await;
    bench.worker.settle().await;
    other.ask(wanted("a", "t", &["red"]), "").await;
    other.worker.settle().await;
    assert_eq!(bench.cache.forget(scope("red")).await, Dropped { entries: 1, told: true });
    other.worker.settle().await;
    for bench in [&other, &bench.restarted(), &bench] {
        assert_eq!(bench.cache.peek(&wanted("a", "t", &[]).key).map(|found| found.tier), None);
        assert_eq!(bench.cache.look(&wanted("a", "t", &[]).key).await.map(|found| found.tier), None);
    }
    assert_eq!(bench.ask(wanted("b", "t", &["blue"]), "two").await, ("one".into(), KEPT));
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "three").await, ("two".into(), KEPT));
}

#[tokio::test]
async fn a_drop_of_ones_own_hides_none_of_others() {
    let mut bench = Bench::new(settings::Cache::default(), true);
    let mut other = bench.replica();
    bench.worker.settle().await;
    other.worker.settle().await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.worker.settle().await;
    other.cache.forget(scope("red")).await;
    bench.cache.forget(scope("blue")).await;
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "two").await, ("one".into(), KEPT), "it is not known yet");
    bench.worker.settle().await;
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "three").await, ("two".into(), KEPT));
}

#[tokio::test]
async fn what_is_on_its_way_during_a_drop_is_gone_too() {
    let bench = Bench::new(settings::Cache::default(), false);
    let (cache, made) = (Arc::clone(&bench.cache), Made { value: Text::from("old"), life: Life::Usual });
    let make = move |_| async move {
        cache.forget(scope("red")).await;
        Ok(made)
    };
    bench.cache.get_or(wanted("a", "t", &["red"]), make).await.unwrap();
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "new").await, ("new".into(), Whence::Made));
}

#[tokio::test]
async fn a_drop_while_redis_is_away_holds_at_once_and_is_told_later() {
    let mut bench = Bench::new(settings::Cache::default(), true);
    let mut other = bench.replica();
    let remote = Arc::clone(bench.remote.as_ref().unwrap());
    bench.worker.settle().await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.worker.settle().await;
    other.worker.settle().await;
    other.ask(wanted("a", "t", &["red"]), "").await;
    remote.away.store(true, Ordering::Relaxed);
    assert_eq!(bench.cache.forget(scope("red")).await, Dropped { entries: 1, told: false });
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    remote.away.store(false, Ordering::Relaxed);
    bench.worker.settle().await;
    other.worker.settle().await;
    assert!(other.cache.peek(&wanted("a", "t", &[]).key).is_none());
    bench.ask(wanted("a", "t", &["red"]), "three").await;
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "four").await, ("three".into(), KEPT));
}

#[tokio::test]
async fn drops_that_redis_has_lost_hold_all_the_same() {
    let mut bench = Bench::new(settings::Cache::default(), true);
    bench.worker.settle().await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.ask(wanted("b", "t", &["blue"]), "one").await;
    bench.worker.settle().await;
    assert!(bench.cache.forget(scope("red")).await.told);
    bench.lose_drops();
    // Who knows of it puts it back, and whoever comes later learns it.
    bench.worker.settle().await;
    let mut other = bench.replica();
    other.worker.settle().await;
    assert_eq!(other.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    assert_eq!(other.ask(wanted("b", "t", &["blue"]), "two").await.1, Whence::Kept(Tier::Redis));
    assert_eq!(other.ask(wanted("b", "t", &["blue"]), "two").await.1, KEPT);
}

#[tokio::test]
async fn a_drop_during_the_loss_is_told_at_once() {
    let mut bench = Bench::new(settings::Cache::default(), true);
    bench.worker.settle().await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.worker.settle().await;
    bench.cache.forget(scope("red")).await;
    bench.lose_drops();
    assert!(bench.cache.forget(scope("blue")).await.told);
    let mut other = bench.replica();
    other.worker.settle().await;
    assert_eq!(other.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
}

#[tokio::test]
async fn who_starts_where_nobody_knows_what_was_dropped_gives_nothing_older() {
    for disk_mb in [0, 4] {
        let settings = settings::Cache { disk_mb, ..settings::Cache::default() };
        let mut bench = Bench::new(settings, true);
        bench.worker.settle().await;
        bench.ask(wanted("a", "t", &["red"]), "one").await;
        bench.worker.settle().await;
        let mut other = bench.replica();
        other.worker.settle().await;
        let before = bench.restarted();
        drop(bench);
        other.cache.forget(scope("red")).await;
        before.lose_drops();
        before.hands.turn(1);
        drop(other);
        let mut after = before;
        after.worker.settle().await;
        assert_eq!(after.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made, "{disk_mb}");
        after.worker.settle().await;
        // From then on all is known again.
        let mut again = after.replica();
        again.worker.settle().await;
        assert_eq!(again.ask(wanted("a", "t", &["red"]), "three").await, ("two".into(), Whence::Kept(Tier::Redis)));
    }
}

#[test]
fn each_drop_has_a_number_of_its_own() {
    let bench = Bench::new(settings::Cache::default(), false);
    let (threads, each) = (4, 50);
    std::thread::scope(|all| {
        for thread in 0..threads {
            let cache = &bench.cache;
            all.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for at in 0..each {
                    runtime.block_on(cache.forget(scope(&format!("{thread} {at}"))));
                }
            });
        }
    });
    assert_eq!(bench.cache.seen(), threads * each);
}

#[tokio::test]
async fn a_redis_that_is_away_costs_no_answer() {
    let mut bench = Bench::new(settings::Cache { memory_mb: 0, ..settings::Cache::default() }, true);
    bench.worker.settle().await;
    bench.remote.as_ref().unwrap().away.store(true, Ordering::Relaxed);
    assert_eq!(bench.ask(wanted("a", "t", &[]), "one").await.1, Whence::Made);
    bench.worker.settle().await;
    assert_eq!(bench.cache.figures.of(Tier::Redis).away.value(), 1);
    assert_eq!(bench.cache.figures.away.value(), 1);
}

#[tokio::test]
async fn other_settings_hold_from_then_on() {
    let bench = Bench::new(settings::Cache::default(), false);
    bench.ask(wanted("a", "t", &[]), "one").await;
    bench.cache.reload(&settings::Cache { entry_bytes_max: 3, ..settings::Cache::default() }).unwrap();
    assert_eq!(bench.ask(wanted("a", "t", &[]), "two").await.1, KEPT);
    assert_eq!(bench.ask(wanted("b", "t", &[]), "long").await.1, Whence::Made);
    assert_eq!(bench.ask(wanted("b", "t", &[]), "long").await.1, Whence::Made);
    bench.cache.reload(&settings::Cache { memory_entries: 10, disk_mb: 1, ..settings::Cache::default() }).unwrap();
    assert_eq!(bench.ask(wanted("a", "t", &[]), "two").await.1, Whence::Made);
    assert!(bench.cache.stats().tiers[1].on);
}

#[tokio::test]
async fn the_disk_can_be_switched_off_and_on_while_serving() {
    let mut bench = Bench::new(disk_too(), false);
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.worker.settle().await;
    let without = settings::Cache { memory_mb: 0, ..settings::Cache::default() };
    bench.cache.reload(&without).unwrap();
    let disk = &bench.cache.stats().tiers[1];
    assert_eq!((disk.on, disk.entries, disk.lookups), (false, None, 1));
    assert_eq!(bench.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    assert_eq!(bench.cache.stats().tiers[1].lookups, 1, "nobody looks there");
    bench.cache.forget(scope("red")).await;
    bench.cache.reload(&settings::Cache { disk_mb: 4, ..without }).unwrap();
    bench.ask(wanted("a", "t", &["red"]), "three").await;
    bench.worker.settle().await;
    // A restart knows the drops from while there was no disk, and numbers go on.
    let after = bench.restarted();
    assert_eq!((after.cache.seen(), after.ask(wanted("a", "t", &["red"]), "four").await.0), (1, "three".into()));
    after.cache.forget(scope("red")).await;
    assert_eq!(after.ask(wanted("a", "t", &["red"]), "five").await.1, Whence::Made);
}

#[tokio::test]
async fn a_disk_switched_on_while_serving_brings_nothing_back() {
    // Whether it was off from the start or a run before had no disk at all.
    for reloads in [true, false] {
        let mut bench = Bench::new(disk_too(), false);
        bench.ask(wanted("a", "t", &["red"]), "one").await;
        bench.worker.settle().await;
        if reloads {
            bench.cache.forget(scope("red")).await;
        }
        bench.settings = settings::Cache::default();
        let mut without = bench.restarted();
        if reloads {
            without.cache.reload(&disk_too()).unwrap();
        } else {
            without.cache.forget(scope("red")).await;
            without.settings = disk_too();
            without = without.restarted();
        }
        assert_eq!(without.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made, "{reloads}");
        without.worker.settle().await;
        without.settings = disk_too();
        let after = without.restarted();
        assert_eq!(after.ask(wanted("a", "t", &["red"]), "three").await, ("two".into(), Whence::Kept(Tier::Disk)));
    }
}

#[tokio::test]
async fn a_disk_left_behind_by_another_run_is_emptied() {
    let mut bench = Bench::new(disk_too(), false);
    bench.settings = settings::Cache::default();
    let without = bench.restarted();
    // Written after the other had looked, and dropped under a number that means something else there.
    bench.cache.forget(scope("blue")).await;
    bench.ask(wanted("a", "t", &["red"]), "one").await;
    bench.worker.settle().await;
    bench.cache.forget(scope("red")).await;
    without.cache.forget(scope("green")).await;
    without.cache.reload(&disk_too()).unwrap();
    assert_eq!(without.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made);
    assert_eq!(without.cache.seen(), 1);
}

#[tokio::test]
async fn where_it_cannot_be_told_what_was_dropped_nothing_on_disk_is_given() {
    for damage in [Some("{\"seen\":"), Some(""), None] {
        let mut bench = Bench::new(disk_too(), false);
        bench.ask(wanted("a", "t", &["red"]), "one").await;
        bench.worker.settle().await;
        bench.cache.forget(scope("red")).await;
        bench.cache.forget(scope("green")).await;
        bench.ask(wanted("b", "t", &["blue"]), "one").await;
        bench.worker.settle().await;
        let file = bench.folder.path().join("cache/drops.json");
        match damage {
            Some(text) => std::fs::write(file, text).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
        let after = bench.restarted();
        // One that was kept after drops which nobody knows of any more is not given.
        assert_eq!(after.ask(wanted("b", "t", &["blue"]), "two").await.1, Whence::Made, "{damage:?}");
        if damage.is_some() {
            assert_eq!(after.ask(wanted("a", "t", &["red"]), "two").await.1, Whence::Made, "{damage:?}");
        }
    }
}

#[tokio::test]
async fn who_shares_a_look_at_an_old_answer_does_not_pay_for_the_new_one() {
    let settings = settings::Cache { memory_mb: 0, stale_s: 3_600, ..settings::Cache::default() };
    let mut bench = Bench::new(settings, true);
    bench.worker.settle().await;
    bench.ask(wanted("a", "t", &[]), "one").await;
    bench.worker.settle().await;
    bench.hands.turn(700_000);
    let ask = || {
        let made = Made { value: Text::from("two"), life: Life::Usual };
        bench.cache.get_or(wanted("a", "t", &[]), |_| async { Ok(made) })
    };
    let (first, second) = tokio::join!(ask(), ask());
    assert_eq!((first.unwrap().age, second.unwrap().age), (Age::Renewed, Age::Stale));
}
