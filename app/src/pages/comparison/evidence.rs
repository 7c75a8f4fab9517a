//! The numbers of a comparison: spectrum, seven bands, figures, width.

use leptos::prelude::*;
use model::{
    comparison::{Comparison, Delta, FigureDelta, TrackComparison},
    report::BANDS,
    verdict::Unit,
};

use crate::{charts::DifferenceChart, format, pages::report::sections::ReportSection};

/// Everything that was compared.
#[component]
pub fn Evidence(
    /// The comparison and the names of its references.
    compared: TrackComparison,
) -> impl IntoView {
    let TrackComparison { with, comparison } = compared;
    let is_single = with.len() == 1;
    let names: Vec<String> = with.into_iter().map(|companion| companion.title).collect();
    let tone = if is_single {
        "The line is your mix, 0 dB is the reference at the same loudness."
    } else {
        "The line is your mix, 0 dB the median of the references at the same loudness, and the grey band is where they lie themselves."
    };
    let Comparison {
        bands,
        thirds,
        widths,
        measures,
        ..
    } = comparison;
    let width = (!widths.iter().all(|tone| tone.level.difference().is_none())).then(|| {
        view! {
            <ReportSection id="width" title="Width" about="Side over mid, band by band. Loudness does not matter to it.">
                <DifferenceChart
                    id="width-difference"
                    title="Difference of width"
                    summary="Above 0 dB your mix is wider, below it is narrower than the references."
                    tones=widths
                />
            </ReportSection>
        }
    });
    view! {
        <ReportSection id="tone" title="Spectrum" about="Where the energy lies, at equal loudness.">
            <DifferenceChart
                id="tone-difference"
                title="Difference of level per 1/3 octave"
                summary=tone
                tones=thirds
            />
            <BandsTable bands=bands />
        </ReportSection>
        {width}
        <ReportSection id="figures" title="Figures" about="Of the whole file, each as it was measured.">
            <FiguresTable measures=measures names=names />
        </ReportSection>
    }
    .into_any()
}

/// The heads of [`cells`]. The difference stands beside the mix, so that a phone shows both without scrolling.
const HEADS: [&str; 4] = ["Mix", "Difference", "Median", "References"];

/// One value under [`HEADS`].
fn cells(value: &Delta, unit: Unit) -> [String; 4] {
    let number = |value: Option<f64>| value.map_or(format::DASH.to_owned(), |value| unit.number(value));
    let difference = value.difference().map_or(format::DASH.to_owned(), |by| {
        unit.for_differences().display_signed(by)
    });
    let range = match value.spread {
        Some(spread) if spread.count > 1 => {
            format!("{} to {}", unit.number(spread.low), unit.number(spread.high))
        }
        _ => format::DASH.to_owned(),
    };
    [
        number(value.mix),
        difference,
        number(value.spread.map(|spread| spread.median)),
        range,
    ]
}

#[component]
fn BandsTable(bands: Vec<Delta>) -> impl IntoView {
    let heads = HEADS
        .into_iter()
        .map(|head| {
            view! {
                <th scope="col" class="is-num">
                    {head}
                </th>
            }
        })
        .collect_view();
    let rows = BANDS
        .into_iter()
        .zip(&bands)
        .map(|(band, level)| {
            let cells = cells(level, Unit::Db)
                .into_iter()
                .map(|cell| view! { <td class="is-num">{cell}</td> })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">
                        {band.name} " " <span class="bands__edges">{format::band_edges(band.from_hz, band.to_hz)}</span>
                    </th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="scroller scroller--whole" role="region" tabindex="0" aria-label="Seven bands compared">
            <table class="table figures">
                <caption>"Seven bands, dB relative to a full-scale sine, at the loudness of the mix"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Band"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The figures, with a column for each reference.
#[component]
fn FiguresTable(measures: Vec<FigureDelta>, names: Vec<String>) -> impl IntoView {
    let rows = measures
        .into_iter()
        .map(|FigureDelta { measure, value }| {
            let unit = measure.unit();
            let number = |value: Option<f64>| value.map_or(format::DASH.to_owned(), |value| unit.display(value));
            let each = value
                .each
                .iter()
                .map(|value| view! { <td class="is-num">{number(*value)}</td> })
                .collect_view();
            let by = value.difference().map_or(format::DASH.to_owned(), |by| {
                unit.for_differences().display_signed(by)
            });
            view! {
                <tr>
                    <th scope="row">
                        {measure.name()} " " <span class="bands__edges figures__about">{measure.about()}</span>
                    </th>
                    <td class="is-num">{number(value.mix)}</td>
                    <td class="is-num">{by}</td>
                    {each}
                </tr>
            }
        })
        .collect_view();
    let heads = names
        .into_iter()
        .map(|name| view! { <th scope="col" class="is-num figures__name">{name}</th> })
        .collect_view();
    view! {
        <div class="scroller scroller--whole" role="region" tabindex="0" aria-label="Figures compared">
            <table class="table figures">
                <caption class="visually-hidden">"Figures of the mix and of each reference"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Figure"</th>
                        <th scope="col" class="is-num">"Mix"</th>
                        <th scope="col" class="is-num">"Difference"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_stands_under_its_head() {
        let value = Delta::new(Some(-10.0), vec![Some(-14.0), Some(-12.0), Some(-11.0)]);
        let row: Vec<_> = HEADS.into_iter().zip(cells(&value, Unit::Db)).collect();
        assert_eq!(
            row,
            [
                ("Mix", "−10.0".to_owned()),
                ("Difference", "+2.0\u{202f}dB".to_owned()),
                ("Median", "−12.0".to_owned()),
                ("References", "−14.0 to −11.0".to_owned()),
            ]
        );
    }
}
