//! Steady tones that begin and end: a whistle, a line-up tone, a feedback that somebody left in.
//!
//! As `lines` does for the whole file, and over a few seconds: in a frequency that music leaves alone now and then, a tone is a
//! floor that stands out and is hardly exceeded. A note that is held is neither so long nor so steady.

use std::collections::VecDeque;

use model::report::ToneOfPassage;

use crate::dsp::{db_to_power, power_db};

/// Length of what is looked at, and how often, in seconds.
const SPAN_S: f64 = 3.0;
const EVERY_S: f64 = 0.5;
/// What is followed, and from where on it is reported: below, held notes of basses and pads are as steady. Nobody hears what is
/// above.
const FOLLOWED_HZ: std::ops::Range<f64> = 150.0..22_000.0;
const LOWEST_HZ: f64 = 700.0;
/// A tone is the highest among its neighbours in so much of the time.
const PEAK_SHARE: f64 = 0.6;
/// Its floor, which a tenth of the windows stays below, is so far above the median of those between these distances in bins, on
/// both sides, and half of the windows are no more than so much above it.
const FLOOR: f64 = 0.1;
const STANDS_OUT_DB: f64 = 12.0;
const BESIDE: std::ops::RangeInclusive<usize> = 4..=15;
const STEADY_DB: f64 = 1.0;
/// Nothing below this is reported.
const FAINTEST_DB: f64 = -80.0;
/// Spans in a row that make a passage: 4 s.
const FEWEST_SPANS: usize = 3;
/// More tones than this are music; multiples of one count with it, as far as this from their place, in bins.
const MOST_TONES: usize = 2;
const SAME_BINS: f64 = 1.5;
/// Spans of another tone at the same time that is no multiple of it: both are of a chord, where that is below the highest note. A note
/// comes back, too.
const SPANS_BESIDE: usize = 2;
/// Pieces of a tone are one passage within this distance, in seconds: louder music is between them.
const SAME_PASSAGE_S: f64 = 2.0;
const HIGHEST_NOTE_HZ: f64 = 4_000.0;
/// So many passages are kept.
const MOST_KEPT: usize = 50;

/// Follows the tones of a spectrum over time.
pub(super) struct PassingTones {
    bin_hz: f64,
    hop_s: f64,
    bins: usize,
    /// Windows of a span, and from one look to the next.
    span: usize,
    every: usize,
    /// The last windows, one behind the other, and in which bins they have peaks.
    power: VecDeque<Vec<f32>>,
    peaks: VecDeque<Vec<u8>>,
    /// In how many of them each bin has one.
    counts: Vec<u8>,
    waits: usize,
    open: Vec<Passing>,
    found: Vec<Passing>,
}

/// A tone, span by span.
#[derive(Clone)]
struct Passing {
    /// With the part of a bin that the vertex is off.
    bin: f64,
    start_s: f64,
    end_s: f64,
    spans: usize,
    level_db: f64,
}

impl Passing {
    fn is_same(&self, bin: f64) -> bool {
        (self.bin - bin).abs() <= SAME_BINS
    }
}

impl PassingTones {
    /// For spectra of `bins` bins, each `hop_s` behind the one before.
    pub(super) fn new(bin_hz: f64, bins: usize, hop_s: f64) -> Self {
        Self {
            bin_hz,
            hop_s,
            bins,
            span: ((SPAN_S / hop_s) as usize).min(usize::from(u8::MAX)),
            every: ((EVERY_S / hop_s).round() as usize).max(1),
            power: VecDeque::new(),
            peaks: VecDeque::new(),
            counts: vec![0; bins],
            waits: 0,
            open: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Takes the spectrum of the window whose middle is at `middle_s`: mean power per bin (a full-scale sine has 0.5 in total).
    pub(super) fn add(&mut self, power: &[f32], middle_s: f64) {
        let (mut row, mut peaks) = if self.power.len() < self.span {
            (vec![0.0; self.bins], vec![0; self.bins])
        } else {
            let (Some(row), Some(peaks)) = (self.power.pop_front(), self.peaks.pop_front()) else {
                return;
            };
            for (count, is_peak) in self.counts.iter_mut().zip(&peaks) {
                *count -= is_peak;
            }
            (row, peaks)
        };
        row.copy_from_slice(power);
        mark_peaks(power, &mut peaks);
        for (count, is_peak) in self.counts.iter_mut().zip(&peaks) {
            *count += is_peak;
        }
        self.power.push_back(row);
        self.peaks.push_back(peaks);
        self.waits += 1;
        if self.power.len() == self.span && self.waits >= self.every {
            self.waits = 0;
            self.look(middle_s);
        }
    }

    /// Nothing sounds.
    pub(super) fn skip(&mut self) {
        self.power.clear();
        self.peaks.clear();
        self.counts.fill(0);
        self.close(|_| true);
    }

    fn look(&mut self, middle_s: f64) {
        let margin = *BESIDE.end();
        let first = ((FOLLOWED_HZ.start / self.bin_hz).ceil() as usize).max(margin);
        let last = ((FOLLOWED_HZ.end / self.bin_hz) as usize).min(self.bins.saturating_sub(margin + 1));
        let fewest = (PEAK_SHARE * self.span as f64) as u8;
        let start_s = middle_s - (self.span - 1) as f64 * self.hop_s;
        let candidates: Vec<usize> = (first..last).filter(|&bin| self.counts[bin] >= fewest).collect();
        for bin in candidates {
            if let Some((off, level_db)) = self.tone_at(bin) {
                self.take(bin as f64 + off, level_db, start_s, middle_s);
            }
        }
        self.close(|tone| tone.end_s < middle_s - 2.1 * EVERY_S);
    }

    /// Keeps of the tones that are over those that say something.
    fn close(&mut self, is_over: impl Fn(&Passing) -> bool) {
        let over = self.open.extract_if(.., |tone| is_over(tone));
        self.found.extend(over.filter(|tone| tone.spans >= SPANS_BESIDE));
    }

    /// The tone in `bin`, if there is one: where in it, and its level in dB.
    fn tone_at(&self, bin: usize) -> Option<(f64, f64)> {
        let floor = |bin: usize| self.levels(bin).0;
        let (here, median) = self.levels(bin);
        let steady = median <= here * db_to_power(STEADY_DB) as f32;
        if !steady || power_db(f64::from(here) / 0.5) < FAINTEST_DB {
            return None;
        }
        let [before, behind] = [floor(bin - 1), floor(bin + 1)];
        if before > here || behind > here {
            return None;
        }
        let mut beside: Vec<f64> = BESIDE
            .flat_map(|distance| [f64::from(floor(bin - distance)), f64::from(floor(bin + distance))])
            .collect();
        let beside = super::series::quantile(&mut beside, 0.5)?;
        if f64::from(here) < beside * db_to_power(STANDS_OUT_DB) {
            return None;
        }
        let db = |power: f32| power_db(f64::from(power).max(1e-20) / 0.5);
        // The vertex of the parabola through three levels.
        let curve = db(before) - 2.0 * db(here) + db(behind);
        let off = if curve < 0.0 {
            0.5 * (db(before) - db(behind)) / curve
        } else {
            0.0
        };
        let power = [before, here, behind].map(f64::from).iter().sum::<f64>();
        Some((off, power_db(power / 0.5)))
    }

    /// What a tenth and half of the last windows stay below.
    fn levels(&self, bin: usize) -> (f32, f32) {
        let mut powers: Vec<f32> = self.power.iter().map(|row| row[bin]).collect();
        let tenth = (FLOOR * powers.len() as f64) as usize;
        let middle = powers.len() / 2;
        let (_, median, _) = powers.select_nth_unstable_by(middle, f32::total_cmp);
        let median = *median;
        let (_, floor, _) = powers[..middle].select_nth_unstable_by(tenth, f32::total_cmp);
        (*floor, median)
    }

    fn take(&mut self, bin: f64, level_db: f64, start_s: f64, end_s: f64) {
        match self.open.iter_mut().find(|tone| tone.is_same(bin)) {
            Some(tone) => {
                tone.spans += 1;
                tone.end_s = end_s;
                tone.level_db = tone.level_db.max(level_db);
            }
            None => self.open.push(Passing {
                bin,
                start_s,
                end_s,
                spans: 1,
                level_db,
            }),
        }
    }

    /// The tones of passages, in the order of time, but for those whose frequency `is_steady` knows to be there all the time; where
    /// there are so many that they are music, none.
    pub(super) fn finish(&self, is_steady: impl Fn(f64) -> bool) -> Vec<ToneOfPassage> {
        let all = || self.found.iter().chain(&self.open);
        let mut pieces: Vec<&Passing> = all()
            .filter(|tone| tone.spans >= FEWEST_SPANS && !is_steady(tone.bin * self.bin_hz))
            .collect();
        pieces.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.bin.total_cmp(&b.bin)));
        let mut passages: Vec<Passing> = Vec::new();
        for &piece in &pieces {
            let goes_on = |passage: &&mut Passing| {
                passage.is_same(piece.bin) && piece.start_s <= passage.end_s + SAME_PASSAGE_S
            };
            match passages.iter_mut().find(goes_on) {
                Some(passage) => {
                    passage.end_s = passage.end_s.max(piece.end_s);
                    passage.level_db = passage.level_db.max(piece.level_db);
                }
                None => passages.push(piece.clone()),
            }
        }
        let bins: Vec<f64> = passages.iter().map(|passage| passage.bin).collect();
        passages.retain(|passage| {
            let is_beside = |other: &Passing| {
                other.spans >= SPANS_BESIDE
                    && !is_multiple(other.bin, passage.bin)
                    && other.start_s < passage.end_s
                    && other.end_s > passage.start_s
            };
            let comes_back = || bins.iter().filter(|&&bin| passage.is_same(bin)).count() > 1;
            let hz = passage.bin * self.bin_hz;
            let is_note = hz < HIGHEST_NOTE_HZ && (comes_back() || all().any(is_beside));
            hz >= LOWEST_HZ && !is_note
        });
        passages.sort_by(|a, b| a.bin.total_cmp(&b.bin).then(a.start_s.total_cmp(&b.start_s)));
        let mut tones: Vec<f64> = Vec::new();
        for passage in &passages {
            if !tones.iter().any(|&lower| is_multiple(passage.bin, lower)) {
                tones.push(passage.bin);
            }
        }
        if tones.len() > MOST_TONES {
            return Vec::new();
        }
        let rounded = |value: f64, parts: f64| (parts * value).round() / parts;
        let mut passages: Vec<ToneOfPassage> = passages
            .into_iter()
            .map(|tone| ToneOfPassage {
                start_s: rounded(tone.start_s, 10.0),
                end_s: rounded(tone.end_s, 10.0),
                hz: rounded(tone.bin * self.bin_hz, 10.0),
                level_db: rounded(tone.level_db, 100.0),
            })
            .collect();
        passages.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.hz.total_cmp(&b.hz)));
        passages.truncate(MOST_KEPT);
        passages
    }
}

/// Puts 1 where a bin is the highest of its neighbours, two on either side, and 0 elsewhere.
fn mark_peaks(power: &[f32], peaks: &mut [u8]) {
    let Some(count) = power.len().checked_sub(4) else {
        return;
    };
    // Slices of one length, so that the comparisons become vectors.
    let [a, b, c, d, e] = std::array::from_fn(|at| &power[at..at + count]);
    let peaks = &mut peaks[2..2 + count];
    for n in 0..count {
        let is_peak = (c[n] > a[n]) & (c[n] >= b[n]) & (c[n] >= d[n]) & (c[n] > e[n]);
        peaks[n] = u8::from(is_peak);
    }
}

/// Whether a tone in `bin` is the one in `lower`, or a multiple of it.
fn is_multiple(bin: f64, lower: f64) -> bool {
    let order = (bin / lower).round();
    (bin - order * lower).abs() <= SAME_BINS.max(0.5 * order)
}
