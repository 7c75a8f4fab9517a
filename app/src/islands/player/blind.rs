//! A blind test (ABX): X is one of two versions, ten times, and somebody says which. It can prove that a difference is heard, and
//! never which one is better.

/// How often X is to be told.
pub(super) const TRIALS: usize = 10;

/// What guessing reaches less often than this, in percent, is taken as heard.
const HEARD_PERCENT: f64 = 5.0;

/// One of the two that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    pub(super) const fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
        }
    }
}

/// A test and what was said so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlindTest {
    seed: u32,
    answers: Vec<Side>,
}

impl BlindTest {
    /// A test whose order follows from `seed`.
    pub(super) const fn new(seed: u32) -> Self {
        Self {
            seed,
            answers: Vec::new(),
        }
    }

    /// Which trial it is, counted from 1; [`TRIALS`] and one when it is over.
    pub(super) fn trial(&self) -> usize {
        self.answers.len() + 1
    }

    pub(super) fn is_over(&self) -> bool {
        self.answers.len() >= TRIALS
    }

    /// What X is now.
    pub(super) fn x(&self) -> Side {
        x_of(self.seed, self.answers.len())
    }

    /// Takes what somebody says of X.
    pub(super) fn answer(&mut self, side: Side) {
        if !self.is_over() {
            self.answers.push(side);
        }
    }

    fn right(&self) -> usize {
        let told = self.answers.iter().enumerate();
        told.filter(|(trial, answer)| x_of(self.seed, *trial) == **answer)
            .count()
    }

    /// What came of it, in words.
    pub(super) fn result(&self) -> String {
        let right = self.right();
        let percent = chance_percent(right);
        let order: Vec<String> = (0..TRIALS)
            .map(|trial| x_of(self.seed, trial).letter().to_string())
            .collect();
        let meaning = if percent < HEARD_PERCENT {
            "You hear a difference. Which one is better, no test can say."
        } else {
            "That is no proof that you hear a difference. It is none that there is nothing to hear, either."
        };
        format!(
            "{right} of {TRIALS} right. Who guesses does as well in {percent:.1} % of tests. {meaning} X was {}, by the seed {}.",
            order.join(" "),
            self.seed
        )
    }
}

/// An even bit for each trial, by the finaliser of MurmurHash3: what comes next cannot be told from what came before.
const fn x_of(seed: u32, trial: usize) -> Side {
    let mut hash = seed.wrapping_add((trial as u32 + 1).wrapping_mul(0x9e37_79b9));
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    if hash & 1 == 0 { Side::A } else { Side::B }
}

/// How often who guesses has at least so many right, in percent of tests.
fn chance_percent(right: usize) -> f64 {
    let mut ways = 1.0;
    let mut at_least = 0.0;
    for count in 0..=TRIALS {
        if count >= right {
            at_least += ways;
        }
        ways = ways * (TRIALS - count) as f64 / (count + 1) as f64;
    }
    100.0 * at_least / 2_f64.powi(TRIALS as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_is_the_binomial_one() {
        for (right, percent) in [(10, 0.0977), (9, 1.0742), (8, 5.4688), (5, 62.3047), (0, 100.0)] {
            assert!((chance_percent(right) - percent).abs() < 1e-3, "{right}");
        }
    }

    #[test]
    fn the_order_follows_from_the_seed_and_is_even() {
        let order = |seed| (0..TRIALS).map(|trial| x_of(seed, trial)).collect::<Vec<_>>();
        assert_eq!(order(7), order(7));
        let tests = 10_000;
        for trial in 0..TRIALS {
            let of_b = (0..tests).filter(|seed| x_of(*seed, trial) == Side::B).count();
            assert!((4_800..=5_200).contains(&of_b), "trial {trial}: {of_b}");
        }
        // Neighbours say nothing of each other.
        let same = (0..tests).filter(|seed| x_of(*seed, 3) == x_of(*seed, 4)).count();
        assert!((4_800..=5_200).contains(&same), "{same}");
    }

    #[test]
    fn who_hears_it_is_told_so_and_who_guesses_is_not() {
        let run = |says: fn(Side) -> Side| {
            let mut test = BlindTest::new(42);
            while !test.is_over() {
                let x = test.x();
                test.answer(says(x));
            }
            test.answer(Side::A);
            assert_eq!(test.trial(), TRIALS + 1, "what is over takes no more");
            test.result()
        };
        let heard = run(|x| x);
        assert!(
            heard.starts_with("10 of 10 right. Who guesses does as well in 0.1 % of tests. You hear"),
            "{heard}"
        );
        assert!(heard.ends_with("by the seed 42."), "{heard}");
        let said = run(|_| Side::A);
        assert!(said.contains("no proof"), "{said}");
    }
}
