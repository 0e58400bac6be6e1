//! What lies in the folder of a model, and whether it is still what was put there. Knows no tensor.

use crate::EmbedError;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The weights.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// The weights as they were published.
pub(crate) const ORIGINAL: &str = "f32.safetensors";
/// How texts are split.
pub(crate) const TOKENIZER: &str = "tokenizer.json";
/// What the two are.
pub(crate) const ABOUT: &str = "about.json";
/// The form of a converted model. Another form gets another number.
pub(crate) const FORMAT: u32 = 1;
/// The most bytes of one file.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a folder with a converted model holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// The form of the files.
    pub format: u32,
    /// The model, such as `all-minilm-l6-v2`.
    pub model: String,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// The weights as bytes.
    pub weights: Sealed,
    /// The weights as they were published.
    pub original: Sealed,
    /// How texts are split.
    pub tokenizer: Sealed,
    /// The SHA-256 of the original weights, in hexadecimal.
    pub source_sha256: String,
}

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its checksum, in hexadecimal: against damage, not against forgery.
    pub checksum: String,
}

impl Sealed {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, checksum: format!("{:016x}", checksum(bytes)) }
    }

    /// What is wrong with a file that should be this one.
    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let found = Self::of(bytes);
        if found.bytes != self.bytes {
            return Err(format!("it has {} bytes and not {}", found.bytes, self.bytes));
        }
        if found.checksum != self.checksum {
            return Err("it was changed or damaged since it was converted".to_owned());
        }
        Ok(())
    }
}

/// A sum over all bytes that any changed one changes. Four lanes, so that a core reads as fast as memory gives.
fn checksum(bytes: &[u8]) -> u64 {
    const PRIMES: [u64; 4] =
        [0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63];
    let step = |sum: u64, part: u64| (sum ^ part).wrapping_mul(PRIMES[0]).rotate_left(31);
    let mut lanes = PRIMES;
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, part) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = step(*lane, u64::from_le_bytes(*part));
        }
    }
    let sum = lanes.into_iter().fold(bytes.len() as u64, step);
    let sum = rest.iter().fold(sum, |sum, byte| step(sum, u64::from(*byte)));
    sum ^ (sum >> 29)
}

/// A file, whole.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, EmbedError> {
    let failed = |error: std::io::Error| EmbedError::File {
        doing: "read",
        file: file.to_owned(),
        problem: error.to_string().to_lowercase(),
    };
    let opened = File::open(file).map_err(failed)?;
    let size = opened.metadata().map_err(failed)?.len();
    if size > FILE_BYTES_MAX {
        return Err(unusable(file, format!("it has {size} bytes, and {FILE_BYTES_MAX} at most are read")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    opened.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// What `folder` says that it holds.
///
/// # Errors
/// [`EmbedError::Missing`] where there is no model at all.
pub(crate) fn about(folder: &Path) -> Result<Converted, EmbedError> {
    let file = folder.join(ABOUT);
    if !file.exists() {
        if folder.join(WEIGHTS).exists() {
            return Err(unusable(
                &folder.join(WEIGHTS),
                format!("it was not converted: there is no `{ABOUT}` beside it"),
            ));
        }
        return Err(EmbedError::Missing { folder: folder.to_owned() });
    }
    let read: Converted = serde_json::from_slice(&read(&file)?)
        .map_err(|error| unusable(&file, format!("it does not say what the folder holds ({error})")))?;
    if read.format != FORMAT {
        return Err(unusable(&file, format!("its format is {}, and this version reads {FORMAT}", read.format)));
    }
    Ok(read)
}

/// A file of a converted model, as it was written.
pub(crate) fn sealed(file: &Path, seal: &Sealed) -> Result<Vec<u8>, EmbedError> {
    let bytes = read(file)?;
    seal.check(&bytes).map_err(|problem| unusable(file, problem))?;
    Ok(bytes)
}

pub(crate) fn unusable(file: &Path, problem: String) -> EmbedError {
    EmbedError::Unusable { file: PathBuf::from(file), problem }
}
