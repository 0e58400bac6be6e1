//! What a turn decides, once it has locked the rows of the budgets that it is about. Pure: no store, no clock.

use super::window::IDLE_SHARE;
use caller::NanoUsd;

/// How this process stands with one window when a turn begins.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) limit: NanoUsd,
    pub(super) alert_at: NanoUsd,
    /// What the store has set aside for this process.
    pub(super) leased: NanoUsd,
    /// What has to stay set aside, whatever the turn decides.
    pub(super) held: NanoUsd,
    /// The part of `held` that is idle.
    pub(super) kept: NanoUsd,
    /// The part of `held` that is spent.
    pub(super) unwritten: NanoUsd,
    /// What this turn writes as spent.
    pub(super) flushing: NanoUsd,
    /// What would be good to have idle.
    pub(super) target: NanoUsd,
}

/// What the store says about one window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) spent: NanoUsd,
    pub(super) reserved: NanoUsd,
    /// The limit for which an alert was raised; 0 if none was. A server that does not know of a greater limit yet must
    /// not raise it once more.
    pub(super) alerted: NanoUsd,
}

/// What one request asks for, of the windows that have too little of it in memory.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Which positions.
    pub(super) at: Vec<usize>,
    /// The most it can cost.
    pub(super) most: NanoUsd,
    /// What it needs at least.
    pub(super) least: NanoUsd,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It gets this much, of each position that it asked for.
    Granted(Vec<NanoUsd>),
    /// There is too little.
    Short {
        /// Of which position.
        at: usize,
        /// How much nobody holds.
        left: NanoUsd,
        /// Whether there may be enough once others have given back what they hold.
        hope: bool,
    },
}

/// What is written about one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// Added to what is spent.
    pub(super) spent: NanoUsd,
    /// Added to what is reserved.
    pub(super) reserved: NanoUsd,
    /// What this process has set aside from now on.
    pub(super) lease: NanoUsd,
    /// What nobody holds from now on.
    pub(super) free: NanoUsd,
    /// Whether this is when the alert is due.
    pub(super) alert: bool,
}

impl Move {
    /// Whether nothing has to be written.
    pub(super) fn is_nothing(&self) -> bool {
        self.spent == 0 && self.reserved == 0 && !self.alert
    }
}

/// What is free and what is held while the requests in line are looked at.
struct Till {
    free: NanoUsd,
    lease: NanoUsd,
    /// What is not spent.
    unspent: NanoUsd,
    /// Somebody earlier in line is short of it.
    blocked: bool,
}

/// Decides, first come first served, and never lets what is spent and reserved pass a limit; money that requests
/// hold already stays reserved even where that is more.
pub(super) fn decide(positions: &[Position], found: &[Found], asks: &[Asked]) -> (Vec<Move>, Vec<Verdict>) {
    let mut tills: Vec<Till> = positions.iter().zip(found).map(|(position, found)| open(position, *found)).collect();
    let verdicts = asks.iter().map(|asked| judge(&mut tills, asked)).collect();
    let moves = positions.iter().zip(found).zip(tills);
    (moves.map(|((position, found), till)| close(position, *found, till)).collect(), verdicts)
}

fn open(position: &Position, found: Found) -> Till {
    let spent = found.spent + position.flushing;
    let others = found.reserved - position.leased;
    let free = position.limit - spent - others - position.held;
    Till { free, lease: position.held, unspent: position.limit - spent - position.unwritten, blocked: false }
}

fn judge(tills: &mut [Till], asked: &Asked) -> Verdict {
    let short = asked.at.iter().copied().find(|at| {
        let till = &tills[*at];
        till.blocked || till.free < asked.least
    });
    if let Some(at) = short {
        let hopeless = asked.at.iter().copied().find(|at| tills[*at].unspent < asked.least);
        let (at, hope) = hopeless.map_or((at, true), |at| (at, false));
        tills[at].blocked |= hope;
        return Verdict::Short { at, left: tills[at].free.max(0), hope };
    }
    let grant = |at: &usize| {
        let till = &mut tills[*at];
        let amount = asked.most.min(till.free);
        till.free -= amount;
        till.lease += amount;
        amount
    };
    Verdict::Granted(asked.at.iter().map(grant).collect())
}

fn close(position: &Position, found: Found, till: Till) -> Move {
    let more = if till.blocked { 0 } else { (position.target - position.kept).clamp(0, till.free.max(0) / IDLE_SHARE) };
    Move {
        spent: position.flushing,
        reserved: till.lease + more - position.leased,
        lease: till.lease + more,
        free: till.free - more,
        alert: found.alerted < position.limit && found.spent + position.flushing >= position.alert_at,
    }
}
