//! The job that removes the audio of an upload, with everything that was made from it.

use std::time::Duration;

use model::{AccountId, UploadId};
use serde::{Deserialize, Serialize};

use super::{Key, Storage};
use crate::jobs::{Job, JobError, Lease, Policy, Queue, RunJob};

/// Removes the objects of an upload. It is not tied to the account, because it has to outlive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveAudio {
    /// Whose it is.
    pub account: AccountId,
    /// The upload.
    pub upload: UploadId,
}

impl Job for RemoveAudio {
    const POLICY: Policy = Policy {
        kind: "remove_audio",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

impl<C: AsRef<Storage> + Sync> RunJob<C> for RemoveAudio {
    async fn run(self, context: &C, _: &Lease) -> Result<(), JobError> {
        // By name, both that there may be: a listing takes the longer the more objects there are. Only what is unfinished is
        // listed, and there is little of it.
        let storage = context.as_ref();
        let prefix = Key::upload_prefix(self.account, self.upload);
        storage.abort_prefix(&prefix).await.map_err(JobError::wait)?;
        for key in [
            Key::source(self.account, self.upload),
            Key::preview(self.account, self.upload),
        ] {
            storage.delete(&key).await.map_err(JobError::wait)?;
        }
        Ok(())
    }
}
