//! What a render must know of each pass over a file: loudness and true peak, and nothing else.

use model::report::Series;

use super::interpolator::{Interpolator, Peak, TilePeaks};
use super::loudness::LoudnessMeter;
use super::{MeterInput, believable};
use crate::dsp::amplitude_db;

type Fourfold = Interpolator<3, 12>;
type Eightfold = Interpolator<7, 32>;
type Sixteenfold = Interpolator<15, 64>;
/// Samples that are kept from block to block: what the longest filter needs.
const HISTORY: usize = Sixteenfold::HISTORY;

/// Loudness and true peak of a stream.
pub(crate) struct OutputMeter {
    loudness: LoudnessMeter,
    fourfold: Fourfold,
    eightfold: Eightfold,
    /// Longer than those of the report, for what lies close to half the sample rate.
    sixteenfold: Sixteenfold,
    /// Per channel, what the filters need of the past, and room for the present.
    buffers: Vec<Vec<f32>>,
    /// The highest of all, so that most need not be computed.
    peak: Peak,
}

/// What it read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutputLevels {
    /// Integrated loudness, in LUFS; `None` below the gate.
    pub(crate) integrated_lufs: Option<f64>,
    /// The highest of the true peaks at 4x (BS.1770-5, as common meters read it), 8x and 16x, in dBTP.
    pub(crate) true_peak_dbtp: f64,
    /// The gating blocks.
    pub(crate) blocks_lufs: Series,
}

/// The gating blocks of a stream.
pub(crate) struct BlockMeter(LoudnessMeter);

impl BlockMeter {
    pub(crate) fn new(input: &MeterInput) -> Self {
        Self(LoudnessMeter::new(input.rate, &input.weights))
    }

    /// Measures on; what is no number is silence.
    pub(crate) fn push(&mut self, planes: &[Vec<f32>]) {
        let is_believable = |plane: &Vec<f32>| plane.iter().all(|&x| x == believable(x));
        if planes.iter().all(is_believable) {
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            self.0.push(&planes);
        } else {
            let planes: Vec<Vec<f32>> = planes
                .iter()
                .map(|plane| plane.iter().copied().map(believable).collect())
                .collect();
            self.push(&planes);
        }
    }

    pub(crate) fn finish(self) -> Series {
        self.0.finish(&[]).timeline.blocks_lufs()
    }
}

impl OutputMeter {
    pub(crate) fn new(input: &MeterInput) -> Self {
        Self {
            loudness: LoudnessMeter::new(input.rate, &input.weights),
            fourfold: Fourfold::fourfold(),
            eightfold: Eightfold::eightfold(),
            sixteenfold: Sixteenfold::sixteenfold(),
            buffers: vec![vec![0.0; HISTORY]; input.weights.len()],
            peak: Peak::default(),
        }
    }

    /// Measures on.
    pub(crate) fn push(&mut self, planes: &[Vec<f32>]) {
        let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
        assert!(
            planes
                .iter()
                .flat_map(|plane| plane.iter())
                .all(|&x| x == believable(x))
        );
        self.loudness.push(&planes);
        for (plane, buffer) in planes.iter().zip(&mut self.buffers) {
            let tiles = TilePeaks::new(buffer, plane);
            buffer.extend_from_slice(plane);
            let (peak, needed) = (&mut self.peak, |history: usize| &buffer[HISTORY - history..]);
            self.fourfold.raise(peak, needed(Fourfold::HISTORY), &tiles, 0);
            self.eightfold.raise(peak, needed(Eightfold::HISTORY), &tiles, 0);
            self.sixteenfold.raise(peak, buffer, &tiles, 0);
            buffer.drain(..plane.len());
        }
    }

    pub(crate) fn finish(self) -> OutputLevels {
        // What no filter has reached yet is taken as it is, as in the report.
        let last = self.buffers.iter().flatten();
        let highest = last.fold(self.peak.level, |highest, sample| highest.max(sample.abs()));
        let readings = self.loudness.finish(&[]);
        OutputLevels {
            integrated_lufs: readings.loudness.integrated_lufs.value(),
            true_peak_dbtp: amplitude_db(f64::from(highest)),
            blocks_lufs: readings.timeline.blocks_lufs(),
        }
    }
}
