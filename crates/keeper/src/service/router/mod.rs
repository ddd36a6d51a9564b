//! A swap router over HTTP, in the shape of Jupiter's Swap API v1: `GET /quote`, `POST /swap-instructions`.
//!
//! "There is no route" is an answer. Any other answer that is no quote is trouble: it is counted, and a warning is logged now
//! and then. After it the router is not asked for a while, so that liquidations without a router are not held up
//! ([`trouble`]).

mod answer;
pub mod trouble;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use ballast_client::Address;
use ballast_rpc::{is_busy, retry_after};
use rand::Rng;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::Value;

use super::metrics::Metrics;
pub use answer::Swap;
use ballast_liquidator::{Quoted, Venue};
use trouble::{Kind, Trouble};

/// For one request. A quote that takes longer is of another price.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// How often a request is made, at most, if trouble may be over at once.
const TRIES: u32 = 3;
/// The first pause between tries, and the longest pause that a router can ask for there: a quote soon grows old.
const BETWEEN_TRIES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Characters of a router's answer in a log.
const MOST_TEXT: usize = 200;

/// How a router is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its URL.
    pub url: String,
    /// Sent with every request. Values are secret.
    pub headers: HeaderMap,
    /// Accounts of a swap, at most, so that it fits a transaction beside a liquidation.
    pub max_accounts: u16,
    /// Slippage between quote and swap that is allowed, basis points. What the order can bear is checked in addition.
    pub slippage_bps: u16,
    /// For one request.
    pub timeout: Duration,
}

/// Why there is no quote, or no swap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// The router knows no way to sell this.
    #[error("no route: {0}")]
    NoRoute(String),
    /// The router is out of order, or refuses.
    #[error("{kind}: {text}", kind = .0.name(), text = .1)]
    Trouble(Kind, String),
    /// The router was out of order a moment ago, and is not asked now.
    #[error("the router is left alone for a while")]
    Paused,
}

/// A router.
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    settings: Settings,
    metrics: Metrics,
    trouble: Mutex<Trouble>,
    /// The clock of trouble.
    start: Instant,
}

/// A request that failed.
struct Failed {
    kind: Kind,
    text: String,
    /// How long the router wants not to be asked.
    word: Option<Duration>,
}

impl Router {
    /// With settings. What fails is counted.
    pub fn new(mut settings: Settings, metrics: Metrics) -> Result<Self> {
        settings.url = settings.url.trim_end_matches('/').into();
        reqwest::Url::parse(&settings.url).context("--router-url")?;
        // No redirects: the headers, which hold keys, would go where the router points.
        let client = reqwest::Client::builder().timeout(settings.timeout).redirect(Policy::none());
        let client = client.default_headers(settings.headers.clone()).build()?;
        let (trouble, start) = (Mutex::default(), Instant::now());
        Ok(Self(Arc::new(Inner { client, settings, metrics, trouble, start })))
    }

    /// What selling `amount` atoms brings, atoms, with the router's whole answer.
    pub async fn quote(&self, sell: Address, buy: Address, amount: u64) -> Result<Quoted<Value>, RouterError> {
        let Settings { slippage_bps, max_accounts, .. } = &self.0.settings;
        let query = [
            ("inputMint", sell.to_string()),
            ("outputMint", buy.to_string()),
            ("amount", amount.to_string()),
            ("slippageBps", slippage_bps.to_string()),
            ("swapMode", "ExactIn".into()),
            ("maxAccounts", max_accounts.to_string()),
        ];
        let url = format!("{}/quote", self.0.settings.url);
        self.ask(|| self.0.client.get(&url).query(&query), |body| answer::quote(body, amount)).await
    }

    /// The least that the swap of a quote may bring.
    pub fn threshold(quote: &Value) -> u64 {
        answer::threshold(quote)
    }

    /// The swap of a quote, by an owner whose tokens are sold, and who is the only one to sign.
    pub async fn swap(&self, owner: Address, quote: &Value) -> Result<Swap, RouterError> {
        let request = answer::swap_request(owner, quote);
        let url = format!("{}/swap-instructions", self.0.settings.url);
        self.ask(|| self.0.client.post(&url).json(&request), |body| answer::swap(body, owner)).await
    }

    fn trouble<T>(&self, look: impl FnOnce(&mut Trouble, u64) -> T) -> T {
        let now = self.0.start.elapsed().as_millis() as u64;
        look(&mut self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Asks, and once more where that may help. A failure ends in a pause.
    async fn ask<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<T, RouterError> {
        // The time that a request may take says for how long it may be the only one let through.
        let longest = (self.0.settings.timeout + BETWEEN_TRIES.1) * TRIES;
        if !self.trouble(|trouble, now| trouble.admits(now, longest.as_millis() as u64)) {
            return Err(RouterError::Paused);
        }
        let (mut pause, mut tries) = (BETWEEN_TRIES.0, 1);
        loop {
            let failed = match self.once(request(), &read).await {
                Ok(answer) => {
                    if self.trouble(|trouble, now| trouble.answered(now)) {
                        tracing::info!("the router answers again");
                    }
                    self.0.metrics.router_up.set(!self.trouble(|trouble, _| trouble.is_down()) as i64);
                    return answer.map_err(RouterError::NoRoute);
                }
                Err(failed) => failed,
            };
            let Failed { kind, text, word } = failed;
            self.0.metrics.router_failures.with_label_values(&[kind.name()]).inc();
            let wait = word.unwrap_or(pause);
            if kind.is_brief() && tries < TRIES && wait <= BETWEEN_TRIES.1 {
                tokio::time::sleep(wait).await;
                (pause, tries) = (pause * 2, tries + 1);
                continue;
            }
            let jitter = rand::rng().random();
            let warning = self.trouble(|trouble, now| trouble.failed(now, kind, word, jitter));
            self.0.metrics.router_up.set(!self.trouble(|trouble, _| trouble.is_down()) as i64);
            if let Some(warning) = warning {
                let (others, pause_ms) = (warning.others, warning.pause);
                tracing::warn!(kind = kind.name(), error = text, others, pause_ms, "the router fails");
            }
            return Err(RouterError::Trouble(kind, text));
        }
    }

    /// Asks once. An answer is what was asked for, or that there is no route.
    async fn once<T>(
        &self,
        request: RequestBuilder,
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<Result<T, String>, Failed> {
        let unanswered = |error: reqwest::Error| {
            let kind = if error.is_timeout() { Kind::TimedOut } else { Kind::Unreachable };
            // The URL may hold a key.
            Failed { kind, text: format!("{:#}", anyhow::Error::from(error.without_url())), word: None }
        };
        let response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        let word = retry_after(response.headers(), SystemTime::now());
        let body = response.text().await.map_err(unanswered)?;
        if status.is_success() {
            let malformed = |error: anyhow::Error| Failed {
                kind: Kind::Malformed,
                text: self.excerpt(&format!("{error:#}: {body}")),
                word: None,
            };
            return read(&body).map(Ok).map_err(malformed);
        }
        if let Some(text) = answer::no_route(status, &body) {
            return Ok(Err(self.excerpt(&text)));
        }
        let kind = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PAYMENT_REQUIRED => Kind::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Kind::RateLimited,
            StatusCode::REQUEST_TIMEOUT => Kind::TimedOut,
            StatusCode::NOT_FOUND => Kind::Unreachable,
            status if is_busy(status) || status.is_redirection() => Kind::Unavailable,
            _ => Kind::Rejected,
        };
        Err(Failed { kind, text: self.excerpt(&format!("{status}: {body}")), word })
    }

    /// A router's answer for the log: one line, not too long, without the secrets that were sent to the router.
    fn excerpt(&self, text: &str) -> String {
        let secrets = self.0.settings.headers.values().filter_map(|value| value.to_str().ok());
        let text = secrets
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(MOST_TEXT).collect()
    }
}

/// A router that knows the market's mints, while one plan is made.
pub struct Mints {
    router: Router,
    /// By reserve.
    mints: Vec<Address>,
    is_silent: AtomicBool,
}

impl Mints {
    /// Of a router and the mint of each reserve.
    pub fn new(router: Router, mints: Vec<Address>) -> Self {
        Self { router, mints, is_silent: AtomicBool::new(false) }
    }

    /// Whether a quote did not come. Then a plan without it does not mean that the router had no good quote.
    pub fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }
}

impl Venue for Mints {
    type Quote = Value;

    async fn quote(&self, sell: u8, buy: u8, amount: u64) -> Option<Quoted<Value>> {
        let (sell, buy) = (self.mints.get(sell as usize)?, self.mints.get(buy as usize)?);
        match self.router.quote(*sell, *buy, amount).await {
            Ok(quoted) => Some(quoted),
            Err(error) => {
                let is_silent = !matches!(error, RouterError::NoRoute(_));
                self.is_silent.fetch_or(is_silent, Ordering::Relaxed);
                tracing::debug!(%sell, %buy, amount, %error, "no quote");
                None
            }
        }
    }
}
