//! Audio bytes in, measurements out.
//!
//! [`measure`] reads a file once, from front to back, and answers with a [`Report`]: decoding, loudness, peaks,
//! spectrum and stereo image in a single pass with flat memory. What is wrong with a file is a [`Failure`], never a
//! panic; the few decoders that may still crash or spin run in a process of their own (module `child`).

#![cfg_attr(
    test,
    expect(
        clippy::disallowed_methods,
        reason = "signals of tests may differ in the last bit between platforms"
    )
)]

mod aac;
#[cfg(all(unix, feature = "child"))]
pub mod child;
pub mod comparison;
mod container;
pub mod decode;
mod digest;
pub mod dsp;
mod io;
pub mod limits;
pub mod meter;
pub mod render;
pub mod rules;
pub mod sniff;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod transcode;

use std::io::{Read, Seek};
use std::time::Duration;

use model::format::AudioFormat;
use model::report::{FileInfo, MAX_NOTE_RANGES, Note, NoteCode, REPORT_VERSION};
use model::verdict::TimeRange;
use model::{Failure, FailureCode, Report};

use crate::decode::{Ending, Stream};
use crate::digest::HashedSource;
use crate::meter::{Meter, MeterInput};

/// The version of the measurements (P02): raised whenever a figure of an unchanged file may come out differently.
pub const ENGINE_VERSION: &str = "3.9.0";

/// The shortest file that is measured: one block of momentary loudness (EBU Tech 3341). What needs more, such as short-term
/// loudness and its range, is absent from its report, with that as the reason.
pub const SHORTEST: Duration = Duration::from_millis(400);

/// No file of music has samples beyond this level, in dBFS; numbers read in the wrong order of bytes have.
const HIGHEST_PEAK_DBFS: f64 = 60.0;

/// What the caller knows and allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysisOptions {
    /// The format that the file's name promises; content of another one is measured and noted.
    pub declared: Option<AudioFormat>,
    /// Anything longer is refused, as soon as decoding gets there.
    pub max_duration: Duration,
    /// 1 measures on the caller's thread alone, as is best where every processor has a file of its own. From 2 on, the
    /// meters run beside the decoder. The report is the same to the last bit.
    pub threads: usize,
}

impl Default for AnalysisOptions {
    /// No promise, three hours, one thread.
    fn default() -> Self {
        Self {
            declared: None,
            max_duration: Duration::from_secs(3 * 3600),
            threads: 1,
        }
    }
}

/// How far the measuring is, from 0 to 100; it never falls, and 100 comes exactly once, before the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// The number, 0 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is at fault; trying again gives the same.
    #[error("{}", .0.sentence(model::Audience::Website))]
    Rejected(Failure),
    /// The source could not be read; trying again may help.
    #[error("cannot read the audio: {0}")]
    Io(#[source] std::io::Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Rejected(failure)
    }
}

/// Measures one file.
///
/// `source` is read from its start, wherever it stands. `progress` hears each whole percent once.
///
/// # Errors
/// [`Error::Rejected`] where the file itself is at fault, [`Error::Io`] where reading `source` failed.
pub fn measure<S>(
    source: S,
    options: &AnalysisOptions,
    progress: &mut dyn FnMut(Percent),
) -> Result<Report, Error>
where
    S: Read + Seek + Send + Sync + 'static,
{
    let source = HashedSource::new(source).map_err(Error::Io)?;
    let mut stream = Stream::open(source.clone())?;
    let mut percent = None;
    let mut report_progress = |now: u8| {
        if percent.is_none_or(|last| now > last) {
            percent = Some(now);
            progress(Percent(now));
        }
    };
    report_progress(0);

    let mut meter: Option<Meter> = None;
    let mut frames: u64 = 0;
    let mut not_numbers = 0;
    while let Some(new_frames) = stream.advance()? {
        frames += new_frames as u64;
        if frames > frames_in(options.max_duration, stream.sample_rate_hz()) {
            return Err(Failure::with(FailureCode::TooLong, options.max_duration.as_secs() / 60).into());
        }
        let meter = meter.get_or_insert_with(|| {
            let source = MeterInput {
                rate: stream.sample_rate_hz(),
                weights: stream.weights(),
                integer_bits: stream.integer_bits(),
            };
            Meter::new(&source, options.threads)
        });
        if stream.is_unbounded() {
            not_numbers += count_not_numbers(stream.planes());
        }
        meter.push(stream.planes());
        report_progress(stream.percent_read().min(99));
    }

    let info = stream.info().clone();
    let rate = info.sample_rate_hz;
    let ending = stream.ending();
    let Some(meter) = meter else {
        let truncated = matches!(ending, Ending::Truncated);
        return Err(Failure::new(if truncated {
            FailureCode::Truncated
        } else {
            FailureCode::Malformed
        })
        .into());
    };
    if frames < frames_in(SHORTEST, rate) {
        return Err(Failure::with(FailureCode::TooShort, seconds_text(frames, rate)).into());
    }
    let measured = meter.finish();
    if measured.is_silent() {
        return Err(Failure::new(FailureCode::Silent).into());
    }
    let peak = measured.peaks.sample_peak_dbfs.value();
    if stream.is_unbounded()
        && let Some(peak) = peak.filter(|&peak| peak > HIGHEST_PEAK_DBFS)
    {
        return Err(Failure::with(FailureCode::NoAudioLevels, format!("{peak:+.0}")).into());
    }

    let notes = notes(
        options,
        &stream,
        frames,
        not_numbers,
        measured.peaks.sample_peak_dbfs.value(),
    );
    let mut report = Report {
        version: REPORT_VERSION,
        engine: ENGINE_VERSION.to_owned(),
        file: FileInfo {
            format: info.format,
            codec: info.codec,
            sample_rate_hz: rate,
            channels: info.channels,
            bits_per_sample: info.bits_per_sample,
            frames,
            duration_s: frames as f64 / f64::from(rate),
        },
        loudness: measured.loudness,
        peaks: measured.peaks,
        dynamics: measured.dynamics,
        spectrum: measured.spectrum,
        stereo: measured.stereo,
        waveform: measured.waveform,
        notes,
        detail: Some(Box::new(measured.detail)),
        digest: None,
    };
    let file_sha256 = source.sha256().map_err(Error::Io)?;
    report.digest = Some(digest::of_report(&report, file_sha256));
    report_progress(100);
    Ok(report)
}

/// What a reader should know about how the file was measured, gravest first.
fn notes(
    options: &AnalysisOptions,
    stream: &Stream,
    frames: u64,
    not_numbers: u64,
    sample_peak_dbfs: Option<f64>,
) -> Vec<Note> {
    let info = stream.info();
    let rate = info.sample_rate_hz;
    let note = |code, detail: Option<String>| Note {
        code,
        detail,
        time_ranges: Vec::new(),
    };
    let mut notes = Vec::new();
    if options.declared.is_some_and(|declared| declared != info.format) {
        notes.push(note(NoteCode::Mislabelled, Some(info.format.name().to_owned())));
    }
    if matches!(stream.ending(), Ending::Truncated) {
        notes.push(note(NoteCode::Truncated, Some(seconds_text(frames, rate))));
    }
    if stream.packets_skipped() > 0 || !stream.gaps().is_empty() {
        notes.push(damage_note(stream, rate));
    }
    if let Some(declared) = stream.declared_frames() {
        notes.push(note(
            NoteCode::LengthsDisagree,
            Some(seconds_text(declared, rate)),
        ));
    }
    if stream.streams() > 1 {
        notes.push(note(NoteCode::Chained, Some(stream.streams().to_string())));
    }
    if let Some(other) = stream.other_stream() {
        notes.push(note(NoteCode::OtherStream, Some(other)));
    }
    if not_numbers > 0 {
        notes.push(note(NoteCode::NotNumbers, Some(not_numbers.to_string())));
    }
    if info.channels == 1 {
        notes.push(note(NoteCode::DualMono, None));
    }
    if let Some(peak) = sample_peak_dbfs.filter(|&peak| peak > 0.0 && stream.is_unbounded()) {
        notes.push(note(NoteCode::OverFullScale, Some(format!("{peak:+.2}"))));
    }
    notes
}

/// How much is damaged or missing, and where.
fn damage_note(stream: &Stream, rate: u32) -> Note {
    let seconds = |frames: u64| frames as f64 / f64::from(rate.max(1));
    let gaps = stream.gaps();
    let missing: u64 = gaps.iter().map(|gap| gap.frames).sum();
    let amount = match (missing, gaps.len()) {
        (0, _) => format!("{} packets", stream.packets_skipped().max(gaps.len() as u64)),
        (_, 1) => format!("about {:.2} s", seconds(missing)),
        (_, places) => format!("about {:.2} s in {places} places", seconds(missing)),
    };
    let detail = match gaps.first() {
        Some(first) => format!(
            "{amount}, from {} on",
            model::text::clock_tenths(seconds(first.at_frames))
        ),
        None => amount,
    };
    let time_ranges = gaps
        .iter()
        .take(MAX_NOTE_RANGES)
        .map(|gap| TimeRange {
            start_s: seconds(gap.at_frames),
            end_s: seconds(gap.at_frames + gap.frames),
            channel: None,
        })
        .collect();
    Note {
        code: NoteCode::PacketsSkipped,
        detail: Some(detail),
        time_ranges,
    }
}

fn count_not_numbers(planes: &[Vec<f32>]) -> u64 {
    let is_none = |sample: &&f32| !sample.is_finite();
    planes
        .iter()
        .map(|plane| plane.iter().filter(is_none).count() as u64)
        .sum()
}

/// Sample frames in `duration`, rounded up so that a file of exactly that length is within it.
pub(crate) fn frames_in(duration: Duration, rate: u32) -> u64 {
    let frames = duration
        .as_nanos()
        .saturating_mul(u128::from(rate))
        .div_ceil(1_000_000_000);
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// A length as sentences show it; rounded down, so that 2.999 s never reads as the 3 s it lacks.
fn seconds_text(frames: u64, rate: u32) -> String {
    let hundredths = u128::from(frames) * 100 / u128::from(rate.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
