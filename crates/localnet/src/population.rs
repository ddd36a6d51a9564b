//! Margin accounts of distinct owners, drawn as in `ballast-lab demo`, opened by real transactions.

use anyhow::{Context, Result};
use ballast_client::{Address, MarketView, decode_margin_account, engine::health::Requirement};
use ballast_sim::population::{Lender, Trader, draw, spot};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    chain::Handle,
    feed::Remote,
    history::History,
    keys,
    market::{Reserve, view},
    tokens::{associated, token_account},
};

/// For fees and the deposit of a margin account, lamports.
const PURSE: u64 = 1_000_000_000;
/// What lenders keep outside, as a share of what they lend.
const LENDER_BUFFER: f64 = 0.5;
/// How often a trader who is refused a debt asks for a tenth less.
const ATTEMPTS: usize = 15;

/// Who came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts with a deposit alone.
    pub lenders: usize,
    /// Accounts with collateral and a debt.
    pub borrowers: usize,
    /// Accounts that wanted a debt too small for the market, and have collateral alone.
    pub without_debt: usize,
}

/// Opens the accounts of so many traders, and of the lenders they need.
pub fn open(
    chain: &Handle,
    feed: &Remote,
    market: Address,
    history: &History,
    reserves: &[Reserve],
    traders: usize,
    seed: u64,
) -> Result<Counts> {
    let mut counts = Counts::default();
    if traders == 0 {
        return Ok(counts);
    }
    let place = Place { chain, market, reserves };
    let people = draw(&mut ChaCha12Rng::seed_from_u64(seed), &view(chain, market)?, history.grid(), traders);
    for (index, lender) in people.lenders.iter().enumerate() {
        place.lend(index, lender).with_context(|| format!("lender {index}"))?;
        counts.lenders += 1;
    }
    // All collateral before the first debt: it is part of what is lent.
    for (index, trader) in people.traders.iter().enumerate() {
        place.deposit_collateral(index, trader).with_context(|| format!("trader {index}"))?;
    }
    // What came in this second of the clock counts as passing through, and is not lent out.
    feed.step(1)?;
    for (index, trader) in people.traders.iter().enumerate() {
        let has_debt = place.borrow(index, trader).with_context(|| format!("trader {index}"))?;
        *(if has_debt { &mut counts.borrowers } else { &mut counts.without_debt }) += 1;
    }
    Ok(counts)
}

struct Place<'a> {
    chain: &'a Handle,
    market: Address,
    reserves: &'a [Reserve],
}

impl Place<'_> {
    fn lend(&self, index: usize, lender: &Lender) -> Result<()> {
        let (owner, market) = (keys::keypair(&format!("lender {index}")), view(self.chain, self.market)?);
        let amount = self.atoms(&market, lender.reserve, lender.usd);
        let held = amount + (amount as f64 * LENDER_BUFFER) as u64;
        self.fund(&owner, &[(lender.reserve, held)])?;
        self.deposit(&owner, &market, &[(lender.reserve, amount)])
    }

    fn deposit_collateral(&self, index: usize, trader: &Trader) -> Result<()> {
        let (owner, market) = (keys::keypair(&format!("trader {index}")), view(self.chain, self.market)?);
        let collateral = trader.collateral.iter().map(|(reserve, usd)| (*reserve, self.atoms(&market, *reserve, *usd)));
        let collateral: Vec<_> = collateral.collect();
        self.fund(&owner, &[&collateral[..], &[(trader.debt, 0)]].concat())?;
        self.deposit(&owner, &market, &collateral)
    }

    /// Returns whether there is a debt.
    fn borrow(&self, index: usize, trader: &Trader) -> Result<bool> {
        let (owner, market) = (keys::keypair(&format!("trader {index}")), view(self.chain, self.market)?);
        let margin = market.margin_account(&owner.pubkey(), 0);
        let account = self.chain.account(&margin)?.context("the margin account is gone")?;
        let capacity = market.health(&decode_margin_account(&account.data)?, self.chain.now(), Requirement::Initial)?;
        let mut amount = trader.borrowable(&market, capacity.collateral.to_f64() * trader.usage);
        let mut refusal = None;
        for _ in 0..ATTEMPTS {
            amount = amount.min(market.reserves[trader.debt].cash);
            let wallet = associated(&owner.pubkey(), &self.reserves[trader.debt].mint);
            let borrow = market.borrow(owner.pubkey(), margin, wallet, trader.debt as u8, amount)?;
            let refresh = market.refresh_prices(&market.pinned_prices())?;
            match self.chain.send(&[refresh, borrow], &[&owner]) {
                Ok(_) => return Ok(true),
                Err(error) => _ = refusal.insert(error),
            }
            amount = amount / 10 * 9;
        }
        let refusal = refusal.map_or(String::new(), |error| error.to_string());
        // Anything else is a mistake of ours.
        let is_small = refusal.starts_with(ballast_client::engine::Error::DebtBelowMinimum.name());
        if is_small { Ok(false) } else { Err(anyhow::anyhow!(refusal)) }
    }

    fn atoms(&self, market: &MarketView, reserve: usize, usd: f64) -> u64 {
        self.reserves[reserve].asset.atoms(usd / spot(market, reserve))
    }

    fn fund(&self, owner: &Keypair, tokens: &[(usize, u64)]) -> Result<()> {
        let address = owner.pubkey();
        let purse = (address, Account { lamports: PURSE, ..Account::default() });
        let held = tokens.iter().map(|(reserve, amount)| {
            let mint = &self.reserves[*reserve].mint;
            (associated(&address, mint), token_account(mint, &address, *amount))
        });
        self.chain.write([purse].into_iter().chain(held).collect())
    }

    fn deposit(&self, owner: &Keypair, market: &MarketView, deposits: &[(usize, u64)]) -> Result<()> {
        let address = owner.pubkey();
        let margin = market.margin_account(&address, 0);
        let mut instructions = vec![market.open_account(address, address, 0)];
        for (reserve, amount) in deposits {
            let wallet = associated(&address, &self.reserves[*reserve].mint);
            instructions.push(market.deposit(address, margin, wallet, *reserve as u8, *amount)?);
        }
        self.chain.send(&instructions, &[owner]).map(|_| ())
    }
}
