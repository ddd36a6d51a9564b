//! A swap router over HTTP, in the shape of Jupiter's Swap API v1: `GET /quote`, `POST /swap-instructions`.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ballast_client::{AccountMeta, Address, Instruction};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::profit::{Quoted, Venue};

/// For one request. A quote that takes longer is of another price.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A router.
#[derive(Clone, Debug)]
pub struct Router {
    client: reqwest::Client,
    url: String,
    /// Accounts of a swap, at most, so that it fits a transaction beside a liquidation.
    max_accounts: u16,
    /// Slippage between quote and swap that is let pass, basis points; what the order can bear is checked on top.
    slippage_bps: u16,
}

/// What a quote says that is used here. All of it goes back to the router.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quote {
    #[serde(deserialize_with = "amount")]
    in_amount: u64,
    #[serde(deserialize_with = "amount")]
    out_amount: u64,
    #[serde(deserialize_with = "amount")]
    other_amount_threshold: u64,
}

/// Amounts are strings, because numbers of JavaScript have 53 bits.
fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let parsed = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    parsed.ok_or_else(|| serde::de::Error::custom(format!("no amount: {value}")))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SwapRequest<'a> {
    quote_response: &'a Value,
    user_public_key: String,
    wrap_and_unwrap_sol: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SwapAnswer {
    #[serde(default)]
    setup_instructions: Vec<RouterInstruction>,
    swap_instruction: RouterInstruction,
    #[serde(default)]
    cleanup_instruction: Option<RouterInstruction>,
    #[serde(default)]
    other_instructions: Vec<RouterInstruction>,
    #[serde(default)]
    address_lookup_table_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouterInstruction {
    program_id: String,
    accounts: Vec<RouterAccount>,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouterAccount {
    pubkey: String,
    is_signer: bool,
    is_writable: bool,
}

impl RouterInstruction {
    fn decode(&self) -> Result<Instruction> {
        let address = |text: &str| text.parse::<Address>().with_context(|| format!("{text} is no address"));
        let account = |account: &RouterAccount| {
            let RouterAccount { pubkey, is_signer, is_writable } = account;
            Ok(AccountMeta { pubkey: address(pubkey)?, is_signer: *is_signer, is_writable: *is_writable })
        };
        Ok(Instruction {
            program_id: address(&self.program_id)?,
            accounts: self.accounts.iter().map(account).collect::<Result<_>>()?,
            data: BASE64_STANDARD.decode(&self.data).context("an instruction's data are no base64")?,
        })
    }
}

/// The instructions of a swap.
#[derive(Clone, Debug, PartialEq)]
pub struct Swap {
    /// In order; the budget's are left out.
    pub instructions: Vec<Instruction>,
    /// Look-up tables that they are to be written with.
    pub tables: Vec<Address>,
}

impl Router {
    /// At a URL.
    pub fn new(url: &str, max_accounts: u16, slippage_bps: u16) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, url: url.trim_end_matches('/').into(), max_accounts, slippage_bps })
    }

    /// What selling `amount` atoms brings, with the answer whole.
    pub async fn quote(&self, sell: Address, buy: Address, amount: u64) -> Result<Quoted<Value>> {
        let query = [
            ("inputMint", sell.to_string()),
            ("outputMint", buy.to_string()),
            ("amount", amount.to_string()),
            ("slippageBps", self.slippage_bps.to_string()),
            ("swapMode", "ExactIn".into()),
            ("maxAccounts", self.max_accounts.to_string()),
        ];
        let url = reqwest::Url::parse_with_params(&format!("{}/quote", self.url), query)?;
        let answer: Value = read(self.client.get(url).send().await?).await?;
        let quote = Quote::deserialize(&answer).context("the router's quote")?;
        ensure!(quote.in_amount == amount, "the router quotes {} for {amount}", quote.in_amount);
        ensure!(quote.other_amount_threshold <= quote.out_amount, "the router promises more than it quotes");
        Ok(Quoted { out: quote.out_amount, quote: answer })
    }

    /// The least that the swap of a quote may bring.
    pub fn threshold(quote: &Value) -> Result<u64> {
        Ok(Quote::deserialize(quote)?.other_amount_threshold)
    }

    /// The swap of a quote, by an owner whose tokens are sold, and who is the only one to sign.
    pub async fn swap(&self, owner: Address, quote: &Value) -> Result<Swap> {
        let request =
            SwapRequest { quote_response: quote, user_public_key: owner.to_string(), wrap_and_unwrap_sol: false };
        let url = format!("{}/swap-instructions", self.url);
        let answer: SwapAnswer = read(self.client.post(url).json(&request).send().await?).await?;
        let SwapAnswer { setup_instructions, swap_instruction, cleanup_instruction, other_instructions, .. } = &answer;
        let all =
            setup_instructions.iter().chain([swap_instruction]).chain(cleanup_instruction).chain(other_instructions);
        let instructions = all.map(RouterInstruction::decode).collect::<Result<Vec<_>>>()?;
        if instructions.iter().flat_map(|one| &one.accounts).any(|one| one.is_signer && one.pubkey != owner) {
            bail!("the router's swap asks for somebody else's signature");
        }
        let tables = answer.address_lookup_table_addresses.iter().map(|text| Ok(text.parse::<Address>()?));
        Ok(Swap { instructions, tables: tables.collect::<Result<_>>()? })
    }
}

/// An answer's body, or what the router says is wrong.
async fn read<T: serde::de::DeserializeOwned>(response: reqwest::Response) -> Result<T> {
    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        bail!("the router answers {status}: {}", body.chars().take(200).collect::<String>());
    }
    serde_json::from_str(&body).context("the router's answer")
}

/// A router that knows the market's mints.
pub struct Mints {
    /// The router.
    pub router: Router,
    /// By reserve.
    pub mints: Vec<Address>,
}

impl Venue for Mints {
    type Quote = Value;

    async fn quote(&self, sell: u8, buy: u8, amount: u64) -> Option<Quoted<Value>> {
        let (sell, buy) = (self.mints.get(sell as usize)?, self.mints.get(buy as usize)?);
        match self.router.quote(*sell, *buy, amount).await {
            Ok(quoted) => Some(quoted),
            Err(error) => {
                tracing::debug!(%sell, %buy, amount, error = format!("{error:#}"), "no quote");
                None
            }
        }
    }
}
