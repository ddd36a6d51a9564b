//! The virtual machine with the program in it, and what surrounds the program: clock, mints, token and price accounts.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use ballast_client::{
    Address, Event, ID, Instruction, MarketView, PYTH_RECEIVERS, ProgramError, TOKEN_PROGRAM, VaultView,
    change_address, decode_change, decode_exit_request, decode_health, decode_margin_account, decode_vault,
    describe_error,
    engine::{
        self,
        health::report::HealthReport,
        number::units::Bps,
        price::feed::PriceUpdate,
        state::{
            account::MarginAccount,
            market::{MarketConfig, Roles},
            perp::{PerpConfig, PoolConfig},
            token::balance,
            vault::{ExitRequest, Vault, VaultConfig},
        },
    },
    to_engine,
};
use litesvm::{LiteSVM, types::TransactionMetadata};
use solana_account::Account;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_message::Message;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;

use super::{
    assets::{Asset, mint, price_account},
    policy::Policy,
    replay::Phases,
};

const LAMPORTS: u64 = 1_000_000_000_000_000;
/// Bytes of a mint and of a token account of SPL Token.
const MINT_LEN: usize = 82;
const TOKEN_ACCOUNT_LEN: usize = 165;
/// Where a token account keeps its amount.
const AMOUNT: std::ops::Range<usize> = 64..72;
/// Where a mint keeps its supply.
const SUPPLY: std::ops::Range<usize> = 36..44;

/// Compute units of one kind of operation, whole transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Transactions that succeeded.
    pub count: u64,
    /// Their compute units together.
    pub total: u64,
    /// The most of one.
    pub most: u64,
}

/// What became of a transaction.
pub enum Outcome {
    /// It changed the chain and logged these.
    Done(Vec<Event>),
    /// The protocol refused it.
    Refused(engine::Error),
}

/// The chain.
pub struct World {
    svm: LiteSVM,
    payer: Address,
    /// The market at hand.
    pub market: Address,
    /// What it lists, in order of the reserves' indices.
    pub assets: Vec<Asset>,
    /// Unix seconds.
    pub now: i64,
    /// Compute units by operation.
    pub costs: BTreeMap<&'static str, Cost>,
    /// Operations that the protocol refused, by operation and reason.
    pub refusals: BTreeMap<(&'static str, &'static str), u64>,
    /// Events seen in logs.
    pub events: u64,
}

impl World {
    /// Starts the virtual machine with mainnet's features, and creates the mints.
    pub fn new(bytecode: &[u8], assets: &[Asset], now: i64) -> Result<Self> {
        // Signatures are not checked: the demo is about the program, and this halves its time.
        let mut svm = LiteSVM::new().with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
        svm.add_program(ID, bytecode).map_err(|error| anyhow!("the program does not load: {error}"))?;
        let payer = Address::new_from_array(*b"ballast demo payer of all rents.");
        let mut world = Self {
            svm,
            payer,
            market: Address::default(),
            assets: assets.to_vec(),
            now,
            costs: BTreeMap::new(),
            refusals: BTreeMap::new(),
            events: 0,
        };
        world.set_time(now);
        world.write(payer, Address::default(), Vec::new())?;
        for (index, asset) in assets.iter().enumerate() {
            let mut data = vec![0; MINT_LEN];
            data[SUPPLY].copy_from_slice(&u64::MAX.to_le_bytes());
            (data[44], data[45]) = (asset.decimals, 1);
            world.write(mint(index), TOKEN_PROGRAM, data)?;
        }
        Ok(world)
    }

    /// Creates a market, which is at hand from then on, and lists all reserves as a policy has it, with limits of liquidations.
    pub fn create_market(&mut self, authority: Address, policy: Policy, phases: &Phases) -> Result<()> {
        self.prepare_market(authority, policy, phases)?;
        self.launch_market()
    }

    /// The same of a market that is not launched yet, so that more can be listed.
    pub fn prepare_market(&mut self, authority: Address, policy: Policy, phases: &Phases) -> Result<()> {
        let role = to_engine(&authority);
        let [price_receiver, second_price_receiver] = PYTH_RECEIVERS.map(|receiver| to_engine(&receiver));
        let (fee_collector, guardian) = (role, role);
        let roles = Roles { fee_collector, guardian, price_receiver, second_price_receiver, ..Roles::default() };
        let config = MarketConfig { roles, near_insolvency: Bps(phases.near_insolvency), ..policy.market() };
        // It pays for its market.
        self.write(authority, Address::default(), Vec::new())?;
        let (create, market) = MarketView::create(authority, 0, config);
        self.run("create market", create)?;
        self.market = market;
        for index in 0..self.assets.len() {
            let (view, mut config) = (self.market()?, policy.reserve(&self.assets[index], index));
            config.breakers.liquidation_hour = phases.hourly[index];
            let (payer, mint, number) = (self.payer, mint(index), view.market.changes);
            self.run("queue listing", view.queue_listing(payer, mint, config))?;
            self.run("list reserve", view.list_reserve(payer, number, payer, mint, TOKEN_PROGRAM))?;
        }
        Ok(())
    }

    /// Launches the market at hand.
    pub fn launch_market(&mut self) -> Result<()> {
        self.run("launch market", self.market()?.launch())
    }

    /// Lists a pool in the market at hand, before its launch, and returns its index.
    pub fn list_pool(&mut self, config: &PoolConfig) -> Result<u8> {
        let view = self.market()?;
        self.list_record(&view, view.queue_pool(self.payer, config))
    }

    /// The same of a perp.
    pub fn list_perp(&mut self, config: &PerpConfig) -> Result<u8> {
        let view = self.market()?;
        self.list_record(&view, view.queue_perp(self.payer, config))
    }

    fn list_record(&mut self, view: &MarketView, queue: Instruction) -> Result<u8> {
        let address = change_address(&view.address, view.market.changes).0;
        self.run("queue listing", queue)?;
        let account = self.svm.get_account(&address).context("the change does not exist")?;
        let change = decode_change(&account.data).context("the change")?;
        self.run("list perp", view.list_perp(self.payer, &change))?;
        Ok(view.reserves.len() as u8)
    }

    /// Moves the clock.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
        let clock: Clock = self.svm.get_sysvar();
        self.svm.set_sysvar(&Clock { unix_timestamp: now, slot: clock.slot + 1, ..clock });
    }

    fn write(&mut self, address: Address, owner: Address, data: Vec<u8>) -> Result<()> {
        let account = Account { lamports: LAMPORTS, data, owner, executable: false, rent_epoch: u64::MAX };
        self.svm.set_account(address, account).map_err(|error| anyhow!("cannot write account {address}: {error}"))
    }

    /// Sets the balance of a token account, creating it if need be: the world outside the protocol.
    pub fn set_tokens(&mut self, address: Address, reserve: usize, owner: Address, amount: u64) -> Result<()> {
        self.set_tokens_of(address, mint(reserve), owner, amount)
    }

    fn set_tokens_of(&mut self, address: Address, mint: Address, owner: Address, amount: u64) -> Result<()> {
        let mut data = vec![0; TOKEN_ACCOUNT_LEN];
        data[..32].copy_from_slice(mint.as_ref());
        data[32..64].copy_from_slice(owner.as_ref());
        data[AMOUNT].copy_from_slice(&amount.to_le_bytes());
        // Initialised.
        data[108] = 1;
        self.write(address, TOKEN_PROGRAM, data)
    }

    /// The balance of a token account, zero if there is none.
    pub fn tokens(&self, address: &Address) -> u64 {
        self.svm.get_account(address).and_then(|account| balance(&account.data)).unwrap_or(0)
    }

    /// Creates a vault of a reserve's token with its seed, opens its allocations, and returns its address.
    pub fn create_vault(&mut self, creator: Address, reserve: usize, config: VaultConfig) -> Result<Address> {
        // It pays for its vault.
        self.write(creator, Address::default(), Vec::new())?;
        let source = Address::new_from_array(*b"ballast demo seed of the vault. ");
        self.set_tokens(source, reserve, creator, Vault::SEED)?;
        let (create, vault) = VaultView::create(creator, 0, config, (mint(reserve), TOKEN_PROGRAM), source);
        self.run("create vault", create)?;
        let listed = config.allocations.iter().filter(|allocation| !allocation.market.is_none()).count();
        for slot in 0..listed as u8 {
            let open = self.vault(&vault)?.open_allocation(slot)?;
            self.run("open allocation", open)?;
        }
        Ok(vault)
    }

    /// Reads a vault with its markets.
    pub fn vault(&self, address: &Address) -> Result<VaultView> {
        let read = |address: &Address| {
            self.svm.get_account(address).with_context(|| format!("account {address} does not exist"))
        };
        let vault = decode_vault(&read(address)?.data).context("the vault's account")?;
        let mut markets = Vec::new();
        for market in VaultView::market_addresses(&vault) {
            markets.push(MarketView::decode(market, &read(&market)?.data).context("a market of the vault")?);
        }
        Ok(VaultView::new(*address, vault, markets))
    }

    /// Reads an owner's request in a vault's queue, if there is one.
    pub fn exit_request(&self, vault: &VaultView, owner: &Address) -> Result<Option<ExitRequest>> {
        let account = self.svm.get_account(&vault.exit_request(owner)).filter(|account| !account.data.is_empty());
        account.map(|account| decode_exit_request(&account.data).context("a request of the queue")).transpose()
    }

    /// Puts an owner's request into a vault's queue; others pay its rent.
    pub fn request_exit(&mut self, vault: &VaultView, owner: Address, shares: Address, count: u64) -> Result<Outcome> {
        self.send("request exit", vault.request_exit(owner, self.payer, shares, count, 0))
    }

    /// Takes what an owner's request was paid.
    pub fn claim_exit(&mut self, vault: &VaultView, owner: Address, destination: Address) -> Result<()> {
        self.run("claim exit", vault.claim_exit(owner, destination, self.payer))
    }

    /// Makes an empty account for a vault's shares.
    pub fn open_shares(&mut self, vault: &VaultView, address: Address, owner: Address) -> Result<()> {
        self.set_tokens_of(address, vault.share_mint(), owner, 0)
    }

    /// The supply of a mint.
    pub fn supply(&self, mint: &Address) -> Result<u64> {
        let account = self.svm.get_account(mint).with_context(|| format!("mint {mint} does not exist"))?;
        let bytes = account.data.get(SUPPLY).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u64::from_le_bytes).with_context(|| format!("{mint} is no mint"))
    }

    /// Publishes prices and has the market at hand take them over. Between two of these there were others, which are not known; in
    /// them the ramps had their turns.
    pub fn publish(&mut self, updates: &[PriceUpdate]) -> Result<()> {
        let market = self.market()?;
        let is_ramping = |index: &u8| market.reserve(*index).is_ok_and(|reserve| reserve.risk.is_ramping != 0);
        for index in (0..market.reserves.len() as u8).filter(is_ramping) {
            self.run("refresh_reserve", market.refresh_reserve(index)?)?;
        }
        for (index, update) in updates.iter().enumerate() {
            let address = price_account(index);
            self.write(address, PYTH_RECEIVERS[0], update.to_bytes(to_engine(&address)).to_vec())?;
        }
        let refresh = market.refresh_prices(&market.pinned_prices())?;
        self.run("refresh all prices", refresh)
    }

    /// Reads the market at hand.
    pub fn market(&self) -> Result<MarketView> {
        let account = self.svm.get_account(&self.market).context("the market does not exist")?;
        MarketView::decode(self.market, &account.data).context("the market's account")
    }

    /// Reads a margin account.
    pub fn margin_account(&self, address: &Address) -> Result<MarginAccount> {
        let account =
            self.svm.get_account(address).with_context(|| format!("margin account {address} does not exist"))?;
        decode_margin_account(&account.data).with_context(|| format!("margin account {address}"))
    }

    /// Opens the first margin account of an owner.
    pub fn open_account(&mut self, market: &MarketView, owner: Address) -> Result<()> {
        self.run("open account", market.open_account(owner, self.payer, 0))
    }

    /// Opens an owner's stake in a reserve's insurance.
    pub fn open_stake(&mut self, owner: Address, reserve: u8) -> Result<()> {
        let open = self.market()?.open_stake(owner, self.payer, reserve)?;
        self.run("open stake", open)
    }

    /// Has the program compute the healths of a margin account.
    pub fn read_health(&mut self, margin_account: Address) -> Result<HealthReport> {
        let read = self.market()?.read_health(margin_account);
        match self.execute("read health", read)? {
            Ok(meta) => decode_health(&meta.return_data.data).context("the health that the program returned"),
            Err(error) => bail!("read health: {error}"),
        }
    }

    /// Sends a transaction that must succeed.
    pub fn run(&mut self, operation: &'static str, instruction: Instruction) -> Result<()> {
        match self.send(operation, instruction)? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(error) => bail!("{operation}: {}", describe_error(error.code())),
        }
    }

    /// Sends a transaction that the protocol may refuse. Any other failure is an error.
    pub fn send(&mut self, operation: &'static str, instruction: Instruction) -> Result<Outcome> {
        match self.execute(operation, instruction)? {
            Ok(meta) => {
                let events = Event::from_logs(&meta.logs);
                self.events += events.len() as u64;
                Ok(Outcome::Done(events))
            }
            Err(error) => {
                *self.refusals.entry((operation, error.name())).or_default() += 1;
                Ok(Outcome::Refused(error))
            }
        }
    }

    fn execute(
        &mut self,
        operation: &'static str,
        instruction: Instruction,
    ) -> Result<core::result::Result<TransactionMetadata, engine::Error>> {
        let message = Message::new(&[instruction], Some(&self.payer));
        match self.svm.send_transaction(Transaction::new_unsigned(message)) {
            Ok(meta) => {
                let cost = self.costs.entry(operation).or_default();
                cost.count += 1;
                cost.total += meta.compute_units_consumed;
                cost.most = cost.most.max(meta.compute_units_consumed);
                Ok(Ok(meta))
            }
            Err(failed) => {
                if let TransactionError::InstructionError(_, InstructionError::Custom(code)) = failed.err {
                    if let Some(ProgramError::Engine(error)) = ProgramError::from_code(code) {
                        return Ok(Err(error));
                    }
                    bail!("{operation}: {}\n{}", describe_error(code), failed.meta.logs.join("\n"));
                }
                bail!("{operation}: {:?}\n{}", failed.err, failed.meta.logs.join("\n"));
            }
        }
    }
}
