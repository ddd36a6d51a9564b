//! The router's client against a router of the same shape.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Json, Router as Server,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ballast_client::Address;
use ballast_keeper::service::{
    metrics::Metrics,
    router::{Router, RouterError, Settings, trouble::Kind},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

const OWNER: Address = Address::new_from_array([5; 32]);
const SELL: Address = Address::new_from_array([1; 32]);
const BUY: Address = Address::new_from_array([2; 32]);

type Requests = Arc<Mutex<Vec<Value>>>;

/// A router that quotes two for one, and has the swap signed by `signer`.
async fn serve(signer: Address, status: StatusCode) -> (Router, Requests) {
    let requests = Requests::default();
    let quote = async move |State(requests): State<Requests>,
                            Query(query): Query<std::collections::HashMap<String, String>>| {
        requests.lock().expect("no panic").push(json!(query));
        let amount: u64 = query["amount"].parse().expect("a number");
        let answer = json!({
            "inputMint": query["inputMint"], "outputMint": query["outputMint"], "inAmount": amount.to_string(),
            "outAmount": (2 * amount).to_string(), "otherAmountThreshold": (2 * amount - 7).to_string(),
            "swapMode": "ExactIn", "slippageBps": 50, "priceImpactPct": "0.001", "contextSlot": 5, "unknown": {"kept": true},
            "routePlan": [],
        });
        (status, Json(answer))
    };
    let swap = async move |State(requests): State<Requests>, Json(request): Json<Value>| {
        requests.lock().expect("no panic").push(request);
        let instruction = |byte: u8| {
            json!({
                "programId": SELL.to_string(),
                "accounts": [{"pubkey": signer.to_string(), "isSigner": true, "isWritable": false},
                             {"pubkey": BUY.to_string(), "isSigner": false, "isWritable": true}],
                "data": (["AQ==", "Ag==", "Aw=="][byte as usize]),
            })
        };
        Json(json!({
            "computeBudgetInstructions": [instruction(0)], "setupInstructions": [instruction(0)],
            "swapInstruction": instruction(1), "cleanupInstruction": instruction(2), "otherInstructions": [],
            "addressLookupTableAddresses": [BUY.to_string()],
        }))
    };
    let app = Server::new()
        .route("/swap/v1/quote", get(quote))
        .route("/swap/v1/swap-instructions", post(swap))
        .with_state(requests.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/swap/v1/", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (router(&url), requests)
}

fn settings(url: &str) -> Settings {
    let headers = HeaderMap::new();
    Settings { url: url.into(), headers, max_accounts: 20, slippage_bps: 50, timeout: Duration::from_millis(300) }
}

fn router(url: &str) -> Router {
    Router::new(settings(url), Metrics::new().expect("metrics")).expect("a client")
}

#[tokio::test]
async fn a_quote_and_its_swap_are_read_and_the_quote_goes_back_whole() {
    let (router, requests) = serve(OWNER, StatusCode::OK).await;
    let quoted = router.quote(SELL, BUY, 1_000).await.expect("a quote");
    assert_eq!((quoted.out, Router::threshold(&quoted.quote)), (2_000, 1_993));
    let swap = router.swap(OWNER, &quoted.quote).await.expect("a swap");
    assert_eq!(swap.instructions.iter().map(|one| one.data.clone()).collect::<Vec<_>>(), [[1], [2], [3]]);
    let metas = &swap.instructions[0].accounts;
    assert_eq!((metas[0].pubkey, metas[0].is_signer, metas[0].is_writable), (OWNER, true, false));
    assert_eq!((metas[1].pubkey, metas[1].is_signer, metas[1].is_writable), (BUY, false, true));
    assert_eq!(swap.tables, [BUY]);
    let requests = requests.lock().expect("no panic");
    let expected = json!({"inputMint": SELL.to_string(), "outputMint": BUY.to_string(), "amount": "1000",
        "slippageBps": "50", "swapMode": "ExactIn", "maxAccounts": "20"});
    assert_eq!(requests[0], expected);
    let expected =
        json!({"quoteResponse": quoted.quote, "userPublicKey": OWNER.to_string(), "wrapAndUnwrapSol": false});
    assert_eq!(requests[1], expected);
    assert_eq!(quoted.quote["unknown"]["kept"], true);
}

#[tokio::test]
async fn a_swap_that_somebody_else_must_sign_is_refused() {
    let (router, _) = serve(SELL, StatusCode::OK).await;
    let quoted = router.quote(SELL, BUY, 1_000).await.expect("a quote");
    let error = router.swap(OWNER, &quoted.quote).await.expect_err("refused").to_string();
    assert!(error.contains("signature"), "{error}");
}

/// What a router answers to its next question.
type Answer = dyn Fn(&HeaderMap) -> Response + Send + Sync;

/// A router that answers everything with the same, and how often it was asked.
async fn answering(answer: impl Fn(&HeaderMap) -> Response + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (answer, count): (Arc<Answer>, _) = (Arc::new(answer), asked.clone());
    let app = Server::new().fallback(async move |headers: HeaderMap| {
        count.fetch_add(1, Relaxed);
        if headers.contains_key("x-hang") {
            std::future::pending::<()>().await;
        }
        answer(&headers)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/?key=hunter2", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

/// How often a kind of failure was counted, and whether the router counts as up.
fn counted(metrics: &Metrics, kind: Kind) -> (u64, bool) {
    (metrics.router_failures.with_label_values(&[kind.name()]).get(), metrics.router_up.get() == 1)
}

#[tokio::test]
async fn each_kind_of_trouble_is_told_counted_and_no_word_about_a_route() {
    let json = r#"{"error": "no", "errorCode": "NO"}"#;
    let html = "<html><body>Just a moment...</body></html>";
    let quote = r#"{"inAmount": "999", "outAmount": "5", "otherAmountThreshold": "5"}"#;
    for (status, body, kind, tries) in [
        (401, json, Kind::Unauthorized, 1),
        (403, html, Kind::Unauthorized, 1),
        (429, json, Kind::RateLimited, 3),
        (500, json, Kind::Unavailable, 3),
        (503, html, Kind::Unavailable, 3),
        (302, "", Kind::Unavailable, 3),
        (404, html, Kind::Unreachable, 3),
        (400, json, Kind::Rejected, 1),
        (400, html, Kind::Rejected, 1),
        (200, html, Kind::Malformed, 1),
        (200, r#"{"inAmount": "1000", "outAm"#, Kind::Malformed, 1),
        (200, "{}", Kind::Malformed, 1),
        (200, "", Kind::Malformed, 1),
        (200, quote, Kind::Malformed, 1),
    ] {
        let (url, asked) = answering(move |_| (StatusCode::from_u16(status).expect("one"), body).into_response()).await;
        let metrics = Metrics::new().expect("metrics");
        let router = Router::new(settings(&url), metrics.clone()).expect("a client");
        let error = router.quote(SELL, BUY, 1_000).await.expect_err("no quote");
        assert!(matches!(error, RouterError::Trouble(found, _) if found == kind), "{status} {body}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert_eq!(asked.load(Relaxed), tries, "{status} {body}");
        let is_up = kind == Kind::Rejected;
        assert_eq!(counted(&metrics, kind), (tries as u64, is_up), "{status} {body}");
        // It is left alone, but for other questions where only the one was wrong.
        let again = router.quote(SELL, BUY, 1_000).await.expect_err("no quote");
        assert_eq!(again == RouterError::Paused, !is_up, "{status} {body}: {again:?}");
    }
}

#[tokio::test]
async fn a_router_that_hangs_or_is_not_there_holds_up_one_question() {
    let (url, asked) = answering(|_| "never".into_response()).await;
    let metrics = Metrics::new().expect("metrics");
    let headers = HeaderMap::from_iter([("x-hang".parse().expect("a name"), "1".parse().expect("a value"))]);
    let hanging = Router::new(Settings { headers, ..settings(&url) }, metrics.clone()).expect("a client");
    let start = Instant::now();
    for (number, expected) in [Kind::TimedOut; 20].into_iter().enumerate() {
        let error = hanging.quote(SELL, BUY, 1_000).await.expect_err("no quote");
        let is_expected = matches!(error, RouterError::Trouble(kind, _) if kind == expected);
        assert_eq!(is_expected, number == 0, "{number}: {error:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "twenty questions took {:?}", start.elapsed());
    assert_eq!((asked.load(Relaxed), counted(&metrics, Kind::TimedOut)), (1, (1, false)));
    let error = router("http://127.0.0.1:1/?key=hunter2").quote(SELL, BUY, 1).await.expect_err("nobody listens");
    assert!(matches!(error, RouterError::Trouble(Kind::Unreachable, _)), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn that_there_is_no_route_is_an_answer() {
    let body = r#"{"error": "Could not find any route", "errorCode": "COULD_NOT_FIND_ANY_ROUTE"}"#;
    let (url, asked) = answering(move |_| (StatusCode::BAD_REQUEST, body).into_response()).await;
    let metrics = Metrics::new().expect("metrics");
    let router = Router::new(settings(&url), metrics.clone()).expect("a client");
    for number in 1..4 {
        let error = router.quote(SELL, BUY, 1_000).await.expect_err("no route");
        assert!(matches!(error, RouterError::NoRoute(_)), "{error:?}");
        assert_eq!(asked.load(Relaxed), number, "once each time");
    }
    assert!(Kind::ALL.iter().all(|kind| counted(&metrics, *kind) == (0, true)));
}

#[tokio::test]
async fn a_router_is_asked_again_as_late_as_it_says_and_not_before() {
    for is_date in [false, true] {
        let start = Instant::now();
        let answer = move |_: &HeaderMap| {
            if start.elapsed() > Duration::from_secs(2) {
                let quote = json!({ "inAmount": "1000", "outAmount": "5", "otherAmountThreshold": "5" });
                return Json(quote).into_response();
            }
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
            let after = if is_date { date } else { "2".into() };
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", after)], "slow down").into_response()
        };
        let (url, asked) = answering(answer).await;
        let metrics = Metrics::new().expect("metrics");
        let router = Router::new(settings(&url), metrics.clone()).expect("a client");
        let error = router.quote(SELL, BUY, 1_000).await.expect_err("too many");
        assert!(matches!(error, RouterError::Trouble(Kind::RateLimited, _)), "{error:?}");
        while start.elapsed() < Duration::from_millis(1_900) {
            assert_eq!(router.quote(SELL, BUY, 1_000).await.expect_err("left alone"), RouterError::Paused);
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!((asked.load(Relaxed), counted(&metrics, Kind::RateLimited)), (1, (1, false)));
        while router.quote(SELL, BUY, 1_000).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(8), "it answers again");
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(counted(&metrics, Kind::RateLimited), (1, true));
    }
}

#[tokio::test]
async fn what_is_over_at_once_is_tried_again_at_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let (url, asked) = answering(move |_| match count.fetch_add(1, Relaxed) {
        0 => (StatusCode::BAD_GATEWAY, "").into_response(),
        1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "").into_response(),
        _ => Json(json!({ "inAmount": "1000", "outAmount": "5", "otherAmountThreshold": "5" })).into_response(),
    })
    .await;
    let quoted = router(&url).quote(SELL, BUY, 1_000).await.expect("the third answer");
    assert_eq!((quoted.out, asked.load(Relaxed)), (5, 3));
}

#[tokio::test]
async fn the_key_and_headers_are_sent_told_nobody_and_not_passed_on() {
    let (elsewhere, asked_elsewhere) = answering(|_| "{}".into_response()).await;
    // A router that wants a key, repeats it, and sends those who have it on.
    let answer = move |headers: &HeaderMap| {
        let of = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        match (of("x-api-key").as_deref(), of("x-team").as_deref()) {
            (Some("hunter2"), Some("keepers")) => {
                (StatusCode::FOUND, [("location", elsewhere.clone())], "key hunter2 \u{1b}[31m\n").into_response()
            }
            other => panic!("{other:?}"),
        }
    };
    let (url, _) = answering(answer).await;
    let value = |text: &str| text.parse().expect("a value");
    let headers = HeaderMap::from_iter([
        ("x-api-key".parse().expect("a name"), value("hunter2")),
        ("x-team".parse().expect("a name"), value("keepers")),
    ]);
    let router =
        Router::new(Settings { headers, ..settings(&url) }, Metrics::new().expect("metrics")).expect("a client");
    let error = router.quote(SELL, BUY, 1_000).await.expect_err("sent on").to_string();
    assert!(error.contains("302") && error.contains("***"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains(['\u{1b}', '\n']), "{error}");
    assert_eq!(asked_elsewhere.load(Relaxed), 0, "the key goes nowhere else");
}
