//! How left and right relate, as four meters.

use leptos::prelude::*;
use model::{Reading, report::Stereo};

use crate::{
    format,
    ui::{ChartFrame, Meter, Scale, Value},
};

/// Correlation, width, what mono changes, and balance.
#[component]
pub fn StereoMeters(
    /// The measurements.
    stereo: Stereo,
    /// Prefix of the ids.
    #[prop(default = "stereo-meters")]
    id: &'static str,
) -> impl IntoView {
    let correlation = Scale {
        decimals: 1,
        ..Scale::new(-1.0, 1.0, 0.5, 0.1)
    };
    view! {
        <ChartFrame id=id title="Left and right" summary=summary(&stereo)>
            <dl class="stereo-meters">
                <MeterRow
                    label="Correlation"
                    reading=stereo.correlation
                    decimals=2
                    scale=correlation
                    mark=0.0
                    note="1 is mono, 0 is unrelated, below 0 cancels in mono."
                />
                <MeterRow
                    label="Mono change"
                    reading=stereo.mono_change_lu
                    unit="LU"
                    signed=true
                    scale=Scale::new(-9.0, 3.0, 3.0, 1.0)
                    mark=0.0
                    note="What folding to one channel does to the loudness."
                />
                <MeterRow
                    label="Width"
                    reading=stereo.width_db
                    unit="dB"
                    scale=Scale::new(-30.0, 6.0, 6.0, 1.0)
                    note="Side energy over mid energy; further left is narrower."
                />
                <MeterRow
                    label="Balance"
                    // Positive leans left, so the larger end of the scale is on the left.
                    reading=stereo.balance_db
                    unit="dB"
                    signed=true
                    scale=Scale::new(6.0, -6.0, 3.0, 1.0)
                    mark=0.0
                    ends=("Left 6", "Right \u{2212}6")
                    note="Left energy over right energy; 0 is centred."
                />
            </dl>
        </ChartFrame>
    }
    .into_any()
}

/// One reading with its scale and its meaning.
#[component]
fn MeterRow(
    label: &'static str,
    reading: Reading,
    #[prop(default = "")] unit: &'static str,
    #[prop(default = 1)] decimals: usize,
    #[prop(optional)] signed: bool,
    scale: Scale,
    #[prop(optional_no_strip, into)] mark: Option<f64>,
    #[prop(optional_no_strip, into)] ends: Option<(&'static str, &'static str)>,
    note: &'static str,
) -> impl IntoView {
    view! {
        <div class="stereo-meters__row">
            <dt>{label}</dt>
            <dd class="stereo-meters__value">
                <Value reading=reading unit=unit decimals=decimals signed=signed />
            </dd>
            <dd class="stereo-meters__scale">
                <Meter scale=scale value=reading.value() mark=mark ends=ends />
            </dd>
            <dd class="stereo-meters__note">{note}</dd>
        </div>
    }
    .into_any()
}

fn summary(stereo: &Stereo) -> String {
    let Some(correlation) = stereo.correlation.value() else {
        return match stereo.correlation.why() {
            Some(why) => format!("Nothing to compare: {}.", why.description()),
            None => "Nothing to compare.".to_owned(),
        };
    };
    let image = match correlation {
        0.98.. => "Left and right are nearly the same",
        0.3..0.98 => "Left and right share much of their signal",
        0.0..0.3 => "Left and right share little of their signal",
        _ => "Left and right work against each other",
    };
    let mono = match stereo.mono_change_lu.value() {
        Some(change) if change <= -0.05 => {
            format!(
                "; in mono the loudness falls by {}",
                format::with_unit(-change, 1, "LU")
            )
        }
        Some(change) if change >= 0.05 => {
            format!(
                "; in mono the loudness rises by {}",
                format::with_unit(change, 1, "LU")
            )
        }
        Some(_) => "; in mono the loudness stays the same".to_owned(),
        None => String::new(),
    };
    format!("{image} (correlation {}){mono}.", format::number(correlation, 2))
}

#[cfg(test)]
mod tests {
    use model::report::AbsenceReason;

    use super::*;

    #[test]
    fn the_summary_says_what_mono_does() {
        let mut stereo = Stereo {
            correlation: Reading::new(0.62),
            width_db: Reading::new(-9.0),
            mono_change_lu: Reading::new(-0.7),
            balance_db: Reading::new(0.2),
        };
        assert!(summary(&stereo).ends_with("falls by 0.7\u{202f}LU."));
        stereo.correlation = Reading::absent(AbsenceReason::NotStereo);
        assert_eq!(summary(&stereo), "Nothing to compare: not stereo.");
    }
}
