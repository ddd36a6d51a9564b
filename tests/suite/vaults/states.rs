//! What a vault does in each state of a market (`ballast_engine::state::permission`): it lends only where nothing is amiss, takes
//! back wherever withdrawing is allowed, and what is idle is nobody's to block.

use ballast_client::{Address, Edits, Instruction};
use ballast_engine::{
    Error,
    number::{index::Index, units::Bps},
    state::{
        market::Market,
        permission::{Action, REFUSALS, State},
        reserve::{Reserve, ReserveConfig},
    },
};
use ballast_tests::{Quote, USD, VaultScene, vault_config};

use super::{depositor, settle};

/// What holds in the vault's only market while an instruction runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Situation {
    Normal,
    In(State),
    Paused(Action),
}

impl Situation {
    /// All but receivership, which is an account's state: a vault has none.
    fn all() -> Vec<Self> {
        let of_accounts = [State::InReceivership, State::OrderRests];
        let states = REFUSALS.iter().map(|(state, ..)| *state).filter(|state| !of_accounts.contains(state));
        let pauses = [Action::Withdraw, Action::Borrow].map(Self::Paused);
        [Self::Normal].into_iter().chain(states.map(Self::In)).chain(pauses).collect()
    }

    fn refuses(self, action: Action) -> bool {
        match self {
            Self::Normal => false,
            Self::In(state) => state.refuses(action),
            Self::Paused(paused) => paused == action,
        }
    }

    /// Where one of these is refused, nothing is lent.
    fn lets_in(self) -> bool {
        [Action::Deposit, Action::Withdraw, Action::Borrow].into_iter().all(|action| !self.refuses(action))
    }

    /// Of a deposit that a loss consumed nothing is left.
    fn lets_out(self) -> bool {
        !self.refuses(Action::Withdraw) && self != Self::In(State::ReserveWipedOut)
    }
}

/// A vault that has lent most of what it has to one market, and could lend more.
struct States {
    scene: VaultScene,
    alice: Address,
    keeper: Address,
}

impl States {
    fn new() -> Self {
        let mut config = vault_config();
        // So that nothing but the state decides.
        config.coverage_target = Bps(0);
        let mut scene = VaultScene::with(1, config);
        let (alice, keeper) = (depositor(&mut scene, "alice", 300_000), scene.world.key("keeper"));
        scene
            .world
            .reconfigure(0, |config| {
                (config.flash_enabled, config.breakers.halt_seconds) = (1, 600);
                config.breakers.tiers = [Bps(500), Bps(1_000), Bps(0)];
            })
            .expect_ok();
        scene.refresh();
        settle(&mut scene);
        scene.deposit(alice, 100_000 * USD).expect_ok();
        scene.world.fund(&keeper, 0, 1_000 * USD);
        scene.pass(3_600);
        Self { scene, alice, keeper }
    }

    fn fork(&self) -> Self {
        Self { scene: self.scene.fork(), ..*self }
    }

    /// Brings a state about. A flash loan is out only inside of a transaction: what stands around the instruction there.
    fn enter(&mut self, situation: Situation) -> Vec<Instruction> {
        let world = &mut self.scene.world;
        match situation {
            Situation::Normal => {}
            Situation::In(State::FlashLoanOpen) => return world.flash_loan(self.keeper, 0, 100 * USD).to_vec(),
            Situation::In(State::ReserveReduceOnly) => {
                let old = world.reserve(0).config;
                let edits = Edits::of_reserve(&old, &ReserveConfig { reduce_only: 1, ..old }).at_once;
                let set = world.view().set_parameters(world.authority, 0, edits);
                world.send(&[set]).expect_ok();
            }
            // Written: what a loss of everything leaves behind has no cash.
            Situation::In(State::ReserveWipedOut) => {
                const AT: usize = 8 + size_of::<Market>() + 8;
                self.write(AT, |reserve: &mut Reserve| reserve.deposit_index = Index::ZERO);
            }
            Situation::In(State::ReserveHalted) => {
                world.advance(1);
                world.publish(0, Quote::dollars(1.15).ema_dollars(1.0));
                world.refresh(&[0]).expect_ok();
            }
            Situation::In(State::MarketReduceOnly) => self.write(8, |market: &mut Market| market.reduce_only = 1),
            Situation::In(State::InReceivership | State::OrderRests) => unreachable!("of accounts"),
            Situation::Paused(action) => _ = world.pause(&[action]).expect_ok(),
        }
        Vec::new()
    }

    fn write<T: bytemuck::Pod>(&mut self, at: usize, change: impl FnOnce(&mut T)) {
        let mut account = self.scene.world.account(&self.scene.markets[0]);
        let mut record: T = bytemuck::pod_read_unaligned(&account.data[at..at + size_of::<T>()]);
        change(&mut record);
        account.data[at..at + size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&record));
        self.scene.world.set_account(self.scene.markets[0], account);
    }

    /// Runs an instruction, made before the state began, in the state.
    #[track_caller]
    fn expect(&self, situation: Situation, what: &str, instruction: &Instruction, error: Option<Error>) {
        let mut this = self.fork();
        let around = this.enter(situation);
        let mut transaction = vec![instruction.clone()];
        if let [before, after] = &around[..] {
            transaction = vec![before.clone(), instruction.clone(), after.clone()];
        }
        let outcome = this.scene.world.send(&transaction);
        assert_eq!(outcome.engine_error(), error, "{what}, {situation:?}: {}", outcome.describe());
        assert_eq!(outcome.is_ok(), error.is_none(), "{what}, {situation:?}: {}", outcome.describe());
        this.scene.assert_backed();
    }
}

#[test]
fn a_vault_does_in_every_state_of_a_market_what_the_state_says() {
    let mut states = States::new();
    let (alice, keeper) = (states.alice, states.keeper);
    let (shares, tokens) = (states.scene.shares(&alice), states.scene.fund(&alice, 10 * USD));
    let reward = states.scene.shares(&keeper);
    let view = states.scene.view();
    let idle = view.vault.idle;
    let deposit = view.deposit(alice, tokens, shares, USD, 0);
    let from_idle = view.withdraw(alice, shares, tokens, idle / 2, u64::MAX, 0);
    let through = view.withdraw(alice, shares, tokens, idle + 1_000 * USD, u64::MAX, 1);
    let found = view.next_move(states.scene.world.now()).expect("a move");
    assert_eq!((found.from, found.to), (None, Some(0)));
    let lend = view.rebalance(&found, reward).expect("its market");
    // The queue waits for more than is idle.
    let mut waiting = states.fork();
    let request = view.request_exit(alice, alice, shares, 300_000 * USD, 0);
    waiting.scene.world.send(&[request]).expect_ok();
    let view = waiting.scene.view();
    let found = view.next_move(waiting.scene.world.now()).expect("a move");
    assert_eq!((found.from, found.to), (Some(0), None));
    let bring_back = view.rebalance(&found, reward).expect("its market");
    let serve = view.serve_exit(0).expect("somebody waits");
    let mut refused = 0;
    for situation in Situation::all() {
        states.expect(situation, "deposit", &deposit, None);
        states.expect(situation, "exit from idle", &from_idle, None);
        waiting.expect(situation, "served from idle", &serve, None);
        let out = |error| if situation.lets_out() { None } else { Some(error) };
        states.expect(situation, "exit through the market", &through, out(Error::VaultIlliquid));
        waiting.expect(situation, "bring back", &bring_back, out(Error::NothingToRebalance));
        let lent = if situation.lets_in() { None } else { Some(Error::NothingToRebalance) };
        states.expect(situation, "lend", &lend, lent);
        refused += lent.is_some() as u32;
    }
    assert_eq!(refused, 7, "every state but none keeps the vault from lending");
}
