//! The virtual machine: keys, clock, accounts, transactions.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use ballast_client::{Address, ID, Instruction};
use litesvm::LiteSVM;
use solana_account::Account;
use solana_clock::Clock;
use solana_keypair::Keypair;
use solana_message::{Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::{Signature, versioned::VersionedTransaction};

use crate::{config::START, outcome::Outcome};

/// What may differ between worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether signatures are made and checked. Without, everyone's transactions pass as signed, which is quicker.
    pub verify_signatures: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { verify_signatures: true }
    }
}

/// A validator's virtual machine with the program deployed.
pub struct World {
    /// The virtual machine, for what this type does not offer.
    pub svm: LiteSVM,
    /// The market that shorthands act on.
    pub market: Address,
    /// Pays for transactions that nobody else signs, and the rent of what the shorthands create.
    pub payer: Address,
    /// The key `"authority"`: creator and authority of the markets that [`World::create_market`] makes.
    pub authority: Address,
    keys: HashMap<Address, Keypair>,
    options: Options,
}

/// The bytecode under test: what `scripts/build` made, or the file that `BALLAST_PROGRAM` names.
pub fn program_path() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/ballast.so");
    std::env::var_os("BALLAST_PROGRAM").map_or(built, PathBuf::from)
}

/// Reads a program's bytecode, or panics with the command that makes it.
pub fn read_program(path: &Path, command: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {} ({error}): run {command} first", path.display()))
}

/// A virtual machine with the program loaded, once for all tests of a process.
fn deployed() -> LiteSVM {
    static DEPLOYED: OnceLock<Mutex<LiteSVM>> = OnceLock::new();
    let shared = DEPLOYED.get_or_init(|| {
        let path = program_path();
        let bytes = read_program(&path, "scripts/build");
        // A history would refuse the second of two equal transactions.
        let mut svm = LiteSVM::new().with_transaction_history(0);
        svm.add_program(ID, &bytes).unwrap_or_else(|error| panic!("{} does not load: {error:?}", path.display()));
        Mutex::new(svm)
    });
    match shared.lock() {
        Ok(svm) => svm.clone(),
        Err(poisoned) => poisoned.into_inner().clone(),
    }
}

impl World {
    /// A world with one market without reserves, of [`World::authority`]; the key `"collector"` collects its fees.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// The same with options.
    pub fn with(options: Options) -> Self {
        let mut world = Self::empty(options);
        world.market = world.create_market(0, crate::market_config());
        world
    }

    /// A world without a market.
    pub fn empty(options: Options) -> Self {
        let svm = deployed().with_sigverify(options.verify_signatures);
        let none = Address::default();
        let mut world = Self { svm, market: none, payer: none, authority: none, keys: HashMap::new(), options };
        (world.payer, world.authority) = (world.key("payer"), world.key("authority"));
        world.set_time(START);
        world
    }

    /// A copy of everything, to go two ways from one state.
    pub fn fork(&self) -> Self {
        let keys = self.keys.iter().map(|(address, keypair)| (*address, keypair.insecure_clone())).collect();
        let Self { market, payer, authority, options, .. } = *self;
        Self { svm: self.svm.clone(), market, payer, authority, keys, options }
    }

    // Keys.

    /// The address of a key made from a name of up to 32 bytes. The world can sign for it, and it has 1,000 SOL.
    pub fn key(&mut self, name: &str) -> Address {
        let keypair = keypair(name);
        let address = keypair.pubkey();
        if self.keys.insert(address, keypair).is_none() {
            let lamports = 1_000_000_000_000;
            self.set_account(address, Account { lamports, ..Account::default() });
        }
        address
    }

    // Time.

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    /// Sets the clock.
    pub fn set_time(&mut self, unix_timestamp: i64) {
        let clock = Clock { unix_timestamp, ..self.svm.get_sysvar() };
        self.svm.set_sysvar(&clock);
    }

    /// The validators' epoch.
    pub fn epoch(&self) -> u64 {
        self.svm.get_sysvar::<Clock>().epoch
    }

    /// Sets the epoch, and leaves the time alone.
    pub fn set_epoch(&mut self, epoch: u64) {
        let clock = Clock { epoch, ..self.svm.get_sysvar() };
        self.svm.set_sysvar(&clock);
    }

    /// Moves the clock.
    pub fn advance(&mut self, seconds: i64) {
        self.set_time(self.now() + seconds);
    }

    // Accounts.

    /// An account, `None` if it has no lamports.
    pub fn find_account(&self, address: &Address) -> Option<Account> {
        self.svm.get_account(address).filter(|account| account.lamports > 0)
    }

    /// An account that must exist.
    #[track_caller]
    pub fn account(&self, address: &Address) -> Account {
        self.find_account(address).unwrap_or_else(|| panic!("no account at {address}"))
    }

    /// Writes an account.
    #[track_caller]
    pub fn set_account(&mut self, address: Address, account: Account) {
        self.svm.set_account(address, account).expect("only sysvars and programs can be refused");
    }

    /// Writes a rent-exempt account.
    #[track_caller]
    pub fn write(&mut self, address: Address, owner: Address, data: Vec<u8>) {
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        self.set_account(address, Account { lamports, data, owner, ..Account::default() });
    }

    // Transactions.

    /// Runs instructions in one transaction, paid for by its first signer, or by [`World::payer`] if nobody signs.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn send(&mut self, instructions: &[Instruction]) -> Outcome {
        let mut metas = instructions.iter().flat_map(|instruction| &instruction.accounts);
        let payer = metas.find(|meta| meta.is_signer).map_or(self.payer, |meta| meta.pubkey);
        self.send_from(payer, instructions)
    }

    /// Runs one instruction.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn send_one(&mut self, instruction: impl Into<Instruction>) -> Outcome {
        self.send(&[instruction.into()])
    }

    /// Runs instructions in one transaction paid for by `payer`. If it fails, it must not have changed anything.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn send_from(&mut self, payer: Address, instructions: &[Instruction]) -> Outcome {
        let transaction = self.transaction(&payer, instructions);
        let bytes = transaction_bytes(&transaction);
        let addresses = transaction.message.static_account_keys().to_vec();
        let before: Vec<_> = addresses.iter().map(|address| self.svm.get_account(address)).collect();
        let outcome = Outcome::new(self.svm.send_transaction(transaction), bytes);
        if !outcome.is_ok() {
            for (address, mut before) in addresses.iter().zip(before) {
                let after = self.svm.get_account(address);
                if let (true, Some(before), Some(after)) = (*address == payer, &mut before, &after) {
                    // The fee is paid for failed transactions too.
                    assert!(after.lamports <= before.lamports);
                    before.lamports = after.lamports;
                }
                assert!(before == after, "a failed transaction changed {address}: {}", outcome.describe());
            }
        }
        outcome
    }

    /// A legacy transaction, signed by all keys it needs.
    #[track_caller]
    pub fn transaction(&self, payer: &Address, instructions: &[Instruction]) -> VersionedTransaction {
        let mut message = Message::new(instructions, Some(payer));
        message.recent_blockhash = self.svm.latest_blockhash();
        let signers = &message.account_keys[..message.header.num_required_signatures as usize];
        let serialized = message.serialize();
        let sign = |address: &Address| match self.keys.get(address) {
            Some(keypair) if self.options.verify_signatures => keypair.sign_message(&serialized),
            None if self.options.verify_signatures => panic!("{address} must sign, but the world has no such key"),
            _ => Signature::default(),
        };
        let signatures = signers.iter().map(sign).collect();
        VersionedTransaction { signatures, message: VersionedMessage::Legacy(message) }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A key made from a name of up to 32 bytes.
pub(crate) fn keypair(name: &str) -> Keypair {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    Keypair::new_from_array(seed)
}

/// Serialised size: the count of signatures (one byte for up to 127), 64 bytes each, the message.
fn transaction_bytes(transaction: &VersionedTransaction) -> usize {
    1 + 64 * transaction.signatures.len() + transaction.message.serialize().len()
}
