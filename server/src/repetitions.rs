//! What goes wrong again and again is told once, and then once a minute with how often: a fault that everybody meets, or that
//! somebody causes on purpose, fills neither the log nor what another company counts.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// After so long the same is told again.
const EVERY: Duration = Duration::from_secs(60);

/// Different things that are known at once. What comes beyond is all the same.
const MAX_KNOWN: usize = 256;

/// What was told when.
#[derive(Debug)]
pub(crate) struct Repetitions {
    /// The most that is told in a minute, whatever it is.
    most: u32,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    known: HashMap<String, Known>,
    /// The minute that is counted: when it began, and what was told in it.
    minute: Option<(Instant, u32)>,
}

#[derive(Debug)]
struct Known {
    told_at: Instant,
    withheld: u64,
}

impl Repetitions {
    pub(crate) fn new(most_in_a_minute: u32) -> Self {
        Self {
            most: most_in_a_minute,
            told: Mutex::default(),
        }
    }

    /// Whether `what` is told: how often it was not since the last time, or `None` where it is not.
    pub(crate) fn tell(&self, what: &str) -> Option<u64> {
        self.tell_at(what, Instant::now())
    }

    fn tell_at(&self, what: &str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = &mut *told;
        if !told.known.contains_key(what) && told.known.len() >= MAX_KNOWN {
            told.known
                .retain(|_, known| now.duration_since(known.told_at) < EVERY || known.withheld > 0);
        }
        let what = if told.known.contains_key(what) || told.known.len() < MAX_KNOWN {
            what
        } else {
            "all that is beyond"
        };
        let (began, count) = match told.minute {
            Some((began, count)) if now.duration_since(began) < EVERY => (began, count),
            _ => (now, 0),
        };
        let is_due = told
            .known
            .get(what)
            .is_none_or(|known| now.duration_since(known.told_at) >= EVERY);
        if is_due && count < self.most {
            told.minute = Some((began, count + 1));
            let new = Known {
                told_at: now,
                withheld: 0,
            };
            let before = told.known.insert(what.to_owned(), new);
            return Some(before.map_or(0, |known| known.withheld));
        }
        if let Some(known) = told.known.get_mut(what) {
            known.withheld += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_and_then_once_a_minute_with_how_often() {
        let (repetitions, begin) = (Repetitions::new(10), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(repetitions.tell_at("a", at(0)), Some(0));
        assert_eq!(repetitions.tell_at("b", at(0)), Some(0), "something else");
        for second in 1..60 {
            assert_eq!(repetitions.tell_at("a", at(second)), None);
        }
        assert_eq!(repetitions.tell_at("a", at(60)), Some(59));
        assert_eq!(repetitions.tell_at("a", at(61)), None);
        assert_eq!(repetitions.tell_at("a", at(120)), Some(1));
    }

    #[test]
    fn whoever_makes_up_something_new_each_time_is_told_no_more_than_the_most_and_fills_no_memory() {
        let (repetitions, begin) = (Repetitions::new(10), Instant::now());
        let told = (0..100_000)
            .filter(|number| repetitions.tell_at(&number.to_string(), begin).is_some())
            .count();
        assert_eq!(told, 10);
        let later = begin + EVERY;
        let told = (0..100_000)
            .filter(|number| repetitions.tell_at(&format!("x{number}"), later).is_some())
            .count();
        assert_eq!(told, 10);
        assert!(repetitions.told.lock().unwrap().known.len() <= MAX_KNOWN + 1);
    }
}
