//! Pages, as bodies that the router puts into the frame of the site.

pub mod history;
pub mod home;
pub mod report;
