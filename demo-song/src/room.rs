//! A small room and an echo, as sends: what goes in comes back later, on both sides.

use crate::{
    Stereo,
    instruments::{Filter, frames},
};

/// Lengths of the combs of each side, in seconds (mutually prime in samples, after Schroeder 1962).
const COMBS_S: [[f64; 4]; 2] = [[0.0297, 0.0371, 0.0411, 0.0437], [0.0307, 0.0359, 0.0421, 0.0447]];
const ALL_PASSES_S: [f64; 2] = [0.005, 0.0017];

/// Adds the room that `send` rings in to `out`.
pub(crate) fn add_room(out: &mut Stereo, send: &Stereo, level: f64) {
    for (at, (out, send)) in [(&mut out.left, &send.left), (&mut out.right, &send.right)]
        .into_iter()
        .enumerate()
    {
        let mut wet = vec![0.0_f64; send.len()];
        for length_s in COMBS_S[at] {
            let length = frames(length_s);
            let mut line = vec![0.0_f64; length];
            let mut dark = 0.0;
            for (index, (wet, dry)) in wet.iter_mut().zip(send).enumerate() {
                let slot = &mut line[index % length];
                let echo = *slot;
                dark += 0.55 * (echo - dark);
                *slot = f64::from(*dry) + 0.79 * dark;
                *wet += 0.25 * echo;
            }
        }
        for length_s in ALL_PASSES_S {
            let length = frames(length_s);
            let mut line = vec![0.0_f64; length];
            for (index, wet) in wet.iter_mut().enumerate() {
                let slot = &mut line[index % length];
                let (held, input) = (*slot, *wet);
                *slot = input + 0.6 * held;
                *wet = held - 0.6 * *slot;
            }
        }
        let mut low = Filter::high_pass(280.0, 0.7);
        for (out, wet) in out.iter_mut().zip(&wet) {
            *out += (level * low.run(*wet)) as f32;
        }
    }
}

/// Adds an echo of `send` to `out` that jumps from side to side every `time_s`.
pub(crate) fn add_echo(out: &mut Stereo, send: &Stereo, time_s: f64, level: f64) {
    let length = frames(time_s);
    let mut lines = [vec![0.0_f64; length], vec![0.0_f64; length]];
    let mut dull = [Filter::low_pass(4500.0, 0.6), Filter::low_pass(4500.0, 0.6)];
    for index in 0..send.left.len() {
        let slot = index % length;
        let (left, right) = (lines[0][slot], lines[1][slot]);
        lines[0][slot] =
            f64::from(send.left[index]) + f64::from(send.right[index]) * 0.3 + 0.42 * dull[0].run(right);
        lines[1][slot] = f64::from(send.right[index]) * 0.7 + 0.42 * dull[1].run(left);
        out.left[index] += (level * left) as f32;
        out.right[index] += (level * right) as f32;
    }
}
