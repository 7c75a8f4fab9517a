//! Measurements and refusals for people.

use std::io::{self, Write};
use std::path::Path;

use analysis::Error;
use analysis::rules::judge;
use model::format::{AudioFormat, Codec};
use model::report::{BANDS, ChannelLevels, Detail};
use model::verdict::{Finding, Severity, Stage, Unit};
use model::{Audience, Failure, Reading, Report, Verdict};

use crate::budget::Excess;
use crate::input;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) const fn new(wanted: bool) -> Self {
        Self(wanted)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn title(self, text: &str) -> String {
        self.with("1", text)
    }

    fn problem(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn note(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// Writes what came of the file at `path`, the one with this index.
pub(crate) fn write(
    out: &mut impl Write,
    paint: Paint,
    index: usize,
    path: &Path,
    result: &Result<Report, Error>,
    stage: Option<Stage>,
) -> io::Result<()> {
    write_title(out, paint, index, path)?;
    let (headline, message, advice) = match result {
        Ok(report) => {
            write_report(out, paint, report)?;
            return write_verdict(out, paint, &judge(report), stage);
        }
        Err(Error::Rejected(failure)) => {
            let (message, advice) = refusal(failure);
            (failure.headline(), message, advice)
        }
        Err(Error::Io(error)) => {
            let (message, advice) = input::status_message(error);
            ("Cannot be read", message, advice)
        }
    };
    writeln!(out, "  {}\n  {message}\n  {advice}", paint.problem(headline))
}

/// Writes what is not within the budget; nothing where there is none.
pub(crate) fn write_exceeded(
    out: &mut impl Write,
    paint: Paint,
    exceeded: Option<&[Excess]>,
) -> io::Result<()> {
    match exceeded {
        None => Ok(()),
        Some([]) => writeln!(out, "\n  Within the budget."),
        Some(exceeded) => {
            writeln!(out, "\n  {}", paint.problem("Not within the budget"))?;
            for excess in exceeded {
                writeln!(out, "  {}", row_of(excess))?;
            }
            Ok(())
        }
    }
}

/// What is not within the budget, in one line.
pub(crate) fn row_of(excess: &Excess) -> String {
    let value = excess
        .value
        .map_or_else(|| "not measured".to_owned(), |value| format!("{value:.2}"));
    format!("{:<32} {value}, allowed: {}", excess.what, excess.allowed)
}

/// Why a file was refused and what to do.
pub(crate) fn refusal(failure: &Failure) -> (String, &'static str) {
    (
        failure.sentence(Audience::Terminal),
        failure.advice(Audience::Terminal),
    )
}

fn write_title(out: &mut impl Write, paint: Paint, index: usize, path: &Path) -> io::Result<()> {
    if index > 0 {
        writeln!(out)?;
    }
    let title = path.display().to_string();
    writeln!(
        out,
        "{}\n{}",
        paint.title(&title),
        "─".repeat(title.chars().count())
    )
}

fn write_report(out: &mut impl Write, paint: Paint, report: &Report) -> io::Result<()> {
    let file = &report.file;
    let channels = model::text::channels(file.channels);
    let codec = match (file.format, file.codec) {
        (AudioFormat::Flac, Codec::Flac) | (AudioFormat::Mp3, Codec::Mp3) => file.codec_name(),
        (format, _) => format!("{}, {}", format.name(), file.codec_name()),
    };
    writeln!(
        out,
        "  {codec}, {} kHz, {channels}, {}\n",
        f64::from(file.sample_rate_hz) / 1000.0,
        clock(file.duration_s)
    )?;

    let (loudness, peaks, stereo) = (&report.loudness, &report.peaks, &report.stereo);
    let peak_at = peaks
        .true_peak_at
        .map(|at| format!("  at {}", clock(at.time_s)))
        .unwrap_or_default();
    let unstable = if loudness.range_is_stable {
        ""
    } else {
        "  (under 60 s: not yet stable)"
    };
    let mut rows = vec![
        ("Integrated loudness", loudness.integrated_lufs, "LUFS", ""),
        ("Short-term maximum", loudness.short_term_max_lufs, "LUFS", ""),
        ("Momentary maximum", loudness.momentary_max_lufs, "LUFS", ""),
        ("Loudness range", loudness.range_lu, "LU", unstable),
        ("True peak", peaks.true_peak_dbtp, "dBTP", peak_at.as_str()),
        ("Sample peak", peaks.sample_peak_dbfs, "dBFS", ""),
        ("Peak to loudness", report.dynamics.plr_lu, "LU", ""),
        ("Crest factor", report.dynamics.crest_db, "dB", ""),
        ("Correlation", stereo.correlation, "", ""),
        ("Width (side over mid)", stereo.width_db, "dB", ""),
        ("Balance (left over right)", stereo.balance_db, "dB", ""),
        ("Change when mono", stereo.mono_change_lu, "LU", ""),
    ];
    if let Some(detail) = report.detail.as_deref() {
        let (dynamics, spectrum) = (&detail.dynamics, &detail.spectrum);
        rows.extend([
            ("Loudness below 16 kHz", detail.loudness.audible_lufs, "LUFS", ""),
            ("True peak at 8x", detail.peaks.true_peak_8x_dbtp, "dBTP", ""),
            ("PSR, 10th percentile", dynamics.psr_p10_lu, "LU", ""),
            ("Dynamic range (DR)", dynamics.dr_db, "dB", ""),
            ("Tilt per octave", spectrum.tilt_db_per_octave, "dB", ""),
            (
                "Low end (20 to 120 Hz)",
                spectrum.low_end_share_db,
                "dB",
                " of all energy",
            ),
            ("Quietest tenth", detail.quality.noise_floor_dbfs, "dBFS", ""),
        ]);
        if let Some(stereo) = &detail.stereo {
            rows.push(("Width below 120 Hz", stereo.low_width_db, "dB", ""));
        }
    }
    for (name, reading, unit, difference) in rows {
        let line = format!("  {name:<26}{}{difference}", figure(reading, unit));
        writeln!(out, "{}", line.trim_end())?;
    }
    if let Some(detail) = report.detail.as_deref() {
        writeln!(out)?;
        for (name, finding) in findings(detail) {
            writeln!(out, "  {name:<26}{finding}")?;
        }
    }

    writeln!(out, "\n  Share of the energy from 20 Hz to 20 kHz")?;
    for (band, reading) in BANDS.iter().zip(report.spectrum.bands_db) {
        const WIDTH: f64 = 30.0;
        const FLOOR_DB: f64 = -60.0;
        let share = reading
            .value()
            .map_or(0.0, |db| (1.0 - db / FLOOR_DB).clamp(0.0, 1.0));
        let bar = "█".repeat((share * WIDTH).round() as usize);
        writeln!(
            out,
            "  {:<9}{:>6} to {:>5} Hz   {} {bar}",
            band.name,
            band.from_hz,
            band.to_hz,
            figure(reading, "dB")
        )?;
    }
    if !report.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &report.notes {
        writeln!(out, "  {} {}", paint.note("Note:"), note.sentence())?;
    }
    if let Some(digest) = &report.digest {
        writeln!(out, "\n  Digest {} (engine {})", digest.short(), report.engine)?;
    }
    Ok(())
}

/// The score breakdown: what each finding costs, where, and what to do.
fn write_verdict(
    out: &mut impl Write,
    paint: Paint,
    verdict: &Verdict,
    chosen: Option<Stage>,
) -> io::Result<()> {
    let stage = chosen.unwrap_or(verdict.detected.stage);
    let breakdown = verdict.by(stage);
    let certainty = match chosen {
        Some(_) => "as you asked",
        None => verdict.detected.description(),
    };
    writeln!(
        out,
        "\n  {} of 100 as a {} ({certainty}; as a {} {}), rules {}\n  {}",
        paint.title(&breakdown.score.number()),
        stage.as_str(),
        stage.other().as_str(),
        verdict.by(stage.other()).score.number(),
        verdict.rule_set,
        breakdown.sentence(stage)
    )?;
    for finding in &breakdown.findings {
        let title = match finding.severity {
            Severity::Problem => paint.problem(&finding.title),
            Severity::Warning => paint.note(&finding.title),
            Severity::Note => finding.title.clone(),
        };
        let times: Vec<String> = finding
            .time_ranges
            .iter()
            .take(3)
            .map(|range| clock(range.start_s))
            .collect();
        let times = match times.is_empty() {
            true => String::new(),
            false => format!(", at {}", times.join(", ")),
        };
        writeln!(
            out,
            "\n  {:>5}  {title}{}{times}\n         {}",
            model::text::signed(-finding.points.value(), 1),
            measured(finding),
            finding.action
        )?;
    }
    Ok(())
}

/// `: −0.3 dBTP (range: at most −1.0 dBTP)`; nothing where the title says it all.
fn measured(finding: &Finding) -> String {
    match finding.unit {
        Unit::YesNo => String::new(),
        unit => format!(
            ": {} (range: {})",
            finding.display_value(),
            finding.range.display(unit)
        ),
    }
}

/// What the signal itself is like, as a name and a few words each.
fn findings(detail: &Detail) -> Vec<(&'static str, String)> {
    let quality = &detail.quality;
    let runs = |of: fn(&ChannelLevels) -> u64| detail.peaks.channels.iter().map(of).sum::<u64>();
    let full = runs(|channel| channel.clips.runs);
    let lowered = runs(|channel| channel.lowered_clips.runs);
    let clipping = match (full, lowered, detail.peaks.clip_runs.first()) {
        (0, 0, _) => "none".to_owned(),
        (0, lowered, Some(run)) => {
            format!(
                "{lowered} runs at {:.2} dBFS: clipped, then turned down",
                run.dbfs
            )
        }
        (full, _, first) => {
            let longest = first.map_or(String::new(), |run| {
                format!(", the longest {} samples at {}", run.samples, clock(run.time_s))
            });
            format!("{full} runs at full scale{longest}")
        }
    };
    let hum = quality.hum.as_ref().map_or("none".to_owned(), |hum| {
        format!(
            "{:.1} dB, a steady tone at {} Hz and its multiples",
            hum.level_db, hum.mains_hz
        )
    });
    let mut findings = vec![
        ("Clipping", clipping),
        ("Hum", hum),
        (
            "Silence at the ends",
            format!("{:.2} s, {:.2} s", quality.head_silence_s, quality.tail_silence_s),
        ),
    ];
    if let Some(bits) = quality.effective_bits.value() {
        findings.push(("Bits in use", format!("{bits:.0}")));
    }
    if let Some(hertz) = quality.cutoff_hz.value() {
        let words = format!("{hertz:.0} Hz, consistent with lossy coding or resampling");
        findings.push(("Steep cut-off", words));
    }
    let channels = if !quality.silent_channels.is_empty() {
        Some("one is missing")
    } else if quality.is_inverted {
        Some("one is the other upside down")
    } else if quality.is_dual_mono {
        Some("both are the same")
    } else {
        None
    };
    findings.extend(channels.map(|words| ("Channels", words.to_owned())));
    findings
}

fn figure(reading: Reading, unit: &str) -> String {
    match (reading.value(), reading.why()) {
        (Some(value), _) => format!("{value:>8.2} {unit:<4}"),
        (None, why) => format!(
            "       –  ({})",
            why.map_or("not measured", model::report::AbsenceReason::description)
        ),
    }
}

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}
