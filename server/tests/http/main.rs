//! The router as it is, in this process (and the program as it is, in processes of its own), over a database, an object store and a mail folder of each test's own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "helpers of tests fail their test, and a test program has no public"
)]

mod account_area;
mod accounts;
mod api;
mod authorisation;
mod backups;
mod billing;
mod chaos;
mod deploying;
mod docs;
mod emails;
mod guards;
mod history;
mod limits;
mod machines;
mod object_stores;
mod operator;
mod outages;
mod policies;
mod previews;
mod privacy;
mod programs;
mod promises;
mod references;
mod renders;
mod reports;
mod scale;
mod second_factor;
mod shares;
mod songs;
mod speed;
mod starts;
mod statistics;
mod support;
mod uploads;
mod watching;
mod webhooks;
