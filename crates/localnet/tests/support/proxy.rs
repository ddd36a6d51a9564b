//! A proxy between a client and a node that does what bad days do: cuts connections, refuses new ones, says things twice and
//! in another order.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use futures_util::{SinkExt, Stream, StreamExt};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{
    accept_async, connect_async,
    tungstenite::{Error, Message},
};

/// The longest that a notification is held back for the next to overtake it.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is wrong with the connection, and how often it was.
#[derive(Default)]
pub struct Faults {
    /// Whether new connections are closed at once.
    pub refuses: AtomicBool,
    /// Every so many account notifications, one comes twice; 0 is never.
    pub duplicates: AtomicU64,
    /// Every so many account notifications, one comes after the next; 0 is never.
    pub swaps: AtomicU64,
    /// Connections that were cut or refused.
    pub cut: AtomicU64,
    /// Notifications that came twice.
    pub duplicated: AtomicU64,
    /// Notifications that were overtaken.
    pub overtaken: AtomicU64,
    notifications: AtomicU64,
}

/// A running proxy. Stops when it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    /// To be changed at any time.
    pub faults: Arc<Faults>,
    cuts: watch::Sender<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What passes through.
#[derive(Clone, Copy)]
enum Kind {
    Bytes,
    WebSocket,
}

impl Proxy {
    /// In front of a port whose bytes pass as they are: JSON-RPC.
    pub fn of_bytes(port: u16) -> Self {
        Self::start(port, Kind::Bytes)
    }

    /// In front of a WebSocket port, whose account and program notifications may be duplicated and swapped.
    pub fn of_web_socket(port: u16) -> Self {
        Self::start(port, Kind::WebSocket)
    }

    fn start(upstream: u16, kind: Kind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (faults, (cuts, cut), (stop, stopped)) = (Arc::<Faults>::default(), watch::channel(()), oneshot::channel());
        let shared = Arc::clone(&faults);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, upstream, kind, shared, cut) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Self { port, faults, cuts, stop: Some(stop), thread: Some(thread) }
    }

    /// Cuts all connections that are open now.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, upstream: u16, kind: Kind, faults: Arc<Faults>, cut: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if faults.refuses.load(Relaxed) {
            faults.cut.fetch_add(1, Relaxed);
            continue;
        }
        let (faults, mut cut) = (Arc::clone(&faults), cut.clone());
        cut.mark_unchanged();
        connections.spawn(async move {
            let passing = async {
                match kind {
                    Kind::Bytes => pass_bytes(stream, upstream).await,
                    Kind::WebSocket => pass_messages(stream, upstream, &faults).await,
                }
            };
            tokio::select! {
                _ = passing => {}
                _ = cut.changed() => { faults.cut.fetch_add(1, Relaxed); }
            }
        });
    }
}

/// Ends with the connection; an error is an end too.
async fn pass_bytes(mut stream: TcpStream, upstream: u16) -> Option<()> {
    let mut node = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await.ok()?;
    copy_bidirectional(&mut stream, &mut node).await.ok().map(|_| ())
}

async fn pass_messages(stream: TcpStream, upstream: u16, faults: &Faults) -> Option<()> {
    let (mut to_client, mut from_client) = accept_async(stream).await.ok()?.split();
    let (node, _) = connect_async(format!("ws://127.0.0.1:{upstream}")).await.ok()?;
    let (mut to_node, mut from_node) = node.split();
    let asked = async {
        while let Some(Ok(message)) = from_client.next().await {
            to_node.send(message).await.ok()?;
        }
        Some(())
    };
    let told = async {
        while let Some(Ok(message)) = from_node.next().await {
            for message in faults.disturb(message, &mut from_node).await {
                to_client.send(message).await.ok()?;
            }
        }
        Some(())
    };
    tokio::select! {
        _ = asked => Some(()),
        _ = told => Some(()),
    }
}

impl Faults {
    /// What the client gets for a message, and perhaps for the one after it.
    async fn disturb(
        &self,
        message: Message,
        next: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    ) -> Vec<Message> {
        let is_of_an_account = message
            .to_text()
            .is_ok_and(|text| text.contains("accountNotification") || text.contains("programNotification"));
        if !is_of_an_account {
            return vec![message];
        }
        let nth = self.notifications.fetch_add(1, Relaxed) + 1;
        let is_due = |every: &AtomicU64| nth.checked_rem(every.load(Relaxed)) == Some(0);
        if is_due(&self.swaps)
            && let Ok(Some(Ok(overtaking))) = timeout(PATIENCE, next.next()).await
        {
            self.overtaken.fetch_add(1, Relaxed);
            return vec![overtaking, message];
        }
        if is_due(&self.duplicates) {
            self.duplicated.fetch_add(1, Relaxed);
            return vec![message.clone(), message];
        }
        vec![message]
    }
}
