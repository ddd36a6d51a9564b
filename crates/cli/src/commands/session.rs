//! One run of a command: reads, sends or shows, and says what it did.

use std::io::{IsTerminal, Write, stdin, stdout};

use anyhow::{Context, Result, ensure};
use ballast_client::{Address, Instruction, MarketView, from_engine};
use ballast_market_file::{Plan, PlannedTransaction, state::find_market};
use ballast_rpc::{Cluster, now};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    connection::is_mainnet,
    keys::Keys,
    names::{MarketName, Named},
    vault::name::{NamedVault, VaultName},
};
use ballast_time::full_label;

/// What is done with transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are sent; to mainnet, if that is meant.
    Send {
        /// Whether somebody said so.
        is_mainnet_meant: bool,
    },
    /// They are listed, and simulated if possible.
    DryRun,
    /// They are printed to be proposed in a multisig.
    Multisig,
}

/// How a command was called.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// The market, as it was named.
    pub market: Option<String>,
    /// The vault, likewise.
    pub vault: Option<String>,
    /// Whether options name a market and a vault, not the environment alone.
    pub given: (bool, bool),
    /// The options that say where and as whom.
    pub options: Vec<String>,
}

impl Invocation {
    /// Another command that goes to the same place, as a shell takes it.
    pub fn command(&self, words: &[&str]) -> String {
        let options = self.options.iter().map(String::as_str);
        let all = ["ballast"].into_iter().chain(words.iter().copied()).chain(options);
        // Only a zero byte cannot be quoted, and no argument has one.
        shlex::try_join(all).unwrap_or_default()
    }
}

impl Invocation {
    /// The same about a vault, whatever market and vault are named by options.
    pub fn command_of_vault(&self, words: &[&str], vault: Address) -> String {
        let mut other = self.clone();
        let mut options = self.options.iter();
        other.options.clear();
        while let Some(option) = options.next() {
            if ["--market", "--vault"].contains(&option.as_str()) {
                options.next();
            } else {
                other.options.push(option.clone());
            }
        }
        let vault = self.vault.clone().unwrap_or_else(|| vault.to_string());
        other.options.extend(["--vault".into(), vault]);
        other.command(words)
    }
}

/// One run of a command.
pub struct Session<'a> {
    /// What is read from and sent to.
    pub cluster: &'a mut dyn Cluster,
    /// Who signs.
    pub keys: Keys,
    /// How it was called.
    pub invocation: Invocation,
    mode: Mode,
    is_json: bool,
    out: &'a mut dyn Write,
    is_checked: bool,
}

impl<'a> Session<'a> {
    /// A run that says what it does to `out`.
    pub fn new(cluster: &'a mut dyn Cluster, keys: Keys, mode: Mode, is_json: bool, out: &'a mut dyn Write) -> Self {
        Self { cluster, keys, invocation: Invocation::default(), mode, is_json, out, is_checked: false }
    }

    /// Whether transactions are sent.
    pub fn is_sending(&self) -> bool {
        matches!(self.mode, Mode::Send { .. })
    }

    /// Whether instructions are printed for a multisig.
    pub fn is_for_multisig(&self) -> bool {
        self.mode == Mode::Multisig
    }

    /// Unix seconds, of the cluster's clock.
    pub fn now(&mut self) -> Result<i64> {
        now(self.cluster)
    }

    /// A market, if there is one at the address.
    pub fn find_market(&mut self, address: Address) -> Result<Option<MarketView>> {
        find_market(self.cluster, address)
    }

    /// A market.
    pub fn market(&mut self, address: Address) -> Result<MarketView> {
        self.find_market(address)?.with_context(|| format!("there is no market {address}"))
    }

    /// The market that the command is about: the one given here, or how it was named else.
    pub fn named(&mut self, given: Option<&str>) -> Result<Named> {
        let name = self.market_name(given)?;
        Named::read(self, &name)
    }

    /// The name of that market.
    pub fn market_name(&self, given: Option<&str>) -> Result<MarketName> {
        let name = given.or(self.invocation.market.as_deref());
        name.context("which market? Give --market or set BALLAST_MARKET")?.parse()
    }

    /// The vault that the command is about: the one given here, or how it was named else.
    pub fn vault(&mut self, given: Option<&str>) -> Result<NamedVault> {
        let name = given.or(self.invocation.vault.as_deref());
        let name: VaultName = name.context("which vault? Give --vault or set BALLAST_VAULT")?.parse()?;
        NamedVault::read(self, &name)
    }

    /// What people call a token: as the market's file names it, if there is one, or as everybody does; else its mint.
    pub fn token_name(&self, mint: Address) -> String {
        let market = self.market_name(None).ok();
        market.unwrap_or_else(MarketName::unknown).token(mint)
    }

    /// Asks somebody at a terminal, and returns whether they say yes. Without a terminal, or if nothing would be sent, the answer
    /// is no.
    pub fn agrees(&mut self, question: &str) -> Result<bool> {
        if self.is_json || !self.is_sending() || !stdin().is_terminal() || !stdout().is_terminal() {
            return Ok(false);
        }
        write!(self.out, "{question} [y/N] ")?;
        self.out.flush()?;
        let mut answer = String::new();
        stdin().read_line(&mut answer).context("no answer")?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Who acts in governance: the signer at hand, or without one the market's authority.
    pub fn governor(&self, view: &MarketView) -> Address {
        self.keys.signer().unwrap_or_else(|| from_engine(&view.market.authority))
    }

    /// The user whose accounts the command is about: the signer. An error if there is no key.
    pub fn user(&self) -> Result<Address> {
        let remedy = || if self.is_for_multisig() { "name it with --signer".into() } else { self.keys.remedy() };
        self.keys.signer().with_context(|| format!("no key: {}", remedy()))
    }

    /// Shows an answer: an object to programs, text to people.
    pub fn show(&mut self, object: Value, text: &str) -> Result<()> {
        if self.is_json { self.line(&object) } else { self.say(text) }
    }

    fn line(&mut self, object: &Value) -> Result<()> {
        writeln!(self.out, "{object}").context("cannot print")
    }

    /// Says something to people, and nothing to programs.
    pub fn say(&mut self, text: &str) -> Result<()> {
        if !self.is_json && !self.is_for_multisig() {
            writeln!(self.out, "{}", text.trim_end()).context("cannot print")?;
        }
        Ok(())
    }

    /// One transaction: sent, or shown.
    pub fn one(&mut self, words: String, signer: Address, instructions: Vec<Instruction>) -> Result<bool> {
        self.one_noted(words, signer, instructions, None)
    }

    /// The same, with what is to be said before.
    pub fn one_noted(
        &mut self,
        words: String,
        signer: Address,
        instructions: Vec<Instruction>,
        warning: Option<String>,
    ) -> Result<bool> {
        let steps = vec![PlannedTransaction { words: vec![words], signer, from: None, instructions }];
        self.noted(Plan { steps, warnings: warning.into_iter().collect() })
    }

    /// Transactions that do not depend on a plan: sent, or shown.
    pub fn all(&mut self, steps: Vec<PlannedTransaction>) -> Result<bool> {
        self.noted(Plan { steps, warnings: Vec::new() })
    }

    /// A plan: its warnings, then its transactions, sent or shown.
    pub fn noted(&mut self, plan: Plan) -> Result<bool> {
        if self.is_sending() && !plan.warnings.is_empty() {
            let notes: Vec<_> = plan.warnings.iter().map(|warning| format!("note: {warning}")).collect();
            self.show(json!({ "notes": plan.warnings }), &notes.join("\n"))?;
        }
        match self.mode {
            Mode::Multisig => self.print_instructions(&plan).map(|()| true),
            Mode::Send { .. } if !plan.steps.is_empty() => Ok(self.carry_out(&plan.steps)? == plan.steps.len()),
            Mode::Send { .. } => self.table(&plan).map(|()| true),
            Mode::DryRun => {
                self.table(&plan)?;
                let is_signed = |step: &PlannedTransaction| self.keys.has(step.signer);
                // Only the first can be simulated: the others depend on what it leaves.
                if let Some(step) = plan.steps.first().filter(|step| is_signed(step)) {
                    let estimate = self.cluster.simulate(&step.instructions, &self.keys.all())?;
                    let object = json!({ "units": estimate.units, "priorityFee": estimate.priority_fee.to_string() });
                    let fee =
                        format!("{} compute units, {} lamports for priority", estimate.units, estimate.priority_fee);
                    self.show(json!({ "estimate": object }), &format!("  would land: {fee}"))?;
                }
                Ok(true)
            }
        }
    }

    /// Sends steps in order, up to the first that somebody else must sign or that must wait. Returns how many were sent.
    pub fn carry_out(&mut self, steps: &[PlannedTransaction]) -> Result<usize> {
        let mut sent = 0;
        for step in steps.iter().filter(|step| step.from.is_none()) {
            self.require_permission()?;
            if !self.keys.has(step.signer) {
                let words = format!("{} must sign the next step: --multisig prints it", step.signer);
                self.show(json!({ "mustSign": step.signer.to_string(), "words": step.words }), &words)?;
                break;
            }
            let words = step.words.join("; ");
            if self.keys.keys.iter().any(|key| key.is_interactive()) {
                self.say(&format!("to be confirmed on the device: {words}"))?;
            }
            let signature = self.cluster.send(&step.instructions, &self.keys.all()).context(words.clone())?;
            let object = json!({ "sent": { "words": step.words, "signature": signature } });
            self.show(object, &format!("done: {words} ({signature})"))?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Refuses to send without a key, and to mainnet unless that is meant. Asked before anything is sent.
    pub fn require_permission(&mut self) -> Result<()> {
        let Mode::Send { is_mainnet_meant } = self.mode else { return Ok(()) };
        if self.is_checked {
            return Ok(());
        }
        let remedy = || match &self.keys.missing {
            Some(why) => why.clone(),
            None => "--keypair is missing, and so is the Solana CLI's; --dry-run does without".into(),
        };
        ensure!(!self.keys.keys.is_empty(), remedy());
        ensure!(is_mainnet_meant || !is_mainnet(self.cluster)?, "this is mainnet: say --yes");
        self.is_checked = true;
        Ok(())
    }

    /// Lists what there is to do.
    pub fn table(&mut self, plan: &Plan) -> Result<()> {
        if self.is_json {
            let step = |step: &PlannedTransaction| {
                let signer = step.signer.to_string();
                json!({ "words": step.words, "signer": signer, "from": step.from })
            };
            let steps: Vec<_> = plan.steps.iter().map(step).collect();
            return self.line(&json!({ "left": steps, "notes": plan.warnings }));
        }
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
    pub fn print_instructions(&mut self, plan: &Plan) -> Result<()> {
        let now = plan.steps.iter().filter(|step| step.from.is_none());
        let list: Vec<_> = now.flat_map(|step| step.instructions.iter().map(move |it| instruction(step, it))).collect();
        let all = json!({ "instructions": list, "notes": plan.warnings });
        writeln!(self.out, "{}", serde_json::to_string_pretty(&all)?)?;
        Ok(())
    }
}

fn instruction(step: &PlannedTransaction, Instruction { program_id, accounts, data }: &Instruction) -> Value {
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
}
