//! What a router answers.

use anyhow::{Context, Result, bail, ensure};
use ballast_client::{AccountMeta, Address, Instruction};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use ballast_liquidator::Quoted;

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

/// The instructions of a swap, in order; the budget's are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Swap {
    /// The instructions.
    pub instructions: Vec<Instruction>,
    /// Look-up tables that they are to be written with.
    pub tables: Vec<Address>,
}

/// A quote for an amount.
pub(super) fn quote(body: &str, amount: u64) -> Result<Quoted<Value>> {
    let answer: Value = serde_json::from_str(body).context("no JSON")?;
    let quote = Quote::deserialize(&answer).context("no quote")?;
    ensure!(quote.in_amount == amount, "the router quotes {} for {amount}", quote.in_amount);
    ensure!(quote.other_amount_threshold <= quote.out_amount, "the router promises more than it quotes");
    Ok(Quoted { out: quote.out_amount, quote: answer })
}

/// The least that the swap of a quote may bring.
pub(super) fn threshold(quote: &Value) -> u64 {
    Quote::deserialize(quote).map_or(0, |quote| quote.other_amount_threshold)
}

/// What is asked for the swap of a quote.
pub(super) fn swap_request(owner: Address, quote: &Value) -> impl Serialize {
    SwapRequest { quote_response: quote, user_public_key: owner.to_string(), wrap_and_unwrap_sol: false }
}

/// A swap that nobody but its owner signs.
pub(super) fn swap(body: &str, owner: Address) -> Result<Swap> {
    let answer: SwapAnswer = serde_json::from_str(body).context("no swap")?;
    let SwapAnswer { setup_instructions, swap_instruction, cleanup_instruction, other_instructions, .. } = &answer;
    let all = setup_instructions.iter().chain([swap_instruction]).chain(cleanup_instruction).chain(other_instructions);
    let instructions = all.map(RouterInstruction::decode).collect::<Result<Vec<_>>>()?;
    if instructions.iter().flat_map(|one| &one.accounts).any(|one| one.is_signer && one.pubkey != owner) {
        bail!("the router's swap asks for somebody else's signature");
    }
    let tables = answer.address_lookup_table_addresses.iter().map(|text| Ok(text.parse::<Address>()?));
    Ok(Swap { instructions, tables: tables.collect::<Result<_>>()? })
}

/// What routers write if they have no route, or no longer have one: in lower case, without punctuation.
const NO_ROUTE: [&str; 9] = [
    "no route",
    "any route",
    "not tradable",
    "not tradeable",
    "liquidity",
    "no pool",
    "market not found",
    "route plan does not consume",
    "slippage",
];

/// What a router says of a missing route; none if it says anything else. It is recognised by its words, because there is no
/// status code for it.
pub(super) fn no_route(status: StatusCode, body: &str) -> Option<String> {
    let is_about_the_request =
        [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY].contains(&status);
    let answer: Value = serde_json::from_str(body).ok().filter(|_| is_about_the_request)?;
    let texts = ["errorCode", "error", "message"].into_iter().filter_map(|member| answer[member].as_str());
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
    let is_it = |text: &&str| NO_ROUTE.iter().any(|words| plain(text).contains(words));
    texts.clone().any(|text| is_it(&text)).then(|| texts.collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_no_route_is_told_apart_from_trouble() {
        for (status, body) in [
            (400, r#"{"error":"Could not find any route","errorCode":"COULD_NOT_FIND_ANY_ROUTE"}"#),
            (400, r#"{"error":"The token Abc is not tradable","errorCode":"TOKEN_NOT_TRADABLE"}"#),
            (400, r#"{"errorCode":"NO_ROUTES_FOUND"}"#),
            (404, r#"{"error":"no route found"}"#),
            (400, r#"{"message":"Insufficient liquidity"}"#),
            (400, r#"{"error":"the price moved on","errorCode":"SLIPPAGE_TOLERANCE_EXCEEDED"}"#),
        ] {
            assert!(no_route(StatusCode::from_u16(status).expect("one"), body).is_some(), "{body}");
        }
        for (status, body) in [
            (401, r#"{"error":"no route"}"#),
            (503, r#"{"error":"no routes found"}"#),
            (404, "no route"),
            (404, r#"{"message":"Route GET:/quote not found","error":"Not Found","statusCode":404}"#),
            (400, r#"{"error":"maxAccounts is too large","errorCode":"INVALID_REQUEST"}"#),
            (400, "{}"),
            (400, "null"),
        ] {
            assert_eq!(no_route(StatusCode::from_u16(status).expect("one"), body), None, "{body}");
        }
    }
}
