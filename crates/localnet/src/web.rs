//! The page, and what it asks for on its own origin: `/config.json`, JSON-RPC under `/rpc` and WebSocket under `/ws`. A folder
//! that a web server of any kind can serve, so nothing else here is of the page.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{
    front::{self, Inner},
    keys,
    manifest::Manifest,
    read,
};

/// Where `scripts/build --web` puts the page.
pub const FOLDER: &str = "app/web/dist";

/// What browsers are told with everything. The policy is the one that the page's build writes into `index.html`, and that nothing
/// may frame it, which only a header can say. Browsers hold to both.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; \
         frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Whoever builds the page anew, or starts another network on the same port, sees it.
    (CACHE_CONTROL, "no-cache"),
];

/// A folder with the built page.
pub struct Page(PathBuf);

impl Page {
    /// Of a folder that has one.
    pub fn open(folder: &Path) -> Result<Self> {
        read(&folder.join("index.html"), "scripts/build --web makes the page")?;
        Ok(Self(folder.into()))
    }

    /// The page and its paths.
    pub fn routes(self, config: Value, rpc_url: &str, inner: Inner) -> Result<Router> {
        // Not through a proxy that the environment may name.
        let rpc = Rpc { client: reqwest::Client::builder().no_proxy().build()?, url: rpc_url.into() };
        let routes = Router::new()
            .route("/config.json", get(async move || Json(config.clone())))
            .route("/rpc", post(ask).with_state(rpc))
            .route("/ws", any(front::connect).with_state(inner))
            .fallback_service(ServeDir::new(self.0));
        Ok(HEADERS.into_iter().fold(routes, |routes, (name, value)| {
            routes.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
        }))
    }
}

/// What the page must know of a network.
pub fn config(manifest: &Manifest, genesis_hash: String, program: &[u8]) -> Value {
    let hash: String = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    let tokens: BTreeMap<_, _> =
        manifest.reserves.iter().map(|reserve| (&reserve.mint, json!({ "symbol": reserve.symbol }))).collect();
    let wallets = manifest
        .wallets
        .iter()
        .map(|wallet| json!({ "name": wallet.name, "secretKey": keys::keypair(&wallet.name).to_bytes()[..] }));
    json!({
        "name": "Local network",
        "rpc": "rpc",
        "ws": "ws",
        "genesisHash": genesis_hash,
        "program": manifest.program,
        "programHash": hash,
        "markets": [{ "address": manifest.market, "name": "Local market" }],
        "vaults": manifest.vault.iter().collect::<Vec<_>>(),
        "tokens": tokens,
        "wallets": wallets.collect::<Vec<_>>(),
    })
}

/// Where the JSON-RPC server is asked.
#[derive(Clone)]
struct Rpc {
    client: reqwest::Client,
    url: String,
}

/// Passes a request, or a batch of them, to the JSON-RPC server. It is asked as by a program, not by a page.
async fn ask(State(rpc): State<Rpc>, headers: HeaderMap, body: Bytes) -> Result<Response, Response> {
    let failed = |error| (StatusCode::BAD_GATEWAY, format!("the network does not answer: {error}\n")).into_response();
    let kind = headers.get(CONTENT_TYPE).map(|kind| (CONTENT_TYPE, kind.clone()));
    let request = rpc.client.post(rpc.url).headers(kind.into_iter().collect()).body(body);
    let answer = request.send().await.map_err(failed)?;
    let (status, kind) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
    let body = answer.bytes().await.map_err(failed)?;
    let kind: HeaderMap = kind.map(|kind| (CONTENT_TYPE, kind)).into_iter().collect();
    Ok((status, kind, body).into_response())
}
