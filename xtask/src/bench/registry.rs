//! Every benchmark there is: what it measures, against whom, and what it must reach. Refuses to know how anything is
//! measured; a new benchmark is a row here and, where none fits, a module beside it.

use super::external::Soak;
use super::outcome::Bound;
use super::proxy::Traffic;

/// A benchmark.
pub(super) struct Benchmark {
    /// As it is typed.
    pub(super) name: &'static str,
    /// A few words.
    pub(super) title: &'static str,
    /// A sentence: what is measured, and with which subjects.
    pub(super) what: &'static str,
    /// How it is compared with others, in a sentence; empty if it is not.
    pub(super) ratio: &'static str,
    /// Where its target comes from, in a sentence; empty if it has none.
    pub(super) target: &'static str,
    /// What would make it void, after "Void if".
    pub(super) void: &'static str,
    /// What figures must keep, by their name; measurements may set bounds of their own.
    pub(super) targets: &'static [(&'static str, Bound)],
    /// Whether a target that is missed while others use the machine says nothing: it is one of time, not of work.
    pub(super) needs_quiet: bool,
    /// The share by which the baseline may change between the halves of the rounds.
    pub(super) drift_max: f64,
    pub(super) measure: Measure,
}

/// How it is done.
pub(super) enum Measure {
    Proxy(Traffic),
    Generator,
    Truth,
    Idle,
    Example { package: &'static str, example: &'static str },
    Soak(Soak),
}

const DRIFT_MAX: f64 = 0.2;
const DRIFTS: &str = "the median of the direct calls differs by more than 20 % between the halves of the rounds";
const LIKE_THE_FASTEST: &str = "Targets are our own: what a gateway may add on two cores like these.";
const DRIFTS_OR_BUSY: &str = "the median of the direct calls differs by more than 20 % between the halves of the rounds, \
    or a target is missed while others use the machine";
/// What examples share.
const STOPS: &str = "it stops before its end";

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "chat",
        title: "what Althing adds to a chat",
        what: "A chat of about 200 bytes, answered with 20 words, sent directly to `althing simulate`, through nginx in \
               front of it (`proxy_pass` with kept connections: what any proxy must cost) and through Althing, by 1 user \
               and by 16, each of whom sends the next request when the last is answered.",
        ratio: "Added is Althing's time less the direct time of the same round; ratios are Althing over nginx.",
        target: LIKE_THE_FASTEST,
        void: DRIFTS_OR_BUSY,
        targets: &[
            ("added p50, 1 user", Bound::AtMost(0.09)),
            ("processor per request, 1 user", Bound::AtMost(78.0)),
            ("processor per request, 16 users", Bound::AtMost(78.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Proxy(Traffic { stream: false, levels: &[(1, 3_000), (16, 8_000)], rate: false }),
    },
    Benchmark {
        name: "stream",
        title: "what Althing adds to a stream",
        what: "The same as a stream of 23 events (role, 20 words, end, `[DONE]`), which Althing forwards byte for byte \
               and reads on the side for its usage; nginx passes it on as it comes (`proxy_buffering off`).",
        ratio: "As for `chat`; first content is the time until the first word.",
        target: LIKE_THE_FASTEST,
        void: DRIFTS,
        targets: &[
            ("processor per request, 1 user", Bound::AtMost(240.0)),
            ("processor per request, 16 users", Bound::AtMost(240.0)),
        ],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Proxy(Traffic { stream: true, levels: &[(1, 1_500), (16, 4_000)], rate: false }),
    },
    Benchmark {
        name: "throughput",
        title: "how many chats go through",
        what: "The chats of `chat` from 64 users without a pause. Generator, upstream and proxy share the cores, so the \
               rate is that of all three together; what a core carries is reckoned from the proxy's processor time.",
        ratio: "Ratios are Althing over nginx, round by round.",
        target: "The target is our own.",
        void: DRIFTS,
        targets: &[("requests per core, 64 users", Bound::AtLeast(12_800.0))],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Proxy(Traffic { stream: false, levels: &[(64, 20_000)], rate: true }),
    },
    Benchmark {
        name: "generator",
        title: "what `althing load` gets out of a core",
        what: "Requests for each second of processor time that the generator takes, on one thread with 16 connections, \
               against `simulate` without latency, beside `wrk` and `hey`. The whole run has the start of the process \
               and its report in it.",
        ratio: "Shares are `althing load` over `wrk`.",
        target: "The target is 0.3 of `wrk`, which keeps no schedule and judges nothing; 0.5 is wanted \
                 next, and what a request may cost then is told.",
        void: "the median of `wrk` differs by more than 20 % between the halves of the rounds",
        targets: &[
            ("share of wrk, the whole run", Bound::AtLeast(0.3)),
            ("share of wrk, sending alone", Bound::AtLeast(0.3)),
        ],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Generator,
    },
    Benchmark {
        name: "truth",
        title: "whether `althing load` tells the truth",
        what: "2,000 arrivals a second, open, against `simulate` with lognormal delays (p50 20 ms, p95 60 ms): what \
               `althing load` says of the percentiles, and what `simulate` measured itself (`GET /_delays`). The round \
               that is furthest off counts.",
        ratio: "",
        target: "Within 1 ms, or 1 % if that is more.",
        void: "a request fails, the two counts differ, `althing load` says that it could not keep up, or a target is missed \
               while others use the machine",
        targets: &[],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Truth,
    },
    Benchmark {
        name: "idle",
        title: "what an idle server takes",
        what: "`althing up` without settings, which nobody calls, watched for a minute.",
        ratio: "",
        target: "The targets are the project's own.",
        void: "it does not start",
        targets: &[("resident memory", Bound::AtMost(25.0)), ("processor", Bound::AtMost(0.2))],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Idle,
    },
    Benchmark {
        name: "key_check",
        title: "what it takes to judge a key",
        what: "From a request's headers to whether it may go on, without a socket: `cargo run --release -p access \
               --example key_check`. Keys that are forged or malformed cost no look into the store.",
        ratio: "",
        target: "The target is the project's own.",
        void: "it stops before its end, or its target is missed while others use the machine",
        targets: &[],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "access", example: "key_check" },
    },
    Benchmark {
        name: "books_cost",
        title: "what budgets and the ledger add to a call",
        what: "Processor time added to a call with three budgets in force and the ledger on SQLite, which waits for the \
               disk: `cargo run --release -p books --example books_cost`.",
        ratio: "",
        target: "The target is the project's own.",
        void: STOPS,
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "books", example: "books_cost" },
    },
    Benchmark {
        name: "store",
        title: "how fast the store is",
        what: "SQLite with full durability, and PostgreSQL (serializable, `fsync` on) beside `pgbench` with the same \
               statements, clients and server, in rounds by turns: `cargo run --release -p store --example bench`.",
        ratio: "Ratios are transactions per second over those of `pgbench`, round by round.",
        target: "The targets are the project's own.",
        void: "a target is missed while others want every core, or it stops before its end",
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "store", example: "bench" },
    },
    Benchmark {
        name: "kills",
        title: "killed under load",
        what: "The server is killed under load a hundred times; whatever it had acknowledged must be there after each: \
               the test `durability`, which `make test` runs with ten.",
        ratio: "",
        target: "Nothing acknowledged may be lost.",
        void: "the test cannot be built",
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Soak(Soak {
            package: "althing",
            test: &["--test", "blackbox", "durability"],
            variable: "ALTHING_KILLS",
            count: (100, 3),
            unit: "kills, nothing lost",
        }),
    },
    Benchmark {
        name: "fuzz",
        title: "mutated chat bodies",
        what: "A million mutated chat bodies through the whole HTTP door: none may be answered with an error of ours. \
               The test `no_body_is_our_fault`, which `make test` runs shorter.",
        ratio: "",
        target: "No body may be our fault.",
        void: "the test cannot be built",
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Soak(Soak {
            package: "http-door",
            test: &["no_body_is_our_fault"],
            variable: "ALTHING_FUZZ_CASES",
            count: (1_000_000, 20_000),
            unit: "bodies, none our fault",
        }),
    },
    Benchmark {
        name: "streams",
        title: "event streams: nothing lost, and what they cost",
        what: "Ten million random event streams in random pieces, each held byte for byte and event for event against a \
               plain reader of the standard (the fuzz of which `make test` runs a hundred thousand); then, in processor \
               time of one thread, events cut and read, and streams of 22 events translated: `cargo run --release -p \
               anthropic --example streams`.",
        ratio: "",
        target: "Nothing may be lost or reordered; that a translation takes at most 150 µs is the project's own.",
        void: STOPS,
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "anthropic", example: "streams" },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_they_are() {
        for row in BENCHMARKS {
            assert_eq!(BENCHMARKS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
            assert!(row.what.ends_with('.') && !row.void.is_empty() && !row.title.is_empty(), "{}", row.name);
            assert!(row.targets.is_empty() || !row.target.is_empty(), "{} says not where its target is from", row.name);
        }
    }
}
