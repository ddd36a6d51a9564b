//! A cluster by its RPC: what everything off chain reads by and sends by.
//!
//! A transaction is [`prepared`](Node::prepare) before it is sent: simulated, its compute limit and the data it may load set
//! from the simulation, its priority fee from what others paid lately for the same accounts. What would fail is not sent,
//! and is told in the failing program's words ([`Failure`]).

mod failure;
mod fee;
mod node;
mod transaction;

pub use failure::{Failure, SendError};
pub use fee::Bid;
pub use node::{Node, bytes_at, margin_filters};
pub use solana_rpc_client_api::client_error::Error as NodeError;
pub use solana_signature::Signature;
pub use transaction::{Landed, Prepared};
