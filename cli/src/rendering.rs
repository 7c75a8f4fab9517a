//! Plans and renders of local files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use analysis::Error;
use analysis::render::{
    Container, Effect, Levels, Outcome as RuleOutcome, Plan, PlanOptions, Proof, Provenance, Recipe,
    RenderError, RenderOptions, SampleFormat, Target, describe, difference, export, origin, plan_on, render,
    titled,
};
use analysis::rules::judge;
use analysis::rules::platforms::PLATFORMS;
use model::verdict::Unit;
use model::{Report, text};

use crate::arguments::{self, FileFormat, PlanFormat, Samples, Wishes};
use crate::{Outcome, analyze, input, progress_bar, table};

/// A recipe is a few kilobytes.
const MOST_RECIPE_BYTES: u64 = 1 << 20;

/// Why nothing was planned or rendered; what was said of it is on standard error.
type Refused = Outcome;

pub(crate) fn plan_file(arguments: &arguments::Plan) -> Outcome {
    let planned = || -> Result<(), Refused> {
        let (report, plan) = planned(&arguments.file, &arguments.wishes, &arguments.reading)?;
        let mut out = io::stdout().lock();
        let written = match arguments.format {
            PlanFormat::Table => write_plan(&mut out, &arguments.file, &report, &plan),
            PlanFormat::Json => serde_json::to_writer(&mut out, &plan)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out)),
            PlanFormat::Recipe => writeln!(out, "{}", plan.recipe().to_json()),
            other => write!(out, "{}", exported(other, &report, &plan)),
        };
        finished(written)
    };
    planned().err().unwrap_or(Outcome::Measured)
}

/// What is taken along to other programs.
fn exported(format: PlanFormat, report: &Report, plan: &Plan) -> String {
    let (recipe, rate) = (plan.recipe(), report.file.sample_rate_hz);
    let markers = export::markers(judge(report).by(plan.stage));
    match format {
        PlanFormat::Apo => export::equalizer_apo(&recipe, rate),
        PlanFormat::Ffmpeg => {
            let (graph, left_out) = export::ffmpeg_filters(&recipe, rate);
            for step in left_out {
                complain(&format!(
                    "ffmpeg has no filter like this, so it is left out: {step}"
                ));
            }
            format!("{graph}\n")
        }
        PlanFormat::Audacity => export::audacity_labels(&markers),
        PlanFormat::Reaper => export::reaper_csv(&markers),
        PlanFormat::Audition => export::audition_csv(&markers),
        PlanFormat::Words | PlanFormat::Table | PlanFormat::Json | PlanFormat::Recipe => {
            export::table(&recipe)
        }
    }
}

pub(crate) fn render_file(arguments: &arguments::Render) -> Outcome {
    let rendered = || -> Result<(), Refused> {
        let (report, recipe, expected_score) = match &arguments.recipe {
            Some(path) => {
                let report = report_of(&arguments.file, &arguments.reading)?;
                (report, recipe_of(path, arguments.replay)?, None)
            }
            None => {
                let (report, plan) = planned(&arguments.file, &arguments.wishes, &arguments.reading)?;
                (report, plan.recipe(), Some(plan.score_predicted))
            }
        };
        let source = File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error))?;
        let output = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&arguments.output)
            .map_err(|error| unreadable(&arguments.output, &error))?;
        let options = RenderOptions {
            stage: arguments.wishes.stage.stage(),
            threads: usize::try_from(arguments.reading.threads).unwrap_or(1),
            report: Some(report),
            expected_score,
            provenance: if arguments.no_provenance {
                Provenance::LeftOut
            } else {
                Provenance::Written
            },
            ..RenderOptions::default()
        };
        let bar = progress_bar(&arguments.output.display().to_string());
        let proof = render(&source, &recipe, &options, &output, &mut |percent| {
            bar.set_position(u64::from(percent));
        });
        bar.finish_and_clear();
        let proof = proof.map_err(|error| refused(&arguments.file, &error))?;
        let mut out = io::stdout().lock();
        if arguments.nulls {
            write_nulls(&source, &proof.recipe, &arguments.output)?;
        }
        let written = if arguments.json {
            serde_json::to_writer(&mut out, &proof)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            write_proof(&mut out, &arguments.output, &proof)
        };
        finished(written)
    };
    rendered().err().unwrap_or(Outcome::Measured)
}

/// What each step took away, beside the result.
fn write_nulls(source: &File, recipe: &Recipe, beside: &Path) -> Result<(), Refused> {
    for (index, step) in recipe.steps.iter().enumerate() {
        let mut name = beside.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".step-{}.wav", index + 1));
        let path = beside.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|error| unreadable(&path, &error))?;
        let level = difference(source, recipe, index, &file)
            .map_err(|error| refused(&path, &RenderError::Engine(error)))?;
        let level = level.map_or("nothing".to_owned(), |dbfs| Unit::Dbfs.display(dbfs));
        complain(&format!(
            "{}: what {} took away, {level}",
            path.display(),
            step.kind().name()
        ));
    }
    Ok(())
}

fn planned(
    file: &Path,
    wishes: &Wishes,
    reading: &arguments::ReadOptions,
) -> Result<(Report, Plan), Refused> {
    let report = report_of(file, reading)?;
    let references = wishes
        .references
        .iter()
        .map(|path| report_of(path, reading))
        .collect::<Result<Vec<_>, _>>()?;
    let already = File::open(file).ok().and_then(|file| origin(&file));
    let options = PlanOptions {
        stage: wishes.stage.stage(),
        target: target_of(&wishes.target)?,
        samples: wishes.samples.map(|samples| match samples {
            Samples::Int16 => SampleFormat::Int16,
            Samples::Int24 => SampleFormat::Int24,
            Samples::Float => SampleFormat::Float32,
        }),
        container: match wishes.container {
            FileFormat::Wav => Container::Wav,
            FileFormat::Flac => Container::Flac,
        },
        references: &references.iter().collect::<Vec<_>>(),
        most_limiting_db: wishes.limiting,
        ceiling_dbtp: PlanOptions::default().ceiling_dbtp,
        already: already.as_ref().map(|origin| &origin.recipe),
    };
    let source = File::open(file).map_err(|error| unreadable(file, &error))?;
    let scratch = tempfile::tempfile().map_err(|error| unreadable(file, &error))?;
    let mut plan = plan_on(&source, &report, &options, &scratch)
        .map_err(|error| refused(file, &RenderError::Engine(error)))?;
    if wishes.with.is_empty() && wishes.without.is_empty() {
        return Ok((report, plan));
    }
    plan.switch(&report, |step| {
        if wishes.without.contains(&step.step.kind()) {
            false
        } else {
            step.is_on || wishes.with.contains(&step.step.kind())
        }
    });
    Ok((report, plan))
}

fn target_of(words: &str) -> Result<Target, Refused> {
    if words == "keep" {
        return Ok(Target::KeepLoudness);
    }
    if let Ok(lufs) = words.replace('−', "-").parse() {
        return Ok(Target::Level { lufs });
    }
    let named = PLATFORMS
        .iter()
        .filter(|platform| platform.reference_lufs.is_some())
        .find(|platform| platform.name.eq_ignore_ascii_case(words));
    named
        .map(|platform| Target::Platform {
            name: platform.name.to_owned(),
        })
        .ok_or_else(|| {
            let known = PLATFORMS
                .iter()
                .filter(|platform| platform.reference_lufs.is_some());
            let known: Vec<&str> = known.map(|platform| platform.name).collect();
            complain(&format!(
                "no target {words}; it is keep, a number of LUFS, or one of: {}",
                known.join("; ")
            ));
            Outcome::Refused
        })
}

/// A recipe from JSON, or from the file that was rendered by it.
fn recipe_of(path: &Path, replay: bool) -> Result<Recipe, Refused> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut recipe = match origin(&file) {
        Some(origin) => origin.recipe,
        None => {
            let mut json = String::new();
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            file.take(MOST_RECIPE_BYTES)
                .read_to_string(&mut json)
                .map_err(|error| unreadable(path, &error))?;
            Recipe::from_json(&json).map_err(|error| {
                complain(&format!("{}: {error}", path.display()));
                Outcome::Refused
            })?
        }
    };
    recipe.levels = if replay {
        Levels::AsWritten
    } else {
        Levels::Adjusted
    };
    Ok(recipe)
}

fn report_of(path: &Path, reading: &arguments::ReadOptions) -> Result<Report, Refused> {
    analyze(path, reading).map_err(|error| refused(path, &RenderError::Engine(error)))
}

fn refused(path: &Path, error: &RenderError) -> Refused {
    let (message, advice) = match error {
        RenderError::Recipe(error) => (error.to_string(), ""),
        RenderError::Engine(Error::Rejected(failure)) => table::refusal(failure),
        RenderError::Engine(Error::Io(error)) => input::status_message(error),
    };
    complain(&format!("{}: {message} {advice}", path.display()));
    match error {
        RenderError::Recipe(_) => Outcome::Refused,
        RenderError::Engine(error) => Outcome::from_error(error),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Refused {
    let (message, advice) = input::status_message(error);
    complain(&format!("{}: {message} {advice}", path.display()));
    Outcome::Unreadable
}

fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "mixlens-cli: {}", message.trim_end());
}

fn finished(written: io::Result<()>) -> Result<(), Refused> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write: {error}"));
            Err(Outcome::Unreadable)
        }
        _ => Ok(()),
    }
}

fn write_plan(out: &mut impl Write, path: &Path, report: &Report, plan: &Plan) -> io::Result<()> {
    writeln!(
        out,
        "{}\n  {} of 100 as a {}, {} expected after these steps",
        path.display(),
        plan.score_before.number(),
        plan.stage.as_str(),
        plan.score_predicted.number()
    )?;
    if plan.steps.is_empty() {
        writeln!(
            out,
            "\n  There is nothing that a render would do better than the mix."
        )?;
    }
    for (number, planned) in (1..).zip(&plan.steps) {
        let switch = if planned.is_on { "on " } else { "off" };
        let name = planned.step.kind().name();
        writeln!(
            out,
            "\n  {number}. [{switch}] {name}: {}",
            describe(&planned.step)
        )?;
        for effect in planned
            .effects
            .iter()
            .filter(|effect| planned.rules.contains(&effect.rule))
        {
            writeln!(out, "         {}", effect_words(effect))?;
        }
        if let Some(remark) = &planned.remark {
            writeln!(out, "         {remark}")?;
        }
        if let Some(advice) = &planned.in_the_mix {
            writeln!(out, "         Better in the mix: {advice}")?;
        }
    }
    if !plan.untouched.is_empty() {
        writeln!(out, "\n  Only in the mix:")?;
    }
    for finding in &plan.untouched {
        writeln!(
            out,
            "  {:>5}  {}: {}",
            text::signed(-finding.points.value(), 1),
            finding.title,
            finding.action
        )?;
    }
    let lufs = plan.target.lufs().or(report.loudness.integrated_lufs.value());
    if let Some(lufs) = lufs {
        writeln!(out, "\n  Loudness of the result: {}", Unit::Lufs.display(lufs))?;
    }
    Ok(())
}

fn effect_words(effect: &Effect) -> String {
    format!(
        "{}: {} → {} ({})",
        effect.title,
        effect.unit.display(effect.before),
        effect.unit.display(effect.after),
        effect.outcome
    )
}

fn write_proof(out: &mut impl Write, path: &Path, proof: &Proof) -> io::Result<()> {
    writeln!(
        out,
        "{}\n  {} of 100 as a {} before, {} expected, {} after (rules {}, engine {})\n",
        path.display(),
        proof.before.score.number(),
        proof.stage.as_str(),
        proof.predicted_score.number(),
        proof.after.score.number(),
        proof.rule_set,
        proof.engine
    )?;
    if proof.recipe.steps.is_empty() {
        writeln!(out, "  No step: the same samples.")?;
    }
    for (number, step) in (1..).zip(&proof.recipe.steps) {
        writeln!(out, "  {number}. {}", titled(step))?;
    }
    for back in &proof.rolled_back {
        writeln!(
            out,
            "  Taken back: {} ({}), because {} went from {} to {}",
            back.step.kind().name(),
            describe(&back.step),
            back.rule,
            back.unit.display(back.without),
            back.unit.display(back.with)
        )?;
    }
    writeln!(out)?;
    for rule in proof
        .rules
        .iter()
        .filter(|rule| rule.outcome != RuleOutcome::Unchanged || rule.is_targeted)
    {
        if rule.price_before == 0.0 && rule.price_after == 0.0 {
            continue;
        }
        writeln!(
            out,
            "  {:<10} {:<32} {:>14} → {}",
            rule.outcome.as_str(),
            rule.title,
            rule.unit.display(rule.before),
            rule.unit.display(rule.after)
        )?;
    }
    let loudness = |lufs: Option<f64>| lufs.map_or(text::DASH.to_owned(), |lufs| Unit::Lufs.display(lufs));
    writeln!(
        out,
        "\n  Loudness {} → {}, wanted {}",
        loudness(proof.loudness.before_lufs),
        loudness(proof.loudness.after_lufs),
        loudness(proof.loudness.wanted_lufs)
    )?;
    if proof.loudness.shortfall_lu > 0.0 {
        writeln!(
            out,
            "  {} are missing: peaks leave no more room.",
            Unit::Lu.display(proof.loudness.shortfall_lu)
        )?;
    }
    if let Some(ceiling) = &proof.ceiling {
        writeln!(
            out,
            "  Ceiling {}: {}, true peak {} in {} passes",
            Unit::Dbtp.display(ceiling.ceiling_dbtp),
            if ceiling.is_met { "holds" } else { "MISSED" },
            text::with_unit(ceiling.true_peak_dbtp, 2, "dBTP"),
            proof.passes
        )?;
    }
    if let Some(limiter) = &proof.limiter {
        writeln!(
            out,
            "  Limiter: {} at most, at work {} of the time",
            text::with_unit(limiter.most_db, 1, "dB"),
            text::with_unit(limiter.share_percent, 1, "%")
        )?;
    }
    Ok(())
}
