//! The proxy that end-to-end tests put before the network does to a client what they ask for.

use std::sync::atomic::Ordering::Relaxed;

use crate::support::{Subscriber, proxy::Proxy, until};
use anyhow::{Context, Result};
use ballast_localnet::{Localnet, Options};
use ballast_rpc::{Bid, Cluster, Rpc};

fn port(url: &str) -> Result<u16> {
    Ok(url.rsplit(':').next().context("a port")?.parse()?)
}

#[test]
fn notifications_are_duplicated_and_swapped_but_none_is_lost() -> Result<()> {
    let network = Localnet::start(&Options::on_free_ports())?;
    let proxy = Proxy::of_web_socket(port(&network.manifest().ws_url)?);
    let (feed, sol) = (network.feed(), network.reserves()[0].price_account);
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut subscriber = Subscriber::connect(&format!("ws://127.0.0.1:{}", proxy.port)).await?;
        subscriber.subscribe("accountSubscribe", &sol).await?;
        proxy.faults.duplicates.store(3, Relaxed);
        proxy.faults.swaps.store(4, Relaxed);
        let wanted: Vec<_> = (1..=12).map(|dollars| dollars * 100_000_000).collect();
        for price in &wanted {
            feed.set_prices(vec![(0, Some(*price as f64 / 1e8))])?;
        }
        let mut heard = Vec::new();
        while !wanted.iter().all(|price| heard.contains(price)) {
            heard.push(subscriber.next_price().await?.1.price);
        }
        let first = |price: &i64| heard.iter().position(|other| other == price);
        assert!(!wanted.is_sorted_by_key(first) || heard.windows(2).any(|pair| pair[0] > pair[1]), "{heard:?}");
        assert!(proxy.faults.duplicated.load(Relaxed) > 0 && proxy.faults.overtaken.load(Relaxed) > 0);
        Ok(())
    })
}

#[test]
fn connections_are_cut_and_refused() -> Result<()> {
    let network = Localnet::start(&Options::on_free_ports())?;
    let (rpc_port, ws_port) = (port(&network.manifest().rpc_url)?, port(&network.manifest().ws_url)?);
    let (bytes, messages) = (Proxy::of_bytes(rpc_port), Proxy::of_web_socket(ws_port));
    let ask = || Rpc::new(&format!("http://127.0.0.1:{}", bytes.port), Bid::default())?.genesis_hash();
    assert!(ask().is_ok());
    bytes.faults.refuses.store(true, Relaxed);
    assert!(ask().is_err());
    bytes.faults.refuses.store(false, Relaxed);
    assert!(ask().is_ok());

    tokio::runtime::Runtime::new()?.block_on(async {
        let url = format!("ws://127.0.0.1:{}", messages.port);
        let mut subscriber = Subscriber::connect(&url).await?;
        subscriber.subscribe("accountSubscribe", &network.reserves()[0].price_account).await?;
        messages.cut();
        while subscriber.next().await.is_ok() {}
        until("the cut", || messages.faults.cut.load(Relaxed) == 1)?;
        Subscriber::connect(&url).await?.subscribe("accountSubscribe", &network.market()).await.map(|_| ())
    })
}
