//! Values over time and over level, as reports store them.

use model::report::{Histogram, Series};

/// A series has at most this many values, so that a report stays small; its step is the smallest of [`STEPS`] that
/// keeps to it.
const MAX_VALUES: usize = 600;
/// In seconds.
const STEPS: [usize; 9] = [1, 2, 5, 10, 20, 30, 60, 120, 300];

/// A series from values at every second, the first at `start_s`. Of values that must be left out, `join` makes one for
/// each step.
pub(super) fn per_second(
    start_s: f64,
    values: &[Option<f64>],
    join: impl Fn(&[Option<f64>]) -> Option<f64>,
) -> Series {
    let step = STEPS
        .into_iter()
        .find(|step| values.len() <= step * MAX_VALUES)
        .unwrap_or(STEPS[STEPS.len() - 1]);
    Series {
        start_s: start_s + (step - 1) as f64,
        step_s: step as f64,
        values: values
            .chunks(step)
            .map(|chunk| join(chunk).and_then(rounded))
            .collect(),
    }
}

/// The largest of the values that exist.
pub(super) fn largest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::max)
}

/// The smallest of the values that exist.
pub(super) fn smallest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::min)
}

/// The mean of the values that exist.
pub(super) fn mean(values: &[Option<f64>]) -> Option<f64> {
    let count = values.iter().flatten().count();
    (count > 0).then(|| values.iter().flatten().sum::<f64>() / count as f64)
}

/// To 0.01, or nothing where the number is not finite.
pub(super) fn rounded(value: f64) -> Option<f32> {
    value
        .is_finite()
        .then_some((value * 100.0).round() as f32 / 100.0)
}

/// The `share` quantile (0 to 1) of unsorted `values`, interpolated.
pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = share * last as f64;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// Counts levels in decibels, in constant memory.
#[derive(Clone)]
pub(super) struct LevelCounts {
    counts: Vec<u32>,
    total: u64,
}

impl LevelCounts {
    const LOWEST_DB: f64 = -150.0;
    const STEP_DB: f64 = 0.25;
    const CLASSES: usize = 680;

    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; Self::CLASSES],
            total: 0,
        }
    }

    /// What lies outside of −150 to +20 dB counts at the end of the scale.
    pub(super) fn add(&mut self, db: f64) {
        let class = ((db - Self::LOWEST_DB) / Self::STEP_DB).clamp(0.0, (Self::CLASSES - 1) as f64);
        self.counts[class as usize] += 1;
        self.total += 1;
    }

    /// The level below which `share` (0 to 1) of the values lie, within 0.25 dB.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let target = share * self.total as f64;
        let mut below = 0.0;
        for (class, &count) in self.counts.iter().enumerate() {
            let count = f64::from(count);
            if count > 0.0 && below + count >= target {
                let within = ((target - below) / count).clamp(0.0, 1.0);
                return Some(Self::LOWEST_DB + Self::STEP_DB * (class as f64 + within));
            }
            below += count;
        }
        None
    }
}

/// A histogram of `values` in classes of `step`.
pub(super) fn histogram(values: impl Iterator<Item = f64> + Clone, step: f64) -> Histogram {
    let class = |value: f64| (value / step).floor() as i64;
    let classes = values.clone().filter(|value| value.is_finite()).map(class);
    let Some(first) = classes.clone().min() else {
        return Histogram {
            step,
            ..Histogram::default()
        };
    };
    let mut counts = vec![
        0;
        classes
            .clone()
            .max()
            .map_or(0, |last| (last - first + 1) as usize)
    ];
    for class in classes {
        counts[(class - first) as usize] += 1;
    }
    Histogram {
        start: first as f64 * step,
        step,
        counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counted_quantile_is_the_sorted_one_within_a_class() {
        let mut levels = LevelCounts::new();
        let mut values: Vec<f64> = (0..1_000).map(|n| -80.0 + f64::from(n * n) / 20_000.0).collect();
        values.iter().for_each(|&db| levels.add(db));
        for share in [0.01, 0.1, 0.5, 0.9, 0.99] {
            let exact = quantile(&mut values, share).unwrap();
            let counted = levels.quantile(share).unwrap();
            assert!((exact - counted).abs() <= 0.25, "{share}: {exact} {counted}");
        }
        assert_eq!(LevelCounts::new().quantile(0.5), None);
    }

    #[test]
    fn a_long_series_gets_coarser_steps_and_keeps_its_extremes() {
        let mut values = vec![Some(1.0); 10_800];
        values[5_000] = Some(9.0);
        let series = per_second(3.0, &values, largest);
        assert_eq!(series.step_s, 20.0);
        assert_eq!(series.values.len(), 540);
        assert_eq!(series.start_s, 22.0);
        assert_eq!(series.values[250], Some(9.0));
    }

    #[test]
    fn histograms_begin_and_end_with_what_is_there() {
        let histogram = histogram([-20.1, -19.9, -19.9, -18.0, f64::NEG_INFINITY].into_iter(), 0.5);
        assert_eq!(histogram.start, -20.5);
        assert_eq!(histogram.counts, [1, 2, 0, 0, 0, 1]);
    }
}
