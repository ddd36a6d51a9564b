//! The engine's answers about vaults.

use super::{answer, base64, check, entrusted, key, named_as, view_bytes};
use crate::common::World;
use ballast_client::{
    IDLE, VaultView,
    engine::{
        Result,
        number::units::{Bps, Shares},
        record::layout::Address,
        state::vault::{AllocationConfig, ExitRequest, TermDeposit, Vault, VaultConfig, VaultRoles},
        vaults::{Vaults, exit::Exit, report::VaultReport},
    },
    to_engine,
};
use serde_json::{Value, json};

/// Atoms of a token.
const ONE: u64 = 1_000_000;
const DAY: i64 = 86_400;

/// A vault over two markets, of which some cannot be read.
#[derive(Clone)]
struct Pooled {
    vault: Vault,
    worlds: Vec<World>,
    unread: u8,
}

impl Pooled {
    /// Markets in which others lend a million tokens, and of which half is lent and more.
    fn new(config: VaultConfig) -> Self {
        let mut worlds = vec![World::new(2), World::new(2)];
        for (slot, world) in worlds.iter_mut().enumerate() {
            world.deposit(0, 0, 1_000_000 * ONE);
            world.deposit(1, 1, world.atoms(1, 2_000_000 * 10_000));
            world.now += 1;
            world.borrow(1, 0, (500_000 + 200_000 * slot as u64) * ONE);
        }
        let mut pooled = Self { vault: Vault::default(), worlds, unread: 0 };
        let markets: Vec<_> = (0..2).map(|slot| pooled.market(slot)).collect();
        let mut vault = Vault { decimals: 6, ..entrusted(&markets[0], &key(2)).vault };
        vault.allocations = Default::default();
        vault.queue = Default::default();
        let mut config = config;
        for (policy, market) in config.allocations.iter_mut().zip(&markets) {
            *policy = AllocationConfig {
                market: to_engine(&market.address),
                cap: 1 << 60,
                share_cap: Bps(10_000),
                ..AllocationConfig::default()
            };
        }
        let now = pooled.now();
        vault.open(&config, now).expect("a policy");
        for (slot, market) in (0..).zip(&markets) {
            vault.open_allocation(slot, &to_engine(&market.address), &market.reserves, now).expect("a market");
        }
        pooled.vault = vault;
        pooled
    }

    fn now(&self) -> i64 {
        self.worlds[0].now
    }

    fn market(&self, slot: usize) -> ballast_client::MarketView {
        named_as(&self.worlds[slot], 70 + slot as u16)
    }

    fn view(&self) -> VaultView {
        let read = (0..2).filter(|slot| self.unread >> slot & 1 == 0);
        VaultView::new(entrusted(&self.market(0), &key(2)).address, self.vault, read.map(|slot| self.market(slot)))
    }

    fn act<T>(&mut self, action: impl FnOnce(&mut Vaults) -> Result<T>) -> T {
        let (now, mut view) = (self.now(), self.view());
        let done = action(&mut view.at(now)).expect("it may");
        self.vault = view.vault;
        done
    }

    /// Idle tokens into a market.
    fn put(&mut self, slot: usize, amount: u64) {
        let mut allocation = self.vault.allocations[slot];
        self.worlds[slot].act(0, |ledger, _| ledger.lend_out(&mut allocation, amount)).expect("it is open");
        (self.vault.allocations[slot], self.vault.idle) = (allocation, self.vault.idle - amount);
    }

    fn wait(&mut self, seconds: i64) {
        for world in &mut self.worlds {
            world.now += seconds;
            world.refresh_all();
        }
    }
}

fn policy() -> VaultConfig {
    VaultConfig {
        roles: VaultRoles { fee_collector: Address([53; 32]), ..VaultRoles::default() },
        deposit_cap: 1_000_000 * ONE,
        min_amount: ONE,
        reward_cap: 10 * ONE,
        delay: 691_200,
        interval: 3_600,
        unlock: DAY as u32,
        term_spacing: DAY as u32,
        coverage_target: Bps(10_000),
        exit_fee_coverage: Bps(20_000),
        max_exit_fee: Bps(500),
        runoff_day: Bps(1_400),
        runoff_days: Bps(3_300),
        cash_share: Bps(5_000),
        idle_buffer: Bps(500),
        max_utilisation: Bps(9_500),
        maturity_factor: Bps(10_000),
        min_gain: Bps(1),
        reward_share: Bps(1_000),
        performance_fee: Bps(1_000),
        management_fee: Bps(100),
        round_share: Bps(2_500),
        term_premium: Bps(500),
        early_penalty: Bps(100),
        launched: 1,
        ..VaultConfig::default()
    }
}

/// A vault from its first day on, and what may become of it.
fn situations() -> Vec<(&'static str, Pooled)> {
    let closed = Pooled::new(VaultConfig { launched: 0, ..policy() });
    let mut pooled = Pooled::new(policy());
    pooled.wait(1);
    let fresh = pooled.clone();
    pooled.act(|vaults| vaults.deposit(300_000 * ONE, Shares::ZERO));
    pooled.wait(3_700);
    let idle = pooled.clone();
    pooled.put(0, 100_000 * ONE);
    pooled.put(1, 150_000 * ONE);
    pooled.wait(3_700);
    let moved = pooled.clone();
    pooled.wait(30 * DAY);
    let maturity = (pooled.now() / DAY + 3) * DAY;
    let mut term = TermDeposit { maturity, ..TermDeposit::default() };
    pooled.act(|vaults| vaults.lock(&mut term, Shares(60_000 * ONE)));
    pooled.worlds[1].reserves[0].config.repay_by = (maturity + 5 * DAY) as u32;
    let lent = pooled.clone();
    let mut unreadable = pooled.clone();
    unreadable.unread = 2;
    let mut queued = pooled.clone();
    let mut request = ExitRequest::default();
    queued.act(|vaults| vaults.request_exit(&mut request, Address([9; 32]), Shares(200_000 * ONE), 0));
    queued.wait(60);
    let mut lost = pooled.clone();
    let price = lost.worlds[0].prices[1] / 4;
    lost.worlds[0].set_price(1, price);
    lost.wait(61);
    lost.worlds[0].act(1, |ledger, account| ledger.report_loss(account)).expect("it owes more than it has");
    let mut written_off = lost.clone();
    written_off.vault.config.allocations[0].written_off = 1;
    let mut nothing = written_off.clone();
    nothing.vault.config.allocations[1].written_off = 1;
    nothing.vault.idle = 0;
    vec![
        ("not launched", closed),
        ("without depositors", fresh),
        ("all idle", idle),
        ("just lent", moved),
        ("lent, with terms on both sides", lent),
        ("a market cannot be read", unreadable),
        ("most of it waits in the queue", queued),
        ("a loss reported", lost),
        ("a slot written off", written_off),
        ("nothing left", nothing),
    ]
}

fn exit(exit: Exit) -> Value {
    json!({
        "amount": exit.exchange.amount.to_string(),
        "shares": exit.exchange.shares.0.to_string(),
        "fee": exit.fee.to_string(),
        "rounding": exit.payment.cost.to_string(),
    })
}

fn figures(report: VaultReport) -> Value {
    json!({
        "entry": report.entry.to_string(),
        "exit": report.exit.to_string(),
        "shares": report.shares.0.to_string(),
        "idle": report.idle.to_string(),
        "takeable": report.takeable.to_string(),
        "liquid": report.liquid.to_string(),
        "outflow": report.outflow.to_string(),
        "queued": report.queued.to_string(),
        "assetMaturity": report.asset_maturity.to_string(),
        "liabilityMaturity": report.liability_maturity.to_string(),
        "durationGap": report.duration_gap.to_string(),
        "coverageBps": report.coverage,
        "netStableFundingBps": report.net_stable_funding,
        "velocityBps": report.velocity,
        "capitalEfficiencyBps": report.capital_efficiency,
        "unreadable": report.unreadable,
    })
}

#[test]
fn answers_of_the_engine_about_vaults() {
    let all: Vec<_> = situations().iter().map(|(name, pooled)| situation(name, pooled)).collect();
    check("vaults.json", &json!(all));
}

fn situation(name: &str, pooled: &Pooled) -> Value {
    let (view, now) = (pooled.view(), pooled.now());
    let amounts = [0, 1, ONE, 1_000 * ONE, 100_000 * ONE, 250_000 * ONE, 1 << 50, u64::MAX];
    let report = view.report(now);
    let price = |vaults: &mut Vaults| {
        let cost = vaults.vault.cost_of(Shares(ONE), &vaults.valuation)?;
        Ok((cost, vaults.vault.worth(Shares(ONE), &vaults.valuation)))
    };
    let of_amount = |amount: u64| {
        let froms = [0, 1, view.all_slots(), 255].map(|from| {
            json!({
                "from": from,
                "redeem": answer(view.clone().at(now).redeem(Shares(amount), 0, from), exit),
                "withdraw": answer(view.clone().at(now).withdraw(amount, Shares(u64::MAX), from), exit),
                "maxRedeem": view.clone().at(now).max_redeem(Shares(amount), from).0.to_string(),
                "maxWithdraw": view.clone().at(now).max_withdraw(Shares(amount), from).to_string(),
            })
        });
        json!({
            "amount": amount.to_string(),
            "deposit": answer(view.clone().at(now).deposit(amount, Shares::ZERO), |exchange| json!({
                "amount": exchange.amount.to_string(),
                "shares": exchange.shares.0.to_string(),
            })),
            "exits": froms,
        })
    };
    let slot = |slot: Option<u8>| slot.filter(|slot| *slot != IDLE);
    let vault = [&Vault::DISCRIMINATOR, bytemuck::bytes_of(&view.vault)].concat();
    let markets = view.markets.iter().flatten();
    let markets: Vec<_> = markets
        .map(|market| json!({ "address": market.address.to_string(), "data": base64(&view_bytes(market)) }))
        .collect();
    json!({
        "name": name,
        "now": now,
        "vault": { "address": view.address.to_string(), "data": base64(&vault) },
        "markets": markets,
        "payingSlots": view.all_slots(),
        "report": figures(report),
        "returned": base64(bytemuck::bytes_of(&report)),
        "sharePrice": answer(price(&mut view.clone().at(now)), |(entry, exit)| {
            json!({ "entry": entry.to_string(), "exit": exit.to_string() })
        }),
        "maxDeposit": view.clone().at(now).max_deposit().to_string(),
        "amounts": amounts.map(of_amount),
        "nextMove": answer(view.next_move(now), |found| json!({
            "from": slot(found.from),
            "to": slot(found.to),
            "amount": found.amount.to_string(),
            "gain": found.gain.to_string(),
            "reward": found.reward.0.to_string(),
        })),
    })
}
