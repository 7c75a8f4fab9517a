//! The bands of the equaliser: one after the other for the rule that costs most, each only as far as the edge of the usual, and
//! each judged by what the spectrum would be behind it. Rules of tone are not independent: a shelf for the tilt also moves the
//! sibilants, so that the next band is chosen on what the last one leaves.

use model::Report;
use model::comparison::{Comparison, DifferenceKind};
use model::verdict::{Operation, ShelfSide, Stage};

use super::as_written;
use super::faults::{Fault, faults};
use super::planner::Proposal;
use crate::render::design::{Band, BandShape};
use crate::render::predict::predict;
use crate::render::proof::Judged;
use crate::render::recipe::{MOST_BANDS, Step};

/// The most that a band takes away, in dB.
const MOST_CUT_DB: f64 = 3.0;
/// The most that a band adds, in dB: noise and faults come up with it.
const MOST_BOOST_DB: f64 = 2.0;
/// What a band must win to be worth its phase, in points.
const LEAST_WIN: f64 = 0.3;
/// Below this a band is no change, in dB.
const LEAST_DB: f64 = 0.5;
/// Signal must lie so far above noise for a boost, in dB.
const ABOVE_NOISE_DB: f64 = 20.0;
/// Lossy coders leave the highest octave damaged; it is not raised.
const LOSSY_END_HZ: f64 = 14_000.0;
/// How often bands are chosen and refined.
const MOST_ROUNDS: usize = 12;
/// A wide difference from references spans a shelf, from and to here.
const SHELF_HZ: (f64, f64) = (45.0, 11_000.0);

/// A band and what it is for.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) band: Band,
    pub(super) rule: &'static str,
}

impl Chosen {
    pub(super) const fn proposal(&self) -> Proposal {
        if self.band.db > 0.0 {
            Proposal::Off("Raises what is there, noise included; on request.")
        } else {
            Proposal::On
        }
    }
}

/// The bands for what is wrong with the tone; cuts first, then boosts.
pub(super) fn bands(report: &Report, judged: &Judged<'_>, stage: Stage, found: &[Fault]) -> Vec<Chosen> {
    let mut search = Search {
        report,
        judged,
        stage,
        chosen: Vec::new(),
        given_up: Vec::new(),
    };
    if found.iter().any(|fault| band_of(fault).is_some()) {
        search.choose(Direction::Cut);
        search.choose(Direction::Boost);
    }
    search.chosen.retain(|chosen| chosen.band.db.abs() >= LEAST_DB);
    search.chosen
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Cut,
    Boost,
}

struct Search<'a> {
    report: &'a Report,
    judged: &'a Judged<'a>,
    stage: Stage,
    chosen: Vec<Chosen>,
    given_up: Vec<&'static str>,
}

impl Search<'_> {
    fn choose(&mut self, direction: Direction) {
        self.given_up.clear();
        for _ in 0..MOST_ROUNDS {
            let (predicted, cost) = self.predicted(&self.chosen);
            let after = Judged::source(&predicted, self.stage);
            let next = faults(&predicted, &after, self.stage)
                .into_iter()
                .find_map(|fault| {
                    let band = band_of(&fault)?;
                    let is_wanted = (band.db > 0.0) == (direction == Direction::Boost);
                    (is_wanted && !self.given_up.contains(&fault.rule.id)).then_some((fault.rule.id, band))
                });
            let Some((rule, band)) = next else { return };
            let Some(tried) = self.with(rule, band) else {
                self.given_up.push(rule);
                continue;
            };
            // The whole change may be too much for what lies beside: half of it may be better.
            let best = [tried.clone(), self.half_way(&tried)]
                .into_iter()
                .map(|bands| (self.predicted(&bands).1, bands))
                .reduce(|best, next| if next.0 < best.0 { next } else { best });
            match best {
                Some((left, bands)) if left < cost - LEAST_WIN => self.chosen = bands,
                _ => self.given_up.push(rule),
            }
        }
    }

    /// What is chosen so far, with a band for `rule` or more of the one that is there.
    fn with(&self, rule: &'static str, band: Band) -> Option<Vec<Chosen>> {
        let limit = |db: f64| db.clamp(-MOST_CUT_DB, MOST_BOOST_DB);
        if band.db > 0.0 && !self.may_raise(&band) {
            return None;
        }
        let mut bands = self.chosen.clone();
        if let Some(known) = bands.iter_mut().find(|chosen| chosen.rule == rule) {
            let db = limit(known.band.db + band.db);
            if (db - known.band.db).abs() < 0.1 || (db > 0.0) != (known.band.db > 0.0) {
                return None;
            }
            known.band.db = db;
        } else if bands.len() < MOST_BANDS {
            let db = limit(band.db);
            bands.push(Chosen {
                band: Band { db, ..band },
                rule,
            });
        } else {
            return None;
        }
        Some(bands)
    }

    /// The last change of `bands` against what is chosen, halved.
    fn half_way(&self, bands: &[Chosen]) -> Vec<Chosen> {
        let mut half = bands.to_vec();
        for (index, chosen) in half.iter_mut().enumerate() {
            let before = self.chosen.get(index).map_or(0.0, |known| known.band.db);
            chosen.band.db = f64::midpoint(before, chosen.band.db);
        }
        half
    }

    /// The report behind `bands`, and what all rules of tone cost by themselves.
    fn predicted(&self, bands: &[Chosen]) -> (Report, f64) {
        let steps: Vec<Step> = bands.iter().map(|chosen| Step::Equalise(chosen.band)).collect();
        let recipe = as_written(&steps);
        let predicted = predict(self.report, &recipe);
        let cost = predicted
            .judged(self.stage, self.judged, &recipe)
            .cost(self.stage);
        (predicted.report, cost)
    }

    /// Not above where a coder stopped, nor what is hardly more than noise.
    fn may_raise(&self, band: &Band) -> bool {
        let Some(detail) = &self.report.detail else {
            return false;
        };
        let reach = match band.shape {
            BandShape::HighShelf => 2.0 * band.hz,
            BandShape::Bell | BandShape::LowShelf => band.hz,
        };
        let ends = detail.quality.cutoff_hz.value().unwrap_or(f64::INFINITY);
        let ends = if self.report.file.is_lossy() {
            ends.min(LOSSY_END_HZ)
        } else {
            ends
        };
        if reach.min(20_000.0) > ends {
            return false;
        }
        let Some(hiss) = detail.quality.hiss_dbfs else {
            return true;
        };
        // Of white noise, a third of an octave has its share of the width; a full-scale sine has −3 dBFS.
        let share = crate::dsp::power_db(0.2316 * band.hz / 19_980.0);
        let noise = hiss + 3.01 + share;
        let near = detail
            .spectrum
            .third_octave
            .iter()
            .find(|third| (third.hz / band.hz - 1.0).abs() < 0.13);
        near.and_then(|third| third.db)
            .is_some_and(|db| f64::from(db) > noise + ABOVE_NOISE_DB)
    }
}

/// The band that a fault asks for.
fn band_of(fault: &Fault) -> Option<Band> {
    match fault.operation.as_ref()? {
        Operation::Bell { hz, q, db } => Some(Band {
            shape: BandShape::Bell,
            hz: *hz,
            q: *q,
            db: *db,
        }),
        Operation::Shelf { hz, db, side } => {
            let shape = match side {
                ShelfSide::Low => BandShape::LowShelf,
                ShelfSide::High => BandShape::HighShelf,
            };
            Some(Band::shelf(shape, *hz, db.clamp(-6.0, 6.0)))
        }
        _ => None,
    }
}

/// Bands towards references, for their strongest differences of tone, at most so many.
pub(super) fn towards(comparison: &Comparison, most: usize) -> Vec<Band> {
    let bands = comparison.differences.iter().filter_map(|difference| {
        let DifferenceKind::BandDelta { from_hz, to_hz } = difference.topic else {
            return None;
        };
        let db = (-difference.by).clamp(-MOST_CUT_DB, MOST_BOOST_DB);
        if to_hz <= 2.0 * SHELF_HZ.0 {
            return Some(Band::shelf(BandShape::LowShelf, to_hz, db));
        }
        if to_hz > SHELF_HZ.1 && from_hz > 2_000.0 {
            return Some(Band::shelf(BandShape::HighShelf, from_hz, db));
        }
        let octaves = libm::log2(to_hz / from_hz).max(0.5);
        // The width of a bell of the cookbook, in octaves between half gains.
        let q = 1.0 / (2.0 * libm::sinh(std::f64::consts::LN_2 / 2.0 * octaves));
        Some(Band {
            shape: BandShape::Bell,
            hz: (from_hz * to_hz).sqrt(),
            q: q.clamp(0.4, 4.0),
            db,
        })
    });
    bands
        .filter(|band| band.db.abs() >= LEAST_DB)
        .take(most)
        .collect()
}
