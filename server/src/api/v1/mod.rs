//! Version 1: a file for each resource, with what it takes beside its handlers; what it answers is in [`wire`].

pub(super) mod analyses;
pub(super) mod comparison;
pub(super) mod events;
pub(super) mod renders;
pub(super) mod shares;
pub(super) mod songs;
pub(super) mod uploads;
pub(super) mod usage;
pub(super) mod webhooks;
pub(super) mod wire;
