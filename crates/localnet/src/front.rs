//! The network's WebSocket, on a port of its own and beside the page: passes everything to Surfpool's own server and back, and
//! puts the slot right.
//!
//! Surfpool 1.6.1 stamps account and program notifications with the slot of the *subscription*, whatever later slot they are of.
//! Who orders what they hear by slot, as one must with a real node, would take every one for old. Here they carry the slot in
//! which they are passed on: the one that they are of, or one or two after it.

use anyhow::Result;
use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::{Sink, SinkExt, StreamExt, future::select};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::{
    WebSocketStream, connect_async,
    tungstenite::{Message, handshake::server::create_response_with_body, protocol::Role},
};

use crate::chain::Handle;

/// What connections are passed to.
#[derive(Clone)]
pub struct Inner {
    /// The port of Surfpool's own server.
    pub port: u16,
    /// Whose slot notifications get.
    pub chain: Handle,
}

/// Answers a client that asks for a WebSocket.
pub async fn connect(State(inner): State<Inner>, mut request: Request) -> Response {
    match create_response_with_body(&request, Body::empty) {
        Ok(response) => {
            let outer = hyper::upgrade::on(&mut request);
            // A client that breaks off is no error of the network's.
            tokio::spawn(async move { pass(outer, inner).await });
            response
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("a WebSocket is here: {error}\n")).into_response(),
    }
}

/// Passes messages both ways until one side closes.
async fn pass(outer: OnUpgrade, Inner { port, chain }: Inner) -> Result<()> {
    let outer = WebSocketStream::from_raw_socket(TokioIo::new(outer.await?), Role::Server, None).await;
    let (inner, _) = connect_async(format!("ws://127.0.0.1:{port}")).await?;
    let ((mut to_outer, mut from_outer), (mut to_inner, mut from_inner)) = (outer.split(), inner.split());
    let asked = async {
        while let Some(Ok(message)) = from_outer.next().await {
            send(&mut to_inner, message).await?;
        }
        anyhow::Ok(())
    };
    let told = async {
        while let Some(Ok(message)) = from_inner.next().await {
            let message = match message {
                Message::Text(text) if is_of_an_account(&text) => {
                    Message::text(stamp(&text, chain.slot().await).unwrap_or_else(|| text.to_string()))
                }
                other => other,
            };
            send(&mut to_outer, message).await?;
        }
        anyhow::Ok(())
    };
    select(std::pin::pin!(asked), std::pin::pin!(told)).await;
    Ok(())
}

/// Pings and closings are answered by each connection itself.
async fn send<S: Sink<Message> + Unpin>(to: &mut S, message: Message) -> Result<(), S::Error> {
    if message.is_text() || message.is_binary() { to.send(message).await } else { Ok(()) }
}

fn is_of_an_account(text: &str) -> bool {
    ["\"accountNotification\"", "\"programNotification\""].iter().any(|method| text.contains(method))
}

/// A notification with another slot; `None` if it is none.
fn stamp(text: &str, slot: u64) -> Option<String> {
    let mut notification: Value = serde_json::from_str(text).ok()?;
    *notification.pointer_mut("/params/result/context/slot")? = slot.into();
    Some(notification.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_slot_of_a_notification_changes() {
        let text = r#"{"jsonrpc":"2.0","method":"accountNotification","params":{"result":{"context":{"slot":32},"value":{"lamports":7}},"subscription":3}}"#;
        assert!(is_of_an_account(text));
        assert_eq!(stamp(text, 99), Some(text.replace("32", "99")));
        assert_eq!(stamp(r#"{"result":5}"#, 99), None);
        assert!(!is_of_an_account(r#"{"jsonrpc":"2.0","method":"slotNotification"}"#));
    }
}
