//! Which variables count at a start, and when they do not.

use super::take_over;
use settings::{Loaded, Origin, Source};

fn loaded(text: &str, profile: Option<&str>) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("althing.toml");
    std::fs::write(&file, text).unwrap();
    settings::load(&Source { file: Some(file), profile: profile.map(str::to_owned), ..Source::default() }).unwrap()
}

fn env(text: &str) -> Vec<(String, String)> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn variables_count_where_settings_say_nothing() {
    let mut one = loaded("[decisions]\ncriteria_max = 15\n", None);
    let env = env("DMM_MAX_OPTIONS_ALLOWED=30 DMM_MAX_CRITERIA_ALLOWED=40 DMM_DEFAULT_SESSION_TTL_HOURS=6 \
                   DMM_RETRY_DELAY_SECONDS=0.5 DMM_MAX_RETRIES=many DMM_DEFAULT_MAX_SESSIONS=7 MAX_SESSIONS=8 \
                   DMM_COT_TIMEOUT_SECONDS=30 MCP_TRANSPORT=http MCP_HTTP_PORT=9000");
    let notes = take_over(&mut one, &env);
    let it = &one.settings.decisions;
    // What the file says counts also where it is what would be anyway.
    assert_eq!((it.options_max, it.criteria_max, it.session_ttl_s), (30, 15, 21_600));
    assert_eq!((it.retry_base_ms, it.retries_max, it.sessions_max), (500, 3, 7));
    assert_eq!(one.settings.server.bind, "127.0.0.1:9000");
    assert_eq!(one.origins["decisions.options_max"], Origin::Env("DMM_MAX_OPTIONS_ALLOWED".to_owned()));
    assert_eq!(
        notes,
        [
            "DMM_MAX_OPTIONS_ALLOWED for `decisions.options_max`",
            "DMM_DEFAULT_MAX_SESSIONS for `decisions.sessions_max`",
            "DMM_DEFAULT_SESSION_TTL_HOURS for `decisions.session_ttl_s`",
            "DMM_RETRY_DELAY_SECONDS for `decisions.retry_base_ms`",
            "MCP_HTTP_PORT for `server.bind`",
        ]
    );
}

#[test]
fn an_environment_counts_more_than_what_else_is_said() {
    let mut one = loaded("", None);
    let notes = take_over(&mut one, &env("DMM_ENVIRONMENT=staging DMM_MAX_OPTIONS_ALLOWED=25"));
    assert_eq!((one.settings.decisions.options_max, one.settings.decisions.sessions_max), (15, 50));
    assert_eq!(notes[0], "DMM_ENVIRONMENT for `decisions.options_max`");
    // A profile that was asked for is a setting.
    let mut one = loaded("", Some("prod"));
    take_over(&mut one, &env("DMM_ENVIRONMENT=staging"));
    assert_eq!((one.settings.decisions.options_max, one.settings.decisions.sessions_max), (15, 500));
}

#[test]
fn nothing_is_taken_that_may_be_meant_for_others() {
    let unchanged = |text: &str| {
        let mut one = loaded("", None);
        let before = one.clone();
        assert!(take_over(&mut one, &env(text)).is_empty(), "{text}");
        assert_eq!(one, before, "{text}");
    };
    unchanged("");
    // Names that others have as well.
    unchanged("MCP_TRANSPORT=http MCP_HTTP_HOST=127.0.0.1 MCP_HTTP_PORT=9000 MAX_RETRIES=9 MAX_SESSIONS=3");
    unchanged("DMM_DEBUG_MODE=true MAX_RETRIES=9 MAX_SESSIONS=3");
    // An address that others reach is for settings; over standard input nobody listens.
    unchanged("DMM_DEBUG_MODE=true MCP_HTTP_HOST=0.0.0.0 MCP_HTTP_PORT=9000");
    unchanged("DMM_DEBUG_MODE=true MCP_TRANSPORT=stdio MCP_HTTP_PORT=9000");
    unchanged("DMM_DEBUG_MODE=true MCP_HTTP_PORT=many");
    let mut one = loaded("[server]\nbind = '127.0.0.1:1'\n", None);
    assert!(take_over(&mut one, &env("DMM_DEBUG_MODE=1 MCP_HTTP_PORT=9000")).is_empty());
    assert_eq!(one.settings.server.bind, "127.0.0.1:1");
}
