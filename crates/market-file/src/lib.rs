//! A market or a vault in a file ([`mod@file`]), its state on a cluster ([`mod@state`]), and the steps that bring the cluster to
//! the file ([`mod@plan`], [`mod@vault`]). The `ballast` command and the local network send these steps, each in its own way.

pub mod feed;
pub mod file;
pub mod perps;
pub mod plan;
pub mod state;
pub mod value;
pub mod vault;

pub use file::{Desired, DesiredVault};
pub use plan::{Plan, PlannedTransaction, plan};
pub use state::State;
