//! What requests do, counted: how often each branch is taken, written down for the compiler, which then lays out and
//! inlines what requests pass through and leaves the rest aside. Knows how a release that counts is fed; refuses to know
//! what the counts lead to.

use super::full::Full;
use super::load::{self, Plan};
use super::order::{LOADS, Load};
use super::process::{Folder, Server};
use super::{Setup, proxy};
use crate::trouble::Trouble;
use crate::trouble::output;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the compiler is told; `make dist` hands it on.
const COUNTS: &str = "crates/althing/requests.profdata";
/// Requests of each kind, by one user and by many.
const REQUESTS: u32 = 6_000;
const LEVELS: [u32; 2] = [1, 16];
/// What ran less often in a function than a tenth of the requests of one kind says nothing about requests. Without a word
/// about it, a function is compiled as in any other release: that nothing was asked of search or decisions here must not
/// make them slow.
const COUNTED_MIN: u64 = REQUESTS as u64 / 10;

/// Feeds the release that counts, `binary`, and writes the counts, which it leaves in the folder `counts`.
///
/// # Errors
/// Where it cannot be fed, or the compiler's own tool is missing.
pub fn run(arguments: &[String]) -> Result<ExitCode, Trouble> {
    let [binary, counts] = arguments else {
        return Err(Trouble::Bench {
            what: "name the release that counts and its folder, as `make profile` does".to_owned(),
        });
    };
    let tool = tool()?;
    let binary = std::fs::canonicalize(binary).map_err(|error| Trouble::Bench { what: error.to_string() })?;
    feed(&binary)?;
    let folder = Folder::new()?;
    let merged = folder.path().join("merged.proftext");
    let counts: Vec<String> = counted(Path::new(counts));
    let counts: Vec<&str> = counts.iter().map(String::as_str).collect();
    merge(&tool, &[&["--sparse", "--text"], &counts[..]].concat(), &merged)?;
    let text = std::fs::read_to_string(&merged).map_err(|error| Trouble::Bench { what: error.to_string() })?;
    let (kept, functions) = often(&text);
    let kept = folder.write("kept.proftext", &kept)?;
    merge(&tool, &[&kept.to_string_lossy()], Path::new(COUNTS))?;
    println!("{functions} functions that requests pass through; {COUNTS} is written");
    Ok(ExitCode::SUCCESS)
}

fn merge(tool: &Path, what: &[&str], to: &Path) -> Result<(), Trouble> {
    let (tool, to) = (tool.to_string_lossy(), to.to_string_lossy());
    output(&[&[&*tool, "merge", "-o", &*to], what].concat()).map(|_| ())
}

/// Has it answer requests of every kind, and send them, and be the provider: all three are this one binary.
fn feed(binary: &Path) -> Result<(), Trouble> {
    let folder = Folder::new()?;
    let setup = Setup { binary: binary.to_owned(), folder: folder.path().to_owned(), quick: true };
    // Only who ends by itself leaves its counts.
    let upstream = Server::simulate(binary, &proxy::script())?.ended_politely();
    let mut ours = Full::start(&setup, upstream.address, "")?;
    ours.server = ours.server.ended_politely();
    for Load { stream, prompts } in LOADS {
        for users in LEVELS {
            let plan = Plan { stream, prompts, users, requests: REQUESTS, ..ours.plan() };
            load::answered(&setup, &plan, ours.server.address)?;
        }
    }
    Ok(())
}

/// The files that were left.
fn counted(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "profraw"));
    files.map(|path| path.to_string_lossy().into_owned()).collect()
}

/// The functions of a profile as text that requests pass through, and how many they are. A function is a block of lines:
/// its name, its hash, how many counters it has, these, and what was called or copied.
fn often(text: &str) -> (String, usize) {
    let mut blocks = text.split("\n\n");
    let mut kept = blocks.next().unwrap_or_default().to_owned();
    let mut functions = 0;
    for block in blocks {
        let counters = block.lines().skip_while(|line| *line != "# Counter Values:").skip(1);
        let counters = counters.map_while(|line| line.parse::<u64>().ok());
        if counters.max().is_some_and(|most| most >= COUNTED_MIN) {
            kept.push_str("\n\n");
            kept.push_str(block);
            functions += 1;
        }
    }
    kept.push('\n');
    (kept, functions)
}

/// The compiler's tool for counts, of the compiler's own version.
fn tool() -> Result<PathBuf, Trouble> {
    let root = output(&["rustc", "--print", "sysroot"])?;
    let host = output(&["rustc", "--print", "host-tuple"])?;
    let tool = Path::new(root.trim()).join("lib/rustlib").join(host.trim()).join("bin/llvm-profdata");
    if tool.is_file() {
        return Ok(tool);
    }
    Err(Trouble::Bench { what: "`llvm-profdata` is not there: rustup component add llvm-tools".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_rarely_is_left_out() {
        let function = |name: &str, counts: &str| {
            format!("{name}\n# Func Hash:\n17\n# Num Counters:\n2\n# Counter Values:\n{counts}\n")
        };
        let head = "# IR level Instrumentation Flag\n:ir";
        let (hot, cold) = (function("hot", "3\n600\n# Num Value Kinds:\n1"), function("cold", "599\n0"));
        let (kept, functions) = often(&[head, &cold, &hot, &cold].join("\n\n"));
        assert!(functions == 1 && kept.starts_with(head) && kept.contains("hot\n# Func Hash:\n17"), "{kept}");
        assert!(kept.contains("# Num Value Kinds:") && !kept.contains("cold"), "{kept}");
    }

    /// A release that was built with them would be refused by the compiler otherwise.
    #[test]
    fn the_counts_that_are_kept_are_such() {
        let counts = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(COUNTS)).unwrap();
        assert_eq!(counts[..8], *b"\xfflprofi\x81", "what LLVM's indexed profiles begin with");
    }
}
