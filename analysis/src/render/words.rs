//! Steps in words, as an engineer would set them up elsewhere.

use model::text::{clock_tenths, frequency, number, signed, with_unit};

use super::design::{Band, BandShape};
use super::recipe::{Passage, Step};

/// The kind of a step and what it does: `Balance: left 1.5 dB down`.
#[must_use]
pub fn titled(step: &Step) -> String {
    format!("{}: {}", step.kind().name(), describe(step))
}

/// What a step does, with its amounts.
#[must_use]
pub fn describe(step: &Step) -> String {
    match step {
        Step::Repair { places } => format!("{} places filled from both sides", places.len()),
        Step::Offset { amounts } => {
            let percent = |amount: &f64| format!("{} %", signed(-100.0 * amount, 2));
            let amounts: Vec<String> = amounts.iter().map(percent).collect();
            format!("{} of full scale", amounts.join(", "))
        }
        Step::HighPass { hz, order } => {
            format!("{}, {} dB per octave, Butterworth", frequency(*hz), 6 * order)
        }
        Step::Polarity { channel, passages } if passages.is_empty() => {
            format!("{} channel upside down", side(*channel))
        }
        Step::Polarity { channel, passages } => {
            let places: Vec<String> = passages.iter().map(passage_words).collect();
            format!("{} channel upside down, {}", side(*channel), places.join(", "))
        }
        Step::Balance { db } if *db < 0.0 => format!("left channel {}", decibels(*db)),
        Step::Balance { db } => format!("right channel {}", decibels(-db)),
        Step::Delay { channel, ms } => {
            format!("{} channel {} later", side(*channel), with_unit(*ms, 3, "ms"))
        }
        Step::LowMono { hz } => format!("side off below {}, linear phase", frequency(*hz)),
        Step::Notch { hz, harmonics, q } => {
            let places: Vec<String> = harmonics.iter().map(|&n| frequency(hz * f64::from(n))).collect();
            format!("{}, Q {}", places.join(", "), number(*q, 0))
        }
        Step::Equalise(band) => band_words(band),
        Step::Width { side_db } => format!("side {}", decibels(*side_db)),
        Step::Gain { db, .. } => decibels(*db),
        Step::Limit {
            ceiling_dbtp,
            most_db,
            ..
        } => format!(
            "ceiling {}, at most {} of reduction",
            with_unit(*ceiling_dbtp, 1, "dBTP"),
            with_unit(*most_db, 1, "dB")
        ),
        Step::Trim(kept) => format!("{} are kept", passage_words(kept)),
    }
}

fn band_words(band: &Band) -> String {
    let shape = match band.shape {
        BandShape::Bell => "bell",
        BandShape::LowShelf => "low shelf",
        BandShape::HighShelf => "high shelf",
    };
    format!(
        "{shape} {}, {}, Q {}",
        frequency(band.hz),
        decibels(band.db),
        number(band.q, 2)
    )
}

fn passage_words(passage: &Passage) -> String {
    format!(
        "{} to {}",
        clock_tenths(passage.start_s),
        clock_tenths(passage.end_s)
    )
}

const fn side(channel: u16) -> &'static str {
    if channel == 0 { "left" } else { "right" }
}

fn decibels(db: f64) -> String {
    format!("{}\u{202f}dB", signed(db, 2))
}
