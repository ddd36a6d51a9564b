//! JSON-RPC over HTTP: asks again what a node was too busy for, and keeps the URL, which may hold a key, out of errors.

use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use async_trait::async_trait;
use http::{Extensions, HeaderMap, StatusCode, header::RETRY_AFTER};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use serde_json::Value;
use solana_rpc_client::{
    http_sender::HttpSender,
    rpc_sender::{RpcSender, RpcTransportStats},
};
use solana_rpc_client_api::{
    client_error::{Error, ErrorKind, Result},
    request::RpcRequest,
};
use tokio::time::sleep;

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses before asking a busy node again, where it does not say how long: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(5));

/// How long a server wants not to be asked: `Retry-After`, which is seconds or a date.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Whether a server may do later what it does not do now.
pub fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Sends requests.
pub(crate) struct Sender(HttpSender);

impl Sender {
    /// To a URL. A node that is busy is asked again for so long.
    pub(crate) fn new(url: &str, patience: Duration) -> Self {
        let client = reqwest::Client::builder()
            .default_headers(HttpSender::default_headers())
            .timeout(TIMEOUT)
            .pool_idle_timeout(TIMEOUT)
            .build()
            .expect("no certificates or proxies of its own are set");
        let client = ClientBuilder::new(client).with(Patient(patience)).build();
        Self(HttpSender::new_with_client_with_middleware(url, client))
    }
}

#[async_trait]
impl RpcSender for Sender {
    async fn send(&self, request: RpcRequest, params: Value) -> Result<Value> {
        self.0.send(request, params).await.map_err(|error| match *error.kind {
            ErrorKind::Reqwest(inner) => {
                Error { request: error.request, kind: Box::new(ErrorKind::Reqwest(inner.without_url())) }
            }
            kind => Error { request: error.request, kind: Box::new(kind) },
        })
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        self.0.get_transport_stats()
    }

    fn url(&self) -> String {
        self.0.url()
    }
}

/// Asks again while the server is busy, as late as it says, for so long. What is no success is an error from here on:
/// the sender's own loop would wait without an end in sight.
struct Patient(Duration);

#[async_trait]
impl Middleware for Patient {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let start = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let copy = request.try_clone().ok_or_else(|| anyhow!("the request cannot be sent twice"))?;
            let response = next.clone().run(copy, extensions).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let wait = retry_after(response.headers(), SystemTime::now()).unwrap_or(pause);
            if !is_busy(status) || start.elapsed().saturating_add(wait) > self.0 {
                let error = response.error_for_status().err();
                return Err(error.map_or_else(|| anyhow!("the node answers {status}").into(), Into::into));
            }
            sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_in_seconds_or_by_date_when_to_come_again() {
        let now = httpdate::parse_http_date("Fri, 10 Oct 2025 21:20:00 GMT").expect("a date");
        let after = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().expect("a header"));
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(after("7"), Some(7));
        assert_eq!(after(" 0 "), Some(0));
        assert_eq!(after("Fri, 10 Oct 2025 21:20:30 GMT"), Some(30));
        assert_eq!(after("Fri, 10 Oct 2025 21:19:00 GMT"), Some(0), "over");
        assert_eq!(after("Friday, 10-Oct-25 21:21:00 GMT"), Some(60), "as old servers write it");
        for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
