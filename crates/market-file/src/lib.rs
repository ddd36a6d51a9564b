//! A market in a file ([`mod@file`]), what a cluster says of it ([`mod@state`]), and the steps from one to the other ([`mod@plan`]), which are
//! sent by the `ballast` command and by the local network, each in its own way.

pub mod feed;
pub mod file;
pub mod plan;
pub mod state;
pub mod value;

pub use file::Desired;
pub use plan::{Plan, Step, plan};
pub use state::State;
