//! Pages, as bodies that the router puts into the frame of the site.

pub mod account;
pub mod account_area;
pub mod analysis;
pub mod comparison;
pub mod consent;
pub mod demo;
pub mod docs;
pub mod history;
pub mod home;
pub mod legal;
pub mod methodology;
pub mod not_found;
pub mod plan;
pub mod post_form;
pub mod pricing;
pub mod references;
pub mod render;
pub mod report;
pub mod rules;
pub mod secret_fields;
pub mod shared;
pub mod song;
pub mod songs;
pub mod upload;
pub mod withdraw;
pub mod your_data;
