//! The engine's properties on the host, in one program.

mod adaptive;
mod behaviour;
mod breakers;
mod common;
mod delegates;
mod differential;
mod doubtful;
mod floors;
mod governance;
mod governance_effects;
mod growth;
mod insurance;
mod invariants;
mod layout;
mod losses;
mod math;
mod moments;
mod perps;
mod phases;
mod prices;
mod prices_of_moments;
mod ramp;
mod restrictions;
mod robustness;
mod token;
mod vaults;
