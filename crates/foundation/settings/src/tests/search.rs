//! What may and may not be said about finding.

use super::{first, read, refusal};
use crate::EmbedDevice;

#[test]
fn numbers_have_bounds() {
    for (key, wrong, range) in [
        ("embed.batch", 129, "1 to 128"),
        ("embed.threads", 0, "1 to 256"),
        ("embed.timeout_ms", 0, "1 to 86400000"),
        ("embed.question_ms", 0, "1 to 86400000"),
        ("embed.dimensions", 0, "1 to 65536"),
        ("embed.memory_mb_max", 63, "64 to 16777216"),
        ("search.tools.rrf_k", 0, "1 to 10000"),
        ("search.passages.candidates", 0, "1 to 10000"),
        ("tools.tools_max", 0, "1 to 1000000"),
        ("tools.schema_bytes_max", 0, "1 to 1073741824"),
        ("tools.timeout_ms", 0, "1 to 86400000"),
        ("tools.learned_max", 1_001, "0 to 1000"),
        ("tools.search_ttl_s", 2_678_401, "0 to 2678400"),
    ] {
        let told = refusal(format!("{key} = {wrong}"));
        assert!(told.starts_with(&format!("`{key}` is `{wrong}` at althing.toml:1:")), "{told}");
        assert!(told.ends_with(&format!("hint: write a whole number from {range}")), "{told}");
    }
    assert_eq!(first("search.tools.vectors = 1.1"), "`search.tools.vectors` is `1.1` at althing.toml:1:24");
    for good in ["tools.learned_max = 0", "tools.search_ttl_s = 0", "search.tools.usage = 0"] {
        assert_eq!(refusal(good), "accepted", "{good}");
    }
}

#[test]
fn models_and_servers_of_vectors() {
    let check = |text: &str, expect: &str| assert!(first(text).starts_with(expect), "{text}: {}", first(text));
    check("embed.model = '../x'", "`embed.model` is `../x`, not the name of a folder at");
    check("embed = { kind = 'openai', base_url = 'https://a/v1', model = 'org/model' }", "accepted");
    check("embed = { model = 'org/model', folder = 'x' }", "accepted");
    check("embed.kind = 'openai'", "`embed.base_url` is missing, and `embed.kind` is `openai`");
    check("embed.base_url = 'a/v1'", "`embed.base_url` has no scheme");
    check("embed.folder = ''", "`embed.folder` is empty");
}

#[test]
fn models_in_the_form_of_onnx() {
    let check = |text: &str, expect: &str| assert!(first(text).starts_with(expect), "{text}: {}", first(text));
    check("embed = { kind = 'onnx', path = '/srv/bge', library = '/opt/libonnxruntime.so' }", "accepted");
    check("embed.kind = 'onnx'", "`embed.path` is missing, and `embed.kind` is `onnx`");
    check("embed = { kind = 'onnx', path = '' }", "`embed.path` is empty");
    check("embed.library = ''", "`embed.library` is empty");
    check("embed.devices = []", "`embed.devices` is empty");
    check("embed.devices = ['cpu', 'cpu']", "`embed.devices[1]` is `cpu`, which is named before");
    check("embed.devices = ['mps', 'coreml']", "`embed.devices[1]` is `coreml`, which is named before");
    assert!(refusal("embed.devices = ['tpu']").contains("`coreml`"));
    let settings = read("embed.devices = ['mps', 'cpu']").unwrap().settings;
    assert_eq!(settings.embed.devices, [EmbedDevice::Coreml, EmbedDevice::Cpu]);
}

/// A credential with one of its keys set.
fn credential(key: &str, value: &str) -> String {
    let mut parts =
        vec![("name", "'c'"), ("header", "'authorization'"), ("secret", "'env:X'"), ("hosts", "['a.example']")];
    parts.retain(|(own, _)| *own != key);
    parts.push((key, value));
    let body: Vec<String> = parts.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    first(&format!("tools.credential = [{{ {} }}]", body.join(", ")))
}

#[test]
fn credentials_of_tools() {
    let check = |key: &str, value: &str, expect: &str| {
        let told = credential(key, value);
        assert!(told.starts_with(expect), "{key} = {value}: {told}");
    };
    check("prefix", "'Bearer '", "accepted");
    check("hosts", "['a.example:8443', '10.0.0.1', '[::1]:80', 'http://a.example:8080']", "accepted");
    check("name", "''", "`tools.credential[0].name` is missing or empty");
    check("header", "'a b'", "`tools.credential[0].header` is `a b`, not the name of a header");
    check("header", "'Host'", "`tools.credential[0].header` is `host`, which belongs to the connection");
    check("prefix", "\"a\\nb\"", "`tools.credential[0].prefix` holds characters that no header can");
    check("hosts", "[]", "`tools.credential[0].hosts` is empty, so that the credential is sent nowhere");
    check("hosts", "['http://a/path']", "`tools.credential[0].hosts[0]` is `http://a/path`, not a host");
    check("hosts", "['https://a']", "`tools.credential[0].hosts[0]` is `https://a`, not a host");
    check("hosts", "['*']", "`tools.credential[0].hosts[0]` is `*`, not a host");
    check("tenants", "['a b']", "`tools.credential[0].tenants[0]` is `a b`, with white space in it");
    let secret = credential("secret", "'sk-literal'");
    assert!(!secret.contains("sk-literal") && secret != "accepted", "{secret}");
    let one = "{ name = 'c', header = 'x-key', secret = 'env:X', hosts = ['a'] }";
    let twice = first(&format!("tools.credential = [{one}, {one}]"));
    assert!(twice.starts_with("`tools.credential[1].name` is `c`, the name of another credential too"), "{twice}");
}

#[test]
fn networks_and_domains_of_tools() {
    let check = |text: &str, expect: &str| assert!(first(text).starts_with(expect), "{text}: {}", first(text));
    check("tools.allowed_networks = ['10.0.0.0/8', '::1']", "accepted");
    check(
        "tools.allowed_networks = ['10/8']",
        "`tools.allowed_networks[0]` is `10/8`, neither an address nor a network",
    );
    check("tools.domain.mail.keywords = ['inbox', 'reply all']", "accepted");
    check("tools.domain.'My Mail'.keywords = []", "`tools.domain.\"My Mail\"` is `My Mail`, not the name of a domain");
    check("tools.domain.auto.keywords = []", "`tools.domain.auto` is `auto`, not the name of a domain");
    check("tools.domain.mail.keywords = ['--']", "`tools.domain.mail.keywords[0]` holds no letter and no digit");
}
