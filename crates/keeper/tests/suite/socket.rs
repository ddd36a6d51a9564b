//! Subscriptions over a WebSocket: accounts come and go without a new connection.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use ballast_client::Address;
use ballast_keeper::service::{
    feed::{Event, subscribe},
    state::News,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

const MARKET: Address = Address::new_from_array([1; 32]);
const KEPT: Address = Address::new_from_array([2; 32]);
const DROPPED: Address = Address::new_from_array([3; 32]);
const ADDED: Address = Address::new_from_array([4; 32]);

/// What a node's socket was asked.
#[derive(Default)]
struct Asked {
    connections: usize,
    /// Accounts by the numbers of their subscriptions.
    accounts: BTreeMap<u64, String>,
}

/// A socket that tells of every account that is subscribed to, once.
async fn serve(asked: Arc<Mutex<Asked>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a client");
            asked.lock().expect("no panic").connections += 1;
            let mut next = 0u64;
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                let request: Value = serde_json::from_str(&text).expect("JSON");
                let method = request["method"].as_str().expect("a method").to_owned();
                let answer =
                    |result: Value| json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string();
                if method == "accountUnsubscribe" {
                    let number = request["params"][0].as_u64().expect("a number");
                    asked.lock().expect("no panic").accounts.remove(&number);
                    socket.send(Message::text(answer(true.into()))).await.expect("sent");
                    continue;
                }
                next += 1;
                socket.send(Message::text(answer(next.into()))).await.expect("sent");
                if method == "accountSubscribe" {
                    let address = request["params"][0].as_str().expect("an address").to_owned();
                    asked.lock().expect("no panic").accounts.insert(next, address.clone());
                    let account = json!({ "lamports": 7, "data": ["", "base64"], "owner": address, "executable": false,
                        "rentEpoch": 0, "space": 0 });
                    let result = json!({ "context": { "slot": 5 }, "value": account });
                    let notice = json!({ "jsonrpc": "2.0", "method": "accountNotification",
                        "params": { "subscription": next, "result": result } });
                    socket.send(Message::text(notice.to_string())).await.expect("sent");
                }
            }
        }
    });
    url
}

/// The next event, and of which account.
async fn next(events: &mut mpsc::Receiver<Event>) -> String {
    match timeout(Duration::from_secs(10), events.recv()).await.expect("in time").expect("it goes on") {
        Event::News(News::Account { address, slot: 5, account: Some(account) }) => {
            assert_eq!((account.lamports, account.owner), (7, address));
            address.to_string()
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn accounts_are_watched_and_dropped_without_a_new_connection() {
    let asked = Arc::new(Mutex::new(Asked::default()));
    let url = serve(asked.clone()).await;
    let (watched, receiver) = watch::channel(vec![KEPT, DROPPED]);
    let (events, mut heard) = mpsc::channel(100);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(subscribe(url, MARKET, receiver, events, stopped));
    assert_eq!(next(&mut heard).await, "Connected");
    let mut first = [next(&mut heard).await, next(&mut heard).await];
    first.sort();
    let mut expected = [KEPT, DROPPED].map(|address| address.to_string());
    expected.sort();
    assert_eq!(first, expected);
    watched.send_replace(vec![KEPT, ADDED]);
    // In either order: the reading that follows is of a time when the account was watched.
    let mut then = [next(&mut heard).await, next(&mut heard).await];
    then.sort();
    let mut expected = ["Watching".to_owned(), ADDED.to_string()];
    expected.sort();
    assert_eq!(then, expected);
    // The same again asks for nothing.
    watched.send_replace(vec![ADDED, KEPT]);
    assert_eq!(next(&mut heard).await, "Watching");
    {
        let asked = asked.lock().expect("no panic");
        assert_eq!(asked.connections, 1, "all by one connection");
        let mut accounts: Vec<_> = asked.accounts.values().cloned().collect();
        accounts.sort();
        let mut expected = [KEPT, ADDED].map(|address| address.to_string());
        expected.sort();
        assert_eq!(accounts, expected);
    }
    stop.send_replace(true);
    timeout(Duration::from_secs(5), running).await.expect("it stops").expect("without a panic");
}
