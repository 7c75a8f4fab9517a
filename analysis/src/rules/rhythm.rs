//! Whether moments come in time with each other.
//!
//! A sequencer puts the tick of a synthesizer, or the rest between two chords, where the bar wants it; a lost buffer, an edit
//! or a scratch comes at any time. So a grid of equal times on which moments lie, more of them than chance would put there,
//! says that they are played.

/// How far off the grid a moment may lie, in seconds.
const TOLERANCE_S: f64 = 0.008;
/// The finest grid: a finer one would hold anything.
const SHORTEST_S: f64 = 0.12;
/// The distance of two moments is at most so many steps of the grid.
const MOST_STEPS: u32 = 8;
/// Chance may put as many moments on any of the grids that were tried, once in so many songs.
const BY_CHANCE: f64 = 0.02;
/// As that, of what is played for certain; and the share of the distances of neighbours that may be the same one.
const HARDLY_BY_CHANCE: f64 = 1e-4;
const SAME_DISTANCE: f64 = 0.75;
/// More moments are not looked at: what has so many is not told by them.
const MOST_MOMENTS: usize = 60;

/// Equal times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    start_s: f64,
    step_s: f64,
    /// Whether a hand or a pattern chose among its steps: the moments are not all equally far apart, and chance would hardly ever
    /// put them there. A clock that slips, or a buffer that comes late again and again, leaves no step out.
    pub(super) is_played: bool,
}

impl Grid {
    /// With the step that the moments behind its start tell, each better than the one before: a pair alone tells it to a
    /// millisecond, and a song has hundreds of steps.
    fn followed(mut self, times_s: &[f64]) -> Self {
        for &time_s in times_s {
            let steps = ((time_s - self.start_s) / self.step_s).round();
            if steps >= 1.0 && self.holds(time_s) {
                self.step_s = (time_s - self.start_s) / steps;
            }
        }
        self
    }

    /// Whether the moments on it are at several distances from each other.
    fn leaves_steps_out(&self, times_s: &[f64]) -> bool {
        let held: Vec<f64> = times_s
            .iter()
            .copied()
            .filter(|&time_s| self.holds(time_s))
            .collect();
        let mut distances: Vec<i64> = held
            .windows(2)
            .map(|pair| ((pair[1] - pair[0]) / self.step_s).round() as i64)
            .collect();
        distances.sort_unstable();
        let most = distances
            .chunk_by(|a, b| a == b)
            .map(<[i64]>::len)
            .max()
            .unwrap_or(0);
        (most as f64) < SAME_DISTANCE * distances.len() as f64
    }

    /// Whether `time_s` lies on it.
    pub(super) fn holds(&self, time_s: f64) -> bool {
        let steps = (time_s - self.start_s) / self.step_s;
        ((steps - steps.round()) * self.step_s).abs() <= TOLERANCE_S
    }
}

/// The grid on which most of `times_s` lie, in ascending order of seconds, if chance would not put as many there.
pub(super) fn grid(times_s: &[f64]) -> Option<Grid> {
    let times_s = &times_s[..times_s.len().min(MOST_MOMENTS)];
    let mut best: Option<(f64, Grid)> = None;
    let tried = (times_s.len().saturating_sub(1) as u32 * MOST_STEPS) as f64;
    for (first, pair) in times_s.windows(2).enumerate() {
        for steps in 1..=MOST_STEPS {
            let grid = Grid {
                start_s: pair[0],
                step_s: (pair[1] - pair[0]) / f64::from(steps),
                is_played: false,
            };
            if grid.step_s < SHORTEST_S {
                break;
            }
            let grid = grid.followed(&times_s[first + 1..]);
            let others = times_s
                .iter()
                .enumerate()
                .filter(|(index, _)| index.abs_diff(first) > 0 && *index != first + 1);
            let held = others.filter(|(_, time_s)| grid.holds(**time_s)).count();
            // The first steps are the likeliest: they are asked first, and pay least for having been tried.
            let looked_at = tried.min(f64::from(steps * steps) * (times_s.len() - 1) as f64);
            let chance = looked_at * at_least(held, times_s.len() - 2, 2.0 * TOLERANCE_S / grid.step_s);
            if held > 0 && chance < BY_CHANCE && best.is_none_or(|(least, _)| chance < least) {
                best = Some((chance, grid));
            }
        }
    }
    best.map(|(chance, grid)| Grid {
        is_played: chance < HARDLY_BY_CHANCE && grid.leaves_steps_out(times_s),
        ..grid
    })
}

/// The chance that at least `held` of `count` come true, each with `chance`.
fn at_least(held: usize, count: usize, chance: f64) -> f64 {
    let mut sum = 0.0;
    let mut term = 1.0;
    // The binomial distribution from the top down: chance^count first.
    for _ in 0..count {
        term *= chance;
    }
    for true_ones in (held..=count).rev() {
        sum += term;
        let rest = (count - true_ones + 1) as f64;
        term *= true_ones as f64 / rest * (1.0 - chance) / chance;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sequencer_places_lies_on_a_grid_and_what_happens_does_not() {
        // Ticks of a song at 90 beats per minute, one bar apart or several.
        let played = [4.833, 7.5, 58.166];
        assert!(grid(&played).is_some_and(|grid| played.iter().all(|&time| grid.holds(time))));
        let bars = [0.245, 0.679, 1.114, 1.549, 3.288, 4.158, 4.592, 5.027, 6.331];
        assert!(grid(&bars).is_some_and(|grid| bars.iter().all(|&time| grid.holds(time))));
        for happened in [
            vec![],
            vec![3.0],
            vec![3.0, 17.0],
            vec![5.245, 14.362, 29.559],
            vec![5.245, 14.362, 29.559, 32.206, 36.618, 37.255, 56.078],
        ] {
            assert_eq!(grid(&happened), None, "{happened:?}");
        }
    }

    #[test]
    fn what_happens_between_played_moments_is_not_on_their_grid() {
        let grid = grid(&[1.0, 3.0, 5.0, 6.37, 7.0, 9.0]).unwrap();
        assert!(grid.holds(7.0) && !grid.holds(6.37));
    }

    #[test]
    fn a_pattern_leaves_steps_out_and_a_clock_does_not() {
        let pattern = [
            0.345, 1.379, 1.724, 3.103, 4.827, 5.172, 6.206, 6.896, 8.275, 8.966,
        ];
        assert!(grid(&pattern).is_some_and(|grid| grid.is_played));
        let clock: Vec<f64> = (1..12).map(|n| 2.13 * f64::from(n)).collect();
        assert!(grid(&clock).is_some_and(|grid| !grid.is_played));
    }

    #[test]
    fn a_grid_is_followed_over_hundreds_of_steps() {
        // Each off by up to a millisecond.
        let played: Vec<f64> = [0, 1, 9, 14, 15, 18, 20, 24, 26, 40, 61, 90, 133, 171, 260, 340]
            .into_iter()
            .map(|step: i32| 1.207 + 0.172_41 * f64::from(step) + 0.001 * f64::from(step % 3 - 1))
            .collect();
        let grid = grid(&played).unwrap();
        assert!(
            grid.is_played && played.iter().all(|&time_s| grid.holds(time_s)),
            "{grid:?}"
        );
    }

    #[test]
    fn chance_is_a_binomial_tail() {
        assert!((at_least(0, 5, 0.3) - 1.0).abs() < 1e-12);
        assert!((at_least(1, 2, 0.5) - 0.75).abs() < 1e-12);
        assert!((at_least(3, 3, 0.1) - 1e-3).abs() < 1e-12);
    }
}
