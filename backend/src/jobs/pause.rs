//! A queue whose work finds what it depends on away takes nothing more for a moment: the next job would find the same, and
//! each of them would have begun in vain.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Queue;

/// The first pause; each further one without work in between is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of this process's queues.
#[derive(Debug, Default)]
pub(super) struct Pauses(Mutex<HashMap<Queue, Pause>>);

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Pauses {
    /// How long the queue takes nothing yet.
    pub(super) fn left(&self, queue: Queue) -> Option<Duration> {
        let until = self.lock().get(&queue)?.until;
        until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    /// A job found what it depends on away.
    pub(super) fn lengthen(&self, queue: Queue) {
        let mut pauses = self.lock();
        let now = Instant::now();
        let length = match pauses.get(&queue) {
            // Several that ran at once found the same.
            Some(pause) if pause.until > now => return,
            Some(pause) => (pause.length * 2).min(LONGEST),
            None => FIRST,
        };
        tracing::warn!(
            queue = queue.as_str(),
            pause_s = length.as_secs(),
            "the queue pauses"
        );
        let until = now + length;
        pauses.insert(queue, Pause { until, length });
    }

    /// A job did its work.
    pub(super) fn end(&self, queue: Queue) {
        self.lock().remove(&queue);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Queue, Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_pauses_longer_each_time_and_goes_on_when_its_work_goes_well() {
        let pauses = Pauses::default();
        assert_eq!(pauses.left(Queue::Mail), None);
        pauses.lengthen(Queue::Mail);
        pauses.lengthen(Queue::Mail);
        assert!(
            pauses.left(Queue::Mail).is_some_and(|left| left <= FIRST),
            "one pause for all that ran at once"
        );
        assert_eq!(pauses.left(Queue::Analysis), None, "each queue by itself");
        let over = Instant::now();
        for (length, next) in [(FIRST, FIRST * 2), (LONGEST, LONGEST)] {
            pauses.lock().insert(Queue::Mail, Pause { until: over, length });
            assert_eq!(pauses.left(Queue::Mail), None);
            pauses.lengthen(Queue::Mail);
            assert_eq!(pauses.lock()[&Queue::Mail].length, next);
        }
        pauses.end(Queue::Mail);
        assert_eq!(pauses.left(Queue::Mail), None);
    }
}
