//! What people see: components, charts, pages.

#[cfg(feature = "ssr")]
pub mod charts;
pub mod format;
#[cfg(feature = "ssr")]
pub mod pages;
pub mod ui;
