//! The network's remote control over HTTP, beside the router.
//!
//! - `GET /localnet`: prices, times and speed.
//! - `POST /localnet/prices {"SOL": 150.5, "BTC": null}`: sets prices in dollars; `null` gives one back to history.
//! - `POST /localnet/speed {"speed": 60}`: seconds of history in a second; 0 lets prices stand still.
//! - `POST /localnet/step {"seconds": 300}`: lets that much of history pass at once.
//!
//! All answer with the state after it.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::feed::Remote;

/// What is controlled.
pub struct Panel {
    /// The reserves' symbols.
    pub symbols: Vec<String>,
    /// The price feed.
    pub feed: Remote,
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

/// The paths.
pub fn routes(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/localnet", get(show))
        .route("/localnet/prices", post(set_prices))
        .route("/localnet/speed", post(set_speed))
        .route("/localnet/step", post(step))
        .with_state(panel)
}

#[derive(Deserialize)]
struct Speed {
    speed: u32,
}

#[derive(Deserialize)]
struct Step {
    seconds: i64,
}

async fn show(State(panel): State<Arc<Panel>>) -> Answer {
    panel.answer(Ok(()))
}

async fn set_prices(
    State(panel): State<Arc<Panel>>,
    body: Result<Json<BTreeMap<String, Option<f64>>>, JsonRejection>,
) -> Answer {
    let result = body.map_err(Into::into).and_then(|Json(prices)| panel.set_prices(&prices));
    panel.answer(result)
}

async fn set_speed(State(panel): State<Arc<Panel>>, body: Result<Json<Speed>, JsonRejection>) -> Answer {
    panel.answer(body.map_err(Into::into).and_then(|Json(Speed { speed })| panel.feed.set_speed(speed)))
}

async fn step(State(panel): State<Arc<Panel>>, body: Result<Json<Step>, JsonRejection>) -> Answer {
    panel.answer(body.map_err(Into::into).and_then(|Json(Step { seconds })| panel.feed.step(seconds)))
}

impl Panel {
    /// Sets all prices or none.
    fn set_prices(&self, prices: &BTreeMap<String, Option<f64>>) -> Result<()> {
        let index = |symbol: &String| {
            let found = self.symbols.iter().position(|listed| listed == symbol);
            found.with_context(|| format!("there is no {symbol}, only {}", self.symbols.join(", ")))
        };
        let prices = prices.iter().map(|(symbol, price)| Ok((index(symbol)?, *price)));
        self.feed.set_prices(prices.collect::<Result<_>>()?)
    }

    fn answer(&self, result: Result<()>) -> Answer {
        if let Err(error) = result {
            return Err((StatusCode::BAD_REQUEST, Json(json!({ "error": format!("{error:#}") }))));
        }
        let published = self.feed.published();
        let prices: BTreeMap<_, _> = self.symbols.iter().zip(&published.prices).collect();
        Ok(Json(json!({
            "prices": prices,
            "slot": published.slot,
            "chain_time": published.chain_time,
            "history_time": published.history_time,
            "speed": published.speed,
        })))
    }
}
