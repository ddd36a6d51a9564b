//! Real prices through the program's bytecode: a market, the people in it, a venue to sell on, and a clock.
//!
//! [`replay::run`] plays a [`grid::Grid`] of prices; [`windows`] has those that come with the repository. The local network takes
//! its prices, people and venue from here too.

pub mod assets;
mod audit;
pub mod bars;
pub mod behaviour;
mod chance;
mod crowd;
pub mod grid;
pub mod liquidator;
pub mod oracle;
pub mod perps;
pub mod policy;
pub mod population;
pub mod replay;
pub mod stats;
pub mod stress;
pub mod vaults;
pub mod venue;
pub mod windows;
mod world;
