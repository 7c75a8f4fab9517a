//! Second-order sections on a stream.

use super::chain::Processor;
use crate::dsp::Biquad;

/// What decays below this is nothing: arithmetic on denormal numbers is very slow.
const NOTHING: f64 = 1e-60;

/// Sections one after the other, the same in all channels.
pub(super) struct Filter {
    sections: Vec<Biquad>,
    /// Per pair of channels and section.
    states: Vec<Vec<State<2>>>,
    /// Of a last channel without a partner.
    single: Vec<State<1>>,
}

impl Filter {
    pub(super) fn new(sections: Vec<Biquad>, channels: usize) -> Self {
        Self {
            states: vec![vec![State::default(); sections.len()]; channels / 2],
            single: vec![State::default(); sections.len()],
            sections,
        }
    }

    /// The same with `sections` behind it.
    pub(super) fn extend(&mut self, sections: Vec<Biquad>) {
        for states in &mut self.states {
            states.resize(states.len() + sections.len(), State::default());
        }
        self.single
            .resize(self.single.len() + sections.len(), State::default());
        self.sections.extend(sections);
    }
}

impl Processor for Filter {
    // All sections of a frame before the next one, and two channels at once: each waits for its own last result, not for the others'.
    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let (pairs, single) = planes.as_chunks_mut::<2>();
        for ([left, right], states) in pairs.iter_mut().zip(&mut self.states) {
            for (left, right) in left.iter_mut().zip(right) {
                [*left, *right] = run(&self.sections, states, [*left, *right]);
            }
        }
        for sample in single.iter_mut().flatten() {
            [*sample] = run(&self.sections, &mut self.single, [*sample]);
        }
    }
}

/// What a section keeps of the past of so many channels.
#[derive(Clone, Copy)]
struct State<const CHANNELS: usize>([[f64; CHANNELS]; 2]);

impl<const CHANNELS: usize> Default for State<CHANNELS> {
    fn default() -> Self {
        Self([[0.0; CHANNELS]; 2])
    }
}

/// One frame through all sections, in the transposed direct form II, which rounds least in double precision.
fn run<const CHANNELS: usize>(
    sections: &[Biquad],
    states: &mut [State<CHANNELS>],
    mut frame: [f64; CHANNELS],
) -> [f64; CHANNELS] {
    let or_nothing = |value: f64| if value.abs() < NOTHING { 0.0 } else { value };
    for (section, State([one, two])) in sections.iter().zip(states) {
        let ([b0, b1, b2], [a1, a2]) = (section.b, section.a);
        for channel in 0..CHANNELS {
            let input = frame[channel];
            let output = b0 * input + one[channel];
            one[channel] = or_nothing(b1 * input - a1 * output + two[channel]);
            two[channel] = or_nothing(b2 * input - a2 * output);
            frame[channel] = output;
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::design::{Band, BandShape, high_pass};

    /// The response of the impulse response, in dB, at some frequencies.
    fn measured_db(filter: &mut Filter, rate: f64, hz: f64) -> f64 {
        let mut impulse = vec![vec![0.0; 1 << 17]];
        impulse[0][0] = 1.0;
        filter.process(&mut impulse);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in impulse[0].iter().enumerate() {
            let angle = std::f64::consts::TAU * hz * n as f64 / rate;
            re += sample * angle.cos();
            im += sample * angle.sin();
        }
        10.0 * (re * re + im * im).log10()
    }

    #[test]
    fn the_stream_has_the_analytic_response_within_minus_100_db() {
        let rate = 44_100.0;
        let bands = [
            (BandShape::Bell, 60.0, 1.4, -3.0),
            (BandShape::Bell, 280.0, 0.9, -3.0),
            (BandShape::Bell, 6_700.0, 0.8, 2.0),
            (BandShape::HighShelf, 10_000.0, 0.707, -3.0),
            (BandShape::LowShelf, 100.0, 0.707, 3.0),
        ];
        for (shape, hz, q, db) in bands {
            let band = Band { shape, hz, q, db };
            for at in [
                20.0, 55.0, 110.0, 300.0, 1_000.0, 4_000.0, 9_000.0, 16_000.0, 20_000.0,
            ] {
                let mut filter = Filter::new(vec![band.design(rate)], 1);
                let difference = measured_db(&mut filter, rate, at) - band.response_db(at, rate);
                // 1e-5 of the amplitude is −100 dB.
                assert!(difference.abs() < 8.7e-5, "{band:?} at {at} Hz: {difference} dB");
            }
        }
    }

    #[test]
    fn blocks_change_no_bit() {
        let sections = high_pass(20.0, 4, 48_000.0);
        let noise = |n: usize| ((n * 7_919 % 1_009) as f64 / 504.5) - 1.0;
        let whole: Vec<f64> = (0..5_000).map(noise).collect();
        let mut expected = vec![whole.clone()];
        Filter::new(sections.clone(), 1).process(&mut expected);
        for block in [1, 13, 128, 512, 4_096] {
            let mut filter = Filter::new(sections.clone(), 1);
            let mut out = Vec::new();
            for piece in whole.chunks(block) {
                let mut planes = vec![piece.to_vec()];
                filter.process(&mut planes);
                out.extend(planes.remove(0));
            }
            assert_eq!(out, expected[0], "{block}");
        }
    }
}
