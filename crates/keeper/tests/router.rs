//! The router's client against a router of the same shape.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router as Server,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use ballast_client::Address;
use ballast_keeper::service::router::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;

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
    (Router::new(&url, 20, 50).expect("a client"), requests)
}

#[tokio::test]
async fn a_quote_and_its_swap_are_read_and_the_quote_goes_back_whole() {
    let (router, requests) = serve(OWNER, StatusCode::OK).await;
    let quoted = router.quote(SELL, BUY, 1_000).await.expect("a quote");
    assert_eq!((quoted.out, Router::threshold(&quoted.quote).expect("a threshold")), (2_000, 1_993));
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

#[tokio::test]
async fn a_router_that_is_out_of_order_says_so() {
    let (router, _) = serve(OWNER, StatusCode::TOO_MANY_REQUESTS).await;
    let error = router.quote(SELL, BUY, 1_000).await.expect_err("refused").to_string();
    assert!(error.contains("429"), "{error}");
    let nobody = Router::new("http://127.0.0.1:1", 20, 50).expect("a client");
    assert!(nobody.quote(SELL, BUY, 1).await.is_err());
}
