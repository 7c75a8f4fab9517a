//! Numbers as people read them: true minus signs, thin spaces before units, no more decimals than can be trusted.
//!
//! Everything that a page prints goes through here, so that two decimals never round the same value differently.

pub(crate) mod advice;
pub(crate) mod failure;

use std::time::Duration;

use crate::{Reading, Timestamp};

/// U+2212, as wide as a plus sign.
pub const MINUS: char = '\u{2212}';
/// U+202F, between a number and its unit; no line breaks there.
pub const THIN: char = '\u{202f}';
/// What stands where a number does not exist.
pub const DASH: &str = "\u{2013}";

/// `value` with `decimals` decimals and a true minus sign; a rounded zero has no sign.
#[must_use]
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| byte == b'0' || byte == b'.') => rest.to_owned(),
        Some(rest) => format!("{MINUS}{rest}"),
        None => text,
    }
}

/// As [`number`], with a plus sign before what is above zero: for differences.
#[must_use]
pub fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    if zero || text.starts_with(MINUS) {
        text
    } else {
        format!("+{text}")
    }
}

/// `−9.6 LUFS`, for sentences and tables. `unit` may be empty.
#[must_use]
pub fn with_unit(value: f64, decimals: usize, unit: &str) -> String {
    if unit.is_empty() {
        number(value, decimals)
    } else {
        format!("{}{THIN}{unit}", number(value, decimals))
    }
}

/// A reading for a table: the number with its unit, or a dash and the reason.
#[must_use]
pub fn reading(reading: Reading, decimals: usize, unit: &str) -> String {
    match (reading.value(), reading.why()) {
        (Some(value), _) => with_unit(value, decimals, unit),
        (None, Some(why)) => format!("{DASH} ({})", why.description()),
        (None, None) => DASH.to_owned(),
    }
}

/// A place in the song or a length: `2:31`, `1:02:31`; cut, not rounded, as a player's counter is.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// As [`clock`], with tenths: `2:31.4`, where the place is exact.
#[must_use]
pub fn clock_tenths(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0) as u64 % 10;
    format!("{}.{tenths}", clock(seconds))
}

/// Bytes in decimal units, as file managers show them: `48.2 MB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if size < 1000 {
        return format!("{size}{THIN}B");
    }
    let mut value = size as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    with_unit(value, 1, UNITS.get(unit).copied().unwrap_or("TB"))
}

/// A sample rate: `44.1 kHz`, `48 kHz`.
#[must_use]
pub fn sample_rate(hertz: u32) -> String {
    let khz = f64::from(hertz) / 1000.0;
    let text = format!("{khz:.3}");
    format!("{}{THIN}kHz", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A frequency: `63 Hz`, `3.2 kHz`.
#[must_use]
pub fn frequency(hertz: f64) -> String {
    if hertz < 1000.0 {
        return with_unit(hertz, 0, "Hz");
    }
    let text = format!("{:.1}", hertz / 1000.0);
    format!("{}{THIN}kHz", text.strip_suffix(".0").unwrap_or(&text))
}

/// The two edges of a band in one unit where that reads better: `20–60 Hz`, `0.5–2 kHz`.
#[must_use]
pub fn band_edges(low_hz: f64, high_hz: f64) -> String {
    if high_hz < 1000.0 {
        return format!("{low_hz:.0}{DASH}{high_hz:.0}{THIN}Hz");
    }
    let short = |hertz: f64| number(hertz / 1000.0, usize::from(hertz % 1000.0 != 0.0));
    format!("{}{DASH}{}{THIN}kHz", short(low_hz), short(high_hz))
}

/// Channels by the words that people use: `mono`, `stereo`, `6 channels`.
#[must_use]
pub fn channels(count: u16) -> String {
    match count {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        more => format!("{more} channels"),
    }
}

/// The name of one of `count` channels, counted from 0: `left`, `right`, `channel 3`.
#[must_use]
pub fn channel(index: u16, count: u16) -> String {
    match (index, count) {
        (_, 1) => "mono".to_owned(),
        (0, 2) => "left".to_owned(),
        (1, 2) => "right".to_owned(),
        (other, _) => format!("channel {}", u32::from(other) + 1),
    }
}

/// `24 Nov 2026` (UTC).
#[must_use]
pub fn date(at: Timestamp) -> String {
    let civil = at.utc();
    format!("{} {} {}", civil.day, civil.month_name(), civil.year)
}

/// `24 Nov 2026, 03:42 UTC`.
#[must_use]
pub fn date_time(at: Timestamp) -> String {
    let civil = at.utc();
    format!("{}, {:02}:{:02} UTC", date(at), civil.hour, civil.minute)
}

/// A span in one unit, cut: `40 min`, `23 h`, `29 days`.
#[must_use]
pub fn span(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => format!("{minutes}{THIN}min"),
        60..2880 => format!("{}{THIN}h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// A retention period exactly, in words: `24 hours`, `30 days`.
#[must_use]
pub fn retention(hours: u32) -> String {
    if hours > 24 && hours.is_multiple_of(24) {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}

#[cfg(test)]
mod tests {
    use crate::report::AbsenceReason;

    use super::*;

    #[test]
    fn a_retention_period_is_exact() {
        assert_eq!(retention(24), "24 hours");
        assert_eq!(retention(36), "36 hours");
        assert_eq!(retention(720), "30 days");
    }

    #[test]
    fn negative_numbers_have_a_true_minus_and_zero_has_no_sign() {
        assert_eq!(number(-9.64, 1), "\u{2212}9.6");
        assert_eq!(number(-0.04, 1), "0.0");
        assert_eq!(number(0.616, 2), "0.62");
        assert_eq!(signed(0.04, 1), "0.0");
        assert_eq!(signed(1.25, 1), "+1.2");
        assert_eq!(signed(-1.26, 1), "\u{2212}1.3");
    }

    #[test]
    fn a_reading_that_is_absent_says_why() {
        assert_eq!(
            reading(Reading::new(-14.2), 1, "LUFS"),
            "\u{2212}14.2\u{202f}LUFS"
        );
        assert_eq!(
            reading(Reading::absent(AbsenceReason::NotStereo), 2, ""),
            "\u{2013} (not stereo)"
        );
    }

    #[test]
    fn times_read_like_a_counter() {
        assert_eq!(clock(151.9), "2:31");
        assert_eq!(clock(3_751.0), "1:02:31");
        assert_eq!(clock(f64::NAN), "0:00");
        assert_eq!(clock_tenths(67.38), "1:07.3");
    }

    #[test]
    fn sizes_and_rates_use_decimal_units() {
        assert_eq!(bytes(999), "999\u{202f}B");
        assert_eq!(bytes(48_211_300), "48.2\u{202f}MB");
        assert_eq!(bytes(999_999_999), "1.0\u{202f}GB");
        assert_eq!(sample_rate(44_100), "44.1\u{202f}kHz");
        assert_eq!(sample_rate(48_000), "48\u{202f}kHz");
        assert_eq!(sample_rate(11_025), "11.025\u{202f}kHz");
    }

    #[test]
    fn frequencies_change_unit_at_a_kilohertz() {
        assert_eq!(frequency(63.0), "63\u{202f}Hz");
        assert_eq!(frequency(3_175.0), "3.2\u{202f}kHz");
        assert_eq!(frequency(2_000.0), "2\u{202f}kHz");
        assert_eq!(band_edges(20.0, 60.0), "20\u{2013}60\u{202f}Hz");
        assert_eq!(band_edges(500.0, 2_000.0), "0.5\u{2013}2\u{202f}kHz");
    }

    #[test]
    fn dates_and_spans_are_exact_enough_to_act_on() {
        assert_eq!(date_time(Timestamp(1_795_491_766_000)), "24 Nov 2026, 03:42 UTC");
        assert_eq!(span(Duration::from_secs(86_399)), "23\u{202f}h");
        assert_eq!(span(Duration::from_secs(59)), "less than a minute");
        assert_eq!(span(Duration::from_secs(30 * 86_400 - 1)), "29 days");
    }
}
