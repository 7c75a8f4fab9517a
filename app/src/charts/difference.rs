//! A mix less its references over frequency: the line is the mix, the band is where the references lie.

use leptos::prelude::*;
use model::comparison::BandDelta;

use super::plot::{FrequencyAxis, UprightScale, across, line};
use crate::{
    format,
    ui::{ChartFrame, DataTable, meter::percent},
};

const SCALE: UprightScale = UprightScale {
    top: 12.0,
    bottom: -12.0,
    step: 3.0,
    decimals: 0,
};

/// The difference of a mix from the median of its references, per 1/3 octave.
#[component]
pub fn DifferenceChart(
    /// Prefix of the ids; unique on the page.
    id: &'static str,
    /// What is compared.
    title: &'static str,
    /// What it shows, as one or two sentences.
    #[prop(into)]
    summary: String,
    /// The bands.
    tones: Vec<BandDelta>,
) -> impl IntoView {
    let points: Vec<_> = tones
        .iter()
        .map(|tone| {
            let by = tone.level.difference()?;
            Some((across(tone.hz) * 10.0, SCALE.percent(by) * 10.0))
        })
        .collect();
    let zero = percent(SCALE.percent(0.0));
    view! {
        <ChartFrame id=id title=title unit="dB" summary=summary table=table(title, &tones)>
            <svg class="plot plot--spectrum" role="img" aria-labelledby=format!("{id}-title {id}-summary")>
                {SCALE.lines()}
                <svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">
                    <path class="reference-band" d=spread(&tones)></path>
                    <path class="trace" d=line(&points)></path>
                </svg>
                <line class="guide" x1="0" x2="100%" y1=zero.clone() y2=zero></line>
                {SCALE.lettering()}
            </svg>
            <FrequencyAxis />
        </ChartFrame>
    }
    .into_any()
}

/// Where several references lie around their median; a stretch in which there is one alone has no area.
fn spread(tones: &[BandDelta]) -> String {
    tones
        .chunk_by(|a, b| a.level.spread.is_some() == b.level.spread.is_some())
        .filter(|stretch| stretch[0].level.spread.is_some())
        .map(|stretch| {
            let edge = |of: fn(&model::comparison::ReferenceRange) -> f64| {
                stretch.iter().filter_map(move |tone| {
                    let spread = tone.level.spread?;
                    Some(Some((
                        across(tone.hz) * 10.0,
                        SCALE.percent(of(&spread) - spread.median) * 10.0,
                    )))
                })
            };
            let mut points: Vec<_> = edge(|spread| spread.high).collect();
            let back: Vec<_> = edge(|spread| spread.low).collect();
            points.extend(back.into_iter().rev());
            format!("{}z", line(&points))
        })
        .collect()
}

fn table(title: &'static str, tones: &[BandDelta]) -> DataTable {
    let number = |value: Option<f64>| value.map_or(format::DASH.to_owned(), |value| format::number(value, 1));
    let rows = tones
        .iter()
        .map(|tone| {
            let level = &tone.level;
            vec![
                format::frequency(tone.hz),
                number(level.mix),
                number(level.spread.map(|spread| spread.median)),
                number(level.spread.map(|spread| spread.low)),
                number(level.spread.map(|spread| spread.high)),
                level
                    .difference()
                    .map_or(format::DASH.to_owned(), |by| format::signed(by, 1)),
            ]
        })
        .collect();
    DataTable::new(
        title,
        &[
            "Centre",
            "Mix, dB",
            "Median, dB",
            "Lowest, dB",
            "Highest, dB",
            "Difference, dB",
        ],
        rows,
    )
}
