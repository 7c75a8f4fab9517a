//! The built-in object store over real HTTP, and the storage client against it.
//!
//! Every refusal is proved twice: by its status, and by the folder, which must be as it was.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail their test"
)]

mod client;
mod crashes;
mod multipart;
mod reads;
mod signed_urls;
mod signer;
mod uploads;
mod world;
