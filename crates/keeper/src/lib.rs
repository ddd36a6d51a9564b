//! The keeper of a market: it liquidates, and turns the cranks that anyone may turn.

pub mod bench;
pub mod book;
pub mod service;
