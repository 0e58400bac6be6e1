//! Which of several devices a model works on: the first that can be used. Knows no library.

use crate::EmbedError;
use settings::{Embed, EmbedDevice};
use std::path::Path;

/// A device that was refused, and why.
pub(super) type Refused = (EmbedDevice, String);

/// Why a model works nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nowhere {
    /// The processor takes any whole model: this one is none.
    Model(String),
    /// All that it may work on were refused.
    Devices(Vec<Refused>),
}

impl Nowhere {
    /// The error for the model with this graph.
    pub(super) fn of(self, graph: &Path) -> EmbedError {
        match self {
            Self::Model(problem) => EmbedError::Graph { file: graph.to_owned(), problem },
            Self::Devices(refused) => EmbedError::Devices { refused: words(&refused) },
        }
    }
}

/// Opens a model on one device after the other, until one takes it; says which were refused before.
pub(super) fn first<M>(
    settings: &Embed,
    mut open: impl FnMut(EmbedDevice) -> Result<M, String>,
) -> Result<(M, Vec<Refused>), Nowhere> {
    let mut refused = Vec::new();
    for device in &settings.devices {
        match open(*device) {
            Ok(model) => return Ok((model, refused)),
            Err(problem) if *device == EmbedDevice::Cpu => return Err(Nowhere::Model(problem)),
            Err(problem) => refused.push((*device, problem)),
        }
    }
    Err(Nowhere::Devices(refused))
}

/// Where a model works, such as `cpu (cuda: there is no such device)`.
pub(super) fn told(device: EmbedDevice, refused: &[Refused]) -> String {
    if refused.is_empty() {
        return device.name().to_owned();
    }
    format!("{} ({})", device.name(), words(refused))
}

fn words(refused: &[Refused]) -> String {
    let each = refused.iter().map(|(device, problem)| format!("{}: {problem}", device.name()));
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use EmbedDevice::{Coreml, Cpu, Cuda};

    /// Which of `devices` is taken, where those in `broken` refuse.
    fn check(devices: &[EmbedDevice], broken: &[EmbedDevice], expect: &str) {
        let settings = Embed { devices: devices.to_vec(), ..Embed::default() };
        let open = |device: EmbedDevice| match broken.contains(&device) {
            true => Err("no".to_owned()),
            false => Ok(device),
        };
        let found = match first(&settings, open) {
            Ok((device, refused)) => told(device, &refused),
            Err(error) => error.of(Path::new("m.onnx")).to_string(),
        };
        assert_eq!(found, expect, "{devices:?} without {broken:?}");
    }

    #[test]
    fn the_first_that_can_be_used_is_taken_and_the_others_are_named() {
        check(&[Cuda, Coreml, Cpu], &[], "cuda");
        check(&[Cuda, Coreml, Cpu], &[Cuda], "coreml (cuda: no)");
        check(&[Cuda, Coreml, Cpu], &[Cuda, Coreml], "cpu (cuda: no; coreml: no)");
        check(&[Cpu, Cuda], &[Cuda], "cpu");
        check(&[Cuda], &[Cuda], "the embedding model works on no device of `embed.devices`: cuda: no");
        check(&[Cuda, Cpu], &[Cuda, Cpu], "cannot use `m.onnx` as an embedding model: no");
    }
}
