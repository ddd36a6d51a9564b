//! Changes of parameters: what differs between two configurations, by name, and the instructions that set it.

use ballast_engine::{
    Result,
    record::{
        layout::{Field, FieldType, Record},
        parameter::Parameter,
    },
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET, OF_PERP, OF_POOL, OF_VAULT},
        market::{self, MarketConfig},
        perp::{
            PerpConfig, PoolConfig,
            config::{PERP_PARAMETERS, POOL_PARAMETERS},
        },
        reserve::{self, Kind, ReserveConfig},
        vault::{self, VaultConfig},
    },
};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::{
    address::{SYSTEM_PROGRAM, change_address, from_engine, to_engine, vault_address},
    builders::Addresses,
    instruction as ix,
    market::MarketView,
};

/// A parameter and its name, like `risk.cross.initial_asset` or `curve.points.2.rate_bps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Path of fields.
    pub name: String,
    /// What the engine knows of it.
    pub parameter: Parameter,
}

/// All parameters of a market ([`OF_MARKET`]), of a vault ([`OF_VAULT`]), of a perp ([`OF_PERP`]), of a pool ([`OF_POOL`]) or, for any
/// other target, of a reserve. [`MarketView::table_of`] says which of these an index of a market is.
pub fn parameters(target: u8) -> Vec<ParameterInfo> {
    let (table, fields): (&[Parameter], _) = match target {
        OF_MARKET => (&market::PARAMETERS, MarketConfig::FIELDS),
        OF_VAULT => (&vault::PARAMETERS, VaultConfig::FIELDS),
        OF_PERP => (&PERP_PARAMETERS, PerpConfig::FIELDS),
        OF_POOL => (&POOL_PARAMETERS, PoolConfig::FIELDS),
        _ => (&reserve::PARAMETERS, ReserveConfig::FIELDS),
    };
    let name = |parameter: &Parameter| path(fields, parameter.offset as usize);
    table.iter().map(|parameter| ParameterInfo { name: name(parameter), parameter: *parameter }).collect()
}

/// Whether a change brings a reserve, a pool or a perp: then its data is a whole configuration, and no edits.
pub fn adds_record(change: &Change) -> bool {
    matches!(change.target, OF_LISTING | OF_POOL | OF_PERP)
}

/// Edits in their bytes: each parameter, of those that [`parameters`] has for a target, and its new bytes.
pub fn edits_in(target: u8, mut data: &[u8]) -> Vec<(ParameterInfo, Vec<u8>)> {
    let (table, mut edits) = (parameters(target), Vec::new());
    while let Some((offset, rest)) = data.split_first_chunk() {
        let row = table.iter().find(|row| row.parameter.offset.to_le_bytes() == *offset);
        // The program has checked what it stores.
        let Some((row, (new, rest))) =
            row.and_then(|row| Some((row, rest.split_at_checked(row.parameter.width as usize)?)))
        else {
            break;
        };
        edits.push((row.clone(), new.to_vec()));
        data = rest;
    }
    edits
}

/// The names of the fields that lead to an offset.
fn path(fields: &[Field], offset: usize) -> String {
    let Some(field) = fields.iter().rev().find(|field| field.offset <= offset) else { return String::new() };
    let rest = path_in(&field.field_type, offset - field.offset);
    if rest.is_empty() { field.name.into() } else { format!("{}.{rest}", field.name) }
}

fn path_in(field_type: &FieldType, offset: usize) -> String {
    match field_type {
        FieldType::Record(_, fields) => path(fields, offset),
        FieldType::Array(element, _) => {
            let size = element.size();
            let rest = path_in(element, offset % size);
            let index = offset / size;
            if rest.is_empty() { index.to_string() } else { format!("{index}.{rest}") }
        }
        _ => String::new(),
    }
}

/// What leads from one configuration to another: the edits that add no risk and may be made at once, and those that must be
/// queued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// For [`MarketView::set_parameters`].
    pub at_once: Vec<u8>,
    /// For [`MarketView::queue_change`].
    pub waiting: Vec<u8>,
}

impl Edits {
    /// Between two configurations of a market.
    pub fn of_market(old: &MarketConfig, new: &MarketConfig) -> Self {
        Self::between(&market::PARAMETERS, bytemuck::bytes_of(old), bytemuck::bytes_of(new))
    }

    /// Between two configurations of a reserve.
    pub fn of_reserve(old: &ReserveConfig, new: &ReserveConfig) -> Self {
        Self::between(&reserve::PARAMETERS, bytemuck::bytes_of(old), bytemuck::bytes_of(new))
    }

    /// Between two configurations of a perp.
    pub fn of_perp(old: &PerpConfig, new: &PerpConfig) -> Self {
        Self::between(&PERP_PARAMETERS, bytemuck::bytes_of(old), bytemuck::bytes_of(new))
    }

    /// Between two configurations of a pool.
    pub fn of_pool(old: &PoolConfig, new: &PoolConfig) -> Self {
        Self::between(&POOL_PARAMETERS, bytemuck::bytes_of(old), bytemuck::bytes_of(new))
    }

    /// Between two policies of a vault, for [`crate::VaultView::set_parameters`] and [`crate::VaultView::queue_change`].
    pub fn of_vault(old: &VaultConfig, new: &VaultConfig) -> Self {
        Self::between(&vault::PARAMETERS, bytemuck::bytes_of(old), bytemuck::bytes_of(new))
    }

    fn between(table: &[Parameter], old: &[u8], new: &[u8]) -> Self {
        let mut edits = Self::default();
        for parameter in table {
            let (old, new) = (parameter.of(old), parameter.of(new));
            if old != new {
                let list = if parameter.adds_risk(old, new) { &mut edits.waiting } else { &mut edits.at_once };
                list.extend(parameter.offset.to_le_bytes());
                list.extend(new);
            }
        }
        edits
    }

    /// All of them, for [`MarketView::set_parameters`] before the launch, or to be queued together.
    pub fn all(&self) -> Vec<u8> {
        [self.at_once.as_slice(), &self.waiting].concat()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at_once.is_empty() && self.waiting.is_empty()
    }
}

impl MarketView {
    /// The target whose parameters, as [`parameters`] has them, a target of this market has: [`OF_PERP`] of a perp's index, [`OF_POOL`] of
    /// a pool's, and any other itself.
    pub fn table_of(&self, target: u8) -> u8 {
        match self.reserves.get(target as usize) {
            Some(record) if record.is(Kind::Perp) => OF_PERP,
            Some(record) if record.is(Kind::Pool) => OF_POOL,
            _ => target,
        }
    }

    /// What a queued change of this market sets: each parameter and its new bytes. Nothing of what [`adds_record`].
    pub fn edits_of(&self, change: &Change) -> Vec<(ParameterInfo, Vec<u8>)> {
        if adds_record(change) { Vec::new() } else { edits_in(self.table_of(change.target), change.data()) }
    }

    /// Changes parameters of a record, or of the market ([`OF_MARKET`]), at once; signed by the authority or the risk council.
    pub fn set_parameters(&self, signer: Address, target: u8, edits: Vec<u8>) -> Instruction {
        ix::SetParameters { signer, market: self.address, target, edits }.instruction()
    }

    /// Queues edits of a record, or of the market ([`OF_MARKET`]), signed by the authority and by who pays the rent. The next
    /// change has the number [`ballast_engine::state::market::Market::changes`].
    pub fn queue_change(&self, payer: Address, target: u8, data: Vec<u8>) -> Instruction {
        let accounts = ix::QueueChange {
            authority: from_engine(&self.market.authority),
            payer,
            market: self.address,
            change: change_address(&self.address, self.market.changes).0,
            system_program: SYSTEM_PROGRAM,
            target,
            data,
        };
        accounts.instruction()
    }

    /// Queues a listing, signed likewise.
    pub fn queue_listing(&self, payer: Address, mint: Address, config: ReserveConfig) -> Instruction {
        let listing = Listing { mint: to_engine(&mint), config };
        self.queue_change(payer, OF_LISTING, bytemuck::bytes_of(&listing).to_vec())
    }

    /// Queues a new pool, signed likewise.
    pub fn queue_pool(&self, payer: Address, config: &PoolConfig) -> Instruction {
        self.queue_change(payer, OF_POOL, bytemuck::bytes_of(config).to_vec())
    }

    /// Queues a new perp, signed likewise.
    pub fn queue_perp(&self, payer: Address, config: &PerpConfig) -> Instruction {
        self.queue_change(payer, OF_PERP, bytemuck::bytes_of(config).to_vec())
    }

    /// Lists the pool or the perp of a queued change that is due, signed by who pays the rent.
    pub fn list_perp(&self, payer: Address, change: &Change) -> Instruction {
        let (address, recipient) = self.change_accounts(change);
        let system_program = SYSTEM_PROGRAM;
        ix::ListPerp { payer, market: self.address, change: address, recipient, system_program }.instruction()
    }

    /// Lists the mint of a queued listing that is due, signed by who pays the rent. `recipient` paid that of the change.
    pub fn list_reserve(
        &self,
        payer: Address,
        number: u64,
        recipient: Address,
        mint: Address,
        token_program: Address,
    ) -> Instruction {
        let accounts = ix::ListReserve {
            payer,
            market: self.address,
            change: change_address(&self.address, number).0,
            recipient,
            mint,
            vault: vault_address(&self.address, &mint).0,
            vault_authority: self.vault_authority(),
            token_program,
            system_program: SYSTEM_PROGRAM,
        };
        accounts.instruction()
    }

    /// Makes the edits of a change that is due, signed by anyone.
    pub fn execute_change(&self, signer: Address, change: &Change) -> Instruction {
        let (address, recipient) = self.change_accounts(change);
        ix::ExecuteChange { signer, market: self.address, change: address, recipient }.instruction()
    }

    /// Cancels a change, signed by the authority or the guardian, or once it has expired by anyone.
    pub fn cancel_change(&self, signer: Address, change: &Change) -> Instruction {
        let (address, recipient) = self.change_accounts(change);
        ix::CancelChange { signer, market: self.address, change: address, recipient }.instruction()
    }

    fn change_accounts(&self, change: &Change) -> (Address, Address) {
        (change_address(&self.address, change.number).0, from_engine(&change.payer))
    }

    /// Opens the market to accounts, signed by the authority: from then on what adds risk waits.
    pub fn launch(&self) -> Instruction {
        let launched = MarketConfig { launched: 1, ..self.market.config };
        let edits = Edits::of_market(&self.market.config, &launched).all();
        self.set_parameters(from_engine(&self.market.authority), OF_MARKET, edits)
    }

    /// Makes the nominee the authority, signed by the nominee.
    pub fn accept_authority(&self) -> Instruction {
        let signer = from_engine(&self.market.config.roles.nominee);
        ix::AcceptAuthority { signer, market: self.address }.instruction()
    }

    /// Closes an empty, reduce-only reserve, signed by the fee collector; what is left goes to `destination`.
    pub fn close_reserve(&self, destination: Address, reserve: u8) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::CloseReserve {
            fee_collector: from_engine(&self.market.config.roles.fee_collector),
            market: self.address,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
        };
        Ok(accounts.instruction())
    }
}
