//! Rendering: passes until target and ceiling hold, the result measured, what made a rule worse taken back.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::time::Duration;

use model::Report;
use model::player::LoudnessOverTime;
use model::verdict::{Points, Stage};

use super::complete::completed;
use super::export::{self, Marker};
use super::pass::{self, Written};
use super::predict::predict;
use super::proof::{CeilingProof, Judged, LimiterProof, LoudnessProof, Made, Proof, RolledBack, rule_proofs};
use super::provenance;
use super::recipe::{Levels, Recipe, RecipeError, Step, StepKind};
use crate::rules::{RULE_SET, judge};
use crate::{AnalysisOptions, ENGINE_VERSION, Error, Percent, measure};

/// Passes until target and ceiling hold.
const MOST_PASSES: u32 = 4;
/// Passes that look for the target; those behind them only hold the ceiling.
const PASSES_FOR_TARGET: u32 = 2;
/// How often what a step has left of its own kind is added to it.
const MOST_COMPLETIONS: u32 = 3;
/// Nearer to its target a loudness is there, in LU.
const NEAR_LU: f64 = 0.03;
/// The measuring of a source whose report is not known is so many times less than the whole work.
const MEASURED_SHARE: u8 = 5;
/// What counts as missing, in LU.
const MISSED_LU: f64 = 0.1;
/// What a limiter aims lower by than what a peak exceeded the ceiling, in dB.
const MARGIN_DB: f64 = 0.005;
/// A rule that costs so many points more is worse.
pub(super) const WORSE_POINTS: f64 = 0.3;

/// How to render.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// What both files are judged as; `None` for what the source seems to be.
    pub stage: Option<Stage>,
    /// Anything longer is refused.
    pub max_duration: Duration,
    /// Threads that measure.
    pub threads: usize,
    /// The report of the source, where it is known; measured otherwise.
    pub report: Option<Report>,
    /// The score that the plan expects, where it was made on the very file; predicted from the report otherwise.
    pub expected_score: Option<Points>,
    /// Whether the file says how it was made.
    pub provenance: Provenance,
}

impl Default for RenderOptions {
    /// The source decides, three hours, one thread, the source measured, provenance written.
    fn default() -> Self {
        Self {
            stage: None,
            max_duration: AnalysisOptions::default().max_duration,
            threads: 1,
            report: None,
            expected_score: None,
            provenance: Provenance::Written,
        }
    }
}

/// Whether a file says how it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// In a chunk that players pass over.
    Written,
    /// Not at all.
    LeftOut,
}

/// Why there is no render.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The recipe makes no sense.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The source is at fault, or reading or writing failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Renders `source` by `recipe` to `output`, which is read back and measured, and proves what it did. `progress` hears whole
/// percent, never falling.
///
/// # Errors
/// [`RenderError::Recipe`] where the recipe makes no sense, [`RenderError::Engine`] where the source is at fault or reading or
/// writing failed; `output` may hold anything then.
pub fn render(
    source: &File,
    recipe: &Recipe,
    options: &RenderOptions,
    output: &File,
    progress: &mut dyn FnMut(u8),
) -> Result<Proof, RenderError> {
    recipe.check()?;
    let report = match &options.report {
        Some(report) => report.clone(),
        None => measured(source, options, &mut |percent| {
            progress(percent.get() / MEASURED_SHARE)
        })?,
    };
    let verdict = judge(&report);
    let detected = verdict.detected.stage;
    let stage = options.stage.unwrap_or(detected);
    let before = Judged::source(&report, stage);
    let mut run = Run {
        source,
        output,
        options,
        report: &report,
        stage,
        before: &before,
        // As what it looks like, so that the bytes follow from source and recipe alone.
        markers: export::markers(verdict.by(detected)),
        seed: provenance::seed(&report),
        uncovered: Vec::new(),
        passes: 0,
        must_fit: false,
        progress: Progress {
            last: if options.report.is_none() {
                100 / MEASURED_SHARE
            } else {
                0
            },
            report: progress,
        },
    };
    let mut recipe = recipe.clone();
    let mut rolled_back: Vec<RolledBack> = Vec::new();
    let mut completions = 0;
    loop {
        let (written, adjusted) = run.adjust(&recipe)?;
        let result = run.measured_output()?;
        let is_final = recipe.levels == Levels::AsWritten;
        let more = completed(&adjusted, &report, &result);
        if let Some(more) = more.filter(|_| !is_final && completions < MOST_COMPLETIONS) {
            recipe = Recipe {
                levels: Levels::Adjusted,
                ..more
            };
            completions += 1;
            continue;
        }
        let back = loop {
            let after = Judged::result(&result, stage, &before, written.made(&adjusted, &run.uncovered));
            let blame = if is_final {
                None
            } else {
                run.blame(&adjusted, &after)?
            };
            match blame {
                None => {
                    (run.progress.report)(100);
                    return Ok(run.proof(adjusted, rolled_back, &written, &result, after));
                }
                Some(Blame::Uncovered(rule)) => run.uncovered.push(rule),
                Some(Blame::Step(index, back)) => break (index, back),
            }
        };
        let (index, back) = back;
        recipe = without(&adjusted, index, run.report);
        rolled_back.push(back);
        run.uncovered.clear();
    }
}

/// Why a rule is worse.
enum Blame {
    /// What was mended had hidden what this rule finds.
    Uncovered(&'static str),
    /// The step at this index.
    Step(usize, RolledBack),
}

/// Whether a step undoes a fault and shapes nothing, so that what the rule of this id finds behind it was there before.
pub(super) fn only_uncovers(step: &Step, rule: &str) -> bool {
    match step {
        Step::Offset { .. } => rule != "signal.offset",
        // Narrower than any band of the rules of tone.
        Step::Notch { .. } => true,
        // A click is as loud as music above the edge of a codec.
        Step::Repair { .. } => rule == "signal.cutoff",
        // Means over a file without its silence are those of the music.
        Step::Trim(_) => !["signal.cut_end", "signal.clicks"].contains(&rule),
        Step::Polarity { .. } | Step::Delay { .. } => {
            !rule.starts_with("stereo.")
                && ![
                    "low_end.width",
                    "low_end.lean",
                    "tone.comb",
                    "signal.clicks",
                    "signal.inverted_passage",
                ]
                .contains(&rule)
        }
        _ => false,
    }
}

/// The recipe without the step at `index`; where that was the limiter, gain alone holds its ceiling.
fn without(recipe: &Recipe, index: usize, source: &Report) -> Recipe {
    let mut rest = recipe.without(index);
    rest.levels = Levels::Adjusted;
    if let Some(Step::Limit { ceiling_dbtp, .. }) = recipe.steps.get(index) {
        for step in &mut rest.steps {
            if let Step::Gain { highest_dbtp, .. } = step {
                *highest_dbtp = Some(*ceiling_dbtp);
            }
        }
    }
    // Gain that made up for other steps has nothing left to do.
    let is_alone = rest.steps.iter().all(|step| match step {
        Step::Gain { highest_dbtp, .. } => {
            let peak = source.peaks.true_peak_dbtp.value();
            highest_dbtp
                .zip(peak)
                .is_none_or(|(highest, peak)| peak <= highest)
        }
        _ => false,
    });
    if rest.target.lufs().is_none() && is_alone && !recipe.steps.iter().all(is_for_level) {
        rest.steps.clear();
    }
    rest
}

pub(super) const fn is_for_level(step: &Step) -> bool {
    matches!(step.kind(), StepKind::Gain | StepKind::Limit)
}

impl Written {
    fn made<'a>(&self, recipe: &'a Recipe, uncovered: &'a [&'static str]) -> Made<'a> {
        Made {
            steps: &recipe.steps,
            uncovered,
            limiting_db: self.reduction.as_ref().map_or(0.0, |reduction| reduction.most_db),
        }
    }
}

struct Run<'a> {
    source: &'a File,
    output: &'a File,
    options: &'a RenderOptions,
    report: &'a Report,
    stage: Stage,
    before: &'a Judged<'a>,
    /// Where the findings of the source are.
    markers: Vec<Marker>,
    seed: u64,
    /// Rules whose findings were there before, hidden by what is mended.
    uncovered: Vec<&'static str>,
    passes: u32,
    /// Whether the level had to be lowered, so that nothing is clipped.
    must_fit: bool,
    progress: Progress<'a>,
}

/// Passes are not known before; each takes half of what is left.
struct Progress<'a> {
    last: u8,
    report: &'a mut dyn FnMut(u8),
}

impl Progress<'_> {
    fn within(&mut self, from: u8, percent: u8) {
        let left = 98 - from.min(98);
        let now = from + (u32::from(left) * u32::from(percent) / 200) as u8;
        if now > self.last {
            self.last = now;
            (self.report)(now);
        }
    }
}

impl Run<'_> {
    /// Writes the file by `recipe`, with gain and the limiter's aim adjusted until target and ceiling hold and nothing is clipped.
    fn adjust(&mut self, recipe: &Recipe) -> Result<(Written, Recipe), RenderError> {
        let mut adjusted = recipe.clone();
        let unclipped = |written: Written, recipe: Recipe| match written.clipped_db {
            over_db if over_db > 0.0 => Err(RecipeError::Clips { over_db }.into()),
            _ => Ok((written, recipe)),
        };
        if recipe.levels == Levels::AsWritten {
            return unclipped(self.pass(&adjusted)?, adjusted);
        }
        adjusted.levels = Levels::AsWritten;
        if has(&adjusted, StepKind::Gain) {
            let gain_db = predict(self.report, recipe).gain_db;
            set_gain(&mut adjusted, gain_db);
        }
        let mut at = 1;
        loop {
            let written = self.pass(&adjusted)?;
            let next = if written.clipped_db > 0.0 {
                self.must_fit = true;
                Some(lowered(&adjusted, written.clipped_db))
            } else {
                self.corrected(&adjusted, &written, at <= PASSES_FOR_TARGET)
            };
            let Some(next) = next.filter(|_| at < MOST_PASSES) else {
                return unclipped(written, adjusted);
            };
            adjusted = next;
            at += 1;
        }
    }

    fn pass(&mut self, recipe: &Recipe) -> Result<Written, Error> {
        self.passes += 1;
        let note = match self.options.provenance {
            Provenance::Written => Some(provenance::note(self.report, recipe, &self.markers)),
            Provenance::LeftOut => None,
        };
        let from = self.progress.last;
        let progress = &mut self.progress;
        pass::write(
            self.source,
            recipe,
            self.seed,
            self.options.max_duration,
            note.as_ref(),
            self.output,
            &mut |percent| progress.within(from, percent),
        )
    }

    /// The recipe for another pass, where this one missed target or ceiling.
    fn corrected(&self, recipe: &Recipe, written: &Written, seeks_target: bool) -> Option<Recipe> {
        let mut next = recipe.clone();
        let peak = written.levels.true_peak_dbtp;
        let mut is_changed = false;
        let mut room = f64::INFINITY;
        for step in &mut next.steps {
            if let Step::Limit {
                ceiling_dbtp,
                aim_dbtp,
                most_db,
            } = step
            {
                room = *most_db
                    - written
                        .reduction
                        .as_ref()
                        .map_or(0.0, |reduction| reduction.most_db);
                let excess = peak - *ceiling_dbtp;
                if excess > 0.0 {
                    *aim_dbtp -= excess + MARGIN_DB;
                    is_changed = true;
                }
            }
        }
        let wanted = recipe
            .target
            .lufs()
            .or(self.report.loudness.integrated_lufs.value());
        let missing = wanted
            .zip(written.levels.integrated_lufs)
            .map_or(0.0, |(wanted, is)| wanted - is);
        for step in &mut next.steps {
            if let Step::Gain { db, highest_dbtp } = step {
                if room == f64::INFINITY {
                    room = highest_dbtp.map_or(room, |highest| highest - peak);
                }
                let change = missing.min(room);
                if (seeks_target && change.abs() > NEAR_LU) || room < 0.0 {
                    // A step of rounding must not leave a peak above.
                    *db += if change < missing { change - 0.001 } else { change };
                    is_changed = true;
                }
            }
        }
        is_changed.then_some(next)
    }

    /// The written file's report.
    fn measured_output(&mut self) -> Result<Report, Error> {
        measured(self.output, self.options, &mut |_| {})
    }

    /// Why a rule is worse, if any is. A loudness that was asked for is no fault of gain and limiter.
    fn blame(&mut self, recipe: &Recipe, after: &Judged<'_>) -> Result<Option<Blame>, Error> {
        let before_prices = self.before.prices(self.stage);
        let after_prices = after.prices(self.stage);
        let is_lower = after.breakdown.score < self.before.breakdown.score;
        let least = if is_lower { 0.0 } else { WORSE_POINTS };
        let mut increases: Vec<(usize, f64)> = before_prices
            .iter()
            .zip(&after_prices)
            .map(|(before, after)| after - before)
            .enumerate()
            .filter(|&(_, increase)| increase > least)
            .collect();
        increases.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (rule, increase) in increases {
            if recipe.steps.is_empty() {
                return Ok(None);
            }
            let (worse, _) = &after.measures[rule];
            let by_step = self.increase_by_step(recipe, rule)?;
            let uncovering = |index: usize| only_uncovers(&recipe.steps[index], worse.id);
            let uncovered: f64 = by_step
                .iter()
                .enumerate()
                .filter(|&(index, _)| uncovering(index))
                .map(|(_, by)| by.max(0.0))
                .sum();
            if uncovered > 0.0 && increase - uncovered <= WORSE_POINTS {
                return Ok(Some(Blame::Uncovered(worse.id)));
            }
            let culprit = by_step
                .iter()
                .enumerate()
                .filter(|&(index, _)| !uncovering(index))
                .max_by(|a, b| a.1.total_cmp(b.1));
            let index = culprit.map_or(0, |(index, _)| index);
            let is_needed = recipe.target.lufs().is_some() || self.must_fit;
            if is_needed && is_for_level(&recipe.steps[index]) {
                continue;
            }
            let value = |judged: &Judged<'_>| {
                judged.measures[rule]
                    .1
                    .as_ref()
                    .map_or(0.0, |measure| measure.value)
            };
            return Ok(Some(Blame::Step(
                index,
                RolledBack {
                    step: recipe.steps[index].clone(),
                    rule: worse.id.to_owned(),
                    without: value(self.before),
                    with: value(after),
                    unit: worse.unit,
                },
            )));
        }
        Ok(None)
    }

    /// By how much the price of the rule at `rule` rises behind each step, in points. The chain is run stage by stage on the very file.
    fn increase_by_step(&mut self, recipe: &Recipe, rule: usize) -> Result<Vec<f64>, Error> {
        let mut price = self.before.prices(self.stage)[rule];
        (1..=recipe.steps.len())
            .map(|end| {
                let mut prefix = recipe.clone();
                prefix.steps.truncate(end);
                let written = self.pass(&prefix)?;
                let report = self.measured_output()?;
                let made = written.made(&prefix, &[]);
                let now = Judged::result(&report, self.stage, self.before, made).prices(self.stage)[rule];
                Ok(now - std::mem::replace(&mut price, now))
            })
            .collect()
    }

    fn proof(
        &self,
        recipe: Recipe,
        rolled_back: Vec<RolledBack>,
        written: &Written,
        result: &Report,
        after: Judged<'_>,
    ) -> Proof {
        let prediction = predict(self.report, &recipe);
        let expected = prediction.judged(self.stage, self.before, &recipe);
        let is_expected = |id: &str| expected.price(id, self.stage) < self.before.price(id, self.stage);
        let kinds = recipe.steps.iter().map(Step::kind);
        let targeted: Vec<&str> = kinds
            .flat_map(StepKind::rules)
            .copied()
            .filter(|id| is_expected(id))
            .collect();
        let before_lufs = self.report.loudness.integrated_lufs.value();
        let wanted_lufs = recipe.target.lufs().or(before_lufs);
        let after_lufs = result.loudness.integrated_lufs.value();
        let missing = wanted_lufs
            .zip(after_lufs)
            .map_or(0.0, |(wanted, is)| wanted - is);
        let ceiling = recipe.steps.iter().find_map(|step| match step {
            Step::Limit { ceiling_dbtp, .. } => Some(*ceiling_dbtp),
            _ => None,
        });
        let true_peak_dbtp = written.levels.true_peak_dbtp;
        Proof {
            engine: ENGINE_VERSION.to_owned(),
            rule_set: RULE_SET.to_owned(),
            stage: self.stage,
            rules: rule_proofs(self.before, &after, self.stage, &targeted),
            predicted_score: self.options.expected_score.unwrap_or(expected.breakdown.score),
            rolled_back,
            source: self.report.digest.clone(),
            result: result.digest.clone(),
            before: self.before.breakdown.clone(),
            after: after.breakdown,
            loudness: LoudnessProof {
                before_lufs,
                wanted_lufs,
                after_lufs,
                shortfall_lu: if missing > MISSED_LU && has(&recipe, StepKind::Gain) {
                    missing
                } else {
                    0.0
                },
                before_over_time: Some(LoudnessOverTime::of_blocks(
                    &written.source_blocks_lufs,
                    &self.report.loudness.short_term_lufs,
                )),
                after_over_time: Some(LoudnessOverTime::of_blocks(
                    &written.levels.blocks_lufs,
                    &result.loudness.short_term_lufs,
                )),
            },
            ceiling: ceiling.map(|ceiling_dbtp| CeilingProof {
                ceiling_dbtp,
                true_peak_dbtp,
                is_met: true_peak_dbtp <= ceiling_dbtp,
            }),
            limiter: written.reduction.as_ref().map(|reduction| LimiterProof {
                most_db: reduction.most_db,
                share_percent: 100.0 * reduction.frames as f64 / result.file.frames.max(1) as f64,
                seconds_db: reduction.seconds_db.clone(),
            }),
            recipe,
            passes: self.passes,
        }
    }
}

fn measured(
    file: &File,
    options: &RenderOptions,
    progress: &mut dyn FnMut(Percent),
) -> Result<Report, Error> {
    let mut file = file.try_clone().map_err(Error::Io)?;
    file.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
    let options = AnalysisOptions {
        declared: None,
        max_duration: options.max_duration,
        threads: options.threads,
    };
    measure(file, &options, progress)
}

fn has(recipe: &Recipe, kind: StepKind) -> bool {
    recipe.steps.iter().any(|step| step.kind() == kind)
}

/// The recipe with everything lower by so many dB, and held below full scale from there on.
fn lowered(recipe: &Recipe, by_db: f64) -> Recipe {
    let mut lower = recipe.clone();
    let first_behind = |step: &Step| step.kind() >= StepKind::Gain;
    let at = lower
        .steps
        .iter()
        .position(first_behind)
        .unwrap_or(lower.steps.len());
    if !has(&lower, StepKind::Gain) {
        let gain = Step::Gain {
            db: 0.0,
            highest_dbtp: None,
        };
        lower.steps.insert(at, gain);
    }
    if let Some(Step::Gain { db, highest_dbtp }) = lower.steps.get_mut(at) {
        *db -= by_db;
        *highest_dbtp = Some(highest_dbtp.map_or(0.0, |highest| highest.min(0.0)));
    }
    lower
}

fn set_gain(recipe: &mut Recipe, gain_db: f64) {
    for step in &mut recipe.steps {
        if let Step::Gain { db, .. } = step {
            *db = gain_db;
        }
    }
}
