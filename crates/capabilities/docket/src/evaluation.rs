//! Scores written by one evaluation at a time, under a lease.

use crate::clock::now;
use crate::docket::Docket;
use crate::rows::{Head, History, ScoreRow, Whole};
use crate::tables::write::{self, Lease};
use crate::tables::{self, HEAD, Looking, written};
use crate::{DocketError, Whom};
use futures_util::FutureExt;
use std::sync::Arc;
use store::{Isolation, StoreError, Tx, args};

pub use crate::tables::write::End;

/// Scores and what was said, to be written.
#[derive(Debug, Default, PartialEq)]
pub struct Work {
    /// Scores; when they were given and by which evaluation is set as they are written.
    pub rows: Vec<ScoreRow>,
    /// Conversations, each whole.
    pub history: History,
}

impl Docket {
    /// Takes the lease of a decision for the server `owner`, whose own lease is free for it: the decision. Where nobody
    /// is there to be asked, `whom` is from now on. With `refresh`, [`Head::refresh`](crate::Head::refresh) tells with
    /// which evaluation all pairs began to be asked anew: this one, or one that broke off, if anything that was heard
    /// since was written within the time that an unused decision lives.
    ///
    /// # Errors
    /// [`DocketError::Running`] while somebody else holds it, [`DocketError::NoCriterion`], and as for
    /// [`Docket::change`].
    pub async fn lease(
        &self,
        looking: Looking,
        version: Option<i64>,
        owner: Arc<str>,
        lasts_ms: i64,
        whom: Whom,
        refresh: bool,
    ) -> Result<(Lease, Whole), DocketError> {
        let (clock, whom) = (self.clock.clone(), Arc::new(whom));
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (looking, owner, clock, whom) = (looking.clone(), Arc::clone(&owner), clock.clone(), Arc::clone(&whom));
            async move {
                let (mut head, now) = write::hold(tx, &clock, &looking, version, &|other| *other == *owner).await?;
                settle(tx, &mut head, &whom).await?;
                let lease = Lease { session: Arc::clone(&head.id), owner, fence: head.fence + 1, lasts_ms };
                let mut whole = tables::rest(tx, head, now).await?;
                if whole.criteria.is_empty() {
                    return Err(DocketError::NoCriterion { id: whole.head.id.to_string() });
                }
                lease.take(tx, now).await?;
                if refresh {
                    go_on(tx, &mut whole, lease.fence, now.saturating_sub(looking.ttl_ms)).await?;
                }
                Ok((lease, whole))
            }
            .boxed()
        });
        written.await
    }

    /// Writes what has landed, and renews or ends the lease. Nothing is written by whoever has lost it.
    ///
    /// # Errors
    /// [`DocketError::LeaseLost`], [`DocketError::UnknownSession`] where the decision was removed meanwhile.
    pub async fn write(&self, lease: &Lease, work: Arc<Work>, end: End) -> Result<(), DocketError> {
        let (lease, clock) = (lease.clone(), self.clock.clone());
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (lease, work, clock) = (lease.clone(), Arc::clone(&work), clock.clone());
            async move {
                let now = now(&clock, tx).await?;
                // Takes hold of the row: nobody else can take the lease before this is written, or has.
                if lease.renew(tx, now, end).await?.is_none() {
                    return Err(lost(tx, &lease).await?);
                }
                let stamp = |row: &ScoreRow| ScoreRow { at_ms: now, fence: lease.fence, ..row.clone() };
                let stamped: Vec<_> = work.rows.iter().map(stamp).collect();
                write::scores(tx, &lease.session, &stamped).await?;
                Ok(write::history(tx, &lease.session, &work.history).await?)
            }
            .boxed()
        });
        written.await
    }

    /// A decision as an evaluation has left it.
    ///
    /// # Errors
    /// [`DocketError::UnknownSession`] where it was removed meanwhile.
    pub async fn after(&self, lease: &Lease) -> Result<Whole, DocketError> {
        let read = self.store.read(|tx| {
            let (id, clock) = (Arc::clone(&lease.session), self.clock.clone());
            async move {
                let now = now(&clock, tx).await?;
                let sql = format!("SELECT {HEAD} FROM decision_sessions WHERE id = $1");
                match tx.fetch_optional(sql, args![&id]).await? {
                    Some(row) => Ok(tables::rest(tx, Head::of(&row)?, now).await?),
                    None => Err(DocketError::UnknownSession { id: id.to_string(), nearest: Vec::new() }),
                }
            }
            .boxed()
        });
        read.await
    }

    /// Ends all leases of a server that stops.
    ///
    /// # Errors
    /// [`StoreError`]; they end by themselves a little later then.
    pub async fn release(&self, owner: &Arc<str>) -> Result<(), StoreError> {
        let owner = Arc::clone(owner);
        let written = self.store.write(Isolation::ReadCommitted, move |tx| {
            let owner = Arc::clone(&owner);
            async move {
                let sql = "UPDATE decision_sessions SET lease_ms = 0, owner = '' WHERE owner = $1 AND lease_ms > 0";
                tx.execute(sql, args![owner]).await
            }
            .boxed()
        });
        written.await.map(drop)
    }
}

/// Writes down whom pairs are put to, where nobody was there when the decision was begun.
async fn settle(tx: &mut Tx, head: &mut Head, whom: &Whom) -> Result<(), StoreError> {
    let (None, Some(model)) = (&head.model, &whom.model) else { return Ok(()) };
    let instead = whom.instead.iter().filter(|instead| !head.reasons.contains(instead));
    let reasons: Vec<String> = head.reasons.iter().chain(instead).cloned().collect();
    let degraded = head.degraded || !reasons.is_empty();
    let sql = "UPDATE decision_sessions SET model = $2, degraded = $3, reasons = $4 WHERE id = $1";
    tx.execute(sql, args![&head.id, model.as_str(), degraded, written(&reasons)]).await?;
    (head.model, head.degraded, head.reasons) = (Some(model.clone()), degraded, reasons);
    Ok(())
}

/// Begins a refresh with this evaluation, unless one broke off of which something was written after `past`: that one
/// goes on.
async fn go_on(tx: &mut Tx, whole: &mut Whole, fence: i64, past: i64) -> Result<(), StoreError> {
    let began = whole.head.refresh;
    if began > 0 && whole.scores.iter().any(|row| row.fence >= began && row.at_ms > past) {
        return Ok(());
    }
    whole.head.refresh = fence;
    let sql = "UPDATE decision_sessions SET refresh = $2 WHERE id = $1";
    tx.execute(sql, args![&whole.head.id, fence]).await.map(drop)
}

/// Why a lease is no longer ours.
async fn lost(tx: &mut Tx, lease: &Lease) -> Result<DocketError, StoreError> {
    let id = lease.session.to_string();
    let row = tx.fetch_optional("SELECT 1 FROM decision_sessions WHERE id = $1", args![&lease.session]).await?;
    Ok(match row {
        Some(_) => DocketError::LeaseLost { id },
        None => DocketError::UnknownSession { id, nearest: Vec::new() },
    })
}
