//! The jobs that remove the audio of an upload with the copy to play, and that of a render.

use std::time::Duration;

use model::{AccountId, RenderId, UploadId};
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

/// Removes the objects of a render. Not tied to the account either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRender {
    /// Whose it is.
    pub account: AccountId,
    /// The upload that it was made of.
    pub upload: UploadId,
    /// The render.
    pub render: RenderId,
}

impl Job for RemoveRender {
    const POLICY: Policy = Policy {
        kind: "remove_render",
        ..RemoveAudio::POLICY
    };
}

impl<C: AsRef<Storage> + Sync> RunJob<C> for RemoveRender {
    async fn run(self, context: &C, _: &Lease) -> Result<(), JobError> {
        // How many there are depends on what was heard of it, so that they are listed; a mix has few renders.
        let prefix = Key::render_prefix(self.account, self.upload, self.render);
        let removed = context.as_ref().delete_prefix(&prefix).await;
        removed.map_err(JobError::wait)?;
        Ok(())
    }
}
