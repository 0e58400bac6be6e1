//! Whatever bytes a file holds, loading ends with settings or with an error that can be shown.

use super::read;
use crate::SettingsError;
use fault::Explain;

const SEED: &[u8] = b"[server]\nbind = '127.0.0.1:8700'\nallowed_hosts = ['a', \"b\"]\ntrusted_proxies = ['::1']\n\
    tls = { cert = 'c', key = 'k' }\n[store]\nurl = 'postgres://u:pw@h/d?a=b'\nreplica_url = 'env:R'\n[access.oidc]\n\
    issuer = 'https://a'\naudience = 'b'\n[budget]\nusd_per_day = 1.5\n[ledger]\ncalls_days = 9\n[flag.f]\npercent = 5\n\
    [flag.'g.h'.split]\na = 50\nb = 50\n[[route]]\nname = 'r'\nrules = [{ models = ['m'], when = { flag = 'f=off' } }]\n[[provider]]\nname = \"p\"\n\
    api_key = 'env:K'\nmodels = ['m', { name = \"n\", price = { input = 0.15, output = 1 } }]\n[[panel]]\nname = 'q'\n\
    members = ['m']\n[profile.dev.guard]\nattempts_max = 3\n# \xc3\xa9\n";

/// A small generator of numbers that repeats itself for a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[test]
fn the_seed_is_good() {
    read(SEED).unwrap();
}

fn survives(bytes: &[u8]) {
    if let Err(error) = read(bytes) {
        shown(&error);
    }
}

fn shown(error: &SettingsError) {
    assert!(!error.to_string().is_empty());
    let _ = (error.snippet(), error.hint(), error.param(), error.kind(), error.code(), error.origin());
    if let Some(snippet) = error.snippet() {
        assert_eq!(snippet.lines().count(), 3, "{snippet}");
        assert!(snippet.ends_with('^'), "{snippet}");
    }
}

#[test]
fn random_bytes() {
    let mut numbers = Numbers(0x5eed);
    for _ in 0..300 {
        let length = numbers.next(200);
        let bytes: Vec<u8> = (0..length).map(|_| numbers.next(256) as u8).collect();
        survives(&bytes);
    }
}

#[test]
fn settings_with_slips() {
    let mut numbers = Numbers(0xa17);
    let slips = b"[]{}=.,'\"#\n\r\t \\ae0-\xff\xc3\x00";
    for _ in 0..1500 {
        let mut bytes = SEED.to_vec();
        for _ in 0..=numbers.next(4) {
            let at = numbers.next(bytes.len().max(1));
            match numbers.next(4) {
                0 if at < bytes.len() => bytes[at] = slips[numbers.next(slips.len())],
                1 => bytes.insert(at, slips[numbers.next(slips.len())]),
                2 => drop(bytes.drain(at.min(bytes.len())..(at + numbers.next(9)).min(bytes.len()))),
                _ => bytes.truncate(at.max(1)),
            }
        }
        survives(&bytes);
    }
}

#[test]
fn deep_and_long_texts() {
    survives("[".repeat(200_000).as_bytes());
    survives(format!("a = {}", "[".repeat(200_000)).as_bytes());
    survives(format!("a = {}", "{a=".repeat(200_000)).as_bytes());
    survives(format!("{}a = 1", "a.".repeat(200_000)).as_bytes());
    survives(format!("[{}a]", "a.".repeat(200_000)).as_bytes());
    let dotted = format!("{}a", "a.".repeat(78));
    survives(format!("[{dotted}]\n{}1{}", format!("{dotted} = {{").repeat(40), "}".repeat(40)).as_bytes());
    survives(format!("[{dotted}]\n{dotted} = {}", format!("{{ {dotted} = ").repeat(78)).as_bytes());
    let nested = format!("{}{dotted} = 1{}", format!("{dotted} = {{ ").repeat(70), " }".repeat(70));
    survives(format!("[{dotted}]\n{nested}").as_bytes());
    survives(format!("server.bind = '{}", "x".repeat(500_000)).as_bytes());
    survives(format!("zebra{} = 1", "x".repeat(500_000)).as_bytes());
    survives("[[provider]]\n".repeat(20_000).as_bytes());
    survives("a=1\n".repeat(100_000).as_bytes());
}

#[test]
fn deep_variables() {
    let refused = |name: &str, value: &str| shown(&crate::load(&super::env(name, value)).unwrap_err());
    let dotted = format!("{}a", "a.".repeat(70));
    refused("ALTHING__SERVER__N_MAX", &format!("{{{dotted} = ").repeat(70));
    refused("ALTHING__SERVER__N_MAX", &format!("{}1{}", "{a.a.a = ".repeat(70), "}".repeat(70)));
    refused("ALTHING__SERVER__N_MAX", &format!("{}{}", "[".repeat(79), "]".repeat(79)));
    refused(&format!("ALTHING{}", "__A".repeat(100_000)), "1");
}
