//! The songs: which notes are played when, how they are mixed, and what goes wrong in the first mix.

use std::collections::BTreeMap;

use libm::{sin, tanh};

use crate::{
    Stereo,
    instruments::{Filter, Noise, bass, frames, hat, kick, lead, pad, pluck, snare},
    room::{add_echo, add_room},
};

/// Whether the faults of the first mix are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// Mud, a drop-out, clipping, a passage with one channel upside down.
    AsFirstMixed,
    /// None.
    Mended,
}

/// A song that can be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Song {
    /// The one that is mixed.
    Mix(Faults),
    /// Another one, mastered.
    Reference,
}

/// What differs between the songs.
struct Score {
    beat_s: f64,
    bars: usize,
    /// By bar, in turns: the bass note and the chord.
    chords: [(f64, [f64; 4]); 4],
    /// By half a bar of the chorus, in turns.
    melody: [f64; 8],
}

const LOW_TIDE: Score = Score {
    beat_s: 60.0 / 104.0,
    bars: 26,
    chords: [
        (33.0, [57.0, 60.0, 64.0, 67.0]),
        (29.0, [57.0, 60.0, 65.0, 69.0]),
        (36.0, [55.0, 60.0, 64.0, 67.0]),
        (31.0, [55.0, 59.0, 62.0, 67.0]),
    ],
    melody: [76.0, 74.0, 72.0, 69.0, 76.0, 79.0, 74.0, 71.0],
};

const HARBOUR_LIGHTS: Score = Score {
    beat_s: 60.0 / 112.0,
    bars: 26,
    chords: [
        (36.0, [55.0, 60.0, 63.0, 67.0]),
        (32.0, [56.0, 60.0, 63.0, 68.0]),
        (39.0, [55.0, 58.0, 63.0, 67.0]),
        (34.0, [53.0, 58.0, 62.0, 65.0]),
    ],
    melody: [79.0, 77.0, 75.0, 72.0, 74.0, 75.0, 77.0, 70.0],
};

/// The parts of both, by bar.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Intro,
    Verse,
    Break,
    Chorus,
    Outro,
}

const fn part(bar: usize) -> Part {
    match bar {
        0..4 => Part::Intro,
        4..12 => Part::Verse,
        12..14 => Part::Break,
        14..22 => Part::Chorus,
        _ => Part::Outro,
    }
}

impl Song {
    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Mix(Faults::AsFirstMixed) => "Low tide (mix 1)",
            Self::Mix(Faults::Mended) => "Low tide (mix 2)",
            Self::Reference => "Harbour lights",
        }
    }

    /// All of it.
    #[must_use]
    pub fn render(self) -> Stereo {
        match self {
            Self::Mix(faults) => {
                let mut mix = LOW_TIDE.play();
                // Room above the peaks, as a mix has.
                for sample in mix.left.iter_mut().chain(&mut mix.right) {
                    *sample *= 0.75;
                }
                if faults == Faults::AsFirstMixed {
                    spoil(&mut mix);
                }
                mix
            }
            Self::Reference => {
                let mut master = HARBOUR_LIGHTS.play();
                // A limiter of the plainest kind, for a finished loudness.
                for side in [&mut master.left, &mut master.right] {
                    for sample in side {
                        *sample = (0.82 * tanh(f64::from(*sample) * 2.1)) as f32;
                    }
                }
                master
            }
        }
    }
}

impl Score {
    fn play(&self) -> Stereo {
        let bar_s = 4.0 * self.beat_s;
        let total = frames(self.bars as f64 * bar_s + 2.5);
        let mut out = Stereo::silent(total);
        let mut room = Stereo::silent(total);
        let mut echo = Stereo::silent(total);
        let mut noise = Noise(5);
        let kick = kick();
        let mut played = Played::default();
        for bar in 0..self.bars {
            let (part, start_s) = (part(bar), bar as f64 * bar_s);
            let (root, chord) = self.chords[bar % 4];
            let has_drums = matches!(part, Part::Verse | Part::Chorus);
            let is_chorus = part == Part::Chorus;
            // A beat of silence of the drums before the chorus.
            if has_drums {
                for beat in [0.0, 1.5, 2.0, 3.5] {
                    let is_played = is_chorus || beat == 0.0 || beat == 2.0 || bar % 2 == 1;
                    if is_played {
                        add(&mut out, &kick, start_s + beat * self.beat_s, 0.0, 0.52);
                    }
                }
                for beat in [1.0, 3.0] {
                    let take = 100 + bar as u64 % 4;
                    let hit = played.get(("snare", take, 0), || snare(take));
                    add(&mut out, hit, start_s + beat * self.beat_s, 0.05, 0.30);
                    add(&mut room, hit, start_s + beat * self.beat_s, 0.05, 0.30);
                }
                for eighth in 0..16 {
                    let level = [0.20, 0.07, 0.13, 0.09][eighth % 4] * (0.9 + 0.1 * noise.next());
                    let open = is_chorus && eighth % 4 == 2;
                    let take = 7 + eighth as u64;
                    let hit = played.get(("hat", take, u64::from(open)), || {
                        hat(take, if open { 0.07 } else { 0.022 })
                    });
                    add(
                        &mut out,
                        hit,
                        start_s + eighth as f64 * self.beat_s / 4.0,
                        0.28,
                        level * 1.5,
                    );
                }
            }
            if part != Part::Intro && part != Part::Break {
                let steps: &[(f64, f64, f64)] = if is_chorus {
                    &[
                        (0.0, 0.9, 0.0),
                        (1.0, 0.45, 0.0),
                        (1.5, 0.45, 12.0),
                        (2.0, 0.9, 0.0),
                        (3.0, 0.45, 7.0),
                        (3.5, 0.45, 0.0),
                    ]
                } else {
                    &[
                        (0.0, 1.4, 0.0),
                        (1.5, 0.5, 0.0),
                        (2.5, 0.5, 12.0),
                        (3.0, 0.9, 0.0),
                    ]
                };
                for (beat, length, up) in steps {
                    let key = ("bass", (root + up) as u64, (length * 100.0) as u64);
                    let note = played.get(key, || bass(root + up, length * self.beat_s));
                    add(&mut out, note, start_s + beat * self.beat_s, 0.0, 0.30);
                }
            }
            for (side, pan) in [(1.0, -0.75), (-1.0, 0.75)] {
                let key = ("pad", bar as u64 % 4, u64::from(side > 0.0));
                let voices = played.get(key, || pad(&chord, bar_s, side));
                let level = if is_chorus { 0.17 } else { 0.15 };
                add(&mut out, voices, start_s, pan, level);
                add(&mut room, voices, start_s, pan, level * 0.6);
            }
            for step in 0..16 {
                let note = chord[[0, 2, 1, 3, 2, 1, 3, 2][step % 8]] + 12.0;
                let is_rest = part == Part::Verse && step % 4 == 3;
                if !is_rest {
                    let pan = if step % 2 == 0 { -0.35 } else { 0.35 };
                    let level = 0.085 * (0.85 + 0.15 * noise.next());
                    let at_s = start_s + step as f64 * self.beat_s / 4.0;
                    let note = played.get(("pluck", note as u64, 0), || pluck(note));
                    add(&mut out, note, at_s, pan, level);
                    add(&mut echo, note, at_s, pan, level);
                }
            }
            if is_chorus {
                for half in 0..2 {
                    let note = self.melody[(bar * 2 + half) % 8];
                    let note = played.get(("lead", note as u64, 0), || lead(note, 1.8 * self.beat_s));
                    let at_s = start_s + half as f64 * 2.0 * self.beat_s;
                    add(&mut out, note, at_s, 0.0, 0.16);
                    add(&mut echo, note, at_s, 0.0, 0.08);
                    add(&mut room, note, at_s, 0.0, 0.10);
                }
            }
        }
        add_echo(&mut out, &echo, self.beat_s * 0.75, 0.5);
        add_room(&mut out, &room, 0.42);
        fade_out(&mut out);
        out
    }
}

/// Notes that were played before: most come again and again.
#[derive(Default)]
struct Played(BTreeMap<(&'static str, u64, u64), Vec<f64>>);

impl Played {
    /// The note of an instrument, by what makes it differ from its others.
    fn get(&mut self, key: (&'static str, u64, u64), play: impl FnOnce() -> Vec<f64>) -> &[f64] {
        self.0.entry(key).or_insert_with(play)
    }
}

/// Adds a mono buffer at a time; `pan` from −1 (left) to 1 (right), at constant power.
fn add(out: &mut Stereo, buffer: &[f64], start_s: f64, pan: f64, level: f64) {
    let start = frames(start_s);
    let angle = (pan + 1.0) * std::f64::consts::FRAC_PI_4;
    let (left, right) = (libm::cos(angle) * level, sin(angle) * level);
    for (at, sample) in buffer.iter().enumerate() {
        let Some((l, r)) = out.left.get_mut(start + at).zip(out.right.get_mut(start + at)) else {
            return;
        };
        *l += (sample * left) as f32;
        *r += (sample * right) as f32;
    }
}

fn fade_out(out: &mut Stereo) {
    let fade = frames(2.0);
    let total = out.left.len();
    for side in [&mut out.left, &mut out.right] {
        for (at, sample) in side.iter_mut().skip(total - fade).enumerate() {
            *sample *= 1.0 - at as f32 / fade as f32;
        }
    }
}

/// What went wrong in the first mix: too much between 200 and 400 Hz, a drop-out of 60 ms, a bus that was driven over full
/// scale, and one channel of the last part upside down.
fn spoil(mix: &mut Stereo) {
    let drop_out = frames(33.40)..frames(33.46);
    let inverted_from = frames(51.0);
    for (side, polarity) in [(&mut mix.left, 1.0), (&mut mix.right, -1.0)] {
        let mut mud = Filter::bell(290.0, 0.8, 7.0);
        for (at, sample) in side.iter_mut().enumerate() {
            let driven = (1.52 * mud.run(f64::from(*sample))).clamp(-1.0, 1.0);
            *sample = match at {
                at if drop_out.contains(&at) => 0.0,
                at if at >= inverted_from => (driven * polarity) as f32,
                _ => driven as f32,
            };
        }
    }
}
