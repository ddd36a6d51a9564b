//! A node that says what a test has it say.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is answered to a request.
pub enum Reply {
    /// The result, with a slot that it is of.
    At(u64, Value),
    /// The result as it is.
    Plain(Value),
    /// An error of JSON-RPC, with its data.
    Error(i64, &'static str, Value),
    /// A status, headers and a body in the place of JSON-RPC.
    Http(u16, Vec<(&'static str, String)>, &'static str),
    /// The reply, after a while.
    Late(Duration, Box<Reply>),
}

/// What a node is asked: a method, its parameters, and how often that method was asked for before.
pub type Answer = dyn Fn(&str, &Value, usize) -> Reply + Send + Sync;

/// The node.
#[derive(Clone)]
pub struct Stub {
    /// Where it listens.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    answer: Box<Answer>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    all: Vec<(String, Value)>,
    counts: HashMap<String, usize>,
    running: HashMap<String, usize>,
    most_running: HashMap<String, usize>,
}

impl Stub {
    /// Starts one.
    pub async fn start(answer: impl Fn(&str, &Value, usize) -> Reply + Send + Sync + 'static) -> Self {
        let inner = Arc::new(Inner { answer: Box::new(answer), calls: Mutex::default() });
        let app = Router::new()
            .route("/", post(serve))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(inner.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/?api-key=hunter2", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    /// How often a method was asked for.
    pub fn count(&self, method: &str) -> usize {
        self.inner.calls.lock().expect("no panic").counts.get(method).copied().unwrap_or(0)
    }

    /// How many requests of a method with a first parameter were answered at a time, at most.
    pub fn most_running(&self, method: &str, first: &str) -> usize {
        let calls = self.inner.calls.lock().expect("no panic");
        calls.most_running.get(&format!("{method} {first}")).copied().unwrap_or(0)
    }

    /// The parameters that a method was asked with, in order.
    pub fn params(&self, method: &str) -> Vec<Value> {
        let calls = self.inner.calls.lock().expect("no panic");
        calls.all.iter().filter(|(called, _)| called == method).map(|(_, params)| params.clone()).collect()
    }
}

/// Counts a request for as long as its client waits for it.
struct Running<'a>(&'a Inner, String);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.0.calls.lock().expect("no panic").running.get_mut(&self.1) {
            *running -= 1;
        }
    }
}

async fn serve(State(inner): State<Arc<Inner>>, Json(request): Json<Value>) -> Response<Body> {
    let method = request["method"].as_str().expect("a method").to_owned();
    let running = format!("{method} {}", request["params"][0].as_str().unwrap_or_default());
    let before = {
        let calls = &mut *inner.calls.lock().expect("no panic");
        calls.all.push((method.clone(), request["params"].clone()));
        let count = calls.running.entry(running.clone()).or_default();
        *count += 1;
        let most = calls.most_running.entry(running.clone()).or_default();
        *most = (*most).max(*count);
        let count = calls.counts.entry(method.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let _running = Running(&inner, running);
    let mut reply = (inner.answer)(&method, &request["params"], before);
    while let Reply::Late(wait, then) = reply {
        tokio::time::sleep(wait).await;
        reply = *then;
    }
    let whole = |member: &str, value: Value| Json(json!({ "jsonrpc": "2.0", "id": 1, member: value })).into_response();
    match reply {
        Reply::At(slot, value) => whole("result", json!({ "context": { "slot": slot }, "value": value })),
        Reply::Plain(value) => whole("result", value),
        Reply::Error(code, message, data) => whole("error", json!({ "code": code, "message": message, "data": data })),
        Reply::Http(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().expect("a header"));
            }
            response
        }
        Reply::Late(..) => unreachable!("waited for"),
    }
}

/// What a node in order says to all that preparing and landing a transaction ask, at a slot.
pub fn in_order(method: &str, slot: u64) -> Reply {
    match method {
        "getLatestBlockhash" => {
            let hash = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY";
            Reply::At(slot, json!({ "blockhash": hash, "lastValidBlockHeight": 150 }))
        }
        "simulateTransaction" => Reply::At(slot, json!({ "err": null, "logs": [], "unitsConsumed": 1_000 })),
        "getRecentPrioritizationFees" => Reply::Plain(json!([])),
        "sendTransaction" => Reply::Error(-32_603, "the test says what becomes of it", Value::Null),
        "getEpochInfo" => Reply::Plain(json!({
            "epoch": 0, "slotIndex": slot, "slotsInEpoch": 432_000, "absoluteSlot": slot, "blockHeight": 1,
            "transactionCount": 1,
        })),
        "getSignatureStatuses" => Reply::At(slot, json!([null])),
        "getSlot" => Reply::Plain(json!(slot)),
        other => panic!("the node does not know {other}"),
    }
}
