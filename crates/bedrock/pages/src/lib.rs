//! Pages of memory that nobody needs any more, given back. Those of code: of what a server holds in memory when it begins
//! to serve, half is code that reads settings, makes tables and loads certificates, and never runs again. And those that
//! the allocator keeps for what may come.
//!
//! This room knows no server. It has two lines of `unsafe`. For one the kernel's word is needed: a page of code that
//! is let go is read from the program's file again when it next runs. The other asks the allocator, which is written in C.

#![allow(unsafe_code)]

use std::collections::HashSet;
use std::ops::Range;

/// Lets go of the pages that hold code and constants of this program and its libraries; those that are used come back as
/// they are used, from their file as the kernel keeps it. Gives the bytes of address space that this concerned: 0 where the kernel does
/// not tell what lies where, as on any system but Linux.
pub fn let_go_of_code() -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    read_only(&maps).into_iter().filter(given_back).map(|stretch| stretch.len()).sum()
}

/// Has the allocator, where that is mimalloc, give back the pages in which nothing lies: those that this thread keeps, and
/// those that no thread does. By itself it looks for such pages only while it is asked for others: of a rush that is over
/// it would keep them for as long as nothing happens. Whoever is asked next has to get them again, which takes a while.
pub fn let_go_of_memory() {
    // SAFETY: any thread may ask for that at any time, and nothing that is in use is touched.
    unsafe { libmimalloc_sys::mi_collect(true) };
}

/// One line of `/proc/self/smaps` that begins a stretch of memory.
struct Head<'a> {
    range: Range<usize>,
    rights: &'a str,
    /// Which file, by its device and number; 0 is the number of none.
    file: (&'a str, &'a str),
}

impl<'a> Head<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16).ok());
        let (rights, device, inode) = (fields.next()?, fields.nth(1)?, fields.next()?);
        Some(Self { range: start?..end?, rights, file: (device, inode) })
    }
}

/// Where the files lie in memory that hold code: what of them nobody may write, and nobody has. The second leaves out
/// what was written before it was locked, the addresses that a start fills in: a page that was written is anonymous, in
/// memory or swapped out.
fn read_only(maps: &str) -> Vec<Range<usize>> {
    const NONE_OF: [&str; 2] = ["Anonymous:", "Swap:"];
    let mut stretches: Vec<(Head<'_>, usize)> = Vec::new();
    for line in maps.lines() {
        if let Some(head) = Head::read(line) {
            stretches.push((head, 0));
        } else if let Some((_, none_of)) = stretches.last_mut() {
            let kb = NONE_OF.iter().find_map(|name| line.strip_prefix(name));
            *none_of += usize::from(kb.is_some_and(|kb| kb.trim() == "0 kB"));
        }
    }
    let is_code = |head: &Head<'_>| head.rights == "r-xp" && head.file.1 != "0";
    let code: HashSet<_> = stretches.iter().filter(|(head, _)| is_code(head)).map(|(head, _)| head.file).collect();
    let of_it = stretches.iter().filter(|(head, none_of)| *none_of == NONE_OF.len() && code.contains(&head.file));
    of_it.filter(|(head, _)| matches!(head.rights, "r-xp" | "r--p")).map(|(head, _)| head.range.clone()).collect()
}

#[cfg(target_os = "linux")]
fn given_back(stretch: &Range<usize>) -> bool {
    use rustix::mm::{Advice, madvise};

    let start = std::ptr::with_exposed_provenance_mut(stretch.start);
    // SAFETY: the range is one whole mapping of a file, private, not writable and without a page that was ever written: each
    // page of it is the very page that the kernel keeps of the file, and the kernel maps that page again before anything
    // reads or runs it.
    unsafe { madvise(start, stretch.len(), Advice::LinuxDontNeed) }.is_ok()
}

#[cfg(not(target_os = "linux"))]
fn given_back(_: &Range<usize>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

    const MAPS: &str = "\
5000-7000 r--p 00000000 08:01 77 /usr/bin/program
Size:                 28 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
Swap:                  0 kB
SwapPss:               0 kB
7000-9000 r-xp 00002000 08:01 77 /usr/bin/program (deleted)
Anonymous:             0 kB
Swap:                  0 kB
9000-a000 rw-p 00005000 08:01 77 /usr/bin/program
Anonymous:             0 kB
Swap:                  0 kB
a000-b000 r--p 00004000 08:01 77 /usr/bin/program
Anonymous:             4 kB
Swap:                  0 kB
b000-c000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
Swap:                  0 kB
c000-d000 r-xp 00000000 08:01 78 /usr/lib/library
Anonymous:             0 kB
Swap:                  0 kB
d000-e000 r--p 00006000 08:01 77 /usr/bin/program
Anonymous:             0 kB
Swap:                  4 kB
e000-f000 r--p 00000000 08:02 77 /usr/lib/other
Anonymous:             0 kB
Swap:                  0 kB
";

    #[test]
    fn only_what_is_as_in_a_file_that_holds_code_is_let_go() {
        assert_eq!(read_only(MAPS), [0x5000..0x7000, 0x7000..0x9000, 0xc000..0xd000]);
        // Where the kernel does not say that nothing was written, nothing is let go.
        assert_eq!(read_only("7000-9000 r-xp 0 08:01 77 /x\nnonsense\n\n"), []);
    }

    /// Kilobytes in memory of what can be let go.
    #[cfg(target_os = "linux")]
    fn held_kb() -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let stretches = read_only(&maps);
        let (mut held, mut counts) = (0, false);
        for line in maps.lines() {
            if let Some(head) = Head::read(line) {
                counts = stretches.contains(&head.range);
            } else if let Some(kb) = line.strip_prefix("Rss:").filter(|_| counts) {
                held += kb.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
            }
        }
        held
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn code_runs_on_after_it_was_let_go() {
        let before = held_kb();
        assert!(let_go_of_code() > 0);
        let after = held_kb();
        assert!(after < before, "{after} KB are held, {before} were");
        assert_eq!("still here".split(' ').count(), 2);
    }

    /// Kilobytes in memory that belong to no file.
    #[cfg(target_os = "linux")]
    fn own_kb() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        own.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_of_a_rush_that_is_over_is_given_back() {
        const RUSH: usize = 64 << 20;
        let before = own_kb();
        drop((0..RUSH >> 13).map(|at| vec![at as u8 | 1; 1 << 13]).collect::<Vec<_>>());
        let kept = own_kb();
        let_go_of_memory();
        let after = own_kb();
        let most = before + (RUSH as u64 >> 13);
        assert!(after < most && kept > most, "{before} KB before, {kept} while nobody asked, {after} after");
    }
}
