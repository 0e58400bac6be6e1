//! Whatever happens in whatever order: all tiers give the same bytes, and nobody what is dead, dropped or not theirs.

use super::tests::{Bench, wanted};
use crate::Scope;
use crate::work::exchange;
use proptest::prelude::*;

/// What can happen, in any order.
#[derive(Debug, Clone)]
enum Event {
    Ask {
        name: u8,
        tenant: u8,
        tag: u8,
    },
    Refresh {
        name: u8,
        tenant: u8,
    },
    Wait {
        s: u16,
    },
    Drop {
        tag: u8,
    },
    DropTenant {
        tenant: u8,
    },
    Restart,
    /// Redis loses what was dropped, and nothing else.
    Loss,
    Settle,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..4_u8, 0..2_u8, 0..2_u8).prop_map(|(name, tenant, tag)| Event::Ask { name, tenant, tag }),
        1 => (0..4_u8, 0..2_u8).prop_map(|(name, tenant)| Event::Refresh { name, tenant }),
        2 => (0..400_u16).prop_map(|s| Event::Wait { s }),
        1 => (0..2_u8).prop_map(|tag| Event::Drop { tag }),
        1 => (0..2_u8).prop_map(|tenant| Event::DropTenant { tenant }),
        1 => Just(Event::Restart),
        1 => Just(Event::Loss),
        2 => Just(Event::Settle),
    ]
}

/// What a model would say to this question of this tenant: always the same, as a cacheable one does.
fn answer(name: u8, tenant: u8) -> String {
    format!("tenant {tenant} asked {name}: {}", "words ".repeat(usize::from(name) * 100))
}

fn configurations() -> Vec<(settings::Cache, bool)> {
    let with = |memory_mb, disk_mb| settings::Cache { memory_mb, disk_mb, stale_s: 100, ..settings::Cache::default() };
    [
        (with(0, 0), false),
        (with(4, 0), false),
        (with(0, 4), false),
        (with(4, 4), false),
        (with(4, 4), true),
        (with(0, 0), true),
    ]
    .to_vec()
}

/// What everybody was told.
async fn play(settings: settings::Cache, remote: bool, events: &[Event]) -> Vec<String> {
    let mut bench = Bench::new(settings, remote);
    let mut told = Vec::new();
    for event in events {
        match *event {
            Event::Ask { name, tenant, tag } => {
                let wanted = wanted(&name.to_string(), &tenant.to_string(), &[&tag.to_string()]);
                told.push(format!("{:?}", bench.ask(wanted, &answer(name, tenant)).await.0));
            }
            Event::Refresh { name, tenant } => {
                let wanted = crate::Wanted { new: true, ..wanted(&name.to_string(), &tenant.to_string(), &[]) };
                told.push(format!("{:?}", bench.ask(wanted, &answer(name, tenant)).await.0));
            }
            Event::Wait { s } => bench.hands.turn(u64::from(s) * 1_000),
            Event::Drop { tag } => {
                let tag = Some(tag.to_string().into());
                bench.cache.forget(Scope { tenant: None, tag }).await;
            }
            Event::DropTenant { tenant } => {
                let tenant = Some(tenant.to_string().into());
                bench.cache.forget(Scope { tenant, tag: None }).await;
            }
            Event::Restart => bench = bench.restarted(),
            Event::Loss => {
                bench.lose_drops();
                bench.hands.turn(1);
            }
            Event::Settle => bench.worker.settle().await,
        }
    }
    told
}

/// Answers numbered as they are made, so that it shows which one was given: never one from before a drop that names it,
/// never a dead one, never another tenant's.
async fn numbered(settings: settings::Cache, remote: bool, events: &[Event]) -> Result<(), TestCaseError> {
    let mut bench = Bench::new(settings, remote);
    exchange(&bench.cache).await;
    let (mut made, mut now_s) = (0_usize, 0_u64);
    // When each answer was made, and for whom.
    let mut log: Vec<(u64, u8, u8)> = Vec::new();
    // The first answer that each drop leaves alone.
    let mut tags = [0_usize; 2];
    let mut tenants = [0_usize; 2];
    for event in events {
        match *event {
            Event::Ask { name, tenant, .. } => {
                // The tag is part of the question here, so that it is known of every answer.
                let tag = name % 2;
                let text = made.to_string();
                let (got, whence) =
                    bench.ask(wanted(&name.to_string(), &tenant.to_string(), &[&tag.to_string()]), &text).await;
                if whence == crate::Whence::Made {
                    log.push((now_s, name, tenant));
                    made += 1;
                }
                let number = (0..made).find(|number| got == number.to_string().as_str().into());
                let number = number.ok_or_else(|| TestCaseError::fail("an answer that nobody made"))?;
                let (at_s, of_name, of_tenant) = log[number];
                prop_assert_eq!((of_name, of_tenant), (name, tenant), "somebody else's answer");
                prop_assert!(now_s - at_s < 760, "a dead answer: {} s", now_s - at_s);
                prop_assert!(number >= tags[usize::from(tag)], "a dropped answer");
                prop_assert!(number >= tenants[usize::from(tenant)], "a dropped answer of a tenant");
            }
            Event::Refresh { .. } => {}
            Event::Wait { s } => {
                bench.hands.turn(u64::from(s) * 1_000);
                now_s += u64::from(s);
            }
            Event::Drop { tag } => {
                bench.cache.forget(Scope { tenant: None, tag: Some(tag.to_string().into()) }).await;
                tags[usize::from(tag)] = made;
            }
            Event::DropTenant { tenant } => {
                bench.cache.forget(Scope { tenant: Some(tenant.to_string().into()), tag: None }).await;
                tenants[usize::from(tenant)] = made;
            }
            // Whoever starts learns first what was dropped.
            Event::Restart => {
                bench = bench.restarted();
                exchange(&bench.cache).await;
            }
            Event::Loss => {
                bench.lose_drops();
                bench.hands.turn(1);
            }
            // Renewals would make answers out of turn.
            Event::Settle => {
                exchange(&bench.cache).await;
                bench.worker.settle_writes().await;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_tiers_give_the_same_bytes(events in prop::collection::vec(event(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told: Vec<_> = configurations()
            .into_iter()
            .map(|(settings, remote)| runtime.block_on(play(settings, remote, &events)))
            .collect();
        for other in &told[1..] {
            prop_assert_eq!(&told[0], other);
        }
    }

    #[test]
    fn nobody_gets_what_is_dropped_dead_or_somebody_elses(events in prop::collection::vec(event(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (settings, remote) in configurations() {
            runtime.block_on(numbered(settings, remote, &events))?;
        }
    }
}
