//! What a rule is made of: a measure, a range for each stage, a price, and words.

use model::verdict::{Area, Class, Confidence, Operation, Range, Stage, TimeRange, Unit};

use super::ReportView;

/// Reads what a rule is about from a report.
pub type MeasureFn = fn(&ReportView<'_>) -> Option<Measurement>;
/// Finds the operation that brings a value back which is outside of its range by so much: positive above, negative below.
pub type CorrectFn = fn(&ReportView<'_>, &Measurement, f64) -> Option<Operation>;

/// A rule. Everything in it is data but the two functions that read a report.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Stable: stored verdicts, links and webhooks name it.
    pub id: &'static str,
    /// What it looks at.
    pub title: &'static str,
    /// Where it belongs.
    pub area: Area,
    /// Defect, risk or taste.
    pub class: Class,
    /// How firm it is.
    pub confidence: Confidence,
    /// Whether it is about what is heard.
    pub subject: Subject,
    /// The unit of the measure and the ranges.
    pub unit: Unit,
    /// Why it matters.
    pub why: &'static str,
    /// What exactly is measured.
    pub method: &'static str,
    /// Where the ranges come from.
    pub source: &'static str,
    /// The range in a mix; `None` where it does not matter there.
    pub mix: Option<Criterion>,
    /// The range in a master; `None` where it does not matter there.
    pub master: Option<Criterion>,
    /// How far outside of the range a value must be to be said at all; inside again, it is fixed. This keeps a value
    /// at the edge from coming and going.
    pub tolerance: f64,
    /// What is said of a value above the range.
    pub high: Option<CheckText>,
    /// What is said of a value below the range.
    pub low: Option<CheckText>,
    /// What is said of a value that is good with a margin, and how large that margin is.
    pub strength: Option<Strength>,
    /// The most that an action asks to change at once, in the rule's unit: more is no single step.
    pub most_change: f64,
    /// The rule that says the same, and more: this one costs only what exceeds the price of that one.
    pub covered_by: Option<&'static str>,
    /// The value and where it occurs; `None` where the report has none, or the rule makes no sense for the file.
    pub measure: MeasureFn,
    /// What a machine could do.
    pub correct: Option<CorrectFn>,
}

impl Rule {
    /// What most rules have; a rule of the catalogue says the rest.
    pub(super) const COMMON: Self = Self {
        id: "",
        title: "",
        area: Area::Signal,
        class: Class::Taste,
        confidence: Confidence::Measured,
        subject: Subject::Sound,
        unit: Unit::Db,
        why: "",
        method: "",
        source: "",
        mix: None,
        master: None,
        tolerance: 0.0,
        high: None,
        low: None,
        strength: None,
        most_change: f64::INFINITY,
        covered_by: None,
        measure: |_| None,
        correct: None,
    };

    /// The range and price in `stage`.
    #[must_use]
    pub const fn criterion(&self, stage: Stage) -> Option<&Criterion> {
        match stage {
            Stage::Mix => self.mix.as_ref(),
            Stage::Master => self.master.as_ref(),
        }
    }
}

/// What a rule is about; the order of findings follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What is heard, or will be.
    Sound,
    /// Where the file comes from and how it is handed over: never said before anything that is heard.
    Provenance,
}

/// What is said, and what is to be done. `{value}`, `{excess}`, `{edge}`, `{aim}`, `{change}` and `{label}` in actions are
/// replaced ([`Criterion::aim`]); the title is the same for every song.
#[derive(Debug, Clone, Copy)]
pub struct CheckText {
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// One action, as a producer would say it.
    pub action: &'static str,
    /// The action in a mix, where it is another one: a mix has no limiter to adjust.
    pub action_in_mix: Option<&'static str>,
}

impl CheckText {
    pub(super) const fn new(title: &'static str, action: &'static str) -> Option<Self> {
        Some(Self {
            title,
            action,
            action_in_mix: None,
        })
    }

    pub(super) const fn by_stage(
        title: &'static str,
        action_in_mix: &'static str,
        action: &'static str,
    ) -> Option<Self> {
        Some(Self {
            title,
            action,
            action_in_mix: Some(action_in_mix),
        })
    }

    /// What to do in `stage`.
    #[must_use]
    pub fn action_in(&self, stage: Stage) -> &'static str {
        match stage {
            Stage::Mix => self.action_in_mix.unwrap_or(self.action),
            Stage::Master => self.action,
        }
    }
}

/// What is said of a value that is good with a margin.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// How far inside of the range the value must be, in the rule's unit.
    pub margin: f64,
    /// One sentence. `{edge}` is replaced by the nearer edge of the range.
    pub text: &'static str,
}

impl Strength {
    pub(super) const fn new(margin: f64, text: &'static str) -> Option<Self> {
        Some(Self { margin, text })
    }
}

/// A range and what it costs to be outside.
#[derive(Debug, Clone, Copy)]
pub struct Criterion {
    low: f64,
    high: f64,
    curve: Curve,
    aim: Option<f64>,
}

/// Points by the distance from the range: nothing at its edge, never less for more.
#[derive(Debug, Clone, Copy)]
enum Curve {
    /// In proportion, up to a cap.
    Line { slope: f64, cap: f64 },
    /// Straight lines from nothing through these (distance, points); the last one is the most.
    Knots(&'static [(f64, f64)]),
}

impl Criterion {
    /// Values up to `high` are fine.
    pub(super) const fn at_most(high: f64, slope: f64, cap: f64) -> Option<Self> {
        Self::between(f64::NEG_INFINITY, high, slope, cap)
    }

    /// Values from `low` on are fine.
    pub(super) const fn at_least(low: f64, slope: f64, cap: f64) -> Option<Self> {
        Self::between(low, f64::INFINITY, slope, cap)
    }

    /// Values from `low` to `high` are fine.
    pub(super) const fn between(low: f64, high: f64, slope: f64, cap: f64) -> Option<Self> {
        Some(Self {
            low,
            high,
            curve: Curve::Line { slope, cap },
            aim: None,
        })
    }

    /// Values from `low` to `high` are fine; what is outside costs points by `knots` of (distance, points), both growing.
    pub(super) const fn curved(low: f64, high: f64, knots: &'static [(f64, f64)]) -> Self {
        Self {
            low,
            high,
            curve: Curve::Knots(knots),
            aim: None,
        }
    }

    /// With the value that an action leads to: the middle of what is usual, where the range has no middle of its own.
    pub(super) const fn aiming_at(mut self, value: f64) -> Self {
        self.aim = Some(value);
        self
    }

    /// The value that an action leads to: never the edge of the range, but where nothing better is known.
    #[must_use]
    pub fn aim(&self, value: f64) -> f64 {
        let middle = f64::midpoint(self.low, self.high);
        self.aim
            .or(Some(middle).filter(|middle| middle.is_finite()))
            .unwrap_or(value - self.excess(value))
    }

    /// The range, without infinities.
    #[must_use]
    pub fn range(&self) -> Range {
        let finite = |edge: f64| Some(edge).filter(|edge| edge.is_finite());
        Range {
            low: finite(self.low),
            high: finite(self.high),
        }
    }

    /// How far `value` is outside: positive above, negative below, 0 within.
    #[must_use]
    pub fn excess(&self, value: f64) -> f64 {
        if value > self.high {
            value - self.high
        } else if value < self.low {
            value - self.low
        } else {
            0.0
        }
    }

    /// How far `value` is from the nearer edge, inside of the range; negative outside.
    #[must_use]
    pub fn margin(&self, value: f64) -> f64 {
        (value - self.low).min(self.high - value)
    }

    /// The edge of the range that `value` is nearer to.
    pub(super) fn nearer_edge(&self, value: f64) -> f64 {
        if value - self.low < self.high - value {
            self.low
        } else {
            self.high
        }
    }

    /// The price in points: nothing up to the tolerance, then as the curve says.
    #[must_use]
    pub fn price(&self, value: f64, tolerance: f64) -> f64 {
        let beyond = (self.excess(value).abs() - tolerance).max(0.0);
        let knots = match self.curve {
            Curve::Line { slope, cap } => return (beyond * slope).min(cap),
            Curve::Knots(knots) => knots,
        };
        let mut from = (0.0, 0.0);
        for &to in knots {
            if beyond < to.0 {
                return from.1 + (to.1 - from.1) * (beyond - from.0) / (to.0 - from.0);
            }
            from = to;
        }
        from.1
    }

    /// The most points.
    #[must_use]
    pub fn cap(&self) -> f64 {
        match self.curve {
            Curve::Line { cap, .. } => cap,
            Curve::Knots(knots) => knots.last().map_or(0.0, |knot| knot.1),
        }
    }

    /// How far outside the cap is reached, without the tolerance.
    #[must_use]
    pub fn reach(&self) -> f64 {
        match self.curve {
            Curve::Line { slope, cap } => cap / slope,
            Curve::Knots(knots) => knots.last().map_or(0.0, |knot| knot.0),
        }
    }

    /// The price as pairs of (distance, points), without the start at nothing.
    #[must_use]
    pub fn knots(&self) -> Vec<(f64, f64)> {
        match self.curve {
            Curve::Line { slope, cap } => vec![(cap / slope, cap)],
            Curve::Knots(knots) => knots.to_vec(),
        }
    }
}

/// The value of a rule in one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// In the rule's unit. Finite.
    pub value: f64,
    /// The frequency or channel that it belongs to, in words.
    pub label: Option<String>,
    /// The same frequency as a number, for the corrective step.
    pub hz: Option<f64>,
    /// What a finding says of the value behind its place: how rare it is.
    pub remark: Option<String>,
    /// Where it occurs, worst first.
    pub time_ranges: Vec<TimeRange>,
}

impl Measurement {
    /// `value` alone; `None` where it is no number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self {
            // A sum of nothing is −0.
            value: value + 0.0,
            label: None,
            hz: None,
            remark: None,
            time_ranges: Vec::new(),
        })
    }

    /// With the time ranges in which it occurs.
    #[must_use]
    pub fn at(mut self, time_ranges: Vec<TimeRange>) -> Self {
        self.time_ranges = time_ranges;
        self
    }

    /// With the frequency that it belongs to.
    #[must_use]
    pub fn near(mut self, hz: f64) -> Self {
        self.label = Some(model::text::frequency(hz));
        self.hz = Some(hz);
        self
    }

    /// With the channel that it belongs to.
    #[must_use]
    pub fn in_channel(mut self, index: u16, count: u16) -> Self {
        self.label = Some(model::text::channel(index, count));
        self
    }
}
