//! A model in one session: what it takes, what it gives, and the vectors in it. Knows no thread and no text.

use super::runtime::said;
use super::splitter::Splitter;
use crate::Vector;
use ort::environment::Environment;
use ort::ep::{ArenaExtendStrategy, CUDA, CoreML, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::builder::SessionBuilder;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType};
use settings::{Embed, EmbedDevice};
use std::path::Path;

/// What a model calls a vector that needs no mean.
const WHOLE: &str = "sentence_embedding";

/// What an input holds for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Id,
    /// One, and zero for what a text was filled up with.
    Mask,
    /// Zero: all is one text.
    Kind,
}

#[derive(Debug)]
struct Input {
    name: String,
    holds: Holds,
    /// Whether its numbers have 64 bits, and not 32.
    is_wide: bool,
}

/// A model on a device.
pub(super) struct Model {
    session: Session,
    run: RunOptions<HasSelectedOutputs>,
    inputs: Vec<Input>,
    output: String,
    filling: u32,
    dimensions: usize,
    device: EmbedDevice,
}

impl Model {
    /// Opens the model on a device and makes first vectors, as only that shows whether it works.
    ///
    /// # Errors
    /// What is wrong with the model or the device.
    pub(super) fn open(
        environment: &Environment,
        graph: &Path,
        splitter: &Splitter,
        device: EmbedDevice,
        settings: &Embed,
    ) -> Result<Self, String> {
        let session = session(environment, graph, device, settings)?;
        let inputs = session.inputs().iter().map(input).collect::<Result<Vec<_>, _>>()?;
        for (holds, name) in [(Holds::Id, "input_ids"), (Holds::Mask, "attention_mask")] {
            if !inputs.iter().any(|input| input.holds == holds) {
                return Err(format!("it takes no `{name}`, so it is no model of texts"));
            }
        }
        let output = output(session.outputs())?;
        let selected = OutputSelector::no_default().with(&output);
        let run = RunOptions::new().map_err(|error| said(&error))?.with_outputs(selected);
        let filling = splitter.filling();
        let mut model = Self { session, run, inputs, output, filling, dimensions: 0, device };
        model.dimensions = model.forward(&[splitter.split("hello")])?.first().map_or(0, |vector| vector.len());
        // Longer texts, and several, have vectors of the same length.
        model.forward(&[splitter.split("hello and hello again"), splitter.split("")])?;
        Ok(model)
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn device(&self) -> EmbedDevice {
        self.device
    }

    /// One vector of unit length for each text, of which each has a token at least.
    ///
    /// # Errors
    /// What the library says.
    pub(super) fn forward(&mut self, texts: &[Vec<u32>]) -> Result<Vec<Vector>, String> {
        let width = texts.iter().map(Vec::len).max().unwrap_or(0);
        let shape = [texts.len(), width];
        let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(self.inputs.len());
        for Input { name, holds, is_wide } in &self.inputs {
            let numbers = texts.iter().flat_map(|ids| numbers(ids, width, *holds, self.filling));
            let value = match is_wide {
                true => Tensor::from_array((shape, numbers.map(i64::from).collect::<Vec<_>>())).map(Into::into),
                false => Tensor::from_array((shape, numbers.map(u32::cast_signed).collect::<Vec<_>>())).map(Into::into),
            };
            values.push((name, value.map_err(|error| said(&error))?));
        }
        let outputs = self.session.run_with_options(values, &self.run).map_err(|error| said(&error))?;
        let found = outputs.get(&self.output).ok_or_else(|| format!("it gave no `{}`", self.output))?;
        let (shape, numbers) = found.try_extract_tensor::<f32>().map_err(|error| said(&error))?;
        let made = vectors(texts, shape, numbers).ok_or_else(|| {
            format!("its `{}` has the shape {:?} for {} texts of {width} tokens", self.output, &shape[..], texts.len())
        })?;
        if let Some(other) =
            made.iter().map(|vector| vector.len()).find(|found| self.dimensions != 0 && *found != self.dimensions)
        {
            return Err(format!("its vectors have {other} numbers and not {}", self.dimensions));
        }
        Ok(made)
    }
}

/// A session with the model on one device, and with what that device does not know on the processor.
fn session(environment: &Environment, graph: &Path, device: EmbedDevice, settings: &Embed) -> Result<Session, String> {
    let provider = match device {
        EmbedDevice::Cpu => None,
        EmbedDevice::Cuda => Some(known::<CUDA>(cuda(settings))?),
        EmbedDevice::Coreml => Some(known::<CoreML>(CoreML::default().build())?),
    };
    // Patterns of memory are kept for each shape of a batch, and there is no end of those.
    let built = SessionBuilder::new(environment)
        .and_then(|builder| Ok(builder.with_intra_threads(settings.threads)?.with_memory_pattern(false)?))
        .and_then(|builder| Ok(builder.with_execution_providers(provider.as_slice())?));
    built.and_then(|mut builder| builder.commit_from_file(graph)).map_err(|error| said(&error))
}

/// A kind of device that the library was built for.
fn known<P: ExecutionProvider>(provider: ExecutionProviderDispatch) -> Result<ExecutionProviderDispatch, String> {
    match P::is_available() {
        Ok(true) => Ok(provider.error_on_failure()),
        Ok(false) => Err("ONNX Runtime was built without it".to_owned()),
        Err(error) => Err(said(&error)),
    }
}

/// A graphics card, with a bound on its memory where one is set.
fn cuda(settings: &Embed) -> ExecutionProviderDispatch {
    let usual = CUDA::default().with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
    let most = settings.memory_mb_max.and_then(|mb| usize::try_from(mb.saturating_mul(1024 * 1024)).ok());
    match most {
        Some(most) => usual.with_memory_limit(most).build(),
        None => usual.build(),
    }
}

/// What an input holds, by its name.
fn input(outlet: &Outlet) -> Result<Input, String> {
    let name = outlet.name().to_owned();
    let holds = match name.as_str() {
        "input_ids" => Holds::Id,
        "attention_mask" => Holds::Mask,
        "token_type_ids" => Holds::Kind,
        _ => return Err(format!("it takes `{name}`, which no text has")),
    };
    let is_wide = match outlet.dtype().tensor_type() {
        Some(TensorElementType::Int64) => true,
        Some(TensorElementType::Int32) => false,
        _ => return Err(format!("its `{name}` is {}, not of whole numbers", outlet.dtype())),
    };
    Ok(Input { name, holds, is_wide })
}

/// The output that vectors are made of: the whole one where there is one, else what there is for each token, else the
/// only one.
fn output(outlets: &[Outlet]) -> Result<String, String> {
    let rank = |outlet: &&Outlet| outlet.dtype().tensor_shape().map(|shape| shape.len());
    let whole = outlets.iter().find(|outlet| outlet.name() == WHOLE);
    let found = whole
        .or_else(|| outlets.iter().find(|outlet| rank(outlet) == Some(3)))
        .or_else(|| outlets.first().filter(|_| outlets.len() == 1))
        .ok_or("it gives nothing for each token, and no `sentence_embedding`")?;
    if found.dtype().tensor_type() != Some(TensorElementType::Float32) {
        return Err(format!("its `{}` is {}, and f32 is read alone", found.name(), found.dtype()));
    }
    Ok(found.name().to_owned())
}

/// What an input holds of a text, filled up to `width` tokens.
fn numbers(ids: &[u32], width: usize, holds: Holds, filling: u32) -> impl Iterator<Item = u32> {
    let (own, rest) = match holds {
        Holds::Id => (None, filling),
        Holds::Mask => (Some(1), 0),
        Holds::Kind => (Some(0), 0),
    };
    let own = ids.iter().map(move |id| own.unwrap_or(*id));
    own.chain(std::iter::repeat_n(rest, width.saturating_sub(ids.len())))
}

/// The vectors in what a model gave; `None` where its shape is none that it should be.
fn vectors(texts: &[Vec<u32>], shape: &[i64], numbers: &[f32]) -> Option<Vec<Vector>> {
    let sizes: Vec<usize> = shape.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<_>>()?;
    let width = texts.iter().map(Vec::len).max()?;
    match *sizes.as_slice() {
        [count, size] if count == texts.len() && size > 0 => {
            Some(numbers.chunks_exact(size).map(crate::unit).collect())
        }
        [count, long, size] if count == texts.len() && long == width && size > 0 => {
            let each = texts.iter().zip(numbers.chunks_exact(width * size));
            Some(each.map(|(ids, rows)| mean(rows, ids.len(), size)).collect())
        }
        _ => None,
    }
}

/// The mean of the first `count` rows, of unit length.
fn mean(rows: &[f32], count: usize, size: usize) -> Vector {
    let mut sum = vec![0.0_f32; size];
    for row in rows.chunks_exact(size).take(count) {
        for (sum, number) in sum.iter_mut().zip(row) {
            *sum += number;
        }
    }
    crate::unit(&sum)
}
