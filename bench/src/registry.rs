//! Every benchmark there is: what it measures, against whom, and what it must reach. Refuses to know how anything is
//! measured; a new benchmark is a row here and, where none fits, a module beside it.

use super::external::Soak;
use super::gateway::World;
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
    Gateway(World),
    OpenStreams,
    Growth,
    Panel,
    Sick,
    Tools,
    Decisions,
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
        name: "gateway",
        title: "Althing with everything on, beside others in their fastest mode",
        what: "Chats and streams of 23 events with prompts that never come twice, sent directly to `althing simulate` and \
               through nginx, crabllm, TensorZero and LiteLLM (one worker, a few requests), all without keys, limits, \
               logs and databases, and through Althing with a key and its rate, three budgets, a cache that is asked in \
               vain, prices, the ledger on SQLite and metrics: by 1 user, each request after the last answer; then \
               1,000 chats a second in open arrivals, five rounds of ten seconds, without LiteLLM; then chats that \
               Althing's memory cache answers. nginx collects answers as it does on its own, streams it passes on as \
               they come.",
        ratio: "As for `chat`; figures \"over\" somebody are medians of the rounds' ratios. TensorZero's streams wait \
                for the acknowledgements of a client that does not hurry them.",
        target: "The targets are the project's own.",
        void: "the median of the direct calls differs by more than 20 % between the halves of the rounds, anything of \
               Althing turns out to be off, `althing load` could not keep up, or a target is missed while others use \
               the machine",
        targets: &[
            ("processor per chat over nginx", Bound::AtMost(2.0)),
            ("processor per chat over crabllm", Bound::AtMost(0.9)),
            ("processor per chat over TensorZero", Bound::AtMost(0.4)),
            ("processor per chat over LiteLLM", Bound::AtMost(0.009_09)),
            ("added p50 over nginx", Bound::AtMost(2.0)),
            ("p99 at 1,000 a second over TensorZero", Bound::AtMost(0.5)),
            ("processor per stream over nginx", Bound::AtMost(2.0)),
            ("p50 of a whole stream", Bound::AtMost(1.4)),
            ("a hit's p50 over the upstream's own", Bound::AtMost(1.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Gateway(World::Ours),
    },
    Benchmark {
        name: "probe",
        title: "`gateway` with a client and a provider in Python",
        what: "The chats, streams and hits of `gateway`, sent by a client in Python over one kept connection to a provider \
               in Python, as most have them: both keep the machine busy between two requests, and whatever stands between \
               them finds its code and data gone from the processor's caches.",
        ratio: "As for `gateway`.",
        target: "The targets are the project's own.",
        void: "the median of the direct calls differs by more than 20 % between the halves of the rounds, anything of \
               Althing turns out to be off, or a target is missed while others use the machine",
        targets: &[
            ("processor per chat over nginx", Bound::AtMost(2.0)),
            ("processor per chat over crabllm", Bound::AtMost(0.9)),
            ("processor per chat over TensorZero", Bound::AtMost(0.4)),
            ("processor per chat over LiteLLM", Bound::AtMost(0.009_09)),
            ("added p50 over nginx", Bound::AtMost(2.0)),
            ("processor per stream over nginx", Bound::AtMost(2.0)),
            ("p50 of a whole stream", Bound::AtMost(1.4)),
            ("a hit's p50 over the upstream's own", Bound::AtMost(1.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Gateway(World::Python),
    },
    Benchmark {
        name: "streams-open",
        title: "a thousand open streams",
        what: "1,000 streams of 20 words, one a second, read at once through Althing with everything on (as for \
               `gateway`), three seconds after its start; resident memory is looked at five times a second while all of \
               them are open, and the median counts.",
        ratio: "",
        target: "The target is the project's own.",
        void: "they are never open all at once",
        targets: &[("resident memory with 1,000 streams", Bound::AtMost(60.0))],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::OpenStreams,
    },
    Benchmark {
        name: "growth",
        title: "memory after a million requests",
        what: "A million chats from 16 users, none like another, through Althing with everything on (as for `gateway`), \
               after a million before that fill its cache and its pools and have it do once what it does now and then. \
               Resident memory is looked at 3.5 s after each twentieth, and growth is that of a straight line through \
               the looks. Code that runs for the first time comes in by 64 KB, as the kernel reads it, and counts.",
        ratio: "",
        target: "The target is the project's own.",
        void: "anything of Althing turns out to be off",
        targets: &[("growth over the run", Bound::AtMost(1.0))],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Growth,
    },
    Benchmark {
        name: "panel",
        title: "a panel beside its members one after the other",
        what: "The time to ask each member of a panel after the last has answered, over the time until the panel has, both \
               through Althing: four members of 100 ms; five of 100 ms of which all must agree, so that none can be \
               spared; five with lognormal delays (p50 20 ms, p95 60 ms), where three that agree are enough.",
        ratio: "Factors are of the means over all questions.",
        target: "The targets are the project's own.",
        void: "a panel does not agree",
        targets: &[
            ("four members of 100 ms", Bound::AtLeast(3.9)),
            ("five of 100 ms, no early stop", Bound::AtLeast(4.8)),
            ("five with lognormal tails", Bound::AtLeast(5.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Panel,
    },
    Benchmark {
        name: "sick",
        title: "how many requests reach a sick backend",
        what: "Five upstreams offer the same model, asked for by its bare name, and answer after about a second \
               (lognormal, p95 2 s). After twenty seconds one begins to fail after 20 ms; then five minutes of \
               open arrivals count: one request a second to each of eight servers, and 20 a second to one. The \
               upstreams count what reaches them.",
        ratio: "",
        target: "The targets are the project's own; no request may fail, and all that are well must be asked.",
        void: "an upstream cannot be made sick",
        targets: &[
            ("reach the sick one, 1 request a second", Bound::AtMost(1.0)),
            ("reach the sick one, 20 requests a second", Bound::AtMost(1.0)),
        ],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Sick,
    },
    Benchmark {
        name: "tools",
        title: "finding a tool among many",
        what: "`find_tools` over MCP on one kept connection: questions that nobody has asked before, so that each is \
               embedded, to servers with 100 to 15,000 tools by turns, and to one with 5,000 that has no model; then one \
               question again and again; then five starts of a server that knows 5,000 tools.",
        ratio: "Times are those of the client, from the first byte sent to the last one read.",
        target: "The targets are the project's own.",
        void: "there is no model, or a target is missed while others use the machine",
        targets: &[
            ("p50 of 5,000", Bound::AtMost(2.0)),
            ("p95 of 5,000", Bound::AtMost(5.0)),
            ("p95 of 15,000", Bound::AtMost(8.0)),
            ("p50 of 1,000 over that of 100", Bound::AtMost(1.17)),
            ("resident memory, 5,000 tools", Bound::AtMost(150.0)),
            ("search alone, 5,000 tools", Bound::AtMost(0.3)),
            ("a repeated question, inside the server", Bound::AtMost(0.2)),
            ("texts embedded for it again", Bound::AtMost(0.0)),
            ("start to first answer, 5,000 tools", Bound::AtMost(100.0)),
            ("start to first answer with vectors", Bound::AtMost(300.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Tools,
    },
    Benchmark {
        name: "decisions",
        title: "decisions: whole ones, their parts, and many of them",
        what: "Over MCP on kept connections to a server that asks `althing simulate`: 20 options by 15 criteria at 100 ms \
               an answer and 20 questions at once; beginning a session, adding to it and reading it, each beside one \
               write and sync of 8 KB in the same folder by turns; sessions of 5 by 4 begun, evaluated and read one after \
               the other, against answers without delay; resident memory before and after 10,000 sessions with all \
               their scores; the newest hundred listed among 1,000 and among 100,000 sessions.",
        ratio: "Times are those of the client, from the first byte sent to the last one read; the ideal of the large \
                matrix is 1.5 s.",
        target: "The targets are the project's own.",
        void: "a pair is left without a score, or a target is missed while others use the machine",
        targets: &[
            ("20 × 15 at 100 ms over the ideal", Bound::AtMost(1.1)),
            ("p95 of what writes, less a sync's", Bound::AtMost(1.0)),
            ("p95 of what reads", Bound::AtMost(1.0)),
            ("whole sessions one after another", Bound::AtLeast(2_000.0)),
            ("memory of an idle session", Bound::AtMost(20.0)),
            ("listing among 100,000 over among 1,000", Bound::AtMost(1.25)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Decisions,
    },
    Benchmark {
        name: "ranking",
        title: "what a decision comes to, worked out",
        what: "A matrix of 20 options by 15 criteria, whole and with a tenth of its scores absent: every method, \
               sensitivity and the close call, and 10,000 draws over weights and the spread of scores, on one core: \
               `cargo run --release -p preference --example speed -- --json FOLDER`. The slower matrix counts.",
        ratio: "",
        target: "The targets are the project's own.",
        void: "it stops before its end, or a target is missed while others use the machine",
        targets: &[
            ("all methods and the close call", Bound::AtMost(200.0)),
            ("10,000 draws with spread", Bound::AtMost(20.0)),
        ],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "preference", example: "speed" },
    },
    Benchmark {
        name: "search",
        title: "an index that is kept, and none",
        what: "A question to 5,000 tools, by words and by its vector: to an index that is kept, and by turns to one that is \
               made anew for each question, as a pipeline without an index does. Vectors are there in both: \
               `cargo run --release -p search --example speed -- --json FOLDER`.",
        ratio: "",
        target: "It has no target.",
        void: STOPS,
        targets: &[],
        needs_quiet: false,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "search", example: "speed" },
    },
    Benchmark {
        name: "embed",
        title: "how fast the local model is",
        what: "all-MiniLM-L6-v2 in bytes on two threads, on each path that the processor has: texts of 15 to 45 words in \
               batches, and single questions of 14 words: \
               `cargo run --release -p embed --example embedding -- --json FOLDER`.",
        ratio: "Of three rounds the fastest counts.",
        target: "The target is the project's own.",
        void: "there is no model, or a target is missed while others use the machine",
        targets: &[("tokens embedded, avx512-vnni", Bound::AtLeast(30_000.0))],
        needs_quiet: true,
        drift_max: DRIFT_MAX,
        measure: Measure::Example { package: "embed", example: "embedding" },
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
