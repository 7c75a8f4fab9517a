//! A measured value: large on a tile, or within a line.

use leptos::prelude::*;
use model::Reading;

use super::{Meter, Scale};
use crate::format;

/// A number with its unit, or a dash with the reason why there is none.
#[component]
pub fn Value(
    /// What was measured.
    #[prop(into)]
    reading: Reading,
    /// Its unit; may be empty.
    #[prop(default = "")]
    unit: &'static str,
    /// Decimals.
    #[prop(default = 1)]
    decimals: usize,
    /// Whether what is above zero has a plus sign: for differences.
    #[prop(optional)]
    signed: bool,
) -> impl IntoView {
    match reading.value() {
        Some(value) => {
            let number = if signed {
                format::signed(value, decimals)
            } else {
                format::number(value, decimals)
            };
            let unit = (!unit.is_empty())
                .then(|| view! { <span class="unit">{format!("{}{unit}", format::THIN)}</span> });
            view! {
                <span class="reading">
                    <span class="num">{number}</span>
                    {unit}
                </span>
            }
            .into_any()
        }
        None => view! {
            <span class="reading reading--absent">
                <span class="num">{format::DASH}</span>
                <span class="unit">{reading.why().map(|why| format!(" {}", why.description()))}</span>
            </span>
        }
        .into_any(),
    }
}

/// One reading of the bridge: label, value, scale and a few words.
#[component]
pub fn Tile(
    /// What is measured.
    #[prop(into)]
    label: String,
    /// What was measured.
    reading: Reading,
    /// Its unit; may be empty.
    #[prop(default = "")]
    unit: &'static str,
    /// Decimals.
    #[prop(default = 1)]
    decimals: usize,
    /// Whether what is above zero has a plus sign.
    #[prop(optional)]
    signed: bool,
    /// The scale under the number.
    #[prop(optional_no_strip, into)]
    scale: Option<Scale>,
    /// A value on the scale worth a dashed line.
    #[prop(optional_no_strip, into)]
    mark: Option<f64>,
    /// Whether it is the first and largest.
    #[prop(optional)]
    hero: bool,
    /// What the number means, in a few words.
    #[prop(into)]
    note: String,
) -> impl IntoView {
    view! {
        <div class=if hero { "tile tile--hero" } else { "tile" }>
            <p class="label">{label}</p>
            <p class="tile__value">
                <Value reading=reading unit=unit decimals=decimals signed=signed />
            </p>
            <p class="tile__note">{note}</p>
            {scale.map(|scale| view! { <Meter scale=scale value=reading.value() mark=mark /> })}
        </div>
    }
    .into_any()
}
