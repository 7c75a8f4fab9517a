//! The router as it is, in this process, over a database, an object store and a mail folder of each test's own.

mod accounts;
mod authorisation;
mod guards;
mod uploads;
mod world;
