//! backend

pub mod storage;
