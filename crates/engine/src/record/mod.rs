//! Records: how account data are laid out, and what of them is governed.

pub mod layout;
pub mod parameter;
pub mod quota;
