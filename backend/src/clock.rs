//! Time, injected, so that tests can stand still or leap.
//!
//! Whatever is compared with a row goes by one clock, which all processes of an installation share: PostgreSQL's, or that of
//! the machine that SQLite is on (`db::InstallationClock`, ADR 0011).

use std::{
    future::ready,
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{FutureExt as _, future::BoxFuture};
use model::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present moment, by the clock that all processes share.
    fn now(&self) -> Timestamp;

    /// The present moment by this machine's own clock, for signatures: the storage compares them with a clock that is not ours.
    fn of_machine(&self) -> Timestamp {
        self.now()
    }

    /// [`Self::now`], asked for at this moment: for leases, which must not be wrong by seconds.
    ///
    /// # Errors
    /// The database, whose clock it is, does not answer.
    fn ask(&self) -> BoxFuture<'_, Result<Timestamp, sqlx::Error>> {
        ready(Ok(self.now())).boxed()
    }

    /// As [`Self::ask`]; `None` while the clock is in doubt because somebody has moved it: nothing is removed by it then.
    ///
    /// # Errors
    /// The database, whose clock it is, does not answer.
    fn ask_before_removal(&self) -> BoxFuture<'_, Result<Option<Timestamp>, sqlx::Error>> {
        ready(Ok(Some(self.now()))).boxed()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that everything else is given"
        )]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that moves only when told to; for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: std::time::Duration) {
        self.0.store(self.now().plus(span).0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
