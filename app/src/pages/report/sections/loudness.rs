//! How loud it plays.

use leptos::prelude::*;
use model::{Reading, Report};

use super::{Line, ReportSection};
use crate::format;

/// Loudness: four readings and the curve.
#[component]
pub fn LoudnessSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let loudness = report.loudness.clone();
    let unstable = (!loudness.range_is_stable && loudness.range_lu.value().is_some())
        .then(|| format!("Below 60{}s of audio the range is not yet stable.", format::THIN));
    let audible = report.detail.as_ref().map(|detail| {
        let audible = detail.loudness.audible_lufs;
        view! {
            <Line label="Below 16 kHz" reading=audible unit="LUFS" note=highs(loudness.integrated_lufs, audible) />
        }
    });
    view! {
        <ReportSection
            id="loudness"
            title="Loudness"
            about="How loud it plays, as ITU-R BS.1770-5 and EBU R 128 measure it."
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
                {audible}
            </dl>
        </ReportSection>
    }
    .into_any()
}

/// How much of the loudness nobody hears.
fn highs(integrated: Reading, audible: Reading) -> String {
    match (integrated.value(), audible.value()) {
        (Some(all), Some(audible)) if all - audible >= 0.1 => format!(
            "Highs above 16{}kHz, which few people hear, add {} to the integrated loudness.",
            format::THIN,
            format::with_unit(all - audible, 1, "LU")
        ),
        (Some(_), Some(_)) => "What few people hear adds nothing to the integrated loudness.".to_owned(),
        _ => "Integrated loudness without what few people hear.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inaudible_highs_are_named_when_they_count() {
        assert!(highs(Reading::new(-9.0), Reading::new(-9.3)).contains("add 0.3"));
        assert!(highs(Reading::new(-9.0), Reading::new(-9.02)).contains("adds nothing"));
    }
}
