//! The client against the engine, the IDL and the TypeScript client's fixtures.

#[allow(dead_code, reason = "the engine's suites need more of it")]
#[path = "../../../engine/tests/suite/common/mod.rs"]
mod common;
mod idl;
mod limits;
mod perps;
#[allow(dead_code, reason = "the engine's suite needs more of it")]
#[path = "../../../engine/tests/suite/perps/scene.rs"]
mod scene;
mod typescript;
