//! Power spectra of Hann windows, two channels in one complex transform.

use fearless_simd::{Level, Simd, dispatch};

use crate::dsp::fft::{Fft, SplitComplex};

/// Transforms windows of several channels.
pub(super) struct Stft {
    fft: Fft,
    window: Vec<f32>,
    buffer: SplitComplex,
    /// The factor from |X|² to mean power; each bin stands for its mirror image as well.
    scale: f32,
    /// Weights of the channels, if they are not all equal.
    weights: Option<Vec<f32>>,
    /// Of the last window: mean power per bin over all channels (a full-scale sine in each has 0.5 in total).
    pub(super) power: Vec<f32>,
    /// The same with the weight of each channel, if weights differ.
    weighted: Vec<f32>,
    /// Of the last two channels.
    pub(super) pair: PairSpectra,
    channels: usize,
}

/// How two channels relate per bin, scaled to mean power.
pub(super) struct PairSpectra {
    /// |L|².
    pub(super) left: Vec<f32>,
    /// |R|².
    pub(super) right: Vec<f32>,
    /// Re LR*.
    pub(super) product: Vec<f32>,
}

impl PairSpectra {
    fn new(bins: usize) -> Self {
        Self {
            left: vec![0.0; bins],
            right: vec![0.0; bins],
            product: vec![0.0; bins],
        }
    }
}

impl Stft {
    pub(super) fn new(len: usize, weights: &[f64]) -> Self {
        let window: Vec<f32> = (0..len)
            .map(|n| (0.5 - 0.5 * libm::cos(std::f64::consts::TAU * n as f64 / len as f64)) as f32)
            .collect();
        let window_power: f64 = window.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        let channels = weights.len();
        let is_even = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let bins = len / 2 + 1;
        Self {
            buffer: SplitComplex::zeros(len),
            scale: (2.0 / (len as f64 * window_power)) as f32,
            weights: (!is_even).then(|| weights.iter().map(|&weight| weight as f32).collect()),
            power: vec![0.0; bins],
            weighted: vec![0.0; if is_even { 0 } else { bins }],
            pair: PairSpectra::new(bins),
            channels,
            window,
            fft: Fft::new(len),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    pub(super) fn bins(&self) -> usize {
        self.power.len()
    }

    /// Power per bin with the weight of each channel; without the common factor where all weights are equal.
    pub(super) fn weighted(&self) -> &[f32] {
        if self.weights.is_some() {
            &self.weighted
        } else {
            &self.power
        }
    }

    /// Transforms `len` samples of each channel from `start` on.
    pub(super) fn transform(&mut self, channels: &[Vec<f32>], start: usize) {
        self.power.fill(0.0);
        self.weighted.fill(0.0);
        let span = start..start + self.window.len();
        for (index, pair) in channels.chunks(2).enumerate() {
            windowed(&mut self.buffer.re, &pair[0][span.clone()], &self.window);
            match pair.get(1) {
                Some(right) => windowed(&mut self.buffer.im, &right[span.clone()], &self.window),
                None => self.buffer.im.fill(0.0),
            }
            self.fft.transform(&mut self.buffer);
            dispatch!(Level::new(), simd => self.separate(simd));
            let PairSpectra { left, right, .. } = &self.pair;
            for ((power, left), right) in self.power.iter_mut().zip(left).zip(right) {
                *power += left + right;
            }
            if let Some(weights) = &self.weights {
                let left_weight = weights[2 * index];
                let right_weight = weights.get(2 * index + 1).copied().unwrap_or(0.0);
                for ((power, left), right) in self.weighted.iter_mut().zip(left).zip(right) {
                    *power += left_weight * left + right_weight * right;
                }
            }
        }
    }

    /// Two real spectra from one complex one: with a = Z(k) and b = Z(−k)*, L = (a + b) / 2 and R = (a − b) / 2i.
    #[inline(always)]
    fn separate<S: Simd>(&mut self, _: S) {
        let half = self.buffer.len() / 2;
        let scale = 0.25 * self.scale / self.channels as f32;
        let PairSpectra { left, right, product } = &mut self.pair;
        let separate = |re: f32, im: f32, mirrored_re: f32, mirrored_im: f32| {
            let (sum_re, sum_im) = (re + mirrored_re, im - mirrored_im);
            let (dif_re, dif_im) = (re - mirrored_re, im + mirrored_im);
            [
                scale * (sum_re * sum_re + sum_im * sum_im),
                scale * (dif_re * dif_re + dif_im * dif_im),
                scale * (sum_re * dif_im - sum_im * dif_re),
            ]
        };
        let SplitComplex { re, im } = &self.buffer;
        for bin in [0, half] {
            [left[bin], right[bin], product[bin]] = separate(re[bin], im[bin], re[bin], im[bin]);
        }
        let outputs = left[1..half]
            .iter_mut()
            .zip(&mut right[1..half])
            .zip(&mut product[1..half]);
        let points = re[1..half].iter().zip(&im[1..half]);
        let mirrored = re[half + 1..].iter().rev().zip(im[half + 1..].iter().rev());
        for (((&re, &im), (&mirrored_re, &mirrored_im)), ((left, right), product)) in
            points.zip(mirrored).zip(outputs)
        {
            [*left, *right, *product] = separate(re, im, mirrored_re, mirrored_im);
        }
    }
}

fn windowed(to: &mut [f32], samples: &[f32], window: &[f32]) {
    for ((to, sample), weight) in to.iter_mut().zip(samples).zip(window) {
        *to = sample * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_come_out_of_one_transform() {
        let tone = |cycles: f64, phase: f64| -> Vec<f32> {
            (0..256)
                .map(|n| (std::f64::consts::TAU * (cycles * f64::from(n) / 256.0 + phase)).cos() as f32)
                .collect()
        };
        let mut stft = Stft::new(256, &[1.0, 1.0]);
        // The common tone is in phase; the right channel has another one.
        let right = tone(20.0, 0.0)
            .iter()
            .zip(tone(60.0, 0.3))
            .map(|(a, b)| 0.5 * a + b)
            .collect();
        stft.transform(&[tone(20.0, 0.0), right], 0);
        let around = |spectrum: &[f32], bin: usize| spectrum[bin - 2..=bin + 2].iter().sum::<f32>();
        let PairSpectra { left, right, product } = &stft.pair;
        // Half of 0.5, since the power is that of an average channel.
        assert!((around(left, 20) - 0.25).abs() < 1e-4);
        assert!((around(right, 20) - 0.0625).abs() < 1e-4);
        assert!((around(product, 20) - 0.125).abs() < 1e-4);
        assert!(around(left, 60) < 1e-9);
        assert!((around(right, 60) - 0.25).abs() < 1e-4);
        assert!((around(&stft.power, 60) - 0.25).abs() < 1e-4);
    }
}
