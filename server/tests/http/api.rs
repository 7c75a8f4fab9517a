//! The API: what programs may, and what they may not.

mod attacks;
mod flow;
mod once;
mod sample;
mod tokens;
mod walk;
