//! What a person wants of a plan, as the fields of its form say it: in the address of the page, and in the form that starts the
//! render. One reading for both, so that what is rendered is what was shown.

use std::collections::BTreeMap;

use analysis::{
    render::{Container, Plan, PlannedStep, SampleFormat, Target},
    rules::platforms::PLATFORMS,
};

use model::Problem;

use crate::{Error, Result};

/// The field of the target: one of [`KEEP`], [`LEVEL`], or the name of a platform.
pub const TARGET: &str = "target";
/// The field of the loudness for [`LEVEL`], in LUFS.
pub const LUFS: &str = "lufs";
/// The field of the ceiling, in dBTP.
pub const CEILING: &str = "ceiling_dbtp";
/// The field of the file: a [`Container`].
pub const CONTAINER: &str = "container";
/// The field of the samples: a [`SampleFormat`], or empty for what fits the source.
pub const SAMPLES: &str = "samples";
/// The field that names each step that the form showed.
pub const SHOWN: &str = "shown";
/// The field that names each step that is on.
pub const STEP: &str = "step";
/// What the fields of amounts begin with, before the name of the step.
pub const AMOUNT: &str = "amount-";

/// The loudness of the source stays.
pub const KEEP: &str = "keep";
/// A loudness of the person's own.
pub const LEVEL: &str = "level";

/// The ceilings that are taken, in dBTP.
pub const CEILINGS_DBTP: std::ops::RangeInclusive<f64> = -6.0..=-0.1;
/// The loudnesses that are taken, in LUFS.
pub const LEVELS_LUFS: std::ops::RangeInclusive<f64> = -36.0..=-5.0;
/// More fields than any form of ours sends.
const MOST_FIELDS: usize = 200;

/// What is wanted of a plan. The default is what a plan proposes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Wishes {
    /// The loudness of the result.
    pub target: Target,
    /// The ceiling of its true peaks, in dBTP; `None` for that of the plan.
    pub ceiling_dbtp: Option<f64>,
    /// The file.
    pub container: Container,
    /// Its samples; `None` for what fits the source.
    pub samples: Option<SampleFormat>,
    /// Whether a step is on, by its name; the others are as the plan proposes.
    switches: BTreeMap<String, bool>,
    /// Amounts that are other than the plan's, by the name of the step.
    amounts: BTreeMap<String, f64>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            target: Target::KeepLoudness,
            ceiling_dbtp: None,
            container: Container::Wav,
            samples: None,
            switches: BTreeMap::new(),
            amounts: BTreeMap::new(),
        }
    }
}

impl Wishes {
    /// Reads the fields of the form. Fields of others are passed over.
    ///
    /// # Errors
    /// `Invalid` on the field that makes no sense.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut wishes = Self::default();
        let (mut target, mut lufs) = (KEEP, "");
        for (name, value) in fields.into_iter().take(MOST_FIELDS) {
            let value = value.trim();
            match name {
                TARGET if !value.is_empty() => target = value,
                LUFS => lufs = value,
                CEILING if !value.is_empty() => {
                    wishes.ceiling_dbtp = Some(number(CEILING, value, &CEILINGS_DBTP, "dBTP")?);
                }
                CONTAINER if !value.is_empty() => {
                    wishes.container = value
                        .parse()
                        .map_err(|_| Error::invalid(CONTAINER, "Choose WAV or FLAC."))?;
                }
                SAMPLES if !value.is_empty() => {
                    let samples = value
                        .parse()
                        .map_err(|_| Error::invalid(SAMPLES, "Choose one of these."))?;
                    wishes.samples = Some(samples);
                }
                SHOWN => {
                    wishes.switches.entry(value.to_owned()).or_insert(false);
                }
                STEP => {
                    wishes.switches.insert(value.to_owned(), true);
                }
                _ => {
                    if let Some(step) = name.strip_prefix(AMOUNT)
                        && !value.is_empty()
                    {
                        let amount = parse(value)
                            .ok_or_else(|| Problem::invalid(name, "Enter a number such as -2.5."))
                            .map_err(Error::Problem)?;
                        wishes.amounts.insert(step.to_owned(), amount);
                    }
                }
            }
        }
        wishes.target = match target {
            KEEP => Target::KeepLoudness,
            LEVEL => Target::Level {
                lufs: number(LUFS, lufs, &LEVELS_LUFS, "LUFS")?,
            },
            name => Target::Platform {
                name: name.to_owned(),
            },
        };
        if matches!(wishes.target, Target::Platform { .. }) && wishes.target.lufs().is_none() {
            let mut names = vec![KEEP, LEVEL];
            let platforms = PLATFORMS
                .iter()
                .filter(|platform| platform.reference_lufs.is_some());
            names.extend(platforms.map(|platform| platform.name));
            return Err(Error::invalid(
                TARGET,
                format!("Choose one of these targets: {}.", names.join("; ")),
            ));
        }
        if wishes.container == Container::Flac && wishes.samples == Some(SampleFormat::Float32) {
            return Err(Error::invalid(
                SAMPLES,
                "FLAC holds 16 or 24 bits. Choose one of them, or WAV.",
            ));
        }
        Ok(wishes)
    }

    /// Puts switches and amounts into `plan`. What is expected of it is to be computed again then.
    pub(super) fn apply(&self, plan: &mut Plan) {
        for (name, planned) in names(&plan.steps).into_iter().zip(&mut plan.steps) {
            if let Some(&is_on) = self.switches.get(&name) {
                planned.is_on = is_on;
            }
            if let (Some(&amount), Some(now)) = (self.amounts.get(&name), planned.step.amount())
                && now.shown() != now.shown_as(amount)
            {
                planned.step.set_amount(amount);
            }
        }
    }

    /// A step that is switched or changed, and that `plan` does not have.
    pub(super) fn unknown_step(&self, plan: &Plan) -> Option<&str> {
        let known = names(&plan.steps);
        let mut wanted = self.switches.keys().chain(self.amounts.keys());
        wanted.find(|name| !known.contains(name)).map(String::as_str)
    }
}

/// The name of each step among the fields: its kind, and which of the kind it is.
#[must_use]
pub fn names(steps: &[PlannedStep]) -> Vec<String> {
    let kinds: Vec<_> = steps.iter().map(|planned| planned.step.kind()).collect();
    (0..kinds.len())
        .map(|at| {
            let nth = kinds[..=at].iter().filter(|kind| **kind == kinds[at]).count();
            format!("{}-{nth}", kinds[at])
        })
        .collect()
}

/// A number as people type it: with a comma, with the minus of print.
fn parse(text: &str) -> Option<f64> {
    let text = text.replace('\u{2212}', "-").replace(',', ".");
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn number(field: &'static str, text: &str, range: &std::ops::RangeInclusive<f64>, unit: &str) -> Result<f64> {
    parse(text).filter(|value| range.contains(value)).ok_or_else(|| {
        Error::invalid(
            field,
            format!("Enter a number from {} to {} {unit}.", range.start(), range.end()),
        )
    })
}

#[cfg(test)]
mod tests {
    use analysis::render::{Band, BandShape, OutputFormat, Step};
    use model::verdict::{Points, Stage};

    use super::*;

    fn problem_of(fields: &[(&str, &str)]) -> String {
        let error = Wishes::from_fields(fields.iter().copied()).unwrap_err();
        error.to_problem("").field.unwrap_or_default()
    }

    #[test]
    fn what_a_form_says_is_read_and_the_rest_is_as_the_plan_proposes() {
        assert_eq!(Wishes::from_fields([]).unwrap(), Wishes::default());
        let fields = [
            ("csrf", "x"),
            (TARGET, "level"),
            (LUFS, "\u{2212}14,5"),
            (CEILING, "-2"),
            (SHOWN, "equalise-1"),
            (SHOWN, "width-1"),
            (STEP, "width-1"),
            ("amount-equalise-1", "-1.5"),
            ("amount-width-1", ""),
        ];
        let wishes = Wishes::from_fields(fields).unwrap();
        assert_eq!(wishes.target, Target::Level { lufs: -14.5 });
        assert_eq!(wishes.ceiling_dbtp, Some(-2.0));
        assert!(!wishes.switches["equalise-1"]);
        assert!(wishes.switches["width-1"]);
        assert_eq!(wishes.amounts.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_field() {
        for (fields, field) in [
            (&[(TARGET, "Napster")][..], TARGET),
            (&[(TARGET, "level")], LUFS),
            (&[(TARGET, "level"), (LUFS, "loud")], LUFS),
            (&[(TARGET, "level"), (LUFS, "NaN")], LUFS),
            (&[(CEILING, "3")], CEILING),
            (&[(CONTAINER, "mp3")], CONTAINER),
            (&[(CONTAINER, "flac"), (SAMPLES, "float32")], SAMPLES),
            (&[("amount-equalise-1", "much")], "amount-equalise-1"),
        ] {
            assert_eq!(problem_of(fields), field, "{fields:?}");
        }
    }

    #[test]
    fn an_amount_that_nobody_touched_changes_nothing_of_the_plan() {
        let band = |db| {
            Step::Equalise(Band {
                shape: BandShape::Bell,
                hz: 240.0,
                q: 1.0,
                db,
            })
        };
        let planned = |step| PlannedStep {
            step,
            is_on: true,
            remark: None,
            in_the_mix: None,
            rules: Vec::new(),
            effects: Vec::new(),
            points: Points::default(),
        };
        let mut plan = Plan {
            stage: Stage::Mix,
            target: Target::KeepLoudness,
            output: OutputFormat {
                container: Container::Wav,
                samples: SampleFormat::Int24,
            },
            steps: vec![planned(band(-2.2314)), planned(band(1.0))],
            untouched: Vec::new(),
            score_before: Points::default(),
            score_predicted: Points::default(),
            effects: Vec::new(),
        };
        let fields = [
            ("amount-equalise-1", "-2.2"),
            ("amount-equalise-2", "0.5"),
            (SHOWN, "equalise-2"),
        ];
        Wishes::from_fields(fields).unwrap().apply(&mut plan);
        assert_eq!(plan.steps[0], planned(band(-2.2314)));
        assert_eq!((&plan.steps[1].step, plan.steps[1].is_on), (&band(0.5), false));
    }
}
