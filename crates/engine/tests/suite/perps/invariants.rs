//! I1 to I14.
