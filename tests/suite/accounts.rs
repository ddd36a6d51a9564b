//! Opening and closing margin accounts, and which accounts an instruction takes.

use ballast_client::{
    Address, Instruction, LiquidationOrder, TOKEN_2022_PROGRAM, margin_address, to_engine, vault_authority,
};
use ballast_engine::{Error, ledger::EVERYTHING, record::layout::LAYOUT_VERSION};
use ballast_tests::{Quote, SOL, Scene, Token, USD, User, market_config, reserve_config, with_account};
use solana_transaction::InstructionError;

#[test]
fn an_owner_opens_several_accounts_which_are_apart() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    for id in [1, 2, u16::MAX] {
        let margin = world.open(trader.key, id);
        let (address, bump) = margin_address(&world.market, &trader.key, id);
        let account = world.margin(&margin);
        assert_eq!((margin, account.bump, account.id), (address, bump, id));
        assert_eq!((account.version, account.positions().len()), (LAYOUT_VERSION, 0));
        assert_eq!((account.owner, account.market), (to_engine(&trader.key), to_engine(&world.market)));
        assert_eq!(world.account(&margin).owner, ballast_client::ID);
        let second = User { margin, ..trader };
        world.supply(second, usd, id as u64);
        assert_eq!(world.deposit_shares(second, usd), id as u64);
        // The first account's collateral backs nothing here.
        world.refresh_all();
        let sol_debt = world.borrow(second, 1, SOL);
        assert_eq!(sol_debt.engine_error(), Some(Error::InitialHealthTooLow));
    }
    assert_eq!(world.deposit_shares(trader, usd), 0);
    world.assert_conserved();
}

#[test]
fn one_key_may_own_and_pay() {
    let Scene { mut world, .. } = Scene::new();
    let owner = world.key("owner");
    let open = world.view().open_account(owner, owner, 0);
    world.send(&[open]).expect_ok();
}

#[test]
fn an_account_is_opened_once_and_by_its_owner() {
    let Scene { mut world, trader, .. } = Scene::new();
    let again = world.view().open_account(trader.key, world.payer, 0);
    assert!(!world.send(&[again]).is_ok());
    assert_eq!(world.margin(&trader.margin).positions().len(), 1);
    let mut unsigned = world.view().open_account(trader.key, world.payer, 1);
    unsigned.accounts[0].is_signer = false;
    world.send(&[unsigned]).expect_instruction_error(InstructionError::MissingRequiredSignature);
}

#[test]
fn a_closed_account_returns_its_rent_and_can_be_opened_again() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    let recipient = world.key("recipient");
    let (rent, before) = (world.account(&trader.margin).lamports, world.account(&recipient).lamports);
    let close = world.view().close_account(trader.key, trader.margin, recipient);
    world.send(std::slice::from_ref(&close)).expect_error(Error::AccountNotEmpty);
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    world.send(&[close]).expect_ok();
    assert_eq!(world.find_account(&trader.margin), None);
    assert_eq!(world.account(&recipient).lamports, before + rent);
    assert_eq!(world.user("trader").margin, trader.margin);
    assert_eq!(world.margin(&trader.margin).positions(), []);
}

#[test]
fn the_owner_may_take_the_rent() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    let close = world.view().close_account(trader.key, trader.margin, trader.key);
    world.send(&[close]).expect_ok();
    assert_eq!(world.find_account(&trader.margin), None);
}

#[test]
fn the_rent_cannot_go_to_the_account_that_is_closed() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    let close = world.view().close_account(trader.key, trader.margin, trader.margin);
    const DUPLICATE_MUTABLE_ACCOUNT: u32 = 2040;
    world.send(&[close]).expect_custom(DUPLICATE_MUTABLE_ACCOUNT);
}

#[test]
fn only_its_owner_closes_an_account() {
    let Scene { mut world, sol, trader, lender, .. } = Scene::new();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    let stolen = world.view().close_account(lender.key, trader.margin, world.payer);
    world.send(&[stolen]).expect_error(Error::NotAccountOwner);
    let mut unsigned = world.view().close_account(trader.key, trader.margin, world.payer);
    unsigned.accounts[0].is_signer = false;
    world.send(&[unsigned]).expect_instruction_error(InstructionError::MissingRequiredSignature);
}

#[test]
fn an_account_with_debt_alone_is_not_empty() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 10_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    assert_eq!(world.margin(&trader.margin).positions().len(), 1);
    world.close(trader).expect_error(Error::AccountNotEmpty);
}

/// One valid instruction of each kind that moves tokens of the usd reserve, on a state in which all of them succeed.
fn token_instructions() -> (Scene, Vec<Instruction>) {
    let mut scene = Scene::new();
    let Scene { world, usd, sol, lender, trader } = &mut scene;
    let (usd, sol, lender, trader) = (*usd, *sol, *lender, *trader);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(86_400);
    world.refresh_all();
    world.set_price(sol, Quote::dollars(120.0)).expect_ok();
    let (liquidator, collector) = (world.key("liquidator"), world.key("collector"));
    let tokens: Vec<Address> = [lender.key, trader.key, liquidator, collector]
        .iter()
        .map(|owner| world.fund(owner, usd, 10_000 * USD))
        .collect();
    let destination = world.fund(&liquidator, sol, 0);
    let rich = world.user("rich");
    world.supply(rich, sol, 100 * SOL);
    let rich_tokens = world.fund(&rich.key, usd, 0);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 0 };
    let view = world.view();
    let instructions = [
        view.deposit(lender.key, lender.margin, tokens[0], usd, USD),
        view.withdraw(lender.key, lender.margin, tokens[0], usd, USD),
        view.borrow(rich.key, rich.margin, rich_tokens, usd, 20 * USD),
        view.repay(trader.key, trader.margin, tokens[1], usd, USD),
        view.liquidate(liquidator, trader.margin, tokens[2], destination, order),
        view.collect_fees(tokens[3], usd),
    ];
    (scene, instructions.into_iter().map(|instruction| instruction.expect("exists")).collect())
}

/// The name of an account of an instruction, if it takes one of these names.
fn named(instruction: &Instruction, names: &[&'static str]) -> Vec<&'static str> {
    let spec = ballast_client::instruction::InstructionSpec::of_tag(instruction.data[0]).expect("an instruction");
    spec.accounts.iter().map(|account| account.name).filter(|name| names.contains(name)).collect()
}

#[test]
fn every_instruction_that_moves_tokens_succeeds_with_the_right_accounts() {
    let (scene, instructions) = token_instructions();
    for instruction in instructions {
        scene.world.fork().send(&[instruction]).expect_ok();
    }
}

#[test]
fn vaults_mints_and_token_programs_are_the_reserves_own() {
    let (Scene { mut world, sol, .. }, instructions) = token_instructions();
    let other = world.reserve(sol);
    let unlisted = world.key("unlisted");
    let fake_vault = world.fund(&unlisted, 0, 1_000_000 * USD);
    let [sol_vault, sol_mint] = [other.vault, other.mint].map(|address| ballast_client::from_engine(&address));
    let liquidate = |instruction: &Instruction| instruction.data[0] == 10;
    let mut refused = 0;
    for instruction in &instructions {
        let mut refuse = |names: &[&'static str], wrong: &[Address], error| {
            for name in named(instruction, names) {
                for wrong in wrong {
                    world.send(&[with_account(instruction.clone(), name, *wrong)]).expect_error(error);
                    refused += 1;
                }
            }
        };
        // In a liquidation the other reserve's token account is there already.
        let vaults = if liquidate(instruction) { vec![fake_vault] } else { vec![fake_vault, sol_vault] };
        refuse(&["vault", "debt_vault", "collateral_vault"], &vaults, Error::WrongVault);
        refuse(&["mint", "debt_mint"], &[unlisted, sol_mint], Error::WrongMint);
        refuse(&["collateral_mint"], &[unlisted], Error::WrongMint);
        refuse(
            &["token_program", "debt_token_program", "collateral_token_program"],
            &[TOKEN_2022_PROGRAM, unlisted],
            Error::WrongTokenProgram,
        );
        refuse(&["vault_authority"], &[unlisted, vault_authority(&unlisted).0], Error::WrongVaultAuthority);
    }
    assert_eq!(refused, 5 * 2 + 2 + 6 * 2 + 1 + 7 * 2 + 4 * 2);
}

#[test]
fn margin_accounts_are_of_the_market_at_hand() {
    let (Scene { mut world, usd, .. }, instructions) = token_instructions();
    let first = world.market;
    // The same people with the same mints in another market.
    world.market = world.create_market(1, market_config());
    world.list(Token::new("USD", 6, 1.0), reserve_config());
    world.list(Token::new("SOL", 9, 150.0), reserve_config());
    let elsewhere: Vec<(Address, Address)> = ["lender", "trader", "rich"]
        .into_iter()
        .map(|name| {
            let user = world.user(name);
            (margin_address(&first, &user.key, 0).0, user.margin)
        })
        .collect();
    world.market = first;
    let view = world.view();
    let trader = elsewhere[1].0;
    let settle = view.settle_bad_debt(trader, usd).expect("exists");
    let more = [settle, view.report_loss(trader), view.read_health(trader)];
    let mut refused = 0;
    for instruction in instructions.iter().chain(&more) {
        for name in named(instruction, &["margin_account"]) {
            let mut wrong = instruction.clone();
            let meta = wrong.accounts.iter_mut().find(|meta| elsewhere.iter().any(|(here, _)| *here == meta.pubkey));
            let meta = meta.unwrap_or_else(|| panic!("{name} is one of them"));
            meta.pubkey = elsewhere.iter().find(|(here, _)| *here == meta.pubkey).expect("found").1;
            world.send(&[wrong]).expect_error(Error::WrongMarket);
            refused += 1;
        }
    }
    assert_eq!(refused, 8);
}

#[test]
fn reserve_indices_beyond_the_list_are_refused() {
    let (Scene { mut world, usd, trader, .. }, instructions) = token_instructions();
    for index in [2, 63, 64, 255] {
        for instruction in &instructions {
            let mut wrong = instruction.clone();
            wrong.data[1] = index;
            world.send(&[wrong]).expect_error(Error::ReserveIndexOutOfRange);
        }
        let mut wrong = world.view().settle_bad_debt(trader.margin, usd).expect("exists");
        wrong.data[1] = index;
        world.send(&[wrong]).expect_error(Error::PositionNotFound);
    }
    let liquidate = instructions.iter().find(|instruction| instruction.data[0] == 10).expect("in the list");
    let mut wrong = liquidate.clone();
    wrong.data[2] = 2;
    world.send(&[wrong]).expect_error(Error::ReserveIndexOutOfRange);
}
