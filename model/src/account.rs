//! What a person sees of their own account.

use serde::{Deserialize, Serialize};

use crate::{AccountId, plan::Plan};

/// The signed-in person, as pages greet them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Their account.
    pub id: AccountId,
    /// The name they chose.
    pub display_name: String,
    /// Their address.
    pub email: String,
    /// Their plan.
    pub plan: Plan,
}
