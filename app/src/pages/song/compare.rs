//! Two versions side by side: what was fixed, what got better or worse, what is new; and what was measured of both.

use leptos::prelude::*;
use model::{
    Reading, Report,
    report::BANDS,
    song::Pair,
    verdict::{Change, ChangeKind, Points},
};

use crate::{
    format, paths,
    ui::{Tone, ToneIcon},
};

/// Findings and measures of a pair of versions.
#[component]
pub fn Compared(
    /// The pair.
    pair: Pair,
    /// The form that chooses another one.
    picker: AnyView,
) -> impl IntoView {
    let comparison = pair.comparison.clone();
    let difference = comparison.difference();
    let (tone, headline) = match difference.tenths() {
        0 => (Tone::Info, "The same score".to_owned()),
        _ if difference.is_about_nothing() => (Tone::Info, "About the same score".to_owned()),
        1.. => (Tone::Ok, format!("{} better", difference.display())),
        worse => (
            Tone::Warn,
            format!("{} worse", Points::from_tenths(-worse).display()),
        ),
    };
    let sentence = format!(
        "Version {} scores {}, version {} scored {}, both as a {}: {}.",
        pair.after,
        comparison.after.number(),
        pair.before,
        comparison.before.number(),
        pair.stage.as_str(),
        comparison.summary()
    );
    let rescored = pair.is_rescored.then(|| {
        format!(
            "Both are judged here by the rules of {} and as a {}, so that they can be compared; the score in their own report may be another one.",
            pair.rule_set,
            pair.stage.as_str()
        )
    });
    let (unchanged, changed): (Vec<Change>, Vec<Change>) = comparison
        .changes
        .iter()
        .cloned()
        .partition(|change| change.became == ChangeKind::Unchanged);
    let unchanged = (!unchanged.is_empty()).then(|| {
        let words = match unchanged.len() {
            1 => "1 finding is unchanged".to_owned(),
            count => format!("{count} findings are unchanged"),
        };
        let rows = unchanged.into_iter().map(change_row).collect_view();
        view! {
            <details class="changes__same">
                <summary>{words}</summary>
                <ul class="changes">{rows}</ul>
            </details>
        }
    });
    let sum = (!changed.is_empty()).then(|| {
        let words = format!(
            "Won {}, lost {}",
            format::signed(comparison.won().value(), 1),
            format::signed(comparison.lost().value(), 1)
        );
        view! {
            <p class="changes__sum">
                <span>{words}</span>
                <strong class="num">{format::signed(difference.value(), 1)}</strong>
            </p>
        }
    });
    let nothing = changed
        .is_empty()
        .then(|| view! { <p class="muted">"No finding has changed."</p> });
    let rows = changed.into_iter().map(change_row).collect_view();
    let table = measures(&pair);
    view! {
        <section class="stack version-comparison" id="compare" aria-labelledby="compare-title">
            <h2 id="compare-title">{format!("Version {} against version {}", pair.after, pair.before)}</h2>
            {picker}
            <div class=format!("version-comparison__result {}", tone.class())>
                <p class="version-comparison__headline">
                    <ToneIcon tone=tone />
                    {headline}
                </p>
                <p>{sentence}</p>
                {rescored.map(|words| view! { <p class="small muted">{words}</p> })}
            </div>
            <ul class="changes" aria-label="Findings that changed">
                {rows}
            </ul>
            {nothing}
            {sum}
            {unchanged}
            {table}
        </section>
    }
    .into_any()
}

/// The page's severity for what became of a finding.
const fn tone(became: ChangeKind) -> Tone {
    match became {
        ChangeKind::Fixed | ChangeKind::Better => Tone::Ok,
        ChangeKind::Unchanged => Tone::Info,
        ChangeKind::Worse => Tone::Warn,
        ChangeKind::New => Tone::Severe,
    }
}

fn change_row(change: Change) -> AnyView {
    let tone = tone(change.became);
    let values = match (change.before.is_empty(), change.after.is_empty()) {
        (false, false) if change.before == change.after => change.before,
        (false, false) => format!("{} → {}", change.before, change.after),
        (false, true) => format!("was {}", change.before),
        (true, false) => format!("now {}", change.after),
        (true, true) => String::new(),
    };
    let address = format!("{}#{}", paths::RULES, analysis::rules::anchor(&change.rule));
    view! {
        <li class=format!("changes__row {}", tone.class())>
            <span class="changes__became">
                <ToneIcon tone=tone />
                {change.became.word()}
            </span>
            <a class="changes__title" href=address>
                {change.title}
            </a>
            <span class="changes__values num">{values}</span>
            <span class="changes__points num">{format::signed(change.points.value(), 1)}</span>
        </li>
    }
    .into_any()
}

/// A measure of both: name, unit, decimals, what it reads off a report.
type Measure = (String, &'static str, usize, Box<dyn Fn(&Report) -> Option<f64>>);

fn of(
    name: &str,
    unit: &'static str,
    decimals: usize,
    read: impl Fn(&Report) -> Option<Reading> + 'static,
) -> Measure {
    (
        name.to_owned(),
        unit,
        decimals,
        Box::new(move |report| read(report).and_then(Reading::value)),
    )
}

/// What is set side by side, in the order of the report.
fn measured() -> Vec<Measure> {
    let mut measures = vec![
        of("Integrated loudness", "LUFS", 1, |report| {
            Some(report.loudness.integrated_lufs)
        }),
        of("Loudest 3 s", "LUFS", 1, |report| {
            Some(report.loudness.short_term_max_lufs)
        }),
        of("Loudness range", "LU", 1, |report| Some(report.loudness.range_lu)),
        of("True peak", "dBTP", 1, |report| Some(report.peaks.true_peak_dbtp)),
        of("Peak to loudness (PLR)", "LU", 1, |report| {
            Some(report.dynamics.plr_lu)
        }),
        of("Peak to short-term (PSR, lowest tenth)", "LU", 1, |report| {
            report.detail.as_ref().map(|detail| detail.dynamics.psr_p10_lu)
        }),
        of("Tilt", "dB/oct", 1, |report| {
            report
                .detail
                .as_ref()
                .map(|detail| detail.spectrum.tilt_db_per_octave)
        }),
        of("Width (side over mid)", "dB", 1, |report| {
            Some(report.stereo.width_db)
        }),
        of("Correlation", "", 2, |report| Some(report.stereo.correlation)),
        of("Change in mono", "LU", 1, |report| {
            Some(report.stereo.mono_change_lu)
        }),
    ];
    measures.extend(BANDS.iter().enumerate().map(|(at, band)| {
        let name = format!("{}, {}", band.name, format::band_edges(band.from_hz, band.to_hz));
        of(&name, "dB", 1, move |report| {
            report.spectrum.bands_db.get(at).copied()
        })
    }));
    measures
}

fn measures(pair: &Pair) -> AnyView {
    let rows = measured()
        .into_iter()
        .filter_map(|(name, unit, decimals, read)| {
            let (before, after) = (read(&pair.report_before), read(&pair.report_after));
            if before.is_none() && after.is_none() {
                return None;
            }
            let text = |value: Option<f64>| {
                value.map_or(format::DASH.to_owned(), |value| format::number(value, decimals))
            };
            // The difference of what is read, so that the three numbers of a row agree.
            let round = |value: f64| (value * 10_f64.powi(decimals as i32)).round();
            let difference = before
                .zip(after)
                .map(|(before, after)| (round(after) - round(before)) / 10_f64.powi(decimals as i32));
            let difference = match difference {
                None => format::DASH.to_owned(),
                Some(0.0) => "=".to_owned(),
                Some(difference) => format::signed(difference, decimals),
            };
            Some(view! {
                <tr>
                    <th scope="row">
                        {name} " " <span class="label__unit muted">{unit}</span>
                    </th>
                    <td class="is-num">{text(before)}</td>
                    <td class="is-num">{text(after)}</td>
                    <td class="is-num">{difference}</td>
                </tr>
            })
        })
        .collect_view();
    view! {
        <h3>"What was measured"</h3>
        <table class="table version-figures">
            <caption class="visually-hidden">"Key measures of both versions; bands as shares of the energy"</caption>
            <thead>
                <tr>
                    <th scope="col">"Measure"</th>
                    <th scope="col" class="is-num">
                        {format!("v{}", pair.before)}
                    </th>
                    <th scope="col" class="is-num">
                        {format!("v{}", pair.after)}
                    </th>
                    <th scope="col" class="is-num">
                        "Change"
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
