//! Markets in which a multisig holds a role.

use ballast_client::{Address, Instruction, to_engine};
use ballast_engine::{number::units::Bps, record::layout, state::market::Roles};
use ballast_tests::{Multisig, Scene, World};

/// A multisig of three members, two of whom must approve.
#[track_caller]
pub fn two_of_three(world: &mut World) -> Multisig {
    let members = ["alice", "bob", "carol"].map(|name| world.key(name));
    Multisig::create(world, &members, 2)
}

/// A market in use in which a multisig holds the role that `role` picks.
#[track_caller]
pub fn multisig_as(role: impl FnOnce(&mut Roles) -> &mut layout::Address) -> (Scene, Multisig) {
    let mut scene = Scene::new();
    let multisig = two_of_three(&mut scene.world);
    let vault = to_engine(&multisig.vault());
    scene.world.reconfigure_market(|config| *role(&mut config.roles) = vault).expect_ok();
    (scene, multisig)
}

/// A market in use whose authority is a multisig. The authority passes in two steps: nominated, then accepted.
#[track_caller]
pub fn multisig_as_authority() -> (Scene, Multisig) {
    let (mut scene, multisig) = multisig_as(|roles| &mut roles.nominee);
    let accept = scene.world.view().accept_authority();
    multisig.run(&mut scene.world, &[accept]).expect_ok();
    (scene, multisig)
}

/// Lowers the initial weight of a reserve's token, which takes effect at once.
pub fn tighten(world: &World, signer: Address, reserve: u8) -> Instruction {
    let edits = world.edits(reserve, |config| config.risk.cross.initial_asset = Bps(7_500));
    world.view().set_parameters(signer, reserve, edits.at_once)
}
