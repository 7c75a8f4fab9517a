//! Every rule, one file for each area.

mod delivery;
mod dynamics;
mod loudness;
mod low_end;
mod passages;
mod peaks;
mod signal;
mod stereo;
mod tone;

use super::{CheckText, Criterion, Measurement, ReportView, Rule, Strength, Subject};

pub(super) const AREAS: [&[Rule]; 9] = [
    loudness::RULES,
    peaks::RULES,
    dynamics::RULES,
    tone::RULES,
    low_end::RULES,
    stereo::RULES,
    signal::RULES,
    passages::RULES,
    delivery::RULES,
];

/// Where ranges come from that no standard gives.
const OUR_CORPUS: &str = "92 finished tracks that were measured for this rule (game and film music); the range holds the middle 90 %";

/// Nobody turns an equaliser by more at once: where a song is further off, what follows is another look.
const MOST_CHANGE_DB: f64 = 6.0;

/// What a hump or a hollow costs by its height beyond the range, in dB. Finished tracks have them as well, one in fifty by more
/// than 3 dB beyond: what may be style costs less than what cannot be.
const HEIGHTS: &[(f64, f64)] = &[
    (0.5, 0.6),
    (1.5, 2.3),
    (3.0, 5.0),
    (5.0, 10.0),
    (8.0, 20.0),
    (12.0, 34.0),
];
/// The same where little of it is already said, since it is rare: it costs about a point up to where it is plain.
const RARE_HEIGHTS: &[(f64, f64)] = &[
    (0.5, 0.6),
    (2.7, 1.2),
    (4.2, 2.6),
    (5.7, 5.0),
    (7.7, 10.0),
    (10.7, 20.0),
    (14.7, 34.0),
];
const RARE_SHELF_HEIGHTS: &[(f64, f64)] = &[
    (0.6, 0.6),
    (2.4, 1.2),
    (4.9, 2.6),
    (7.4, 5.0),
    (10.9, 10.0),
    (16.0, 20.0),
    (22.0, 32.0),
];
/// The same of all below 150 Hz, all above 3.5 kHz and the highest highs, which are further apart from track to track.
const SHELF_HEIGHTS: &[(f64, f64)] = &[
    (0.8, 0.6),
    (2.5, 2.3),
    (5.0, 5.0),
    (8.5, 10.0),
    (13.0, 20.0),
    (19.0, 34.0),
];
