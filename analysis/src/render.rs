//! The corrective render: from findings to a chain of steps, from the chain to a file, and the proof of what it did.
//!
//! [`plan`] turns a verdict into steps, [`predict`] says from the stored report alone what they would do, and [`render`] writes the
//! file, measures it with the same engine and takes back by itself whatever made a rule worse. A [`Recipe`] is all that a render
//! depends on besides its source: the same recipe on the same file gives the same bytes on every machine.
//!
//! Not here, on purpose: multiband compression, exciters, stem separation. A sum of a mix does not hold what they would need.

mod bypass;
mod chain;
mod complete;
mod cues;
mod delay;
mod design;
mod detector;
mod equaliser;
pub mod export;
mod flac;
mod levels;
mod limiter;
mod low_mono;
mod nulls;
mod pass;
mod plan;
mod predict;
mod proof;
mod provenance;
mod quantise;
mod recipe;
mod repair;
mod run;
mod wave;
mod words;

pub use bypass::{Bypassed, bypass};
pub use design::{Band, BandShape};
pub use nulls::difference;
pub use plan::{Effect, Plan, PlanOptions, PlannedStep, Untouched, plan, plan_on};
pub use predict::{Prediction, predict};
pub use proof::{CeilingProof, LimiterProof, LoudnessProof, Outcome, Proof, RolledBack, RuleProof};
pub use provenance::{Origin, origin};
pub use recipe::{
    Amount, Container, Defect, Dither, Levels, OutputFormat, Passage, RECIPE_VERSION, Recipe, RecipeError,
    SampleFormat, Step, StepKind, Target,
};
pub use run::{Provenance, RenderError, RenderOptions, render};
pub use words::{describe, titled};
