//! Where and as whom, from every place that may say so.

use super::*;
use crate::bedrock::Bedrock;
use fault::Explain;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::SystemTime;

const SECRET: &str = "SECRET-wJalrXUtnFEMI";

struct Case {
    env: BTreeMap<String, String>,
    provider: settings::Provider,
    home: tempfile::TempDir,
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{text}").unwrap();
    file
}

impl Case {
    fn new(settings: &str, env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut all: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.insert("HOME".to_owned(), home.path().display().to_string());
        let provider = toml::from_str(&format!("name = 'b'\nkind = 'bedrock'\n{settings}")).unwrap();
        Self { env: all, provider, home }
    }

    fn files(self, credentials: &str, config: &str) -> Self {
        let folder = self.home.path().join(".aws");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("credentials"), credentials).unwrap();
        std::fs::write(folder.join("config"), config).unwrap();
        self
    }

    /// Base and whose keys: `bearer …`, `key …`, or `container`.
    fn found(&self) -> Result<(String, String), RegistryError> {
        let place = find(&self.provider, &|name| self.env.get(name).cloned())?;
        let who = match place.access {
            Access::Bearer(token) => token.to_str().unwrap().to_owned(),
            Access::Signed { region, keys: Keys::Fixed(keys) } => {
                format!("{region} {} {}", keys.access_key_id(), keys.session_token().unwrap_or("-"))
            }
            Access::Signed { region, keys: Keys::Container(_) } => format!("{region} container"),
        };
        Ok((place.base, who))
    }

    #[track_caller]
    fn check(&self, base: &str, who: &str) {
        assert_eq!(self.found().unwrap(), (base.to_owned(), who.to_owned()));
    }

    /// The message and the hint, which never hold the secret.
    fn refused(&self) -> (String, String) {
        let error = self.found().unwrap_err();
        assert!(!format!("{error:?} {error}").contains(SECRET), "{error:?}");
        (error.to_string(), error.hint().unwrap())
    }
}

const ENV: [(&str, &str); 3] =
    [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
const EU: &str = "https://bedrock-runtime.eu-west-1.amazonaws.com";
const FILES: &str = "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = x\n\n[ other ]\n# none\naws_access_key_id=OTHERKEY\naws_secret_access_key=y\naws_session_token = t";
const CONFIG: &str = "[default]\nregion = us-west-2\ns3 =\n  region = no\n[profile other]\nregion=ap-south-1\n[profile sso]\nsso_session = x";

#[test]
fn settings_go_before_the_environment_and_that_before_files() {
    let (id, secret, token) = (file("SETKEY"), file(SECRET), file("TOKEN"));
    let path = |file: &tempfile::NamedTempFile| format!("'file:{}'", file.path().display());
    let pair = format!("access_key_id = {}, secret_access_key = {}", path(&id), path(&secret));
    let set = format!(
        "api_key = {}\naws = {{ region = 'cn-north-1', {pair}, session_token = {} }}",
        path(&token),
        path(&token)
    );
    let cn = "https://bedrock-runtime.cn-north-1.amazonaws.com.cn";
    Case::new(&set, &ENV).check(cn, "cn-north-1 SETKEY TOKEN");
    let key = format!("api_key = {}", path(&token));
    Case::new(&key, &ENV).check(EU, "Bearer TOKEN");
    let mut env = ENV.to_vec();
    env.push(("AWS_BEARER_TOKEN_BEDROCK", "BEARER"));
    Case::new("", &env).check(EU, "Bearer BEARER");
    Case::new("", &ENV).files(FILES, CONFIG).check(EU, "eu-west-1 ENVKEY -");
    // A profile that is set for the provider is not overruled.
    Case::new("aws = { profile = 'other' }", &env).files(FILES, CONFIG).check(EU, "eu-west-1 OTHERKEY t");
}

#[test]
fn files_and_containers_stand_in() {
    let west = "https://bedrock-runtime.us-west-2.amazonaws.com";
    Case::new("", &[]).files(FILES, CONFIG).check(west, "us-west-2 FILEKEY -");
    let south = "https://bedrock-runtime.ap-south-1.amazonaws.com";
    Case::new("", &[("AWS_PROFILE", "other")]).files(FILES, CONFIG).check(south, "ap-south-1 OTHERKEY t");
    // Keys in the other file, and files elsewhere.
    let keys = file("[profile other]\naws_access_key_id = CONFIGKEY\naws_secret_access_key = z\nregion = r-1");
    let path = keys.path().display().to_string();
    let env = [("AWS_CONFIG_FILE", path.as_str()), ("AWS_PROFILE", "other"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    Case::new("", &env).check(EU, "eu-west-1 CONFIGKEY -");
    let container = [("AWS_REGION", "eu-west-1"), ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")];
    Case::new("", &container).check(EU, "eu-west-1 container");
    let base = "base_url = 'http://127.0.0.1:1/x/'";
    Case::new(base, &ENV).check("http://127.0.0.1:1/x", "eu-west-1 ENVKEY -");
    // A bearer's key needs no region where the address is known.
    Case::new(base, &[("AWS_BEARER_TOKEN_BEDROCK", "B")]).check("http://127.0.0.1:1/x", "Bearer B");
}

#[test]
fn what_is_missing_is_named() {
    let id = file("SETKEY");
    let half = format!("aws = {{ region = 'r', access_key_id = 'file:{}' }}", id.path().display());
    let plain = [("AWS_REGION", "r"), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.org/keys")];
    for (case, message, hint) in [
        (Case::new("", &[]), "provider `b` has no AWS credentials", KEYS_HINT),
        (Case::new("", &ENV[1..]), "provider `b` has no AWS region", REGION_HINT),
        (Case::new(&half, &[]), "provider `b` has no `aws.secret_access_key`", PAIR_HINT),
        (
            Case::new("", &[("AWS_ACCESS_KEY_ID", SECRET)]),
            "provider `b` has no `AWS_SECRET_ACCESS_KEY`",
            "set the variable beside `AWS_ACCESS_KEY_ID`",
        ),
        (
            Case::new("aws = { profile = 'sso' }", &ENV).files(FILES, CONFIG),
            "provider `b` has no profile `sso` with a static key in the AWS files",
            PROFILE_HINT,
        ),
        (Case::new("", &plain), "provider `b` has no address of container credentials to trust", CONTAINER_HINT),
    ] {
        assert_eq!(case.refused(), (message.to_owned(), hint.to_owned()));
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for base in ["nonsense", "/path", "http://h/?q=1"] {
        let case = Case::new(&format!("base_url = '{base}'"), &ENV);
        let made = Bedrock::new(&case.provider, &|name| case.env.get(name).cloned(), SystemTime::now, None);
        assert!(matches!(made.err().unwrap(), RegistryError::BadAddress { .. }), "{base}");
    }
    let case = Case::new("aws = { region = 'eu west' }", &ENV);
    let made = Bedrock::new(&case.provider, &|name| case.env.get(name).cloned(), SystemTime::now, None);
    assert!(matches!(made.err().unwrap(), RegistryError::Aws { .. }));
}

#[test]
fn a_region_that_would_lead_elsewhere_is_none() {
    for region in ["@evil.example/", "x.evil.example/", "eu central"] {
        let keys = [("AWS_REGION", region), ("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        let (message, _) = Case::new("", &keys).refused();
        assert_eq!(message, "provider `b` has no usable AWS region", "{region}");
    }
}
