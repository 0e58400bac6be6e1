//! Pages of code that only a start needed, given back: of what a server holds in memory when it begins to serve, half
//! is code that reads settings, makes tables and loads certificates, and never runs again.
//!
//! This room knows no server. It has one line of `unsafe`, for which the kernel's word is needed: a page of code that
//! is let go is read from the program's file again when it next runs.

#![allow(unsafe_code)]

/// Lets go of the pages that hold the code of this program; those that are used come back as they are used, from the
/// file as the kernel keeps it. Gives the bytes of address space that this concerned: 0 where the kernel does not tell
/// what lies where, as on any system but Linux.
pub fn let_go_of_code() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let here = let_go_of_code as fn() -> usize as usize;
    match code_around(here, &maps) {
        Some((start, length)) if given_back(start, length) => length,
        _ => 0,
    }
}

/// Where the stretch of code that holds this address begins, and its length in bytes, in a list as `/proc/self/maps`
/// has it. Only code that nobody may write and that comes from a file counts.
fn code_around(address: usize, maps: &str) -> Option<(usize, usize)> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16).ok());
        let (start, end) = (start?, end?);
        let (rights, inode) = (fields.next()?, fields.nth(2)?);
        ((start..end).contains(&address) && rights == "r-xp" && inode != "0").then_some((start, end - start))
    })
}

#[cfg(target_os = "linux")]
fn given_back(start: usize, length: usize) -> bool {
    use rustix::mm::{Advice, madvise};

    let start = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: the range is one whole mapping of the running program's file, private and never writable, so no byte of
    // it differs from the file; the kernel forbids to write a file that runs, and fills a page that was let go from
    // that file before anything reads or runs it.
    unsafe { madvise(start, length, Advice::LinuxDontNeed) }.is_ok()
}

#[cfg(not(target_os = "linux"))]
fn given_back(_: usize, _: usize) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
5000-7000 r--p 00000000 08:01 77 /usr/bin/program
7000-9000 r-xp 00002000 08:01 77 /usr/bin/program (deleted)
9000-a000 rwxp 00004000 08:01 77 /usr/bin/program
a000-b000 r-xp 00000000 00:00 0 [vdso]
";

    #[test]
    fn only_code_that_comes_from_a_file_and_cannot_be_written_is_let_go() {
        assert_eq!(code_around(0x7000, MAPS), Some((0x7000, 0x2000)));
        assert_eq!(code_around(0x8fff, MAPS), Some((0x7000, 0x2000)));
        for address in [0x6fff, 0x9000, 0xa000, 0xb000] {
            assert_eq!(code_around(address, MAPS), None, "{address:x}");
        }
        assert_eq!(code_around(0x7000, "7000-9000\nnonsense\n\n"), None);
    }

    /// Kilobytes of this program's code that are in memory.
    #[cfg(target_os = "linux")]
    fn held_kb() -> u64 {
        let here = let_go_of_code as fn() -> usize as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let (start, length) = code_around(here, &maps).unwrap();
        let head = format!("{start:x}-{:x} ", start + length);
        let of_code = maps.lines().skip_while(|line| !line.trim_start_matches('0').starts_with(&head));
        let held = of_code.into_iter().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        held.trim().trim_end_matches(" kB").parse().unwrap()
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
}
