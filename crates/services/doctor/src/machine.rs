//! Checks of this machine: the data folder, the address, the clock.

use crate::{Cause, Check, count};
use fault::{Explain, Kind, nearest};
use listener::ServeError;
use measure::Metrics;
use models::Probe;
use settings::Settings;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The first moment of 2024: a clock before it was never set.
const EPOCH_2024_S: u64 = 1_704_067_200;
/// Clocks further apart than this make trouble: tokens and signatures are refused.
const CLOCK_OFF_MAX_S: u64 = 60;
/// How long whoever listens on our address may take to say who it is.
const LISTENER_WAIT: Duration = Duration::from_secs(2);
/// What every reply of this server carries.
const OURS: &str = "x-althing-request-id";

/// Whether data can be kept: tried with a file that is removed at once.
pub fn data_folder(folder: Option<PathBuf>) -> Check {
    let other = || Some("name another folder with `--data DIR`, or set XDG_DATA_HOME".to_owned());
    let Some(folder) = folder else {
        return Check::fail(
            "data",
            "there is no place to keep data",
            Some("set HOME, or name a folder with `--data DIR`".to_owned()),
            Cause::Other,
        );
    };
    let shown = folder.display();
    // What is missing is made at the first start, in the nearest folder that is there.
    let Some(there) = folder.ancestors().find(|path| path.exists() || path.as_os_str().is_empty()) else {
        return Check::fail("data", format!("{shown} cannot be made"), other(), Cause::Other);
    };
    if there == folder && !there.is_dir() {
        return Check::fail("data", format!("{shown} is not a folder"), other(), Cause::Other);
    }
    match write_once(there) {
        Ok(()) if there == folder => Check::ok("data", format!("{shown} is writable")),
        Ok(()) => Check::ok("data", format!("{shown} will be made at the first start")),
        Err(error) => Check::fail("data", format!("{shown} cannot be written: {error}"), other(), Cause::Other),
    }
}

/// Makes a file in the folder and removes it at once. Its name is new each time: one that was left behind by a process
/// killed in between must not be in the way.
///
/// # Errors
/// Why nothing can be written there.
pub fn write_once(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".althing-{:016x}", fastrand::u64(..)));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
    std::fs::remove_file(file)
}

/// Whether the database answers, and whether a key was ever made in it. A file that is not there is not made.
pub(crate) async fn store(settings: &settings::Store, folder: Option<PathBuf>, metrics: &Metrics) -> (Check, bool) {
    let broken = |error: store::StoreError| {
        let cause = if error.kind() == Kind::BadInput { Cause::Settings } else { Cause::Unreachable };
        (Check::fail("store", error.to_string(), error.hint(), cause), false)
    };
    let config = match store::Config::new(settings, &folder.unwrap_or_default()) {
        Ok(config) => config,
        Err(error) => return broken(error),
    };
    let shown = config.shown();
    if config.file().is_some_and(|file| !file.exists()) {
        return (Check::ok("store", format!("{shown} will be made at the first start")), false);
    }
    let opened = match Store::open(&config, metrics.store()).await {
        Ok(opened) => opened,
        Err(error) => return broken(error),
    };
    let answers = opened.ping().await;
    // Before the first start there are no tables to look into.
    let made = access::any_key(&opened).await.unwrap_or(false);
    opened.close().await;
    let keys = if made { "every request needs a key" } else { "no key was made: open to this machine" };
    match answers {
        Ok(()) => (Check::ok("store", format!("{shown} answers; {keys}")), made),
        Err(error) => broken(error),
    }
}

/// Whether the price list of the data folder can be used, and whether those that settings name are there.
pub(crate) fn prices(settings: &Settings, folder: Option<&Path>) -> Vec<Check> {
    let (table, file) = match prices::load(folder) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Check::fail("prices", error.to_string(), error.hint(), Cause::Settings)],
    };
    let read = file.map(|file| Check::ok("prices", format!("{}, {}", file.display(), count(table.len(), "model"))));
    let missing = settings.provider.iter().filter_map(|provider| {
        let house = provider.prices.as_deref().filter(|house| *house != "none" && table.about(house).is_none())?;
        let near = nearest(house, table.houses(), 2);
        let fix = match near.is_empty() {
            true => "write `none` if nobody's holds, and a `price` at each model".to_owned(),
            false => format!("did you mean `{}`?", near.join("` or `")),
        };
        let detail = format!("there is no price list of `{house}`, so nobody knows what its models cost");
        Some(Check::warn(format!("provider {}", provider.name), detail, fix))
    });
    read.into_iter().chain(missing).collect()
}

/// Whether the server could listen, or does already; then `true` as well.
pub(crate) async fn address(bind: &str, guarded: bool) -> (Check, bool) {
    let error = match listener::bind(bind, guarded).await {
        Ok(_) => return (Check::ok("address", format!("{bind} is free")), false),
        Err(error) => error,
    };
    if matches!(error, ServeError::Taken { .. }) && listens_here(bind).await {
        return (Check::ok("address", format!("an Althing answers on {bind}")), true);
    }
    let cause = if error.kind() == Kind::BadInput { Cause::Settings } else { Cause::Other };
    (Check::fail("address", error.to_string(), error.hint(), cause), false)
}

/// Whether whoever listens there is one of us.
async fn listens_here(bind: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(bind).await.ok()?;
        let request = format!("GET /livez HTTP/1.1\r\nhost: {bind}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut reply = Vec::new();
        stream.take(4096).read_to_end(&mut reply).await.ok()?;
        Some(String::from_utf8_lossy(&reply).to_ascii_lowercase().contains(OURS))
    };
    tokio::time::timeout(LISTENER_WAIT, ask).await.ok().flatten().unwrap_or(false)
}

/// Whether the clock is set, compared with those of providers where they told.
pub fn clock(probes: &[(String, Probe)]) -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let set = "set it, for example with `timedatectl set-ntp true`";
    if now < EPOCH_2024_S {
        return Check::fail("clock", "this machine's clock stands before 2024", Some(set.to_owned()), Cause::Other);
    }
    let told: Vec<(&str, i64)> =
        probes.iter().filter_map(|(name, probe)| Some((name.as_str(), probe.clock_ahead_s?))).collect();
    let Some((name, ahead)) = told.iter().max_by_key(|(_, ahead)| ahead.unsigned_abs()) else {
        return Check::ok("clock", "set; no provider told its own to compare");
    };
    if ahead.unsigned_abs() <= CLOCK_OFF_MAX_S {
        return Check::ok("clock", format!("agrees with {}", count(told.len(), "provider")));
    }
    let way = if *ahead > 0 { "behind" } else { "ahead of" };
    let off = ahead.unsigned_abs();
    Check::warn("clock", format!("this machine's clock is {off} s {way} that of `{name}`"), set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn a_price_list_that_is_broken_or_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str, expect: &[(Status, &str)]| {
            let settings: Settings = toml::from_str(text).unwrap();
            let found = prices(&settings, Some(folder.path()));
            let found: Vec<_> = found.iter().map(|check| (check.status, check.fix.as_deref().unwrap_or(""))).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("[[provider]]\nname = 'a'\nprices = 'opneai'", &[(Status::Warn, "did you mean `openai`?")]);
        check("[[provider]]\nname = 'a'\nprices = 'none'\n[[provider]]\nname = 'b'\nprices = 'groq'", &[]);
        let list = "[mine]\nsource = 'x'\ndate = '2026-11-21'\n[mine.models]\nm = { input = 1, output = 2 }\n";
        std::fs::write(prices::file(folder.path()), list).unwrap();
        check("[[provider]]\nname = 'a'\nprices = 'mine'", &[(Status::Ok, "")]);
        std::fs::write(prices::file(folder.path()), "[mine]").unwrap();
        let broken = prices(&Settings::default(), Some(folder.path()));
        assert_eq!((broken[0].status, broken[0].cause, broken[0].fix.is_some()), (Status::Fail, Cause::Settings, true));
    }
}
