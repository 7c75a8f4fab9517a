//! How far a job is, as its row says it: a few times a second at the most, and as a part of the whole.

use std::time::Duration;

use model::{Timestamp, analysis::Phase};

/// Progress is not written more often than this.
const EVERY: Duration = Duration::from_millis(300);

/// What was written last.
#[derive(Debug, Default)]
pub(crate) struct Reported(Option<(Phase, u8, Timestamp)>);

impl Reported {
    /// Whether this is to be written, which it then counts as: a new phase always, a new percent after [`EVERY`].
    pub(crate) fn is_news(&mut self, phase: Phase, percent: u8, now: Timestamp) -> bool {
        let is_news = self.0.is_none_or(|(reported, before, at)| {
            reported != phase || (before != percent && now.since(at) >= EVERY)
        });
        if is_news {
            self.0 = Some((phase, percent, now));
        }
        is_news
    }
}

/// Where `done` of `all` lies between the percents `from` and `to`.
pub(crate) fn share(done: u64, all: u64, from: u8, to: u8) -> u8 {
    let span = u64::from(to - from);
    let part = (span * done.min(all)).checked_div(all).unwrap_or(span);
    from + u8::try_from(part).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_work_is_a_part_of_its_percents() {
        assert_eq!(share(0, 100, 20, 95), 20);
        assert_eq!(share(50, 100, 20, 95), 57);
        assert_eq!(share(100, 100, 20, 95), 95);
        assert_eq!(share(200, 100, 20, 95), 95);
        assert_eq!(share(0, 0, 0, 20), 20);
    }

    #[test]
    fn a_phase_is_news_at_once_and_a_percent_after_a_while() {
        let mut reported = Reported::default();
        let at = |milliseconds| Timestamp(milliseconds);
        assert!(reported.is_news(Phase::Fetching, 0, at(0)));
        assert!(!reported.is_news(Phase::Fetching, 5, at(299)));
        assert!(reported.is_news(Phase::Fetching, 5, at(300)));
        assert!(!reported.is_news(Phase::Fetching, 5, at(5000)), "nothing new");
        assert!(reported.is_news(Phase::Measuring, 5, at(5001)));
    }
}
