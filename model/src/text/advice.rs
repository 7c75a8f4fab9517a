//! What to listen for where a mix differs from its references, in a producer's words.

use crate::comparison::{Direction, Figure};

/// What to do about a difference in the band with this index in [`BANDS`](crate::report::BANDS).
pub(crate) const fn of_band(band: usize, direction: Direction) -> &'static str {
    match (band, direction) {
        (0, Direction::More) => {
            "Deep bass eats level and small speakers drop it. Check kick and bass for what nobody hears, and high-pass the rest."
        }
        (0, Direction::Less) => {
            "The floor is thinner. See whether the bass reaches down, or whether a high-pass sits too high."
        }
        (1, Direction::More) => {
            "Kick and bass weigh more. Turn the bass down a little, or let kick and bass share the space."
        }
        (1, Direction::Less) => {
            "Less weight below the voice. Turn the bass up before you reach for an equaliser."
        }
        (2, Direction::More) => {
            "Where instruments pile up and sound boxy. Thin out guitars, keys and room between them before the master."
        }
        (2, Direction::Less) => "Less body. Look for tracks that were high-passed too far.",
        (3, Direction::More) => "The middle is forward, and may sound nasal or hard at length.",
        (3, Direction::Less) => "Voice and lead instruments stand further back.",
        (4, Direction::More) => {
            "Attack and edge: exciting at first, tiring after a while. Look at guitars, snare and voice."
        }
        (4, Direction::Less) => "Less attack and intelligibility: the mix stands behind a curtain.",
        (5, Direction::More) => {
            "Cymbals and sibilants stand out. A de-esser on the voice goes further than a shelf on everything."
        }
        (5, Direction::Less) => "Duller. A gentle shelf, or less low-passing on cymbals and voice, opens it.",
        (_, Direction::More) => "More air, or more hiss. Listen in the quiet parts.",
        (_, Direction::Less) => "Less air. Harmless where the references are brighter by taste.",
    }
}

/// What to do about a difference of this figure.
pub(crate) const fn of_figure(measure: Figure, direction: Direction) -> &'static str {
    match (measure, direction) {
        (Figure::Range, Direction::More) => {
            "Quiet parts are further from loud ones. Ride the level of verses, rather than compress the whole."
        }
        (Figure::Range, Direction::Less) => {
            "Verse and chorus are closer together. Automation that lets the chorus rise costs nothing."
        }
        (Figure::Plr | Figure::Psr, Direction::More) => {
            "More room above the average: right for a mix, and where a master has work to do."
        }
        (Figure::Plr | Figure::Psr, Direction::Less) => {
            "Peaks stand out less. Ease the limiter or the bus compressor, and compare again."
        }
        (Figure::Width, Direction::More) => {
            "More side against mid. Make sure that what matters is still there in mono."
        }
        (Figure::Width, Direction::Less) => {
            "More in the middle. Pan doubles and rooms wider before you use a widener."
        }
        (Figure::LowWidth, _) => {
            "Bass in the sides costs level and cancels in mono. Fold it to mono below 120 Hz."
        }
        (Figure::MonoChange, _) => "More vanishes when folded down. Look at wideners and doubled parts.",
        _ => "",
    }
}
