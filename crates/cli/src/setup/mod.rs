//! `ballast market`: brings a market to what a file says, and what its guardian and authority do in an incident.

pub mod cluster;
pub mod file;
pub mod plan;
#[cfg(test)]
mod tests;
pub mod value;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, Instruction, MarketView, change_address, decode_change,
    engine::{gate::Action, migration},
    from_engine,
    instruction::Migrate,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use solana_keypair::{Keypair, read_keypair_file};
use solana_signer::Signer;

use crate::demo::time::full_label;
use cluster::{Cluster, Rpc};
use file::Desired;
use plan::{Plan, State, Step, plan};

/// Sets a market up and looks after it.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Brings a market to what a file says. Exits with 0 when nothing is left to do, with 3 when something is.
    Apply {
        /// The market's file; migrations/market.toml is one.
        file: PathBuf,
    },
    /// Stops actions for six hours, as the guardian.
    Pause {
        /// The market.
        market: Address,
        /// What to stop.
        #[arg(required = true)]
        actions: Vec<Pausable>,
    },
    /// Lifts a pause, as the guardian or the authority; as the authority also the restriction to reducing after a loss.
    Resume {
        /// The market.
        market: Address,
    },
    /// Cancels a queued change, as the authority or the guardian; once it has expired, as anyone.
    Cancel {
        /// The market.
        market: Address,
        /// The change's number.
        number: u64,
    },
    /// Closes an empty, reduce-only reserve for good, as the fee collector.
    Close {
        /// The market.
        market: Address,
        /// The reserve's index.
        reserve: u8,
        /// The token account that gets what is left.
        destination: Address,
    },
    /// Brings accounts of an older layout up to date, as anyone. Others are left out.
    Migrate {
        /// Markets, margin accounts and stakes.
        #[arg(required = true)]
        accounts: Vec<Address>,
    },
}

/// What the guardian can stop.
#[derive(Clone, Copy, ValueEnum)]
pub enum Pausable {
    /// Taking deposits back.
    Withdraw,
    /// New debts.
    Borrow,
    /// Loans within a transaction.
    FlashLoan,
    /// Taking stakes back.
    Unstake,
}

impl Pausable {
    fn action(self) -> Action {
        match self {
            Self::Withdraw => Action::Withdraw,
            Self::Borrow => Action::Borrow,
            Self::FlashLoan => Action::BeginFlashLoan,
            Self::Unstake => Action::Unstake,
        }
    }
}

/// Where to send, and as whom.
#[derive(Args)]
pub struct Connection {
    /// A node's JSON-RPC.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8899")]
    url: String,
    /// Key that signs, as `solana-keygen` writes it.
    #[arg(long, global = true)]
    keypair: Option<PathBuf>,
    /// Key that pays fees and rents; without, the one that signs.
    #[arg(long, global = true, requires = "keypair")]
    payer: Option<PathBuf>,
    /// Sends nothing.
    #[arg(long, global = true)]
    dry_run: bool,
    /// Sends nothing, and prints the instructions as JSON to be proposed in a multisig, which pays.
    #[arg(long, global = true, conflicts_with_all = ["keypair", "dry_run"])]
    multisig: bool,
    /// Sends to mainnet.
    #[arg(long, global = true)]
    yes: bool,
}

/// Runs a command. The exit code is 3 when something is left to do.
pub fn run(Options { command, connection }: &Options) -> Result<ExitCode> {
    let keys = Keys::read(connection)?;
    let mut session = Session {
        cluster: &mut Rpc::new(&connection.url),
        is_sending: !connection.dry_run && !connection.multisig,
        keys,
        out: &mut std::io::stdout().lock(),
        is_json: connection.multisig,
    };
    if session.is_sending {
        ensure!(!session.keys.0.is_empty(), "--keypair is missing; --dry-run does without");
        const MAINNET: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
        ensure!(connection.yes || session.cluster.genesis_hash()? != MAINNET, "this is mainnet: say --yes");
    }
    let is_done = session.act(command)?;
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// The keys at hand; the first pays.
struct Keys(Vec<Keypair>);

impl Keys {
    fn read(connection: &Connection) -> Result<Self> {
        let read = |path: &Path| {
            read_keypair_file(path).map_err(|error| anyhow!("cannot read the key {}: {error}", path.display()))
        };
        let files = [&connection.payer, &connection.keypair].into_iter().flatten();
        files.map(|path| read(path)).collect::<Result<_>>().map(Self)
    }

    fn payer(&self) -> Option<Address> {
        self.0.first().map(Signer::pubkey)
    }
}

/// One run of a command.
struct Session<'a> {
    cluster: &'a mut dyn Cluster,
    keys: Keys,
    is_sending: bool,
    is_json: bool,
    out: &'a mut dyn Write,
}

impl Session<'_> {
    fn find_market(&mut self, address: Address) -> Result<Option<MarketView>> {
        let Some(account) = self.cluster.accounts(&[address])?.pop().flatten() else { return Ok(None) };
        ensure!(account.owner == ballast_client::ID, "{address} is no account of the program {}", ballast_client::ID);
        let view = MarketView::decode(address, &account.data);
        view.map(Some).with_context(|| format!("market {address}; one of an older layout must be migrated first"))
    }

    fn state(&mut self, desired: &Desired) -> Result<State> {
        let market = self.find_market(desired.address())?;
        let count = market.as_ref().map_or(0, |view| view.market.changes);
        let addresses: Vec<_> = (0..count).map(|number| change_address(&desired.address(), number).0).collect();
        let accounts = self.cluster.accounts(&addresses)?;
        let is_ours = |account: &solana_account::Account| account.owner == ballast_client::ID;
        let changes = accounts.into_iter().flatten().filter(is_ours).map(|account| decode_change(&account.data));
        let changes = changes.collect::<Result<_, _>>().context("a queued change")?;
        let mints: Vec<_> = desired.reserves.iter().map(|listed| listed.mint).collect();
        let accounts = self.cluster.accounts(&mints)?;
        let mints = mints.iter().zip(accounts).filter_map(|(mint, account)| Some((mint.to_bytes(), account?)));
        let mints = mints.collect();
        Ok(State { market, changes, mints, now: cluster::now(self.cluster)? })
    }

    /// Sends what can be sent now, and returns whether nothing is left to do.
    fn apply(&mut self, desired: &Desired) -> Result<bool> {
        let payer = self.keys.payer();
        let state = self.state(desired)?;
        let now = state.now;
        let first = plan(desired, state, payer)?;
        if self.is_json {
            self.json(&first)?;
            return Ok(first.steps.is_empty());
        }
        writeln!(self.out, "market {}, {} UTC", desired.address(), full_label(now))?;
        self.table(&first)?;
        if !self.is_sending || !self.carry_out(&first.steps)? {
            return Ok(first.steps.is_empty());
        }
        let left = plan(desired, self.state(desired)?, payer)?;
        writeln!(self.out, "left to do:")?;
        self.table(&left)?;
        Ok(left.steps.is_empty())
    }

    /// Sends steps in order, up to the first that somebody else must sign. Returns whether anything was sent.
    fn carry_out(&mut self, steps: &[Step]) -> Result<bool> {
        let mut sent = false;
        for step in steps.iter().filter(|step| step.from.is_none()) {
            let keys: Vec<_> = self.keys.0.iter().collect();
            if !keys.iter().any(|key| key.pubkey() == step.signer) {
                writeln!(self.out, "{} must sign the next step: --multisig prints it", step.signer)?;
                break;
            }
            let words = step.words.join("; ");
            let signature = self.cluster.send(&step.instruction, &keys).context(words.clone())?;
            writeln!(self.out, "done: {words} ({signature})")?;
            sent = true;
        }
        Ok(sent)
    }

    fn table(&mut self, plan: &Plan) -> Result<()> {
        if plan.steps.is_empty() {
            writeln!(self.out, "  nothing to do")?;
        }
        for (index, step) in plan.steps.iter().enumerate() {
            let when = step.from.map_or("now".into(), full_label);
            for (nth, words) in step.words.iter().enumerate() {
                let (number, when) =
                    if nth == 0 { ((index + 1).to_string(), when.as_str()) } else { Default::default() };
                writeln!(self.out, "  {number:>3}  {when:16}  {words}")?;
            }
        }
        for warning in &plan.warnings {
            writeln!(self.out, "  note: {warning}")?;
        }
        Ok(())
    }

    /// Prints the instructions that can be executed now.
    fn json(&mut self, plan: &Plan) -> Result<()> {
        let instruction = |step: &Step| {
            let Instruction { program_id, accounts, data } = &step.instruction;
            let meta = |meta: &ballast_client::AccountMeta| {
                let address = meta.pubkey.to_string();
                json!({ "pubkey": address, "isSigner": meta.is_signer, "isWritable": meta.is_writable })
            };
            json!({
                "words": step.words,
                "signer": step.signer.to_string(),
                "programId": program_id.to_string(),
                "accounts": accounts.iter().map(meta).collect::<Vec<_>>(),
                "data": BASE64_STANDARD.encode(data),
            })
        };
        let list: Vec<_> = plan.steps.iter().filter(|step| step.from.is_none()).map(instruction).collect();
        let all = json!({ "instructions": list, "notes": plan.warnings });
        writeln!(self.out, "{}", serde_json::to_string_pretty(&all)?)?;
        Ok(())
    }

    fn act(&mut self, command: &Command) -> Result<bool> {
        match *command {
            Command::Apply { ref file } => {
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
                self.apply(&Desired::parse(&text).with_context(|| file.display().to_string())?)
            }
            Command::Pause { market, ref actions } => {
                let view = self.market(market)?;
                let actions: Vec<_> = actions.iter().map(|action| action.action()).collect();
                let guardian = from_engine(&view.market.config.roles.guardian);
                self.one(format!("pause {actions:?}"), guardian, view.pause(&actions))
            }
            Command::Resume { market } => {
                let view = self.market(market)?;
                let signer = self.signer(&view);
                self.one("resume".into(), signer, view.resume(signer))
            }
            Command::Cancel { market, number } => {
                let view = self.market(market)?;
                let account = self.cluster.accounts(&[change_address(&market, number).0])?.pop().flatten();
                let change = decode_change(&account.with_context(|| format!("there is no change {number}"))?.data)?;
                let signer = self.signer(&view);
                self.one(format!("cancel change {number}"), signer, view.cancel_change(signer, &change))
            }
            Command::Close { market, reserve, destination } => {
                let view = self.market(market)?;
                let close = view.close_reserve(destination, reserve).map_err(|error| anyhow!(error.message()))?;
                let collector = from_engine(&view.market.config.roles.fee_collector);
                self.one(format!("close reserve {reserve} for good"), collector, close)
            }
            Command::Migrate { ref accounts } => {
                let (found, signer) = (self.cluster.accounts(accounts)?, self.keys.payer().unwrap_or_default());
                let is_old = |data: &[u8]| migration::migrated_len(data).is_ok();
                let old =
                    accounts.iter().zip(found).filter(|(_, found)| found.as_ref().is_some_and(|it| is_old(&it.data)));
                let steps = old.map(|(&account, _)| Step {
                    words: vec![format!("migrate {account}")],
                    signer,
                    from: None,
                    instruction: Migrate { account }.instruction(),
                });
                self.all(steps.collect())
            }
        }
    }

    fn market(&mut self, address: Address) -> Result<MarketView> {
        self.find_market(address)?.with_context(|| format!("there is no market {address}"))
    }

    /// Who acts: whose key is at hand, or the authority.
    fn signer(&self, view: &MarketView) -> Address {
        self.keys.0.last().map_or_else(|| from_engine(&view.market.authority), Signer::pubkey)
    }

    fn one(&mut self, words: String, signer: Address, instruction: Instruction) -> Result<bool> {
        self.all(vec![Step { words: vec![words], signer, from: None, instruction }])
    }

    /// Steps beside the file: sent, or shown.
    fn all(&mut self, steps: Vec<Step>) -> Result<bool> {
        let plan = Plan { steps, warnings: Vec::new() };
        match () {
            () if self.is_json => self.json(&plan).map(|()| true),
            () if self.is_sending && !plan.steps.is_empty() => self.carry_out(&plan.steps),
            () => self.table(&plan).map(|()| true),
        }
    }
}
