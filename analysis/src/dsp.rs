//! Filters that more than one room uses.

mod biquad;

pub use biquad::Biquad;
