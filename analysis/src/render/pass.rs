//! One pass: a source through a chain into a file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::time::Duration;

use model::report::Series;
use model::{Failure, FailureCode};

use super::chain::{Chain, Planes};
use super::flac::FlacWriter;
use super::limiter::Reduction;
use super::provenance::{self, Note};
use super::quantise::Quantiser;
use super::recipe::{Container, Dither, OutputFormat, Recipe, Step};
use super::wave::WaveWriter;
use crate::decode::Stream;
use crate::meter::{BlockMeter, MeterInput, OutputLevels, OutputMeter, believable};
use crate::{Error, frames_in};

/// What came of a pass.
pub(super) struct Written {
    pub(super) levels: OutputLevels,
    /// The gating blocks of the source.
    pub(super) source_blocks_lufs: Series,
    pub(super) reduction: Option<Reduction>,
    /// By how many dB what came out was over full scale, where that was clipped; 0 where nothing was.
    pub(super) clipped_db: f64,
}

/// Writes `source` through the steps of `recipe` to `output`, from its start, with `note` as what the file says of itself. `seed` is
/// that of the dither.
///
/// # Errors
/// [`Error::Rejected`] where the file is at fault, [`Error::Io`] where reading or writing failed.
pub(super) fn write(
    source: &File,
    recipe: &Recipe,
    seed: u64,
    max_duration: Duration,
    note: Option<&Note>,
    output: &File,
    progress: &mut dyn FnMut(u8),
) -> Result<Written, Error> {
    let mut stream = open(source)?;
    let mut started: Option<Started<'_>> = None;
    let mut frames = 0_u64;
    while let Some(count) = stream.advance()? {
        frames += count as u64;
        if frames > frames_in(max_duration, stream.sample_rate_hz()) {
            return Err(Failure::with(FailureCode::TooLong, max_duration.as_secs() / 60).into());
        }
        let started = match &mut started {
            Some(started) => started,
            none => none.insert(Started::new(&stream, recipe, seed, note, output)?),
        };
        started.source_meter.push(stream.planes());
        let mut planes = in_double_precision(stream.planes());
        started.chain.push(&mut planes);
        started.write(&planes)?;
        progress(stream.percent_read());
    }
    let Some(mut started) = started else {
        return Err(Failure::new(FailureCode::Malformed).into());
    };
    let rest = started.chain.finish();
    started.write(&rest)?;
    let len = started.writer.finish(note).map_err(Error::Io)?;
    // A pass before may have been longer.
    output.set_len(len).map_err(Error::Io)?;
    Ok(Written {
        levels: started.meter.finish(),
        source_blocks_lufs: started.source_meter.finish(),
        reduction: started.chain.reduction(),
        clipped_db: started.quantiser.over_db(),
    })
}

/// A decoder at the start of `source`.
pub(super) fn open(source: &File) -> Result<Stream, Error> {
    let mut source = source.try_clone().map_err(Error::Io)?;
    source.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
    Stream::open(source)
}

pub(super) fn in_double_precision(planes: &[Vec<f32>]) -> Planes {
    let exact = |plane: &Vec<f32>| {
        plane
            .iter()
            .map(|&sample| f64::from(believable(sample)))
            .collect()
    };
    planes.iter().map(exact).collect()
}

struct Started<'a> {
    source_meter: BlockMeter,
    chain: Chain,
    quantiser: Quantiser,
    words: Vec<Vec<f32>>,
    meter: OutputMeter,
    writer: Writer<'a>,
}

enum Writer<'a> {
    Wave(WaveWriter<&'a File>),
    Flac(FlacWriter<&'a File>),
}

impl<'a> Started<'a> {
    fn new(
        stream: &Stream,
        recipe: &Recipe,
        seed: u64,
        note: Option<&Note>,
        output: &'a File,
    ) -> Result<Self, Error> {
        let (rate, channels) = (stream.sample_rate_hz(), stream.planes().len());
        let input = MeterInput {
            rate,
            weights: stream.weights(),
            integer_bits: None,
        };
        let seed = needs_dither(recipe, stream.integer_bits(), rate).then_some(seed);
        Ok(Self {
            source_meter: BlockMeter::new(&input),
            chain: Chain::new(&recipe.steps, rate, channels),
            quantiser: Quantiser::new(recipe.output.samples, channels, seed),
            words: Vec::new(),
            meter: OutputMeter::new(&input),
            writer: Writer::new(output, recipe.output, rate, channels, note).map_err(Error::Io)?,
        })
    }

    fn write(&mut self, planes: &Planes) -> Result<(), Error> {
        self.quantiser.push(planes, &mut self.words);
        self.meter.push(&self.words);
        self.writer.push(&self.words).map_err(Error::Io)
    }
}

impl<'a> Writer<'a> {
    fn new(
        output: &'a File,
        format: OutputFormat,
        rate: u32,
        channels: usize,
        note: Option<&Note>,
    ) -> io::Result<Self> {
        Ok(match format.container {
            Container::Wav => Self::Wave(WaveWriter::new(output, format.samples, rate, channels as u16)?),
            Container::Flac => Self::Flac(FlacWriter::new(
                output,
                format.samples,
                rate,
                channels,
                note.map(|note| note.origin.as_str()),
            )?),
        })
    }

    fn push(&mut self, words: &[Vec<f32>]) -> io::Result<()> {
        match self {
            Self::Wave(writer) => writer.push(words),
            Self::Flac(writer) => writer.push(words),
        }
    }

    fn finish(self, note: Option<&Note>) -> io::Result<u64> {
        match self {
            Self::Wave(writer) => writer.finish(&note.map(provenance::chunks).unwrap_or_default()),
            Self::Flac(writer) => writer.finish(),
        }
    }
}

/// Whether samples need rounding: the word becomes shorter, or a step computes.
fn needs_dither(recipe: &Recipe, source_bits: Option<u16>, rate: u32) -> bool {
    let fits = source_bits.is_some_and(|bits| bits <= recipe.output.samples.bits());
    let is_exact = recipe.steps.iter().all(|step| is_exact(step, rate));
    recipe.dither == Dither::Tpdf && !(fits && is_exact)
}

/// Whether whole numbers stay whole numbers.
fn is_exact(step: &Step, rate: u32) -> bool {
    match step {
        Step::Polarity { passages, .. } => passages.is_empty(),
        Step::Delay { ms, .. } => super::delay::whole_frames(*ms, f64::from(rate)).is_some(),
        Step::Gain { db, .. } => *db == 0.0,
        _ => false,
    }
}
