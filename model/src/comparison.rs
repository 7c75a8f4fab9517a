//! A mix beside references, all at equal loudness: what differs, where, and by how much.
//!
//! A comparison is no verdict and costs no points: which references are right is the musician's choice. Levels are as
//! they would be with every reference turned to the integrated loudness of the mix.

use serde::{Deserialize, Serialize};

use crate::{
    AnalysisId,
    analysis::Audio,
    player::LoudnessOverTime,
    report::{BANDS, Waveform},
    text::{self, advice},
    upload::UploadKind,
    verdict::Unit,
};

/// A mix against at least one reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// The references, in the order in which they were given; every `each` below has this order.
    pub references: Vec<ReferenceProfile>,
    /// What stands out, gravest first.
    pub differences: Vec<Difference>,
    /// The seven bands ([`BANDS`]), in dB relative to a full-scale sine.
    pub bands: Vec<Delta>,
    /// The spectrum per 1/3 octave, in dB relative to a full-scale sine; empty for reports of version 1.
    pub thirds: Vec<BandDelta>,
    /// The spectrum per 1/6 octave, for the eye.
    pub sixths: Vec<BandDelta>,
    /// Side over mid per 1/3 octave, in dB; empty unless all have two channels.
    pub widths: Vec<BandDelta>,
    /// The figures of the whole file.
    pub measures: Vec<FigureDelta>,
}

impl Comparison {
    /// What came of it, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let several = self.references.len() > 1;
        match (self.differences.first(), several) {
            (None, true) => {
                "At equal loudness nothing stands out: the mix lies where your references lie.".to_owned()
            }
            (None, false) => "At equal loudness nothing stands out from your reference.".to_owned(),
            (Some(first), _) => {
                let than = if several {
                    "the middle of your references"
                } else {
                    "your reference"
                };
                format!(
                    "At equal loudness the mix {} than {than}; nothing differs more.",
                    first.clause()
                )
            }
        }
    }
}

/// A comparison with the names of those that it compares with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackComparison {
    /// In the order of [`Comparison::references`].
    pub with: Vec<ComparedTrack>,
    /// What came of it.
    pub comparison: Comparison,
}

/// What a mix is compared with: a reference, or another mix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedTrack {
    /// Its analysis.
    pub id: AnalysisId,
    /// Which of both it is.
    pub kind: UploadKind,
    /// Its title.
    pub title: String,
    /// Its length, in seconds.
    pub duration_s: f64,
    /// Its integrated loudness, in LUFS.
    pub integrated_lufs: Option<f64>,
    /// Whether it can still be listened to.
    pub audio: Audio,
    /// Its outline.
    pub waveform: Waveform,
    /// Its loudness over time.
    pub loudness: LoudnessOverTime,
}

/// What a reference brings to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReferenceProfile {
    /// What it is turned by to be as loud as the mix, in dB; `None` where either has no loudness, and nothing that
    /// depends on level is compared.
    pub gain_db: Option<f64>,
    /// Where its signal ends, in Hz, where that lies below 20 kHz: bands beyond are not compared with it.
    pub ends_at_hz: Option<f64>,
    /// Whether it was coded with loss, which may have changed its highs and its width below that, too.
    pub is_lossy: bool,
}

/// A value of the mix and the same of each reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delta {
    /// Of the mix.
    pub mix: Option<f64>,
    /// Of each reference; `None` where it has none, or carries no signal there.
    pub each: Vec<Option<f64>>,
    /// What the references have in common; `None` where none has a value.
    pub spread: Option<ReferenceRange>,
}

/// Where references lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReferenceRange {
    /// Their lowest value.
    pub low: f64,
    /// Their median.
    pub median: f64,
    /// Their highest value.
    pub high: f64,
    /// How many have a value.
    pub count: usize,
}

impl ReferenceRange {
    /// Of `values`; `None` where there are none.
    #[must_use]
    pub fn from_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted.len() / 2;
        let lower = (sorted.len() - 1) / 2;
        Some(Self {
            low,
            median: sorted[lower].midpoint(sorted[upper]),
            high,
            count: sorted.len(),
        })
    }
}

impl Delta {
    /// `mix` against `each`, to a thousandth: more is neither known nor worth its digits in JSON.
    #[must_use]
    pub fn new(mix: Option<f64>, each: Vec<Option<f64>>) -> Self {
        let rounded = |value: Option<f64>| value.map(|value| (value * 1_000.0).round() / 1_000.0);
        let (mix, each) = (rounded(mix), each.into_iter().map(rounded).collect::<Vec<_>>());
        let spread = ReferenceRange::from_values(each.iter().copied().flatten());
        Self { mix, each, spread }
    }

    /// The mix less the median of the references; positive where the mix has more.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        Some(self.mix? - self.spread?.median)
    }

    /// How far the mix lies outside of all references: positive above the highest, negative below the lowest, 0 within.
    #[must_use]
    pub fn outside(&self) -> Option<f64> {
        let (mix, spread) = (self.mix?, self.spread?);
        Some((mix - spread.high).max(0.0) + (mix - spread.low).min(0.0))
    }

    /// The higher of the mix and the median of the references; −∞ where there is neither.
    #[must_use]
    pub fn highest(&self) -> f64 {
        let median = self.spread.map(|spread| spread.median);
        [self.mix, median]
            .into_iter()
            .flatten()
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether the mix differs from the median by at least `tolerance`, and from the nearest of several references by
    /// at least half of that.
    #[must_use]
    pub fn stands_out(&self, tolerance: f64) -> bool {
        let several = self.spread.is_some_and(|spread| spread.count > 1);
        self.difference().is_some_and(|by| by.abs() >= tolerance)
            && (!several || self.outside().is_some_and(|by| by.abs() >= tolerance / 2.0))
    }
}

/// One band of a spectrum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BandDelta {
    /// Its centre, in Hz.
    pub hz: f64,
    /// The levels.
    #[serde(flatten)]
    pub level: Delta,
}

/// One figure of the whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FigureDelta {
    /// Which.
    pub measure: Figure,
    /// The values.
    #[serde(flatten)]
    pub value: Delta,
}

/// The figures that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Integrated loudness, before anything is turned.
    Integrated,
    /// Loudness range (EBU Tech 3342).
    Range,
    /// Peak to loudness: true peak less integrated loudness.
    Plr,
    /// Peak to short-term loudness that a tenth of the time stays below.
    Psr,
    /// DR by the Pleasurize Music Foundation.
    Dr,
    /// True peak, before anything is turned.
    TruePeak,
    /// Slope of the spectrum from 100 Hz to 10 kHz.
    Tilt,
    /// Share of 20 to 120 Hz in all energy.
    LowEnd,
    /// Side over mid.
    Width,
    /// Side over mid from 20 to 120 Hz.
    LowWidth,
    /// Correlation of left and right.
    Correlation,
    /// What folding to mono does to the loudness.
    MonoChange,
}

impl Figure {
    /// Every one, in the order of a table.
    pub const ALL: [Self; 12] = [
        Self::Integrated,
        Self::TruePeak,
        Self::Range,
        Self::Plr,
        Self::Psr,
        Self::Dr,
        Self::Tilt,
        Self::LowEnd,
        Self::Width,
        Self::LowWidth,
        Self::Correlation,
        Self::MonoChange,
    ];

    /// As a table heads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integrated => "Integrated loudness",
            Self::Range => "Loudness range",
            Self::Plr => "Peak to loudness (PLR)",
            Self::Psr => "Peak to short-term (PSR)",
            Self::Dr => "Dynamic range (DR)",
            Self::TruePeak => "True peak",
            Self::Tilt => "Tilt",
            Self::LowEnd => "Low end",
            Self::Width => "Width",
            Self::LowWidth => "Width below 120 Hz",
            Self::Correlation => "Correlation",
            Self::MonoChange => "Change in mono",
        }
    }

    /// What exactly, in a few words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Integrated | Self::TruePeak => "before matching",
            Self::Range => "quiet parts to loud parts",
            Self::Plr => "true peak over integrated loudness",
            Self::Psr => "in the densest tenth",
            Self::Dr => "Pleasurize Music Foundation",
            Self::Tilt => "100 Hz to 10 kHz; pink noise has 0",
            Self::LowEnd => "share of 20 to 120 Hz",
            Self::Width => "side over mid",
            Self::LowWidth => "side over mid, 20 to 120 Hz",
            Self::Correlation => "left against right",
            Self::MonoChange => "loudness when folded down",
        }
    }

    /// The unit of its values.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Integrated => Unit::Lufs,
            Self::Range | Self::Plr | Self::Psr | Self::MonoChange => Unit::Lu,
            Self::TruePeak => Unit::Dbtp,
            Self::Tilt => Unit::DbPerOctave,
            Self::Dr | Self::LowEnd | Self::Width | Self::LowWidth => Unit::Db,
            Self::Correlation => Unit::Correlation,
        }
    }
}

/// Which way something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The mix has more.
    More,
    /// The mix has less.
    Less,
}

impl Direction {
    /// The word for it.
    const fn pick(self, more: &'static str, less: &'static str) -> &'static str {
        match self {
            Self::More => more,
            Self::Less => less,
        }
    }
}

/// A part of the sound that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// What it is about.
    pub topic: DifferenceKind,
    /// Mix less median of the references, in `unit`.
    pub by: f64,
    /// How far apart the references themselves are, in `unit`; `None` where there is only one.
    pub spread: Option<f64>,
    /// Of both.
    pub unit: Unit,
}

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum DifferenceKind {
    /// The level of a part of the spectrum.
    BandDelta {
        /// Its lower edge, in Hz.
        from_hz: f64,
        /// Its upper edge, in Hz.
        to_hz: f64,
    },
    /// A figure of the whole.
    Figure {
        /// Which.
        measure: Figure,
    },
}

impl Difference {
    /// What differs, in a few words: `Less at 2–6 kHz`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.topic {
            DifferenceKind::BandDelta { from_hz, to_hz } => {
                let edges = text::band_edges(two_digits(from_hz), two_digits(to_hz));
                format!("{} at {edges}", self.direction().pick("More", "Less"))
            }
            DifferenceKind::Figure { measure } => match (measure, self.direction()) {
                (Figure::Range, Direction::More) => "Wider loudness range",
                (Figure::Range, Direction::Less) => "Narrower loudness range",
                (Figure::Plr | Figure::Psr, Direction::More) => "More dynamic",
                (Figure::Plr | Figure::Psr, Direction::Less) => "More compressed",
                (Figure::Width, Direction::More) => "Wider",
                (Figure::Width, Direction::Less) => "Narrower",
                (Figure::LowWidth, _) => "Wider low end",
                (Figure::MonoChange, _) => "Loses more in mono",
                (measure, _) => measure.name(),
            }
            .to_owned(),
        }
    }

    /// The difference and the spread, as one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let clause = self.clause();
        match self.spread {
            Some(spread) => format!(
                "At equal loudness your mix {clause} than the references, which lie within {} of each other.",
                self.unit.display(spread)
            ),
            None => format!("At equal loudness your mix {clause} than the reference."),
        }
    }

    /// What the mix is or has, up to `than`: `has 3.2 dB less from 2 kHz to 6 kHz`.
    fn clause(&self) -> String {
        let by = self.unit.display(self.by.abs());
        let either = |more, less| self.direction().pick(more, less);
        match self.topic {
            DifferenceKind::BandDelta { from_hz, to_hz } => format!(
                "has {by} {} from {} to {}",
                either("more", "less"),
                text::frequency(two_digits(from_hz)),
                text::frequency(two_digits(to_hz))
            ),
            DifferenceKind::Figure { measure } => match measure {
                Figure::Range => format!("has a loudness range {by} {}", either("wider", "narrower")),
                Figure::Plr | Figure::Psr => {
                    let short = if measure == Figure::Psr { "PSR" } else { "PLR" };
                    format!("is more {} by {by} ({short})", either("dynamic", "compressed"))
                }
                Figure::Width => format!("is {by} {}", either("wider", "narrower")),
                Figure::LowWidth => format!("is {by} wider below 120{}Hz", text::THIN),
                Figure::MonoChange => format!("loses {by} more in mono"),
                other => format!("has {by} {} in {}", either("more", "less"), other.name()),
            },
        }
    }

    /// Whether the mix has more or less than the references.
    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.by > 0.0 {
            Direction::More
        } else {
            Direction::Less
        }
    }

    /// What to listen for and where to begin, in a producer's words.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.topic {
            DifferenceKind::BandDelta { from_hz, to_hz } => {
                let middle_hz = (from_hz * to_hz).sqrt();
                let band = BANDS.iter().position(|band| middle_hz <= band.to_hz);
                advice::of_band(band.unwrap_or(BANDS.len() - 1), self.direction())
            }
            DifferenceKind::Figure { measure } => advice::of_figure(measure, self.direction()),
        }
    }
}

/// Edges of bands are computed; two digits are what an ear or an equaliser makes of them.
fn two_digits(hz: f64) -> f64 {
    let step = 10_f64.powf(hz.log10().floor() - 1.0);
    (hz / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_of_an_even_number_has_its_median_between() {
        let spread = ReferenceRange::from_values([3.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!(
            (spread.low, spread.median, spread.high, spread.count),
            (1.0, 2.5, 4.0, 4)
        );
        assert_eq!(ReferenceRange::from_values([]), None);
    }

    #[test]
    fn what_lies_within_the_references_does_not_stand_out() {
        let wide = Delta::new(Some(4.9), vec![Some(-5.0), Some(0.0), Some(5.0)]);
        assert_eq!(wide.outside(), Some(0.0));
        assert!(!wide.stands_out(2.0));
        let beyond = Delta::new(Some(7.0), vec![Some(-5.0), Some(0.0), Some(5.0)]);
        assert_eq!(beyond.outside(), Some(2.0));
        assert!(beyond.stands_out(2.0));
        assert!(Delta::new(Some(-2.0), vec![Some(0.0)]).stands_out(2.0));
        assert!(!Delta::new(None, vec![Some(0.0)]).stands_out(2.0));
        assert!(!Delta::new(Some(1.0), vec![None]).stands_out(0.0));
    }

    #[test]
    fn a_difference_speaks_of_difference_and_spread() {
        let difference = Difference {
            topic: DifferenceKind::BandDelta {
                from_hz: 2_000.0,
                to_hz: 6_000.0,
            },
            by: -3.24,
            spread: Some(1.9),
            unit: Unit::Db,
        };
        assert_eq!(difference.title(), "Less at 2–6\u{202f}kHz");
        assert_eq!(
            difference.sentence(),
            "At equal loudness your mix has 3.2\u{202f}dB less from 2\u{202f}kHz to 6\u{202f}kHz than the references, which lie within 1.9\u{202f}dB of each other."
        );
        assert!(difference.advice().contains("curtain"));
        let narrow = Difference {
            topic: DifferenceKind::Figure {
                measure: Figure::Width,
            },
            spread: None,
            ..difference
        };
        assert_eq!(
            narrow.sentence(),
            "At equal loudness your mix is 3.2\u{202f}dB narrower than the reference."
        );
        assert_eq!(two_digits(222.7), 220.0);
        assert_eq!(two_digits(14_254.0), 14_000.0);
    }
}
