//! Requests with an `Idempotency-Key` that this process is doing, so that one that is sent again meanwhile is told so at once.
//!
//! What stands here decides nothing that lasts: that the work is done once is kept by the row of the key, also between processes
//! ([`crate::idempotency`]). It is in memory, so that a process that is killed leaves nothing that somebody would have to wait for.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::AccountId;

use crate::IdempotentRequest;

/// Whose key it is, and its text.
type Key = (AccountId, String);

/// The hash of the request that each key is being used for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RunningRequests(Arc<Mutex<HashMap<Key, String>>>);

/// A request that is being done; it ends when this is dropped, also where its connection breaks.
#[derive(Debug)]
#[must_use = "the request ends when this is dropped"]
pub struct RunningRequest {
    requests: RunningRequests,
    key: Key,
}

impl RunningRequests {
    /// Begins `request`.
    ///
    /// # Errors
    /// The hash of the request that runs with its key already.
    pub(crate) fn begin(
        &self,
        account: AccountId,
        request: &IdempotentRequest,
    ) -> Result<RunningRequest, String> {
        let key = (account, request.key.clone());
        match self.lock().entry(key.clone()) {
            Entry::Occupied(running) => Err(running.get().clone()),
            Entry::Vacant(free) => {
                free.insert(request.hash.clone());
                Ok(RunningRequest {
                    requests: self.clone(),
                    key,
                })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn request(key: &str, hash: &str) -> IdempotentRequest {
        IdempotentRequest {
            key: key.to_owned(),
            hash: hash.to_owned(),
        }
    }

    #[test]
    fn a_key_is_used_by_one_request_of_its_account_at_a_time() {
        let (ann, bob) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let requests = RunningRequests::default();
        let first = requests.begin(ann, &request("k", "one")).unwrap();
        assert_eq!(
            requests.begin(ann, &request("k", "other")).unwrap_err(),
            "one",
            "which one runs"
        );
        let _elsewhere = requests.begin(bob, &request("k", "other")).unwrap();
        let _another = requests.begin(ann, &request("l", "other")).unwrap();
        drop(first);
        let _second = requests.begin(ann, &request("k", "other")).unwrap();
    }
}
