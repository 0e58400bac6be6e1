//! The variables of ToolWeaver's deployments, taken over where settings say nothing: how long things are kept, and the
//! Redis to keep them in.

use fault::nearest;
use settings::{Loaded, Origin, RedisUrl, Tools};

/// Each with the setting that it stands for.
const LIVES: [(&str, &str); 4] = [
    ("CATALOG_CACHE_TTL", "tools.catalog_ttl_s"),
    ("SEARCH_CACHE_TTL", "tools.search_ttl_s"),
    ("EMBEDDING_CACHE_TTL", "tools.embedding_ttl_s"),
    ("TOOL_METADATA_CACHE_TTL", "tools.tool_ttl_s"),
];
const REDIS: &str = "REDIS_URL";

/// The longest that something is kept, in seconds: a month.
const LIFE_S_MAX: u64 = 31 * 24 * 60 * 60;

/// What became of the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Variables {
    /// Those that were taken over.
    taken: Vec<&'static str>,
    /// Those that say nothing that can be used, each with why; never with its value.
    refused: Vec<(&'static str, String)>,
}

/// Takes over how long things are kept, where settings have what they have by themselves.
fn lives(tools: &mut Tools, read: impl Fn(&str) -> Option<String>) -> Variables {
    let (usual, mut told) = (Tools::default(), Variables::default());
    for (name, _) in LIVES {
        let (own, usual) = match name {
            "CATALOG_CACHE_TTL" => (&mut tools.catalog_ttl_s, usual.catalog_ttl_s),
            "SEARCH_CACHE_TTL" => (&mut tools.search_ttl_s, usual.search_ttl_s),
            "EMBEDDING_CACHE_TTL" => (&mut tools.embedding_ttl_s, usual.embedding_ttl_s),
            _ => (&mut tools.tool_ttl_s, usual.tool_ttl_s),
        };
        let Some(text) = read(name).filter(|_| *own == usual) else { continue };
        match text.trim().parse::<u64>() {
            Ok(seconds) if seconds <= LIFE_S_MAX => {
                *own = seconds;
                told.taken.push(name);
            }
            _ => told.refused.push((name, format!("write a whole number of seconds up to {LIFE_S_MAX}"))),
        }
    }
    told
}

/// The Redis that `REDIS_URL` and `REDIS_PASSWORD` name, if they do.
///
/// # Errors
/// What is wrong with them, without repeating them.
fn redis_url(read: impl Fn(&str) -> Option<String>) -> Result<Option<RedisUrl>, String> {
    let Some(url) = read("REDIS_URL").filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let url = url.trim();
    let whole = match (read("REDIS_PASSWORD").filter(|it| !it.is_empty()), url.split_once("://")) {
        (Some(password), Some((scheme, rest))) if !rest.split('/').next().unwrap_or_default().contains('@') => {
            format!("{scheme}://:{}@{rest}", encoded(&password))
        }
        _ => url.to_owned(),
    };
    whole.parse().map(Some).map_err(|_| {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let near = nearest(scheme, ["redis", "rediss", "redis+cluster", "rediss+cluster"], 1);
        let hint = near.first().map(|near| format!(", such as `{near}://host:6379`")).unwrap_or_default();
        format!("`REDIS_URL` is not the address of a Redis{hint}")
    })
}

/// As it stands before the `@` of an address.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Lays them over settings; a line for each that is in force. One that cannot be used is said in the log, without its
/// value, and stops nobody.
pub fn take_over(loaded: &mut Loaded, env: &[(String, String)]) -> Vec<String> {
    let of = |wanted: &str| env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let unset = |loaded: &Loaded, key: &str| matches!(loaded.origins.get(key), None | Some(Origin::Default));
    let open: Vec<&str> = LIVES.iter().filter(|(_, key)| unset(loaded, key)).map(|(name, _)| *name).collect();
    let told = lives(&mut loaded.settings.tools, |name| of(name).filter(|_| open.contains(&name)));
    for (name, problem) in &told.refused {
        tracing::warn!("`{name}` is not used: {problem}");
    }
    let mut notes = Vec::new();
    for (name, key) in LIVES.into_iter().filter(|(name, _)| told.taken.contains(name)) {
        loaded.origins.insert(key.to_owned(), Origin::Env(name.to_owned()));
        notes.push(format!("{name} for `{key}`"));
    }
    // Whoever names a Redis for something has said what for.
    if loaded.settings.cache.redis_url.is_some() || loaded.settings.replicas.redis_url.is_some() {
        return notes;
    }
    match redis_url(of) {
        Ok(Some(url)) => {
            notes.push(format!("{REDIS} for `cache.redis_url`: {url}"));
            loaded.settings.cache.redis_url = Some(url);
            loaded.origins.insert("cache.redis_url".to_owned(), Origin::Env(REDIS.to_owned()));
        }
        Ok(None) => {}
        Err(problem) => tracing::warn!("{problem}; it is not used"),
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn lives_are_taken_over_where_settings_say_nothing() {
        let read = |name: &str| match name {
            "CATALOG_CACHE_TTL" => Some("60".to_owned()),
            "SEARCH_CACHE_TTL" => Some("10".to_owned()),
            "EMBEDDING_CACHE_TTL" => Some("soon".to_owned()),
            _ => None,
        };
        let mut tools = Tools { search_ttl_s: 5, ..Tools::default() };
        let told = lives(&mut tools, read);
        assert_eq!((tools.catalog_ttl_s, tools.search_ttl_s, tools.tool_ttl_s), (60, 5, 86_400));
        assert_eq!(
            (told.taken, told.refused.len(), told.refused[0].0),
            (vec!["CATALOG_CACHE_TTL"], 1, "EMBEDDING_CACHE_TTL")
        );
    }

    #[test]
    fn a_password_goes_into_the_address() {
        let of = |url: &str, password: &str| {
            let read = |name: &str| Some(if name == "REDIS_URL" { url } else { password }.to_owned());
            redis_url(read).map(|url| url.map(|url| url.resolve().unwrap().expose_secret().to_owned()))
        };
        assert_eq!(of("redis://a:6379/0", "p@ss").unwrap().as_deref(), Some("redis://:p%40ss@a:6379/0"));
        assert_eq!(of("redis://u:q@a", "p").unwrap().as_deref(), Some("redis://u:q@a"));
        assert_eq!(of("rediss://a", "").unwrap().as_deref(), Some("rediss://a"));
        assert_eq!(of("", "p").unwrap(), None);
        let wrong = of("http://s3cr3t", "p").unwrap_err();
        assert!(!wrong.contains("s3cr3t"), "{wrong}");
    }

    fn loaded(text: &str) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("althing.toml");
        std::fs::write(&file, text).unwrap();
        settings::load(&settings::Source { file: Some(file), ..settings::Source::default() }).unwrap()
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_count_where_settings_say_nothing() {
        let env = env(&[
            ("SEARCH_CACHE_TTL", "60"),
            ("TOOL_METADATA_CACHE_TTL", "never"),
            ("CATALOG_CACHE_TTL", "7"),
            ("REDIS_URL", "redis://r:6379"),
            ("REDIS_PASSWORD", "s3cr3t"),
        ]);
        // What the file says counts also where it is what would be anyway.
        let mut one = loaded("[tools]\ncatalog_ttl_s = 86400\n");
        let notes = take_over(&mut one, &env);
        let tools = &one.settings.tools;
        assert_eq!((tools.search_ttl_s, tools.catalog_ttl_s, tools.tool_ttl_s), (60, 86_400, 86_400));
        assert_eq!(one.origins["tools.search_ttl_s"], Origin::Env("SEARCH_CACHE_TTL".to_owned()));
        let url = one.settings.cache.redis_url.unwrap().resolve().unwrap();
        assert_eq!(url.expose_secret(), "redis://:s3cr3t@r:6379");
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[1].starts_with("REDIS_URL for `cache.redis_url`: redis://:***@r:6379"), "{notes:?}");
    }

    #[test]
    fn a_redis_that_settings_name_stays_alone_and_a_wrong_one_stops_nobody() {
        let named = env(&[("REDIS_URL", "redis://other:6379")]);
        for text in ["[cache]\nredis_url = 'redis://own:1'\n", "[replicas]\nredis_url = 'redis://own:1'\n"] {
            let (mut one, before) = (loaded(text), loaded(text));
            assert!(take_over(&mut one, &named).is_empty());
            assert_eq!(one.settings.cache.redis_url, before.settings.cache.redis_url);
        }
        let mut one = loaded("");
        assert!(take_over(&mut one, &env(&[("REDIS_URL", "localhost:6379")])).is_empty());
        assert!(one.settings.cache.redis_url.is_none() && take_over(&mut one, &[]).is_empty());
    }
}
