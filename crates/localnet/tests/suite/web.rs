//! The page and what it asks for, on one origin.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
};

use crate::support::{self, *};
use anyhow::{Context, Result, ensure};
use ballast_localnet::{Localnet, Options, keys};
use ballast_rpc::Cluster;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, client::IntoClientRequest},
};

/// A page's folder beside a file that is nobody's business. Removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("ballast-localnet-web-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("dist/assets"))?;
        for (file, text) in [
            ("secret.txt", "secret"),
            ("dist/index.html", "<!doctype html><title>page</title>"),
            ("dist/assets/page.js", "export {}"),
            ("dist/assets/page.css", "body {}"),
            ("dist/assets/engine.wasm", "\0asm"),
            ("dist/assets/text.woff2", "wOF2"),
        ] {
            std::fs::write(folder.join(file), text)?;
        }
        Ok(Self(folder))
    }

    /// A network that serves it.
    fn serve(&self) -> Result<Localnet> {
        Localnet::start(&Options { web: Some(self.0.join("dist")), ..Options::on_free_ports() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An answer as it came.
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    /// A header's value; none if it is not there.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name))
            .map(|(_, value)| value)
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }
}

/// `127.0.0.1:PORT` of a URL.
fn authority(url: &str) -> &str {
    url.split("://").last().unwrap_or(url).trim_end_matches('/')
}

/// Asks in these very words, which no client makes better before.
fn say(network: &Localnet, request: &str, headers: &str, body: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(authority(&network.manifest().router_url))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{request} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (headers, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    Ok(Answer { status, headers: headers.into(), body: body.into() })
}

/// The same, as a program or a page of this machine asks.
fn get(network: &Localnet, path: &str) -> Result<Answer> {
    let host = authority(&network.manifest().router_url);
    say(network, &format!("GET {path}"), &format!("Host: {host}\r\nOrigin: http://{host}\r\n"), "")
}

#[test]
fn the_page_comes_with_types_and_a_policy() -> Result<()> {
    let folder = Folder::new("page")?;
    let mut network = folder.serve()?;
    let url = network.manifest().page_url.clone().context("no page")?;
    assert_eq!(url, format!("{}/", network.manifest().router_url));
    assert!(network.manifest().to_string().contains(&format!("\npage       {url}\n")));
    for (path, kind, body) in [
        ("/", "text/html", "<!doctype html><title>page</title>"),
        ("/index.html", "text/html", "<!doctype html><title>page</title>"),
        ("/assets/page.js", "text/javascript", "export {}"),
        ("/assets/page.css", "text/css", "body {}"),
        ("/assets/engine.wasm", "application/wasm", "\0asm"),
        ("/assets/text.woff2", "font/woff2", "wOF2"),
    ] {
        let answer = get(&network, path)?;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        let policy = answer.header("content-security-policy").context("no policy")?;
        for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|found| found == part), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    assert_eq!(get(&network, "/no/such")?.status, 404);
    // What the port had before.
    assert_eq!(get(&network, "/localnet")?.json()?["speed"], 0);
    assert_eq!(get(&network, "/swap/v1/quote")?.status, 400);
    network.stop()
}

#[test]
fn nothing_outside_the_folder_is_served() -> Result<()> {
    let folder = Folder::new("outside")?;
    let network = folder.serve()?;
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/..\\secret.txt",
        "//../secret.txt",
        &format!("/{}", folder.0.join("secret.txt").display()),
    ] {
        let answer = get(&network, path)?;
        assert!((400..500).contains(&answer.status) && !answer.body.contains("secret"), "{path}: {}", answer.status);
    }
    Ok(())
}

#[test]
fn without_a_page_there_is_none() -> Result<()> {
    let network = Localnet::start(&Options::on_free_ports())?;
    assert_eq!(serde_json::to_value(network.manifest())?["page_url"], Value::Null);
    assert!(!network.manifest().to_string().contains("\npage "));
    for path in ["/", "/config.json", "/rpc", "/ws"] {
        assert_eq!(get(&network, path)?.status, 404, "{path}");
    }
    Ok(())
}

#[test]
fn the_page_is_told_of_the_network() -> Result<()> {
    let folder = Folder::new("config")?;
    let network = folder.serve()?;
    let config = get(&network, "/config.json")?;
    assert_eq!(
        (config.header("content-type"), config.header("cache-control")),
        (Some("application/json"), Some("no-cache"))
    );
    let (config, manifest) = (config.json()?, network.manifest());
    assert_eq!(config["genesisHash"], support::rpc(&network)?.genesis_hash()?);
    let program = Sha256::digest(std::fs::read(Options::on_free_ports().program)?);
    let hash: String = program.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&config["program"], &config["programHash"]), (&json!(manifest.program), &json!(hash)));
    assert_eq!((&config["rpc"], &config["ws"]), (&json!("rpc"), &json!("ws")));
    assert_eq!(config["markets"][0]["address"], manifest.market);
    assert_eq!(config["vaults"], json!([manifest.vault]));
    for reserve in &manifest.reserves {
        assert_eq!(config["tokens"][&reserve.mint], json!({ "symbol": reserve.symbol }));
    }
    let wallets = config["wallets"].as_array().context("wallets")?;
    assert_eq!(wallets.len(), manifest.wallets.len());
    for (shown, wallet) in wallets.iter().zip(&manifest.wallets) {
        let key: Vec<u8> = serde_json::from_value(shown["secretKey"].clone())?;
        let key = solana_keypair::Keypair::try_from(&key[..])?;
        assert_eq!(
            (shown["name"].as_str(), key.to_bytes()),
            (Some(&*wallet.name), keys::keypair(&wallet.name).to_bytes())
        );
        assert_eq!(solana_signer::Signer::pubkey(&key).to_string(), wallet.address);
    }
    Ok(())
}

#[test]
fn json_rpc_is_answered_beside_the_page() -> Result<()> {
    let folder = Folder::new("rpc")?;
    let network = folder.serve()?;
    let url = format!("{}/rpc", network.manifest().router_url);
    let call = |id: u32, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method });
    let genesis = support::rpc(&network)?.genesis_hash()?;
    let (status, answer) = post(&url, &call(7, "getGenesisHash"))?;
    assert_eq!((status, &answer["result"], &answer["id"]), (200, &json!(genesis), &json!(7)));
    let (status, batch) = post(&url, &json!([call(1, "getGenesisHash"), call(2, "getNoSuchThing")]))?;
    assert_eq!((status, &batch[0]["result"]), (200, &json!(genesis)));
    assert!(batch[1]["error"]["message"].is_string(), "{batch}");
    assert_eq!(get(&network, "/rpc")?.status, 405);

    // The command's own client, and a transaction.
    let mut rpc = ballast_rpc::Rpc::new(&url, ballast_rpc::Bid::default())?;
    let view = support::market(&mut rpc, &network)?;
    let owner = keys::address("trader");
    rpc.send(&[view.open_account(owner, owner, 0)], &[&keys::keypair("trader")])?;
    assert!(rpc.accounts(&[view.margin_account(&owner, 0)])?[0].is_some());
    Ok(())
}

#[test]
fn subscribers_hear_of_prices_beside_the_page() -> Result<()> {
    let folder = Folder::new("ws")?;
    let network = folder.serve()?;
    let sol = network.reserves()[0].price_account;
    tokio::runtime::Runtime::new()?.block_on(async {
        let url = format!("ws://{}/ws", authority(&network.manifest().router_url));
        let mut subscriber = Subscriber::connect(&url).await?;
        subscriber.subscribe("accountSubscribe", &sol).await?;
        network.feed().set_prices(vec![(0, Some(123.0))])?;
        loop {
            let (slot, update) = subscriber.next_price().await?;
            if update.price == 12_300_000_000 {
                ensure!(slot >= network.feed().published().slot, "{slot} is older than the price");
                return Ok(());
            }
        }
    })?;
    let plain = get(&network, "/ws")?;
    assert!(plain.status == 400 && plain.body.contains("WebSocket"), "{}: {}", plain.status, plain.body);
    Ok(())
}

#[test]
fn websites_are_refused() -> Result<()> {
    let folder = Folder::new("foreign")?;
    let network = folder.serve()?;
    let manifest = network.manifest();
    let host = authority(&manifest.router_url);
    let before = network.feed().published().speed;
    let requests =
        ["GET /", "GET /config.json", "POST /rpc", "GET /ws", "GET /localnet", "POST /localnet/speed", "GET /quote"];
    for (headers, words) in [
        ("Host: evil.example\r\n".into(), "Host: "),
        (format!("Host: evil.example\r\nOrigin: http://{host}\r\n"), "Host: "),
        (format!("Host: {host}\r\nOrigin: https://evil.example\r\n"), "Origin: "),
        (format!("Host: {host}\r\nOrigin: null\r\n"), "Origin: "),
    ] {
        for request in requests {
            let headers = format!("{headers}Content-Type: application/json\r\n");
            let answer = say(&network, request, &headers, r#"{"speed":60}"#)?;
            assert!(answer.status == 403 && answer.body.starts_with(words), "{request}, {headers}: {}", answer.body);
        }
    }
    assert_eq!(network.feed().published().speed, before, "nothing was driven");
    // Both WebSockets; a page of this machine gets through.
    tokio::runtime::Runtime::new()?.block_on(async {
        for url in [format!("ws://{host}/ws"), manifest.ws_url.clone()] {
            for (origin, is_let_in) in [("https://evil.example", false), ("http://localhost:5173", true)] {
                let mut request = url.as_str().into_client_request()?;
                request.headers_mut().insert("Origin", origin.parse()?);
                match connect_async(request).await {
                    Ok(_) => ensure!(is_let_in, "{origin} was let in at {url}"),
                    Err(tungstenite::Error::Http(answer)) => {
                        ensure!(!is_let_in && answer.status() == 403, "{origin} at {url}: {}", answer.status());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    })
}
