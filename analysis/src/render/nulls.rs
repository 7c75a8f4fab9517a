//! What one step takes away: the difference between the chain up to it and the chain before it, sample by sample.

use std::collections::VecDeque;
use std::fs::File;

use super::chain::{Chain, Planes};
use super::pass::{in_double_precision, open};
use super::recipe::{Recipe, SampleFormat, Step};
use super::wave::WaveWriter;
use crate::Error;
use crate::dsp::power_db;

/// Writes what the step at `index` of `recipe` takes away to `output`, as a WAV in floating point, and answers its level in
/// dBFS (RMS of all channels); `None` where it is nothing at all. The differences of all steps sum to the whole difference. A
/// trim has none: it changes the length.
///
/// # Errors
/// As [`measure`](crate::measure()).
pub fn difference(source: &File, recipe: &Recipe, index: usize, output: &File) -> Result<Option<f64>, Error> {
    let steps: Vec<Step> = recipe
        .steps
        .iter()
        .take(index + 1)
        .filter(|step| !matches!(step, Step::Trim(_)))
        .cloned()
        .collect();
    let mut stream = open(source)?;
    let mut pair: Option<Pair<'_>> = None;
    while stream.advance()?.is_some() {
        let pair = match &mut pair {
            Some(pair) => pair,
            none => none.insert(Pair::new(
                &steps,
                index,
                stream.sample_rate_hz(),
                stream.planes().len(),
                output,
            )?),
        };
        let planes = in_double_precision(stream.planes());
        pair.push(planes.clone(), planes)?;
    }
    let Some(mut pair) = pair else {
        return Ok(None);
    };
    let (with, without) = (pair.with.finish(), pair.without.finish());
    pair.write(with, without)?;
    let len = pair.writer.finish(&[]).map_err(Error::Io)?;
    output.set_len(len).map_err(Error::Io)?;
    Ok((pair.energy > 0.0).then(|| power_db(pair.energy / pair.samples.max(1) as f64)))
}

struct Pair<'a> {
    with: Chain,
    without: Chain,
    /// What one chain has given and the other not yet, per channel.
    waiting: [Vec<VecDeque<f64>>; 2],
    writer: WaveWriter<&'a File>,
    energy: f64,
    samples: u64,
}

impl<'a> Pair<'a> {
    fn new(
        steps: &[Step],
        index: usize,
        rate: u32,
        channels: usize,
        output: &'a File,
    ) -> Result<Self, Error> {
        let before = &steps[..index.min(steps.len())];
        Ok(Self {
            with: Chain::new(steps, rate, channels),
            without: Chain::new(before, rate, channels),
            waiting: [vec![VecDeque::new(); channels], vec![VecDeque::new(); channels]],
            writer: WaveWriter::new(output, SampleFormat::Float32, rate, channels as u16)
                .map_err(Error::Io)?,
            energy: 0.0,
            samples: 0,
        })
    }

    fn push(&mut self, mut with: Planes, mut without: Planes) -> Result<(), Error> {
        self.with.push(&mut with);
        self.without.push(&mut without);
        self.write(with, without)
    }

    /// What was before the step less what is behind it, as far as both are known.
    fn write(&mut self, with: Planes, without: Planes) -> Result<(), Error> {
        for (waiting, planes) in self.waiting.iter_mut().zip([with, without]) {
            for (waiting, plane) in waiting.iter_mut().zip(planes) {
                waiting.extend(plane);
            }
        }
        let [with, without] = &mut self.waiting;
        let mut words = Vec::with_capacity(with.len());
        for (with, without) in with.iter_mut().zip(without) {
            let count = with.len().min(without.len());
            let taken = without.drain(..count).zip(with.drain(..count));
            let differences: Vec<f32> = taken.map(|(before, after)| (before - after) as f32).collect();
            self.energy += differences
                .iter()
                .map(|&x| f64::from(x) * f64::from(x))
                .sum::<f64>();
            self.samples += count as u64;
            words.push(differences);
        }
        self.writer.push(&words).map_err(Error::Io)
    }
}
