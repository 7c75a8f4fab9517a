//! Correlation per 1/3 octave: which ranges are mono, which are wide, which cancel.

use leptos::prelude::*;
use model::report::StereoBand;

use super::plot::{FrequencyAxis, UprightScale, across, line};
use crate::{
    format,
    ui::{ChartFrame, DataTable, meter::percent},
};

const SCALE: UprightScale = UprightScale {
    top: 1.0,
    bottom: -1.0,
    step: 0.5,
    decimals: 1,
};

/// Below this left and right work against each other; around 0 they are merely unrelated, as in any wide mix.
pub const AGAINST: f64 = -0.1;

/// Correlation over frequency.
#[component]
pub fn StereoBandsChart(
    /// The measurements.
    bands: Vec<StereoBand>,
    /// Prefix of the ids.
    #[prop(default = "stereo-bands")]
    id: &'static str,
) -> impl IntoView {
    let audible: Vec<StereoBand> = bands
        .into_iter()
        .filter(|band| (20.0..=20_000.0).contains(&band.hz))
        .collect();
    let points: Vec<_> = audible
        .iter()
        .map(|band| {
            band.correlation
                .map(|value| (across(band.hz) * 10.0, SCALE.percent(f64::from(value)) * 10.0))
        })
        .collect();
    let zero = percent(SCALE.percent(0.0));
    view! {
        <ChartFrame
            id=id
            title="Correlation by frequency"
            summary=summary(&audible)
            table=table(&audible)
        >
            <svg class="plot plot--bands" role="img" aria-labelledby=format!("{id}-title {id}-summary")>
                <rect class="out-of-phase" x="0" width="100%" y=zero.clone() height="50%"></rect>
                {SCALE.lines()}
                <line class="guide" x1="0" x2="100%" y1=zero.clone() y2=zero></line>
                <svg
                    x="0"
                    y="0"
                    width="100%"
                    height="100%"
                    viewBox="0 0 1000 1000"
                    preserveAspectRatio="none"
                >
                    <path class="trace" d=line(&points)></path>
                </svg>
                {SCALE.lettering()}
            </svg>
            <FrequencyAxis />
        </ChartFrame>
    }
    .into_any()
}

fn summary(bands: &[StereoBand]) -> String {
    let known = || {
        bands
            .iter()
            .filter_map(|band| Some((band.hz, f64::from(band.correlation?))))
    };
    let Some((hz, least)) = known().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "There is no energy to compare.".to_owned();
    };
    let least_at = format!("{} ({})", format::frequency(hz), format::number(least, 2));
    let against: Vec<f64> = known()
        .filter(|(_, value)| *value < AGAINST)
        .map(|(hz, _)| hz)
        .collect();
    match (against.first(), against.last()) {
        (Some(first), Some(last)) if against.len() > 1 => format!(
            "Left and right cancel in mono in {} of {} bands between {} and {}, most at {least_at}.",
            against.len(),
            bands.len(),
            format::frequency(*first),
            format::frequency(*last),
        ),
        (Some(_), _) => {
            format!("Left and right cancel in mono in one band, at {least_at}.")
        }
        _ => format!("No range cancels in mono; the widest is at {least_at}."),
    }
}

fn table(bands: &[StereoBand]) -> DataTable {
    let cell = |value: Option<f32>, decimals: usize| {
        value.map_or(format::DASH.to_owned(), |value| {
            format::number(f64::from(value), decimals)
        })
    };
    let rows = bands
        .iter()
        .map(|band| {
            vec![
                format::frequency(band.hz),
                cell(band.correlation, 2),
                cell(band.width_db, 1),
                cell(band.balance_db, 1),
                cell(band.mono_change_db, 1),
            ]
        })
        .collect();
    DataTable::new(
        "The stereo image per 1/3 octave",
        &[
            "Band",
            "Correlation",
            "Width, dB",
            "Balance, dB",
            "Mono change, dB",
        ],
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(hz: f64, correlation: Option<f32>) -> StereoBand {
        StereoBand {
            hz,
            correlation,
            width_db: None,
            balance_db: None,
            mono_change_db: None,
            negative_share: None,
        }
    }

    #[test]
    fn the_summary_counts_what_cancels() {
        let bands = [
            band(100.0, Some(0.9)),
            band(1000.0, Some(-0.2)),
            band(2000.0, Some(-0.5)),
        ];
        let text = summary(&bands);
        assert!(text.contains("2 of 3 bands"), "{text}");
        assert!(text.contains("most at 2\u{202f}kHz"), "{text}");
        assert!(summary(&bands[..1]).starts_with("No range cancels"));
        assert_eq!(summary(&[band(50.0, None)]), "There is no energy to compare.");
    }
}
