//! The room's face: decisions begun, found, listed, changed and removed, each in one transaction.

use crate::change::{Change, Flagged, apply};
use crate::clock::{Clock, Ids, now};
use crate::decision::{Decision, Listed};
use crate::rows::{Head, History, Place, Whole};
use crate::tables::remove::{self, Which};
use crate::tables::write::{self, Begun, Room};
use crate::tables::{self, Looking};
use crate::{DocketError, check};
use futures_util::FutureExt;
use settings::Decisions;
use std::sync::{Arc, OnceLock};
use store::{Isolation, Page, Store, StoreError, Tx, Value, args, decode_cursor, page_limit};

/// What stands behind all ids, which begin with `dec_`.
const BEHIND_ALL: &str = "e";

/// Tells whether a lease of an owner counts no more.
pub type Free = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// All decisions of all tenants.
pub struct Docket {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    ids: Arc<Ids>,
    flagged: Flagged,
}

impl Docket {
    /// Opens the tables, making them where they are not there yet. `flagged` tells what texts try to order a model.
    ///
    /// # Errors
    /// [`DocketError::Store`].
    pub async fn open(store: Store, clock: Clock, flagged: Flagged) -> Result<Self, DocketError> {
        tables::migrate(&store).await?;
        Ok(Self { store, clock, ids: Arc::new(Ids::default()), flagged })
    }

    /// Milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`]: it is the store that tells the time.
    pub async fn now_ms(&self) -> Result<i64, StoreError> {
        let clock = self.clock.clone();
        let read = self.store.read(|tx| {
            let clock = clock.clone();
            async move { now(&clock, tx).await }.boxed()
        });
        read.await
    }

    /// Begins a decision; where the tenant has too many then, those used least recently go, but none that is being
    /// evaluated. It, and how many went.
    ///
    /// # Errors
    /// [`DocketError::Full`] where none can go.
    pub async fn begin(&self, begun: Begun, room: Room) -> Result<(Whole, u64), DocketError> {
        let (clock, ids) = (self.clock.clone(), Arc::clone(&self.ids));
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (begun, clock, ids) = (begun.clone(), clock.clone(), Arc::clone(&ids));
            async move {
                let now = now(&clock, tx).await?;
                let begun = Begun { id: ids.make(now)?.into(), ..begun };
                let gone = write::begin(tx, &begun, now, room).await?;
                Ok((begun.whole(now), gone))
            }
            .boxed()
        });
        written.await
    }

    /// A decision itself, and what time it is.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`], also for one past its time and for another tenant's.
    pub async fn head(&self, looking: &Looking) -> Result<(Head, i64), DocketError> {
        let read = self.store.read(|tx| {
            let (looking, clock) = (looking.clone(), self.clock.clone());
            async move { looking.head(tx, &clock).await }.boxed()
        });
        read.await
    }

    /// A decision with all that belongs to it.
    ///
    /// # Errors
    /// As for [`Docket::head`].
    pub async fn whole(&self, looking: &Looking) -> Result<Whole, DocketError> {
        let read = self.store.read(|tx| {
            let (looking, clock) = (looking.clone(), self.clock.clone());
            async move { looking.whole(tx, &clock).await }.boxed()
        });
        read.await
    }

    /// What was said about each pair of a decision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(&self, session: &Arc<str>) -> Result<History, StoreError> {
        let read = self.store.read(|tx| {
            let session = Arc::clone(session);
            async move { tables::history(tx, &session).await }.boxed()
        });
        read.await
    }

    /// What was said about these pairs of a decision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history_of(&self, session: &Arc<str>, places: &[Place]) -> Result<History, StoreError> {
        let places: Arc<[Place]> = places.into();
        let read = self.store.read(|tx| {
            let (session, places) = (Arc::clone(session), Arc::clone(&places));
            async move { tables::history_of(tx, &session, &places).await }.boxed()
        });
        read.await
    }

    /// Notes that a decision was used at that moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch(&self, session: &Arc<str>, at_ms: i64) -> Result<(), StoreError> {
        let id = Arc::clone(session);
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let id = Arc::clone(&id);
            async move {
                let sql = "UPDATE decision_sessions SET touched_ms = $2 WHERE id = $1 AND touched_ms < $2";
                tx.execute(sql, args![id, at_ms]).await
            }
            .boxed()
        });
        written.await.map(drop)
    }

    /// A tenant's decisions, newest first, in pages; those unused for longer than that are not there.
    ///
    /// # Errors
    /// [`DocketError::Cursor`].
    pub async fn list(
        &self,
        tenant: &Arc<str>,
        ttl_ms: i64,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Page<Listed>, DocketError> {
        let limit = page_limit(limit);
        let behind = cursor.map(|cursor| decode_cursor(cursor, 1)).transpose()?.and_then(|mut key| key.pop());
        let behind: Arc<str> = behind.unwrap_or_else(|| BEHIND_ALL.to_owned()).into();
        let read = self.store.read(|tx| {
            let (tenant, behind, clock) = (Arc::clone(tenant), Arc::clone(&behind), self.clock.clone());
            async move {
                let now = now(&clock, tx).await?;
                let sql = format!(
                    "SELECT {} FROM decision_sessions WHERE tenant = $1 AND id < $2 \
                     AND (touched_ms > $3 OR lease_ms > $4) ORDER BY id DESC LIMIT $5",
                    tables::HEAD
                );
                let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
                let rows = tx.fetch_all(sql, args![tenant, behind, now.saturating_sub(ttl_ms), now, most]).await?;
                let heads = rows.iter().map(Head::of).collect::<Result<Vec<_>, _>>()?;
                Ok(Page::cut(listed(tx, heads, now).await?, limit, |it: &Listed| vec![it.id.clone()]))
            }
            .boxed()
        });
        read.await
    }

    /// Changes a decision; it as it is then. `free` tells whether a lease of this owner counts no more, because it
    /// evaluates nothing of it; it is asked while nobody else can take the lease.
    ///
    /// # Errors
    /// [`DocketError`]: it is not there, has another version, is being evaluated, or the change does not fit.
    pub async fn change(
        &self,
        looking: Looking,
        version: Option<i64>,
        free: Free,
        change: Change,
        rules: Arc<Decisions>,
    ) -> Result<Decision, DocketError> {
        let (clock, flagged, change) = (self.clock.clone(), self.flagged, Arc::new(change));
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (looking, change, free) = (looking.clone(), Arc::clone(&change), Arc::clone(&free));
            let (rules, clock) = (Arc::clone(&rules), clock.clone());
            async move {
                let (mut head, now) = write::hold(tx, &clock, &looking, version, &*free).await?;
                write::let_go(tx, &mut head).await?;
                let whole = tables::rest(tx, head, now).await?;
                apply(tx, &whole, &change, (&rules, flagged)).await?;
                looking.whole(tx, &clock).await
            }
            .boxed()
        });
        // What it is told as takes time that a writer should not.
        written.await.map(|whole: Whole| whole.decision())
    }

    /// Removes a decision, also one that is being evaluated.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`], [`DocketError::Stale`].
    pub async fn remove(&self, looking: Looking, version: Option<i64>) -> Result<(), DocketError> {
        let clock = self.clock.clone();
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (looking, clock) = (looking.clone(), clock.clone());
            async move { remove::one(tx, &clock, &looking, version).await }.boxed()
        });
        written.await
    }

    /// Removes up to [`REMOVED_MAX`](crate::REMOVED_MAX) decisions; how many went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_some(&self, which: Which) -> Result<u64, StoreError> {
        let (which, clock) = (Arc::new(which), self.clock.clone());
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (which, clock) = (Arc::clone(&which), clock.clone());
            async move {
                let now = now(&clock, tx).await?;
                remove::some(tx, &which, now).await
            }
            .boxed()
        });
        written.await
    }

    /// How many decisions there are of a tenant, or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, tenant: Option<&Arc<str>>) -> Result<u64, StoreError> {
        let read = self.store.read(|tx| {
            let tenant = tenant.map(Arc::clone);
            async move {
                match tenant {
                    Some(tenant) => remove::count_of(tx, &tenant).await,
                    None => remove::count(tx).await,
                }
            }
            .boxed()
        });
        Ok(read.await?.max(0).unsigned_abs())
    }

    /// How many decisions of a tenant are alive: those unused for longer than that are not, though they are still kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_alive(&self, tenant: &Arc<str>, ttl_ms: i64) -> Result<u64, StoreError> {
        let read = self.store.read(|tx| {
            let (tenant, clock) = (Arc::clone(tenant), self.clock.clone());
            async move {
                let now = now(&clock, tx).await?;
                // Those that are not are swept every few minutes, and so are few: only they are counted one by one.
                let sql = "SELECT COALESCE((SELECT sessions FROM decision_tenants WHERE tenant = $1), 0) \
                           - (SELECT COUNT(*) FROM decision_sessions WHERE tenant = $1 AND touched_ms <= $2 \
                              AND lease_ms <= $3)";
                tx.fetch_one(sql, args![tenant, now.saturating_sub(ttl_ms), now]).await?.get::<i64>(0)
            }
            .boxed()
        });
        Ok(read.await?.max(0).unsigned_abs())
    }

    /// A tenant that has ever begun a decision and is not this one, if there is any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn other_than(&self, tenant: &Arc<str>) -> Result<Option<Arc<str>>, StoreError> {
        let read = self.store.read(|tx| {
            let tenant = Arc::clone(tenant);
            async move {
                let sql = "SELECT tenant FROM decision_tenants WHERE tenant <> $1 LIMIT 1";
                tx.fetch_optional(sql, args![tenant]).await?.map(|row| row.get(0)).transpose()
            }
            .boxed()
        });
        read.await
    }

    /// What in texts tries to order a model.
    pub fn flags(&self, name: &str, description: &str) -> Vec<String> {
        (self.flagged)(name, description)
    }
}

impl Looking {
    /// A tenant's decision, unless it was not used for so long.
    pub fn new(tenant: &Arc<str>, id: &str, ttl_ms: i64) -> Self {
        // No id has as many characters as that.
        let id: String = id.trim().chars().filter(|c| *c != '\0').take(check::ID_CHARS_MAX).collect();
        Self { tenant: Arc::clone(tenant), id: id.into(), ttl_ms }
    }
}

impl Begun {
    /// The decision as it is then.
    fn whole(self, now: i64) -> Whole {
        let next_id = (self.options.len() + self.criteria.len()) as i64 + 1;
        let head = Head {
            id: self.id,
            topic: self.topic,
            backend: self.backend,
            model: self.model,
            temperature: self.temperature,
            degraded: self.degraded,
            reasons: self.reasons,
            comparisons: Vec::new(),
            version: 1,
            next_id,
            created_ms: now,
            touched_ms: now,
            evaluated_ms: None,
            evaluations: 0,
            owner: String::new(),
            lease_ms: 0,
            fence: 0,
            refresh: 0,
        };
        Whole {
            head,
            options: self.options,
            criteria: self.criteria,
            scores: Vec::new(),
            now_ms: now,
            current: OnceLock::new(),
        }
    }
}

/// Decisions of a list, with the names of what they hold.
async fn listed(tx: &mut Tx, heads: Vec<Head>, now: i64) -> Result<Vec<Listed>, StoreError> {
    let mut named = [Vec::new(), Vec::new()];
    if !heads.is_empty() {
        let places: Vec<String> = (1..=heads.len()).map(|at| format!("${at}")).collect();
        let places = places.join(", ");
        for (names, table) in named.iter_mut().zip(["decision_options", "decision_criteria"]) {
            let sql = format!("SELECT session, name FROM {table} WHERE session IN ({places}) ORDER BY session, id");
            let args: Vec<Value> = heads.iter().map(|head| Value::from(&head.id)).collect();
            for row in tx.fetch_all(sql, args).await? {
                names.push((row.get::<Arc<str>>(0)?, row.get::<String>(1)?));
            }
        }
    }
    let [options, criteria] = named;
    let of = |all: &[(Arc<str>, String)], id: &Arc<str>| -> Vec<String> {
        let from = all.partition_point(|(session, _)| session < id);
        let own = all.iter().skip(from).take_while(|(session, _)| session == id);
        own.map(|(_, name)| name.clone()).collect()
    };
    let listed = |head: Head| Listed {
        options: of(&options, &head.id),
        criteria: of(&criteria, &head.id),
        id: head.id.to_string(),
        topic: head.topic,
        created_ms: head.created_ms,
        touched_ms: head.touched_ms,
        evaluations_run: head.evaluations,
        evaluated_ms: head.evaluated_ms,
        evaluating: head.lease_ms > now,
        version: head.version,
    };
    Ok(heads.into_iter().map(listed).collect())
}
