//! Changes of the policy among the steps: what the curator and the sentinel do at once, what waits, other curators and sentinels, and a
//! slot that is emptied, taken out and opened again.

use std::mem::offset_of;

use ballast_client::{Address, change_address, from_engine, to_engine};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::Change,
        vault::{AllocationConfig, VaultConfig, VaultRoles},
    },
};
use ballast_tests::{USD, with_account};
use rand::{Rng, seq::IndexedRandom};
use solana_transaction::InstructionError;

use super::{Answer, Exact, LENDERS_RESERVE, Model, Sequence, engine};

/// The slot that comes and goes.
pub const GUEST: usize = 3;
/// Who may become curator and sentinel.
pub const CURATORS: [&str; 2] = ["curator", "another curator"];
pub const SENTINELS: [&str; 2] = ["sentinel", "another sentinel"];

fn edit(offset: usize, value: &[u8]) -> Vec<u8> {
    [(offset as u16).to_le_bytes().as_slice(), value].concat()
}

/// Where a field of a slot's policy is.
fn of_slot(slot: usize, field: usize) -> usize {
    offset_of!(VaultConfig, allocations) + size_of::<AllocationConfig>() * slot + field
}

impl Model {
    pub fn set_parameters(&mut self, signer: Address, edits: &[u8]) -> Answer {
        engine(self.vault.set_parameters(&to_engine(&signer), edits, self.now, &mut |_, _| ()))
    }

    pub fn queue_change(&mut self, signer: Address, payer: Address, data: &[u8]) -> Answer {
        let (address, bump) = change_address(&self.address, self.vault.changes);
        let (market, payer) = (to_engine(&self.address), to_engine(&payer));
        let mut change = Change { bump, market, payer, ..Change::default() };
        engine(self.vault.queue_change(&to_engine(&signer), data, &mut change, self.now))?;
        self.changes.insert(address, change);
        self.vault.next_event();
        Ok(())
    }

    /// The change at an address, whose rent goes to the recipient.
    fn change(&self, address: Address, recipient: Address) -> Answer<Change> {
        let change = self.changes[&address];
        let is_payer = from_engine(&change.payer) == recipient;
        if is_payer { Ok(change) } else { Err(InstructionError::Custom(Error::WrongChange.code())) }
    }

    pub fn execute_change(&mut self, address: Address, recipient: Address) -> Answer {
        let change = self.change(address, recipient)?;
        engine(self.vault.execute_change(&change, self.now, &mut |_, _| ()))?;
        self.changes.remove(&address);
        self.vault.next_event();
        Ok(())
    }

    pub fn cancel_change(&mut self, signer: Address, address: Address, recipient: Address) -> Answer {
        let change = self.change(address, recipient)?;
        engine(self.vault.require_cancellable(&change, &to_engine(&signer), self.now))?;
        self.changes.remove(&address);
        self.vault.next_event();
        Ok(())
    }

    pub fn accept_curator(&mut self, signer: Address) -> Answer {
        engine(self.vault.accept_curator(&to_engine(&signer), &mut |_, _| ()))
    }

    pub fn open_allocation(&mut self, slot: usize) -> Answer {
        let market = self.vault.config.allocations[slot].market;
        let reserves = &self.markets[slot].1;
        engine(self.vault.open_allocation(slot as u8, &market, reserves, self.now)).map(drop)
    }
}

impl Sequence {
    pub fn govern(&mut self) {
        match self.rng.random_range(0..20) {
            0..4 => self.set_parameters(),
            4..9 => self.queue_change(),
            9..15 => self.end_change(true),
            15..17 => self.end_change(false),
            17 => self.accept_curator(),
            18 => self.empty(),
            _ => self.open(),
        }
    }

    fn one_of(&mut self, names: [&str; 2]) -> Address {
        let name = *names.choose(&mut self.rng).expect("two");
        self.scene.world.key(name)
    }

    fn curator(&self) -> Address {
        from_engine(&self.scene.vault().curator)
    }

    /// Up to three edits, mostly towards what the vault had at first.
    fn edits(&mut self) -> Vec<u8> {
        let count = *[1, 1, 1, 2, 3].choose(&mut self.rng).expect("some");
        (0..count).flat_map(|_| self.edit()).collect()
    }

    fn edit(&mut self) -> Vec<u8> {
        let slot = self.rng.random_range(0..=GUEST);
        let first = self.first;
        let same = &first.allocations[slot];
        let (kind, is_back) = (self.rng.random_range(0..20), self.rng.random_bool(0.6));
        let mut pick = |from: u16, to: u16, at_first: Bps| {
            bytemuck::bytes_of(&if is_back { at_first } else { Bps(self.rng.random_range(from..=to)) }).to_vec()
        };
        macro_rules! policy {
            ($field:ident, $from:expr, $to:expr) => {
                edit(offset_of!(VaultConfig, $field), &pick($from, $to, first.$field))
            };
        }
        match kind {
            0 => policy!(idle_buffer, 0, 2_000),
            1 => policy!(coverage_target, 2_000, 8_000),
            2 => policy!(exit_fee_coverage, 10_000, 30_000),
            3 => policy!(max_exit_fee, 0, 501),
            4 => policy!(max_utilisation, 8_000, 10_000),
            5 => policy!(performance_fee, 0, 5_001),
            6 => policy!(management_fee, 0, 500),
            7 => policy!(cash_share, 4_000, 10_000),
            8 => policy!(round_share, 99, 5_000),
            9 => policy!(reward_share, 0, 5_000),
            10 => policy!(term_premium, 0, 2_500),
            11 => {
                let cap = if is_back { first.deposit_cap } else { 0 };
                edit(offset_of!(VaultConfig, deposit_cap), &cap.to_le_bytes())
            }
            12 => {
                let delay = if is_back { first.delay } else { self.rng.random_range(345_599..1_000_000) };
                edit(offset_of!(VaultConfig, delay), &delay.to_le_bytes())
            }
            13 => {
                let sentinel = self.one_of(SENTINELS);
                edit(offset_of!(VaultRoles, sentinel), sentinel.as_array())
            }
            14 => {
                let nominee = self.one_of(CURATORS);
                edit(offset_of!(VaultRoles, nominee), nominee.as_array())
            }
            15 => {
                let cap = if is_back { same.cap } else { self.rng.random_range(0..300_000 * USD) };
                edit(of_slot(slot, offset_of!(AllocationConfig, cap)), &cap.to_le_bytes())
            }
            16 => edit(of_slot(slot, offset_of!(AllocationConfig, share_cap)), &pick(2_000, 10_001, same.share_cap)),
            17 => edit(of_slot(slot, offset_of!(AllocationConfig, stopped)), &[!is_back as u8]),
            18 => edit(of_slot(GUEST, offset_of!(AllocationConfig, written_off)), &[!is_back as u8]),
            _ => {
                let is_in = !self.scene.vault().config.allocations[GUEST].market.is_none();
                let market = if is_in { [0; 32] } else { first.allocations[GUEST].market.0 };
                edit(of_slot(GUEST, offset_of!(AllocationConfig, market)), &market)
            }
        }
    }

    fn set_parameters(&mut self) {
        let (edits, view) = (self.edits(), self.scene.view());
        let signer = match self.rng.random_range(0..10) {
            0 => self.owner(),
            1..6 => from_engine(&view.vault.config.roles.sentinel),
            _ => self.curator(),
        };
        let set = view.set_parameters(signer, edits.clone());
        self.run("set_parameters", set, |model| model.set_parameters(signer, &edits));
    }

    fn queue_change(&mut self) {
        let (data, view, payer) = (self.edits(), self.scene.view(), self.scene.world.payer);
        let signer = if self.rng.random_bool(0.1) { self.one_of(CURATORS) } else { self.curator() };
        let (queue, _) = view.queue_change(payer, data.clone());
        let queue = with_account(queue, "authority", signer);
        self.run("queue_change", queue, |model| model.queue_change(signer, payer, &data));
    }

    /// Executes or cancels a change: of those executed mostly one that is due.
    fn end_change(&mut self, is_made: bool) {
        let model = Model::read(&self.scene);
        let is_due = |change: &Change| (change.earliest..=change.latest).contains(&model.now);
        let any = self.rng.random_bool(if is_made { 0.1 } else { 0.7 });
        let has_expired = |change: &Change| change.latest < model.now;
        let wanted = |change: &Change| any || if is_made { is_due(change) } else { has_expired(change) };
        let of_them: Vec<Address> =
            model.changes.iter().filter(|(_, change)| wanted(change)).map(|(address, _)| *address).collect();
        let Some(change) = of_them.choose(&mut self.rng).copied() else { return };
        let view = self.scene.view();
        let stranger = self.owner();
        let recipient = if self.rng.random_bool(0.05) { stranger } else { self.scene.world.payer };
        if is_made {
            let execute = view.execute_change(stranger, change, recipient);
            return self.run("execute_change", execute, |model| model.execute_change(change, recipient));
        }
        let signer = match self.rng.random_range(0..4) {
            0 => self.curator(),
            1 => stranger,
            _ => from_engine(&view.vault.config.roles.sentinel),
        };
        let cancel = view.cancel_change(signer, change, recipient);
        self.run("cancel_change", cancel, |model| model.cancel_change(signer, change, recipient));
    }

    fn accept_curator(&mut self) {
        let view = self.scene.view();
        let nominee = view.vault.config.roles.nominee;
        let is_other = nominee.is_none() || self.rng.random_bool(0.2);
        let signer = if is_other { self.one_of(CURATORS) } else { from_engine(&nominee) };
        let accept = view.accept_curator(signer);
        self.run("accept_authority", accept, |model| model.accept_curator(signer));
    }

    /// Somebody takes out what is lent in the guest's slot.
    fn empty(&mut self) {
        let (owner, view) = (self.owner(), self.scene.view());
        if self.scene.vault().allocations[GUEST].shares.0 == 0 {
            return;
        }
        let (from, to) = (self.scene.shares(&owner), self.scene.world.tokens(&owner, LENDERS_RESERVE));
        let held = self.scene.held(&owner);
        let slots = 1 << GUEST;
        let redeem = view.redeem(owner, from, to, held, 0, slots);
        self.run("vault_redeem", redeem, |model| model.leave(Exact::Shares(held, 0), slots, from, to));
    }

    fn open(&mut self) {
        let vault = self.scene.vault();
        if vault.config.allocations[GUEST].market.is_none() {
            return;
        }
        let open = self.scene.view().open_allocation(GUEST as u8).expect("a slot");
        self.run("open_allocation", open, |model| model.open_allocation(GUEST));
    }
}

/// What must have been made of each, among 12,000 steps.
pub const LEAST: [(&str, usize); 6] = [
    ("set_parameters", 20),
    ("queue_change", 80),
    ("execute_change", 40),
    ("cancel_change", 10),
    ("accept_authority", 1),
    ("open_allocation", 1),
];

/// What must have been refused.
pub const REFUSED: [Error; 11] = [
    Error::AddsRisk,
    Error::NotCuratorOrSentinel,
    Error::NotCurator,
    Error::ChangeNotDue,
    Error::ChangeExpired,
    Error::WrongChange,
    Error::NotNominee,
    Error::VaultNotAccrued,
    Error::AllocationInUse,
    Error::AllocationOpen,
    Error::VaultDelayOutOfRange,
];
