//! The read-out of the spectrum: a slider over its bands, and the pointer in the chart.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use web_sys::Element;

use super::{
    controls::{Slider, erased, reading, slider},
    cursor::on,
};
use crate::format;

/// One band of the chart. Levels are in tenths of a dB: whole numbers are shorter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReadoutBand {
    /// Its centre in hertz.
    pub hz: f64,
    /// Its level.
    pub level: Option<i32>,
    /// The corridor there, where it reaches so far.
    pub tolerance_band: Option<(i32, i32)>,
}

impl ReadoutBand {
    /// The band at a frequency.
    #[must_use]
    pub fn new(hz: f64, level_db: Option<f64>, tolerance_db: Option<(f64, f64)>) -> Self {
        let tenths = |db: f64| (db * 10.0).round() as i32;
        Self {
            hz,
            level: level_db.map(tenths),
            tolerance_band: tolerance_db.map(|(low, high)| (tenths(low), tenths(high))),
        }
    }

    /// How the level lies to the corridor.
    #[must_use]
    pub fn relation(&self) -> String {
        match (self.level, self.tolerance_band) {
            (Some(level), Some((_, high))) if level > high => format!("{} above", db(level - high)),
            (Some(level), Some((low, _))) if level < low => format!("{} below", db(low - level)),
            (Some(_), Some(_)) => "inside".to_owned(),
            _ => format::DASH.to_owned(),
        }
    }
}

/// A name, its unit, and the value of a band.
type Cell = (&'static str, &'static str, fn(ReadoutBand) -> String);

/// Reads the bands of the chart `chart` out.
#[island]
pub fn SpectrumReadout(
    /// The id of the chart's figure.
    chart: String,
    /// Its bands, from 20 Hz to 20 kHz.
    bands: Vec<ReadoutBand>,
) -> impl IntoView {
    // 1 kHz, or the middle of what there is.
    let middle = bands
        .iter()
        .position(|band| band.hz >= 999.0)
        .unwrap_or(bands.len() / 2);
    let last = bands.len().saturating_sub(1);
    let chosen = RwSignal::new(middle);
    let pointed = RwSignal::new(None::<usize>);
    let bands = StoredValue::new(bands);
    let band = Memo::new(move |_| {
        let at = pointed.get().unwrap_or_else(|| chosen.get());
        bands.with_value(|bands| bands.get(at).copied())
    });
    let figure = chart.clone();
    Effect::new(move |_| {
        let Some(plot) = plot_of(&figure) else {
            return;
        };
        let box_of = plot.clone();
        let nearest = move |client_x: i32| {
            let frame = box_of.get_bounding_client_rect();
            let share = (f64::from(client_x) - frame.left()) / frame.width().max(1.0);
            bands.with_value(|bands| {
                let distance = |band: &ReadoutBand| (across(band.hz) - share).abs();
                let pairs = bands.iter().enumerate();
                pairs
                    .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
                    .map(|(at, _)| at)
            })
        };
        let picked = nearest.clone();
        on(&plot, "pointermove", move |event| {
            pointed.set(nearest(event.client_x()))
        });
        on(&plot, "pointerleave", move |_| pointed.set(None));
        on(&plot, "click", move |event| {
            if let Some(at) = picked(event.client_x()) {
                chosen.set(at);
            }
        });
    });
    Effect::new(move |_| {
        let line = plot_of(&chart).and_then(|plot| plot.query_selector(".pointer-line").ok().flatten());
        if let (Some(line), Some(band)) = (line, band.get()) {
            let x = format!("{:.2}%", across(band.hz) * 100.0);
            let _ = line.set_attribute("x1", &x);
            let _ = line.set_attribute("x2", &x);
        }
    });
    let frequency = slider(Slider {
        label: "Frequency",
        max: Signal::stored(last.to_string()),
        value: Signal::derive(move || chosen.get() as f64),
        spoken: Signal::derive(move || {
            bands
                .with_value(|bands| bands.get(chosen.get()).map(spoken))
                .unwrap_or_default()
        }),
        // Between 0 and the last band, by the slider.
        slide: Box::new(move |at| chosen.set(at.max(0.0) as usize)),
        enter: None,
    });
    let cells: [Cell; 4] = [
        ("Frequency", "", |band| format::frequency(band.hz)),
        ("Level", "dB", |band| tenths(band.level)),
        ("Corridor", "dB", tolerance_band),
        ("Against it", "", |band| band.relation()),
    ];
    let cells = cells.map(|(name, unit, of)| {
        let value = Signal::derive(move || band.get().map_or_else(|| format::DASH.to_owned(), of));
        reading(Signal::stored(name.to_owned()), unit.to_owned(), value)
    });
    erased(view! {
        <div class="spectrum-readout">
            {frequency}
            <dl class="readout readout--spectrum">{cells.into_iter().collect::<Vec<_>>()}</dl>
        </div>
    })
}

fn plot_of(figure: &str) -> Option<Element> {
    document()
        .query_selector(&format!("#{figure} svg.plot"))
        .ok()
        .flatten()
}

/// Where a frequency stands in the chart, 0 to 1.
fn across(hz: f64) -> f64 {
    ((hz / 20.0).log10() / 3.0).clamp(0.0, 1.0)
}

fn tolerance_band(band: ReadoutBand) -> String {
    band.tolerance_band.map_or_else(
        || "none here".to_owned(),
        |(low, high)| format!("{} to {}", tenths(Some(low)), tenths(Some(high))),
    )
}

fn spoken(band: &ReadoutBand) -> String {
    let level = match band.level {
        Some(level) => db(level),
        None => "no energy".to_owned(),
    };
    let against = match (band.tolerance_band, band.relation().as_str()) {
        (None, _) | (_, format::DASH) => "no corridor here".to_owned(),
        (Some(_), relation) => format!("corridor {} dB, {relation}", tolerance_band(*band)),
    };
    format!("{}: {level}, {against}", format::frequency(band.hz))
}

fn tenths(value: Option<i32>) -> String {
    value.map_or_else(
        || format::DASH.to_owned(),
        |value| format::number(f64::from(value) / 10.0, 1),
    )
}

fn db(tenths: i32) -> String {
    format::with_unit(f64::from(tenths) / 10.0, 1, "dB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_says_how_it_lies_to_the_corridor() {
        let at = |level| ReadoutBand::new(1000.0, Some(level), Some((-36.0, -28.0)));
        assert_eq!(at(-30.0).relation(), "inside");
        assert_eq!(at(-26.5).relation(), "1.5\u{202f}dB above");
        assert_eq!(at(-40.0).relation(), "4.0\u{202f}dB below");
        assert_eq!(ReadoutBand::new(20.0, Some(-60.0), None).relation(), format::DASH);
        assert_eq!(
            spoken(&at(-30.0)),
            "1\u{202f}kHz: \u{2212}30.0\u{202f}dB, corridor \u{2212}36.0 to \u{2212}28.0 dB, inside"
        );
    }
}
