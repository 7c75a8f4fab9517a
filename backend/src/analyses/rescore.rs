//! The job that brings what an older version of the program stored up to date: sort keys, and verdicts by the present rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{sort_keys, verdicts};
use crate::{
    Backend,
    jobs::{Job, JobError, Lease, Policy, Queue, RunJob},
};

/// Brings what an older version of the program stored up to date. Periodic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rescore {}

/// How often there may be something to do, after an update of the program.
pub(crate) const RESCORE_EVERY: Duration = Duration::from_secs(10 * 60);

impl Job for Rescore {
    const POLICY: Policy = Policy {
        kind: "rescore",
        queue: Queue::Storage,
        max_attempts: 3,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for Rescore {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let named = sort_keys::fill(backend).await?;
        if named > 0 {
            tracing::info!(named, "analyses can be searched and sorted");
        }
        let rescored = verdicts::rescore(backend).await?;
        if rescored > 0 {
            tracing::info!(rescored, "reports were judged by new rules");
        }
        Ok(())
    }
}
