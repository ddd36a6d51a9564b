//! What is measured, and where it is served.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use axum::{Router, http::StatusCode, routing::get};
use futures_util::future::ready;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use tokio::{net::TcpListener, sync::watch};

use super::router::trouble::Kind;

/// Seconds without news of the chain after which the keeper is not healthy.
const SILENCE: i64 = 60;

/// All metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Margin accounts in the index.
    pub accounts: IntGauge,
    /// Bytes of the index.
    pub account_index_bytes: IntGauge,
    /// Liquidatable accounts at the last evaluation.
    pub liquidatable: IntGauge,
    /// Accounts by how near the line they are.
    pub near: IntGaugeVec,
    /// Seconds of an evaluation.
    pub evaluation: Histogram,
    /// Attempts by duty and end.
    pub attempts: IntCounterVec,
    /// Attempts under way.
    pub running: IntGauge,
    /// Positions in perps with something to settle, at the last full evaluation.
    pub unsettled: IntGauge,
    /// Low value ÷ buffer, by pool.
    pub pool_cover: GaugeVec,
    /// The part of gains that is paid, by pool.
    pub pool_factor: GaugeVec,
    /// Vaults that are looked after.
    pub vaults: IntGauge,
    /// Liquid assets ÷ stressed outflow, by vault.
    pub vault_coverage: GaugeVec,
    /// What waits in the queue, USD, by vault.
    pub vault_queued: GaugeVec,
    /// Markets that cannot be read, by vault.
    pub vault_unreadable: IntGaugeVec,
    /// Expected profit of what landed, USD.
    pub profit: Counter,
    /// Paid for priority by what landed, lamports.
    pub priority: IntCounter,
    /// Requests to the router that failed, by kind.
    pub router_failures: IntCounterVec,
    /// 0 while the router is out of order.
    pub router_up: IntGauge,
    /// News by what the keeper did with it.
    pub news: IntCounterVec,
    /// 1 while the WebSocket is up.
    pub connected: IntGauge,
    /// WebSocket connections that were lost or not made.
    pub disconnects: IntCounter,
    /// Reads of everything.
    pub resyncs: IntCounter,
    /// Reads that failed.
    pub read_errors: IntCounter,
    /// The last slot heard of.
    pub slot: IntGauge,
    /// The keeper's SOL.
    pub sol: Gauge,
    last_news: Arc<AtomicI64>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Result<Self> {
        let registry = Registry::new_custom(Some("ballast_keeper".into()), None)?;
        macro_rules! metric {
            ($made:expr) => {{
                let made = $made?;
                registry.register(Box::new(made.clone()))?;
                made
            }};
        }
        // A millisecond to a second.
        let seconds = vec![0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
        let metrics = Self {
            accounts: metric!(IntGauge::new("accounts", "Margin accounts in memory")),
            account_index_bytes: metric!(IntGauge::new(
                "account_index_bytes",
                "Bytes set aside for the margin accounts in memory"
            )),
            liquidatable: metric!(IntGauge::new("liquidatable_accounts", "Liquidatable accounts")),
            near: metric!(IntGaugeVec::new(
                Opts::new("near_accounts", "Accounts whose collateral is below a ratio of their debt, at maintenance"),
                &["below"]
            )),
            evaluation: metric!(Histogram::with_opts(
                HistogramOpts::new("evaluation_seconds", "Time of an evaluation of the margin accounts")
                    .buckets(seconds)
            )),
            attempts: metric!(IntCounterVec::new(
                Opts::new("attempts_total", "Attempts by duty and end"),
                &["duty", "end"]
            )),
            running: metric!(IntGauge::new("running_attempts", "Attempts under way")),
            unsettled: metric!(IntGauge::new("unsettled_perps", "Positions in perps with something to settle")),
            pool_cover: metric!(GaugeVec::new(
                Opts::new("pool_cover", "Low value of a pool of perps by the buffer that it needs"),
                &["pool"]
            )),
            pool_factor: metric!(GaugeVec::new(
                Opts::new("pool_profit_factor", "Part of traders' gains that a pool pays"),
                &["pool"]
            )),
            vaults: metric!(IntGauge::new("vaults", "Vaults that are looked after")),
            vault_coverage: metric!(GaugeVec::new(
                Opts::new("vault_coverage", "Liquid assets of a vault by what may be asked for under stress"),
                &["vault"]
            )),
            vault_queued: metric!(GaugeVec::new(
                Opts::new("vault_queued_usd", "What waits in a vault's queue, USD"),
                &["vault"]
            )),
            vault_unreadable: metric!(IntGaugeVec::new(
                Opts::new("vault_unreadable_markets", "Markets of a vault that cannot be read"),
                &["vault"]
            )),
            profit: metric!(Counter::new("profit_usd_total", "Expected profit of what landed, USD")),
            priority: metric!(IntCounter::new("priority_lamports_total", "Paid for priority by what landed, lamports")),
            router_failures: metric!(IntCounterVec::new(
                Opts::new("router_failures_total", "Requests to the router that failed, by kind"),
                &["kind"]
            )),
            router_up: metric!(IntGauge::new("router_up", "0 while the router is out of order")),
            news: metric!(IntCounterVec::new(Opts::new("news_total", "Account states heard of"), &["became"])),
            connected: metric!(IntGauge::new("websocket_up", "1 while the WebSocket is up")),
            disconnects: metric!(IntCounter::new("websocket_disconnects_total", "Connections lost or not made")),
            resyncs: metric!(IntCounter::new("resyncs_total", "Reads of everything")),
            read_errors: metric!(IntCounter::new("read_errors_total", "Reads over RPC that failed")),
            slot: metric!(IntGauge::new("slot", "The last slot heard of")),
            sol: metric!(Gauge::new("sol", "SOL of the keeper")),
            last_news: Arc::default(),
            registry,
        };
        metrics.router_up.set(1);
        // Shown before anything fails, so that a rise from nothing is seen.
        Kind::ALL.iter().for_each(|kind| metrics.router_failures.with_label_values(&[kind.name()]).inc_by(0));
        Ok(metrics)
    }

    /// Takes in that there was news of the chain.
    pub fn hear(&self) {
        self.last_news.store(unix_seconds(), Ordering::Relaxed);
    }

    /// Seconds since the last news of the chain.
    fn silence(&self) -> i64 {
        unix_seconds() - self.last_news.load(Ordering::Relaxed)
    }

    /// In the text format of Prometheus.
    pub fn text(&self) -> Result<String> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// Serves `/metrics` and `/healthz` until told to stop. Returns the address once it listens.
    pub async fn serve(self, address: SocketAddr, mut stop: watch::Receiver<bool>) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("--metrics-address {address}"))?;
        let bound = listener.local_addr()?;
        let health = self.clone();
        let metrics =
            move || ready(self.text().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())));
        let healthz = move || {
            ready(match health.silence() {
                silence if silence <= SILENCE => (StatusCode::OK, "ok\n".to_owned()),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "nothing was heard of the chain for a minute\n".to_owned()),
            })
        };
        let app = Router::new().route("/metrics", get(metrics)).route("/healthz", get(healthz));
        tokio::spawn(async move {
            let stopped = async move { _ = stop.wait_for(|stop| *stop).await };
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "metrics are not served any more");
            }
        });
        Ok(bound)
    }
}

fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
