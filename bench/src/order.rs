//! Which functions run: written down for the linker, which puts them side by side, first those that requests pass
//! through, then those that run now and then while requests do, then those that run once in thousands of requests or while
//! nothing happens, then those that a start needs. On a core that has just woken, most of a request's time is waiting for
//! code, and code from a hundred pages comes sooner than the same code from five hundred; and what lies between is not held
//! in memory. Knows how calls are counted; refuses to know what the functions do.

use super::full::Full;
use super::load::{self, Plan, Prompts};
use super::process::{Folder, Server};
use super::{Setup, ask, binary, installed, proxy, write_failed};
use crate::trouble::Trouble;
use crate::trouble::output;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// What the linker is told; `crates/althing/build.rs` hands it on.
const SCRIPT: &str = "crates/althing/hot.ld";
/// What code is fetched in.
const LINE_BYTES: u64 = 64;
const PAGE_BYTES: u64 = 4_096;
/// Requests that warm up, and those whose code counts; a line is hot that ran half as often as there were requests.
const WARM: u32 = 200;
const COUNTED: u32 = 400;
/// Requests before, after which the cache replaces answers, as one does that has run for a while: it keeps 15,000.
const FILL: u32 = 20_000;
/// At once, while what runs now and then is counted: most of what is rare is that two meet.
const USERS: u32 = 16;
/// How long after its start a server rests, and how long it is watched then: some things are done once a minute.
const REST: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(70);

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum While {
    /// Requests are answered.
    Asked(Load),
    /// Many requests are answered, several at once, and then nothing happens but that somebody reads the metrics.
    Seldom,
    /// It starts, and all else.
    Starting,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) stream: bool,
    pub(super) prompts: Prompts,
}

/// What requests are, wherever it is counted what they do.
pub(super) const LOADS: [Load; 3] = [
    Load { stream: false, prompts: Prompts::Unique },
    Load { stream: true, prompts: Prompts::Unique },
    Load { stream: false, prompts: Prompts::Same },
];

/// The lines of functions, by their place among the symbols.
type Lines = HashMap<usize, BTreeSet<u64>>;

/// A function in the binary: its address, its bytes, its name.
type Symbol = (u64, u64, String);

/// Counts anew and writes the script.
pub fn run() -> Result<ExitCode, Trouble> {
    let missing: Vec<&str> =
        ["valgrind", "callgrind_control", "nm"].into_iter().filter(|name| installed(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(Trouble::Bench {
            what: format!("`{}` is not there: apt-get install valgrind binutils", missing.join("` and `")),
        });
    }
    // As the kernel and valgrind name it.
    let binary = std::fs::canonicalize(binary()).map_err(|error| Trouble::Bench { what: error.to_string() })?;
    let symbols = functions(&binary)?;
    let (mut hot, mut warm, mut seldom, mut started) = (Lines::new(), Lines::new(), Lines::new(), Lines::new());
    for (load, at) in LOADS.into_iter().zip(1..) {
        eprintln!("counting what requests pass through, {at} of {}", LOADS.len());
        let (counts, base) = counted(&binary, While::Asked(load))?;
        note(&counts, (&binary, base), COUNTED / 2, &symbols, &mut hot);
        // Among them what a connection begins with, and the ledger's turns.
        note(&counts, (&binary, base), 1, &symbols, &mut warm);
    }
    eprintln!("counting what runs now and then, and while nothing happens");
    let (counts, base) = counted(&binary, While::Seldom)?;
    note(&counts, (&binary, base), 1, &symbols, &mut seldom);
    eprintln!("counting what runs from the start on");
    let (counts, base) = counted(&binary, While::Starting)?;
    note(&counts, (&binary, base), 1, &symbols, &mut started);
    if hot.is_empty() {
        return Err(Trouble::Bench { what: "nothing of the binary was seen to run".to_owned() });
    }
    let pages: BTreeSet<u64> = hot.iter().flat_map(|(at, lines)| pages(&symbols[*at], lines)).collect();
    let script = script(&symbols, &[&hot, &warm, &seldom, &started]);
    std::fs::write(SCRIPT, script).map_err(|source| write_failed(Path::new(SCRIPT), source))?;
    let (functions, pages) = (hot.len(), pages.len());
    println!("{functions} functions with hot code, which lies on {pages} pages in this build; {SCRIPT} is written");
    Ok(ExitCode::SUCCESS)
}

/// The pages of the hot lines of a function.
fn pages((start, ..): &Symbol, lines: &BTreeSet<u64>) -> impl Iterator<Item = u64> {
    lines.iter().map(move |line| (start + line * LINE_BYTES) / PAGE_BYTES)
}

/// How much of the script, from 0 to 1, names what is in this binary; none if that cannot be said.
pub(super) fn up_to_date(binary: &Path) -> Option<f64> {
    let symbols = functions(binary).ok()?;
    share(&std::fs::read_to_string(SCRIPT).ok()?, &symbols)
}

fn share(script: &str, symbols: &[Symbol]) -> Option<f64> {
    let there: BTreeSet<String> = symbols.iter().map(|(.., name)| own(name)).collect();
    let listed = script.lines().take_while(|line| line.trim() != ELSE.trim());
    let names = listed.filter_map(|line| line.trim().strip_prefix("*(")?.strip_suffix(')'));
    let (all, found) =
        names.fold((0_u32, 0_u32), |(all, found), name| (all + 1, found + u32::from(there.contains(name))));
    (all > 0).then(|| f64::from(found) / f64::from(all))
}

/// How often each instruction ran meanwhile, and where the binary lay.
fn counted(binary: &Path, what: While) -> Result<(String, u64), Trouble> {
    let folder = Folder::new()?;
    let upstream = Server::simulate(binary, &proxy::script())?;
    let told = folder.path().join("counts");
    let wrapper = wrapper(&folder, binary, &told, what == While::Starting)?;
    let watched = Setup { binary: wrapper, folder: folder.path().to_owned(), quick: true };
    let ours = Full::start(&watched, upstream.address, "")?;
    let plain = Setup { binary: binary.to_owned(), ..watched };
    let send_from = |users, Load { stream, prompts }, requests| {
        load::answered(&plain, &Plan { users, stream, prompts, requests, ..ours.plan() }, ours.server.address)
    };
    let send = |load, requests| send_from(1, load, requests);
    let pid = ours.server.id().to_string();
    let control = |option: &str| output(&["callgrind_control", option, &pid]).map(|_| ());
    let all = || LOADS.into_iter().try_for_each(|load| send(load, WARM));
    if what != While::Starting {
        send(LOADS[0], FILL)?;
    }
    match what {
        While::Asked(load) => {
            send(load, WARM)?;
            control("--instr=on")?;
            send(load, COUNTED)?;
            control("--instr=off")?;
        }
        While::Seldom => {
            all()?;
            sleep(REST);
            control("--instr=on")?;
            send_from(USERS, LOADS[0], FILL)?;
            sleep(IDLE);
            ask::ask(ours.server.address, "GET", "/metrics")?;
            control("--instr=off")?;
        }
        While::Starting => all()?,
    }
    control("--dump")?;
    let told = told.with_extension("1");
    let read = |path: String| std::fs::read_to_string(&path).map_err(|source| Trouble::Read { path, source });
    let maps = read(format!("/proc/{pid}/maps"))?;
    let first = maps.lines().find(|line| line.ends_with(&binary.display().to_string()));
    let base = first.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
    let base = base.ok_or_else(|| Trouble::Bench { what: "where the binary lay in memory was not told".to_owned() })?;
    Ok((read(told.display().to_string())?, base))
}

/// A program that is the binary, counted while it serves, where it is asked to or `at_once`.
fn wrapper(folder: &Folder, binary: &Path, told: &Path, at_once: bool) -> Result<PathBuf, Trouble> {
    let (program, told, at_once) = (binary.display(), told.display(), if at_once { "yes" } else { "no" });
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in up) ;; *) exec '{program}' \"$@\" ;; esac\n\
         PATH=/usr/local/bin:/usr/bin:/bin exec valgrind -q --tool=callgrind --instr-atstart={at_once} --dump-instr=yes \\\n\
         --demangle=no --compress-pos=no --compress-strings=no --callgrind-out-file='{told}' '{program}' \"$@\"\n"
    );
    let path = folder.write("counted", &text)?;
    let made = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755));
    made.map_err(|source| write_failed(&path, source)).map(|()| path)
}

/// The functions of a binary, by address.
fn functions(binary: &Path) -> Result<Vec<Symbol>, Trouble> {
    Ok(symbols(&output(&["nm", "-S", "--defined-only", &binary.display().to_string()])?))
}

/// The functions that `nm -S` lists, by address.
fn symbols(listed: &str) -> Vec<Symbol> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let one = |line: &str| {
        let mut words = line.split_whitespace();
        let (address, bytes, kind) = (hex(words.next()?)?, hex(words.next()?)?, words.next()?);
        let name = words.next()?;
        (matches!(kind, "t" | "T") && bytes > 0).then(|| (address, bytes, name.to_owned()))
    };
    let mut symbols: Vec<Symbol> = listed.lines().filter_map(one).collect();
    symbols.sort_unstable();
    symbols
}

/// Adds the lines of each function, by its place among `symbols`, that ran so often at least.
///
/// Addresses are those in the binary. What lies outside its `.text`, as hot code does, belongs to nobody as far as
/// valgrind knows, and its addresses are those in memory.
fn note(counts: &str, (binary, base): (&Path, u64), least: u32, symbols: &[Symbol], lines: &mut Lines) {
    let (mut from, mut call) = (None, false);
    for line in counts.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            from = match object {
                "???" => Some(base),
                _ => (Path::new(object) == binary).then_some(0),
            };
        } else if line.starts_with("calls=") {
            // The line that follows tells what the call took, not that an instruction ran.
            call = true;
        } else if let Some(rest) = line.strip_prefix("0x") {
            let mut words = rest.split_whitespace();
            let address = words.next().and_then(|word| u64::from_str_radix(word, 16).ok());
            let count = words.nth(1).and_then(|word| word.parse::<u32>().ok());
            let address = from.and_then(|from| address?.checked_sub(from));
            if let (false, Some(address), true) = (call, address, count.is_some_and(|count| count >= least)) {
                let at = symbols.partition_point(|(start, ..)| *start <= address).wrapping_sub(1);
                if let Some((start, bytes, _)) = symbols.get(at)
                    && address - start < *bytes
                {
                    lines.entry(at).or_default().insert((address - start) / LINE_BYTES);
                }
            }
            call = false;
        }
    }
}

const HEAD: &str =
    "/* The functions that requests pass through, then those that run now and then beside them, then those that run once in
   thousands of requests or while nothing happens, then those that a start needs, each time those with the most such code
   for their size first. The linker puts them side by side; what is not found here lies where it would without. Written by
   `cargo xtask order`. */
";

/// What a compiler adds to a name, to tell instances of one function apart, is another where a library is: there all
/// instances of what requests pass through go together.
const ELSE: &str = "    /* In builds with other libraries. */\n";

/// The linker's script: what is in the first set of lines, then what is in the others.
fn script(symbols: &[Symbol], sets: &[&Lines]) -> String {
    let text = |groups: Vec<String>| groups.iter().map(|one| format!("    *({one})\n")).collect::<String>();
    let these = text(ordered(symbols, sets, |name| Some(own(name))));
    let like_these = text(ordered(symbols, &sets[..sets.len().min(2)], alike));
    format!("{HEAD}SECTIONS\n{{\n  .hot :\n  {{\n{these}{ELSE}{like_these}  }}\n}}\nINSERT BEFORE .text;\n")
}

/// What a symbol counts as, and in which order: those of the first set, the densest first, then those of the others.
fn ordered(symbols: &[Symbol], sets: &[&Lines], group: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for lines in sets {
        let mut groups: BTreeMap<String, (usize, u64)> = BTreeMap::new();
        for (at, (_, bytes, name)) in symbols.iter().enumerate() {
            let Some(name) = group(name) else { continue };
            let group = groups.entry(name).or_default();
            group.0 += lines.get(&at).map_or(0, BTreeSet::len);
            group.1 += bytes;
        }
        let dense = |(lines, bytes): (usize, u64)| lines as f64 / bytes as f64;
        let known: BTreeSet<String> = named.iter().cloned().collect();
        let is_new = |(name, (lines, _)): &(String, (usize, u64))| *lines > 0 && !known.contains(name);
        let mut groups: Vec<_> = groups.into_iter().filter(is_new).collect();
        groups.sort_by(|(_, one), (_, other)| dense(*other).total_cmp(&dense(*one)));
        named.extend(groups.into_iter().map(|(name, _)| name));
    }
    named
}

/// The sections in which a function may lie, by its name. Where the compiler knows how often requests pass through it, it
/// says so in the section's name; and what it split off as unlikely has one of its own.
fn own(name: &str) -> String {
    let (whole, is_split) = name.strip_suffix(".cold").map_or((name, false), |whole| (whole, true));
    // The hash says it all, and the beginning is for whoever reads it and for a linker that compares; behind it come the
    // optimiser's numbers, which are others in each build.
    let ours = match hash_at(whole) {
        Some(at) => Some(format!("{:.NAME_CHARS$}*{}*", &whole[..at], &whole[at..at + HASH.len() + HASH_DIGITS])),
        None => whole.starts_with("_R").then(|| format!("{}*", whole.split('.').next().unwrap_or(whole))),
    };
    match (ours, is_split) {
        (Some(name), true) => format!(".text.split.{name}"),
        (Some(name), false) => format!(".text.{name} .text.hot.{name} .text.unlikely.{name}"),
        (None, true) => format!(".text.unlikely.{whole}"),
        (None, false) => format!(".text.{whole}"),
    }
}

/// The sections of all functions of a name that ends with a hash.
fn alike(name: &str) -> Option<String> {
    let name = &name[..hash_at(name).filter(|_| !name.ends_with(".cold"))? + HASH.len()];
    Some(format!(".text.{name}* .text.hot.{name}*"))
}

/// How a hash begins that ends a name, and of how many digits it is.
const HASH: &str = "17h";
const HASH_DIGITS: usize = 16;
/// As much of a name as is written down beside its hash.
const NAME_CHARS: usize = 40;

fn hash_at(name: &str) -> Option<usize> {
    let digits = |at: &usize| name.as_bytes().get(at + HASH.len()..at + HASH.len() + HASH_DIGITS);
    name.rfind(HASH).filter(|at| digits(at).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "0000000000001000 0000000000000100 t _ZN1a1b17h0123456789abcdefE\n\
                          0000000000001100 0000000000000040 t _ZN1a1b17hfedcba9876543210E.llvm.77\n\
                          0000000000001140 0000000000000040 T sqlite3_step\n\
                          0000000000001180 0000000000000040 t some.cold\n\
                          0000000000002000 0000000000000008 D data\n\
                          0000000000001180 U elsewhere\n";

    #[test]
    fn what_runs_half_as_often_as_there_are_requests_is_hot() {
        let symbols = symbols(LISTED);
        assert_eq!(symbols.len(), 4);
        let (mut hot, mut warm) = (Lines::new(), Lines::new());
        let counts = "ob=/lib/libc.so.6\nfn=free\n0x1180 5 4000\nob=/x/althing\nfn=b\n0x1000 0 400\n0x1044 0 200\n\
                      0x1080 0 199\ncalls=400 0x1140 0\n0x1084 0 9000\nob=???\n0x401140 0 400\n0x1100 0 400\n0x403000 0 400\n";
        let binary = Path::new("/x/althing");
        note(counts, (binary, 0x40_0000), 200, &symbols, &mut hot);
        assert_eq!(hot.get(&0), Some(&BTreeSet::from([0, 1])), "the half, and no calls");
        assert_eq!((hot.get(&2), hot.len()), (Some(&BTreeSet::from([0])), 2), "nothing of others, nothing beyond");
        assert_eq!(pages(&(0xfc0, 0x100, String::new()), &BTreeSet::from([0, 1, 2])).collect::<Vec<_>>(), [0, 1, 1]);
        note("ob=/x/althing\n0x1180 0 1\n0x1140 0 1\n", (binary, 0), 1, &symbols, &mut warm);
        let script = script(&symbols, &[&hot, &warm]);
        let named: Vec<&str> = script.lines().filter(|line| line.contains("*(")).map(str::trim).collect();
        // One line of 64 bytes is denser than two of 256; another of that name never ran.
        let one = "_ZN1a1b*17h0123456789abcdef*";
        let expect = [
            "*(.text.sqlite3_step)".to_owned(),
            format!("*(.text.{one} .text.hot.{one} .text.unlikely.{one})"),
            "*(.text.unlikely.some)".to_owned(),
            "*(.text._ZN1a1b17h* .text.hot._ZN1a1b17h*)".to_owned(),
        ];
        assert_eq!(named, expect);
        assert_eq!((share(&script, &symbols), share(&script, &symbols[..2])), (Some(1.0), Some(1.0 / 3.0)));
        assert_eq!(share("", &symbols), None);
    }

    #[test]
    fn names_are_those_of_any_build() {
        let ours = |name| format!(".text.{name} .text.hot.{name} .text.unlikely.{name}");
        assert_eq!(own("_ZN1a17h17h0123456789abcdefE.10736"), ours("_ZN1a17h*17h0123456789abcdef*"));
        assert_eq!(own("_ZN1a17h0123456789abcdefE.llvm.9.cold"), ".text.split._ZN1a*17h0123456789abcdef*");
        assert_eq!(own("_RNvXs_5alloc6string.202"), ours("_RNvXs_5alloc6string*"));
        assert_eq!(own("_RNvXs_5alloc6string"), ours("_RNvXs_5alloc6string*"));
        assert_eq!(own("exprNodeIsConstant.part.0"), ".text.exprNodeIsConstant.part.0");
        assert_eq!(
            alike("_ZN1a17h17h0123456789abcdefE.10736"),
            Some(".text._ZN1a17h17h* .text.hot._ZN1a17h17h*".to_owned())
        );
        assert_eq!((alike("_ZN1a17h0123456789abcdefE.cold"), alike("sqlite317hour")), (None, None));
    }
}
