//! A cluster by its RPC: what everything off chain reads by and sends by.
//!
//! A transaction is [`prepared`](Node::prepare) before it is sent: simulated, its compute limit and the data it may
//! load set from the simulation, its priority fee from what others paid lately for the same accounts. What would fail
//! is not sent, and is told in the failing program's words ([`Failure`]). A node that lags behind, or is busy, is
//! asked again; what it says all the same is told as the node's ([`SendError::Lagging`]), never as a program's
//! refusal.

mod cluster;
mod failure;
mod fee;
mod http;
mod node;
mod transaction;

pub use cluster::{Cluster, Rpc, now};
pub use failure::{Failure, SendError};
pub use fee::Bid;
pub use http::{is_busy, retry_after};
pub use node::{Node, bytes_at, margin_filters};
pub use solana_rpc_client_api::client_error::Error as NodeError;
pub use solana_signature::Signature;
pub use transaction::{Estimate, Landed, Prepared, fits};
