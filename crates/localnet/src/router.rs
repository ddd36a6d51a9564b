//! A venue to sell collateral on, behind the HTTP interface of Jupiter's Swap API v1, so that a liquidator speaks to both in
//! the same words: `GET /quote` and `POST /swap-instructions`, also under `/swap/v1`.
//!
//! Swaps are [`quote`]'s, and the pools are those of `programs/test-program`, which gives what its caller says: the router
//! writes the quoted amounts into the instruction. So the price is that of when the instruction was asked for, and where a
//! real route would fail on chain for slippage, the router refuses to build it.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, Result, anyhow};
use axum::{
    Json, Router,
    extract::{Query, State, rejection::JsonRejection, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ballast_client::{AccountMeta, Address, Instruction, NATIVE_MINT, TOKEN_PROGRAM};
use ballast_sim::assets::Asset;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    feed::Remote,
    keys,
    quote::{Quote, quote, threshold},
    tokens::{associated, create_associated},
};

/// What the router knows.
pub struct Venue {
    /// The market's tokens, in the order of their reserves.
    pub tokens: Vec<Token>,
    /// Whose prices it quotes.
    pub feed: Remote,
}

/// A token that it trades.
pub struct Token {
    /// Its mint.
    pub mint: Address,
    /// Its decimals and its book.
    pub asset: &'static Asset,
}

/// Where the pools' program is deployed.
pub fn program() -> Address {
    keys::address("swap program")
}

/// Owns the pools' token accounts.
pub fn authority() -> (Address, u8) {
    Address::find_program_address(&[b"authority"], &program())
}

/// The router's paths.
pub fn routes(venue: Arc<Venue>) -> Router {
    let paths = Router::new()
        .route("/quote", get(answer_quote))
        .route("/swap-instructions", post(answer_instructions))
        .with_state(venue);
    Router::new().nest("/swap/v1", paths.clone()).merge(paths)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuoteRequest {
    input_mint: String,
    output_mint: String,
    amount: u64,
    #[serde(default = "half_a_percent")]
    slippage_bps: u16,
    swap_mode: Option<String>,
}

fn half_a_percent() -> u16 {
    50
}

/// What a quote says, and an instruction is made from.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Quoted {
    input_mint: String,
    in_amount: String,
    output_mint: String,
    out_amount: String,
    other_amount_threshold: String,
    swap_mode: String,
    slippage_bps: u16,
    price_impact_pct: String,
    #[serde(default)]
    platform_fee: Value,
    route_plan: Value,
    context_slot: u64,
    time_taken: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstructionsRequest {
    user_public_key: String,
    quote_response: Quoted,
    #[serde(default = "yes")]
    wrap_and_unwrap_sol: bool,
    destination_token_account: Option<String>,
}

fn yes() -> bool {
    true
}

/// An error as Jupiter words it, with a status of 400.
struct Refusal(&'static str, anyhow::Error);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": format!("{:#}", self.1), "errorCode": self.0 })))
            .into_response()
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self("INVALID_REQUEST", error)
    }
}

async fn answer_quote(
    State(venue): State<Arc<Venue>>,
    request: Result<Query<QuoteRequest>, QueryRejection>,
) -> Result<Json<Quoted>, Refusal> {
    let start = Instant::now();
    let Query(request) = request.map_err(anyhow::Error::from)?;
    if !matches!(request.swap_mode.as_deref(), None | Some("ExactIn")) {
        return Err(anyhow!("swapMode: only ExactIn is offered").into());
    }
    let pair = [venue.find(&request.input_mint)?, venue.find(&request.output_mint)?];
    let Quote { amount_out, impact } = venue.quote(pair, request.amount)?;
    let [in_amount, out_amount] = [request.amount, amount_out].map(|amount| amount.to_string());
    let step = json!({
        "percent": 100,
        "bps": 10_000,
        "swapInfo": {
            "ammKey": authority().0.to_string(),
            "label": "Ballast localnet",
            "inputMint": request.input_mint,
            "outputMint": request.output_mint,
            "inAmount": in_amount,
            "outAmount": out_amount,
        },
    });
    Ok(Json(Quoted {
        input_mint: request.input_mint,
        in_amount,
        output_mint: request.output_mint,
        out_amount,
        other_amount_threshold: threshold(amount_out, request.slippage_bps)?.to_string(),
        swap_mode: "ExactIn".into(),
        slippage_bps: request.slippage_bps,
        price_impact_pct: impact.to_string(),
        platform_fee: Value::Null,
        route_plan: json!([step]),
        context_slot: venue.feed.published().slot,
        time_taken: start.elapsed().as_secs_f64(),
    }))
}

async fn answer_instructions(
    State(venue): State<Arc<Venue>>,
    request: Result<Json<InstructionsRequest>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(request) = request.map_err(anyhow::Error::from)?;
    let quoted = &request.quote_response;
    let (input, output) = (venue.find(&quoted.input_mint)?, venue.find(&quoted.output_mint)?);
    let amount = |text: &String| text.parse::<u64>().with_context(|| format!("`{text}` is no amount of atoms"));
    let (amount_in, least) = (amount(&quoted.in_amount)?, amount(&quoted.other_amount_threshold)?);
    let now = venue.quote([input, output], amount_in)?.amount_out;
    if now < least {
        let moved = anyhow!("the price has moved: {now} atoms are left of at least {least}");
        return Err(Refusal("SLIPPAGE_TOLERANCE_EXCEEDED", moved));
    }
    let [mint_in, mint_out] = [input, output].map(|index| venue.tokens[index].mint);
    if request.wrap_and_unwrap_sol && [mint_in, mint_out].contains(&NATIVE_MINT) {
        return Err(anyhow!("SOL is swapped as wrapped SOL here: set wrapAndUnwrapSol to false").into());
    }
    let user = address(&request.user_public_key)?;
    let own = associated(&user, &mint_out);
    let destination = request.destination_token_account.as_ref().map_or(Ok(own), |text| address(text))?;
    let setup = if destination == own { vec![create_associated(&user, &mint_out)] } else { Vec::new() };
    let swap = instruction(user, destination, [mint_in, mint_out], [amount_in, now]);
    Ok(Json(json!({
        "tokenLedgerInstruction": null,
        "computeBudgetInstructions": [encode(&compute_limit())],
        "setupInstructions": setup.iter().map(encode).collect::<Vec<_>>(),
        "swapInstruction": encode(&swap),
        "cleanupInstruction": null,
        "otherInstructions": [],
        "addressLookupTableAddresses": [],
    })))
}

impl Venue {
    fn find(&self, mint: &str) -> Result<usize, Refusal> {
        let wanted = address(mint)?;
        self.tokens
            .iter()
            .position(|token| token.mint == wanted)
            .ok_or_else(|| Refusal("TOKEN_NOT_TRADABLE", anyhow!("the token {mint} is not tradable")))
    }

    fn quote(&self, pair: [usize; 2], amount_in: u64) -> Result<Quote, Refusal> {
        let assets: Vec<_> = self.tokens.iter().map(|token| token.asset).collect();
        quote(&assets, &self.feed.published().prices, pair, amount_in)
            .map_err(|error| Refusal("COULD_NOT_FIND_ANY_ROUTE", error))
    }
}

/// The pool's program takes the first amount and gives the second.
fn instruction(user: Address, destination: Address, mints: [Address; 2], amounts: [u64; 2]) -> Instruction {
    const SWAP: u8 = 0;
    let (authority, bump) = authority();
    let [pool_in, pool_out] = mints.map(|mint| associated(&authority, &mint));
    let accounts = vec![
        AccountMeta::new_readonly(user, true),
        AccountMeta::new(associated(&user, &mints[0]), false),
        AccountMeta::new(destination, false),
        AccountMeta::new_readonly(authority, false),
        AccountMeta::new(pool_in, false),
        AccountMeta::new(pool_out, false),
        AccountMeta::new_readonly(TOKEN_PROGRAM, false),
        AccountMeta::new_readonly(TOKEN_PROGRAM, false),
    ];
    // The amount in, and the price as a fraction: out for in.
    let words = [amounts[0], amounts[1], amounts[0]].map(u64::to_le_bytes);
    Instruction { program_id: program(), accounts, data: [&[SWAP], words.as_flattened(), &[bump]].concat() }
}

/// Enough for the swap and the creation of a token account.
fn compute_limit() -> Instruction {
    const PROGRAM: Address = Address::from_str_const("ComputeBudget111111111111111111111111111111");
    const SET_LIMIT: u8 = 2;
    const UNITS: u32 = 60_000;
    Instruction { program_id: PROGRAM, accounts: Vec::new(), data: [&[SET_LIMIT][..], &UNITS.to_le_bytes()].concat() }
}

fn encode(instruction: &Instruction) -> Value {
    let meta = |meta: &AccountMeta| json!({ "pubkey": meta.pubkey.to_string(), "isSigner": meta.is_signer, "isWritable": meta.is_writable });
    json!({
        "programId": instruction.program_id.to_string(),
        "accounts": instruction.accounts.iter().map(meta).collect::<Vec<_>>(),
        "data": BASE64_STANDARD.encode(&instruction.data),
    })
}

fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error| anyhow!("`{text}` is no address: {error}"))
}
