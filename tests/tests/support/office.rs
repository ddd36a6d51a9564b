//! Markets whose roles a multisig holds.
#![allow(dead_code, reason = "every suite uses its own part")]

use ballast_client::{Address, Instruction, to_engine};
use ballast_engine::{number::units::Bps, record::layout, state::market::Roles};
use ballast_tests::{Multisig, Scene, World};

/// Two of three.
#[track_caller]
pub fn council(world: &mut World) -> Multisig {
    let members = ["alice", "bob", "carol"].map(|name| world.key(name));
    Multisig::create(world, &members, 2)
}

/// A market in working order one of whose roles a multisig holds.
#[track_caller]
pub fn in_office(role: impl FnOnce(&mut Roles) -> &mut layout::Address) -> (Scene, Multisig) {
    let mut scene = Scene::new();
    let multisig = council(&mut scene.world);
    let vault = to_engine(&multisig.vault());
    scene.world.reconfigure_market(|config| *role(&mut config.roles) = vault).expect_ok();
    (scene, multisig)
}

/// The same with the authority, which passes in two steps.
#[track_caller]
pub fn in_authority() -> (Scene, Multisig) {
    let (mut scene, multisig) = in_office(|roles| &mut roles.nominee);
    let accept = scene.world.view().accept_authority();
    multisig.run(&mut scene.world, &[accept]).expect_ok();
    (scene, multisig)
}

/// Makes what is lent out dearer, at once.
pub fn tighten(world: &World, signer: Address, reserve: u8) -> Instruction {
    let edits = world.edits(reserve, |config| config.risk.cross.initial_asset = Bps(7_500));
    world.view().set_parameters(signer, reserve, edits.at_once)
}
