//! Where the embedding model lies that `make model` makes.

use std::path::PathBuf;

/// The folder of the converted model, the one that `ALTHING_TEST_MODEL` names, else the usual one; `None` where no model
/// is in it.
pub fn model() -> Option<PathBuf> {
    let usual = || {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let data = data.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
        data.unwrap_or_default().join("althing/models/all-minilm-l6-v2")
    };
    let folder = std::env::var_os("ALTHING_TEST_MODEL").map_or_else(usual, PathBuf::from);
    folder.join("about.json").exists().then_some(folder)
}
