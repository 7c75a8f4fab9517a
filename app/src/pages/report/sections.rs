//! The sections of a report. Each has its name in the rail and its evidence beside it.

use leptos::prelude::*;
use model::{
    Reading, Report,
    report::{BANDS, Note, NoteCode, Spectrum, Stereo},
};

use crate::{
    charts::{BandsChart, LoudnessChart, SpectrumChart, StereoMeters},
    format,
    ui::{DataTable, Notice, Severity, Table, Value},
};

/// A section: name and one sentence in the rail, the evidence beside it.
#[component]
fn Sheet(
    /// Its `id`; also the target of links.
    id: &'static str,
    title: &'static str,
    /// What is measured here, and by which standard.
    about: &'static str,
    children: Children,
    /// What takes the whole width under both: a chart whose time axis is the waveform's.
    #[prop(optional, into)]
    wide: ViewFnOnce,
) -> impl IntoView {
    view! {
        <section class="sheet" id=id aria-labelledby=format!("{id}-heading")>
            <div class="sheet__rail">
                <h2 id=format!("{id}-heading")>{title}</h2>
                <p class="small muted">{about}</p>
            </div>
            <div class="sheet__body">{children()}</div>
            <div class="sheet__wide">{wide.run()}</div>
        </section>
    }
    .into_any()
}

/// One line of a list of readings.
#[component]
fn Line(
    label: &'static str,
    reading: Reading,
    #[prop(default = "")] unit: &'static str,
    #[prop(optional)] signed: bool,
    /// Where it is, or what to know about it.
    #[prop(optional_no_strip, into)]
    note: Option<String>,
) -> impl IntoView {
    view! {
        <div class="lines__row">
            <dt>{label}</dt>
            <dd class="lines__value">
                <Value reading=reading unit=unit signed=signed />
            </dd>
            <dd class="lines__note">{note}</dd>
        </div>
    }
    .into_any()
}

/// Loudness: four readings and the curve.
#[component]
pub fn LoudnessSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let loudness = report.loudness.clone();
    let unstable = (!loudness.range_is_stable && loudness.range_lu.value().is_some())
        .then(|| format!("Below 60{}s of audio the range is not yet stable.", format::THIN));
    view! {
        <Sheet
            id="loudness"
            title="Loudness"
            about="How loud it plays, as ITU-R BS.1770-5 and EBU R 128 measure it."
            wide=move || view! { <LoudnessChart report=report /> }
        >
            <dl class="lines">
                <Line
                    label="Integrated"
                    reading=loudness.integrated_lufs
                    unit="LUFS"
                    note="The whole file, without its pauses.".to_owned()
                />
                <Line
                    label="Short-term, loudest"
                    reading=loudness.short_term_max_lufs
                    unit="LUFS"
                    note="The loudest 3 s.".to_owned()
                />
                <Line
                    label="Momentary, loudest"
                    reading=loudness.momentary_max_lufs
                    unit="LUFS"
                    note="The loudest 400 ms.".to_owned()
                />
                <Line
                    label="Range"
                    reading=loudness.range_lu
                    unit="LU"
                    note=unstable.unwrap_or_else(|| "Between quiet and loud passages.".to_owned())
                />
            </dl>
        </Sheet>
    }
    .into_any()
}

/// Peaks and what stands between them and the average.
#[component]
pub fn DynamicsSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    view! {
        <Sheet
            id="dynamics"
            title="Peaks and dynamics"
            about="How far the peaks reach, and how far they stand above the average."
        >
            <dl class="lines">
                <Line
                    label="True peak"
                    reading=report.peaks.true_peak_dbtp
                    unit="dBTP"
                    signed=true
                    note=words::true_peak_place(&report)
                />
                <Line
                    label="Sample peak"
                    reading=report.peaks.sample_peak_dbfs
                    unit="dBFS"
                    signed=true
                    note=words::sample_peak(&report)
                />
                <Line
                    label="Crest factor"
                    reading=report.dynamics.crest_db
                    unit="dB"
                    note="Sample peak over RMS.".to_owned()
                />
                <Line
                    label="Peak to loudness (PLR)"
                    reading=report.dynamics.plr_lu
                    unit="LU"
                    note="True peak minus integrated loudness.".to_owned()
                />
            </dl>
        </Sheet>
    }
    .into_any()
}

/// The spectrum and its seven bands.
#[component]
pub fn SpectrumSection(
    /// The measurements.
    spectrum: Spectrum,
) -> impl IntoView {
    view! {
        <Sheet
            id="spectrum"
            title="Spectrum"
            about="Where the energy lies, averaged over the parts that carry signal."
        >
            <SpectrumChart spectrum=spectrum.clone() />
            <BandsChart spectrum=spectrum />
        </Sheet>
    }
    .into_any()
}

/// How left and right relate.
#[component]
pub fn StereoSection(
    /// The measurements.
    stereo: Stereo,
) -> impl IntoView {
    view! {
        <Sheet id="stereo" title="Stereo" about="How left and right relate over the whole file.">
            <StereoMeters stereo=stereo />
        </Sheet>
    }
    .into_any()
}

/// What to know about how this file was measured; no section where there is nothing.
#[component]
pub fn NotesSection(
    /// The notes.
    notes: Vec<Note>,
) -> impl IntoView {
    if notes.is_empty() {
        return ().into_any();
    }
    let notes = notes
        .into_iter()
        .map(|note| {
            let severity = match note.code {
                NoteCode::DualMono => Severity::Info,
                NoteCode::Mislabelled | NoteCode::OverFullScale => Severity::Warn,
                NoteCode::Truncated | NoteCode::PacketsSkipped => Severity::Severe,
            };
            view! {
                <li>
                    <Notice severity=severity>
                        <p>{note.sentence()}</p>
                    </Notice>
                </li>
            }
        })
        .collect_view();
    view! {
        <Sheet id="notes" title="Notes" about="What to know about how this file was measured.">
            <ul class="stack">{notes}</ul>
        </Sheet>
    }
    .into_any()
}

/// Every value in one table, with the versions that made it.
#[component]
pub fn RawNumbers(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let versions = format!("Engine {}, report version {}.", report.engine, report.version);
    view! {
        <Sheet
            id="numbers"
            title="All numbers"
            about="The same file measured by the same engine gives the same numbers, every time."
        >
            <details class="numbers">
                <summary>"Show every value"</summary>
                <Table data=table(&report) />
            </details>
            <p class="small muted">{versions}</p>
        </Sheet>
    }
    .into_any()
}

fn table(report: &Report) -> DataTable {
    let Report {
        file,
        loudness,
        peaks,
        dynamics,
        stereo,
        spectrum,
        ..
    } = report;
    let text = |name: &str, value: String| vec![name.to_owned(), value];
    let row = |name: &str, reading: Reading, places: usize, unit: &str| {
        text(name, format::reading(reading, places, unit))
    };
    let mut rows = vec![
        text("Format", file.format.name().to_owned()),
        text("Codec", file.codec.clone()),
        text(
            "Sample rate",
            format::with_unit(f64::from(file.sample_rate_hz), 0, "Hz"),
        ),
        text(
            "Bits per sample",
            file.bits_per_sample
                .map_or(format::DASH.to_owned(), |bits| bits.to_string()),
        ),
        text("Channels", file.channels.to_string()),
        text("Samples per channel", file.frames.to_string()),
        text("Length", format::with_unit(file.duration_s, 3, "s")),
        row("Integrated loudness", loudness.integrated_lufs, 2, "LUFS"),
        row(
            "Short-term loudness, largest",
            loudness.short_term_max_lufs,
            2,
            "LUFS",
        ),
        row(
            "Momentary loudness, largest",
            loudness.momentary_max_lufs,
            2,
            "LUFS",
        ),
        row("Loudness range", loudness.range_lu, 2, "LU"),
        row("True peak", peaks.true_peak_dbtp, 2, "dBTP"),
        row("Sample peak", peaks.sample_peak_dbfs, 2, "dBFS"),
        row("Crest factor", dynamics.crest_db, 2, "dB"),
        row("Peak to loudness", dynamics.plr_lu, 2, "LU"),
        row("Correlation", stereo.correlation, 3, ""),
        row("Width (side over mid)", stereo.width_db, 2, "dB"),
        row("Mono change", stereo.mono_change_lu, 2, "LU"),
        row("Balance (left over right)", stereo.balance_db, 2, "dB"),
    ];
    rows.extend(
        BANDS
            .into_iter()
            .zip(spectrum.bands_db)
            .map(|((name, from, to), share)| {
                row(
                    &format!("{name}, {}", format::band_edges(from, to)),
                    share,
                    2,
                    "dB",
                )
            }),
    );
    DataTable::new("Every value of this report", &["Measure", "Value"], rows)
}

/// What a number means, from the number itself. Facts about playback and arithmetic; no verdicts.
pub(super) mod words {
    use model::{
        Report,
        report::{Loudness, Stereo},
    };

    use crate::format;

    /// The level at which Spotify, YouTube and Tidal play, in LUFS.
    const PLAYBACK_LUFS: f64 = -14.0;

    pub(in super::super) fn integrated(loudness: &Loudness) -> String {
        let Some(value) = loudness.integrated_lufs.value() else {
            return "Nothing above the gate to measure.".to_owned();
        };
        let over = value - PLAYBACK_LUFS;
        let at = format::with_unit(PLAYBACK_LUFS, 0, "LUFS");
        if over >= 0.05 {
            let change = format::with_unit(over, 1, "dB");
            format!(
                "Spotify, YouTube and Tidal play at {at}: they turn this down by {change}. No fault in itself."
            )
        } else if over <= -0.05 {
            let change = format::with_unit(-over, 1, "LU");
            format!("{change} below the {at} at which Spotify, YouTube and Tidal play. No fault in itself.")
        } else {
            format!("Just the {at} at which Spotify, YouTube and Tidal play.")
        }
    }

    pub(in super::super) fn true_peak(report: &Report) -> String {
        match (report.peaks.true_peak_dbtp.value(), report.peaks.true_peak_at) {
            (Some(_), Some(at)) => {
                let channel = format::channel(at.channel, report.file.channels);
                format!("at {}, {channel}", format::clock_tenths(at.time_s))
            }
            _ => "The highest point between the samples".to_owned(),
        }
    }

    pub(in super::super) fn true_peak_place(report: &Report) -> String {
        let place = match report.peaks.true_peak_at {
            Some(at) => format!(
                "At {} in {}. ",
                format::clock_tenths(at.time_s),
                match report.file.channels {
                    1 => "the one channel".to_owned(),
                    2 => format!("the {} channel", format::channel(at.channel, 2)),
                    more => format::channel(at.channel, more),
                }
            ),
            None => String::new(),
        };
        match report.peaks.true_peak_dbtp.value() {
            Some(peak) if peak > 0.0 => {
                format!(
                    "{place}Over full scale between the samples: a converter or a lossy encoder may clip there."
                )
            }
            Some(_) => format!("{place}Below full scale between the samples too."),
            None => place,
        }
    }

    pub(in super::super) fn sample_peak(report: &Report) -> String {
        match (
            report.peaks.sample_peak_dbfs.value(),
            report.peaks.true_peak_dbtp.value(),
        ) {
            (Some(sample), Some(peak)) if peak - sample >= 0.05 => {
                format!(
                    "The waveform between the samples rises {} higher.",
                    format::with_unit(peak - sample, 1, "dB")
                )
            }
            _ => "The largest sample of all channels.".to_owned(),
        }
    }

    pub(in super::super) fn range(loudness: &Loudness) -> String {
        if loudness.range_lu.value().is_some() && !loudness.range_is_stable {
            return format!("not yet stable below 60{}s", format::THIN);
        }
        "between quiet and loud passages".to_owned()
    }

    pub(in super::super) fn correlation(stereo: &Stereo) -> String {
        match stereo.mono_change_lu.value() {
            Some(change) => format!("in mono: {}{}LU", format::signed(change, 1), format::THIN),
            None => "takes two channels".to_owned(),
        }
    }
}
