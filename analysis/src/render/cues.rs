//! Cue points of a WAV: where the findings of the mix are, as editors and workstations show them.

use super::export::Marker;
use super::recipe::Recipe;
use super::wave::{Chunk, put};

/// More would hide the waveform in every editor.
const MOST_CUES: usize = 500;

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    /// Its first frame.
    frame: u32,
    /// How many it lasts; 0 for a moment.
    frames: u32,
    name: String,
}

/// Where `markers` of the source are in what `recipe` makes of it; those that a trim took away are left out.
pub(super) fn cues(markers: &[Marker], recipe: &Recipe, rate: u32) -> Vec<Cue> {
    let (from_s, until_s) = recipe
        .kept()
        .map_or((0.0, f64::INFINITY), |kept| (kept.start_s, kept.end_s));
    let frame = |time_s: f64| {
        let at = (time_s.clamp(from_s, until_s) - from_s) * f64::from(rate);
        // A cue point counts in 32 bits; what lies beyond 24 hours of 48 kHz has none.
        at.round().min(f64::from(u32::MAX)) as u32
    };
    markers
        .iter()
        .filter(|marker| marker.end_s >= from_s && marker.start_s < until_s)
        .take(MOST_CUES)
        .map(|marker| {
            let first = frame(marker.start_s);
            Cue {
                frame: first,
                frames: frame(marker.end_s) - first,
                name: marker.name.clone(),
            }
        })
        .collect()
}

/// The chunks `cue ` and `LIST adtl`: a point for each, its name, and the length of what is no moment, as a region.
pub(super) fn chunks(cues: &[Cue]) -> Vec<Chunk> {
    if cues.is_empty() {
        return Vec::new();
    }
    let mut points = (cues.len() as u32).to_le_bytes().to_vec();
    let mut list = b"adtl".to_vec();
    for (id, cue) in (1_u32..).zip(cues) {
        // Identifier, position in the play list, chunk, its start, its block, frame.
        points.extend([id.to_le_bytes(), cue.frame.to_le_bytes(), *b"data"].concat());
        points.extend([[0; 4], [0; 4], cue.frame.to_le_bytes()].concat());
        let mut label = id.to_le_bytes().to_vec();
        label.extend(cue.name.bytes());
        label.push(0);
        put(&mut list, *b"labl", &label);
        if cue.frames > 0 {
            // Length and purpose; country, language, dialect and code page are left open.
            let region = [
                id.to_le_bytes(),
                cue.frames.to_le_bytes(),
                *b"rgn ",
                [0; 4],
                [0; 4],
            ]
            .concat();
            put(&mut list, *b"ltxt", &region);
        }
    }
    vec![
        Chunk {
            id: *b"cue ",
            body: points,
        },
        Chunk {
            id: *b"LIST",
            body: list,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::recipe::{Container, OutputFormat, Passage, SampleFormat, Step};

    fn marker(start_s: f64, end_s: f64, name: &str) -> Marker {
        Marker {
            start_s,
            end_s,
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_trim_moves_cue_points_and_takes_away_what_it_cut() {
        let markers = [
            marker(0.0, 1.0, "silence"),
            marker(2.5, 2.5, "click"),
            marker(3.0, 9.0, "hum"),
        ];
        let mut recipe = Recipe::empty(OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Int24,
        });
        let whole = cues(&markers, &recipe, 1_000);
        let places = |cues: &[Cue]| cues.iter().map(|cue| (cue.frame, cue.frames)).collect::<Vec<_>>();
        assert_eq!(places(&whole), [(0, 1_000), (2_500, 0), (3_000, 6_000)]);
        recipe.steps.push(Step::Trim(Passage {
            start_s: 2.0,
            end_s: 5.0,
        }));
        assert_eq!(
            places(&cues(&markers, &recipe, 1_000)),
            [(500, 0), (1_000, 2_000)]
        );
        assert_eq!(chunks(&[]).len(), 0);
    }
}
