//! The library ONNX Runtime: where it is, and that a process has one of it. Knows no model.

use crate::EmbedError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What names the library where the settings do not.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// The longest word of the library that is passed on, in characters.
const WORDS_MAX: usize = 300;

/// The library that this process has loaded. It is never let go: it takes no other.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// ONNX Runtime, loaded where it was not yet.
pub(super) fn environment(library: Option<&Path>) -> Result<Environment, EmbedError> {
    let library = place(library, std::env::var_os(VARIABLE).map(PathBuf::from));
    let wrong = |problem: String| EmbedError::Library { library: library.clone(), problem };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, environment)) = &*loaded {
        if *known != library {
            return Err(wrong(format!("this process has loaded `{}`, and takes no second one", known.display())));
        }
        return Ok(environment.clone());
    }
    let builder = ort::init_from(&library).map_err(|error| wrong(said(&error)))?;
    let log = |_: LogLevel, _: &str, _: &str, _: &str, message: &str| tracing::debug!(message, "onnx runtime");
    let built = builder.with_name("althing").with_telemetry(false).with_logger(Arc::new(log)).build();
    let environment = built.map_err(|error| wrong(said(&error)))?;
    environment.set_log_level(LogLevel::Warning);
    *loaded = Some((library, environment.clone()));
    Ok(environment)
}

/// Where the library is: a file, or the name that the system knows it by.
fn place(named: Option<&Path>, variable: Option<PathBuf>) -> PathBuf {
    let variable = variable.filter(|path| !path.as_os_str().is_empty());
    let Some(path) = named.map(Path::to_owned).or(variable) else {
        return format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX).into();
    };
    // Relative to where the program was started, as all paths of the settings are.
    std::path::absolute(&path).unwrap_or(path)
}

/// What the library says, without its line breaks and its length.
pub(super) fn said(error: &impl ToString) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_name_the_library_before_the_environment() {
        let (named, variable) = (Path::new("/a.so"), || Some(PathBuf::from("/b.so")));
        assert_eq!(place(Some(named), variable()), PathBuf::from("/a.so"));
        assert_eq!(place(None, variable()), PathBuf::from("/b.so"));
        assert_eq!(place(None, Some(PathBuf::new())), place(None, None));
        assert!(place(None, None).to_str().unwrap().contains("onnxruntime"));
        assert!(place(Some(Path::new("lib/x.so")), None).is_absolute());
    }

    #[test]
    fn words_of_the_library_are_one_line_and_not_endless() {
        assert_eq!(said(&"a\n\t b  c"), "a b c");
        assert_eq!(said(&"x".repeat(1_000)).len(), 300);
    }
}
