//! What listens beside the JSON-RPC server: the WebSocket port, and the router's with the remote control.

use std::{net::TcpListener, thread::JoinHandle, time::Duration};

use anyhow::{Result, anyhow};
use axum::Router;
use tokio::{runtime::Builder, sync::oneshot};

use crate::{chain::Handle, front};

/// The services' thread. Stops when it is dropped.
pub struct Services {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Services {
    /// Serves on listeners that are already bound.
    pub fn start(ws: TcpListener, inner_ws_port: u16, chain: Handle, http: TcpListener, app: Router) -> Result<Self> {
        // Two threads: a remote order waits for the price feed.
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        ws.set_nonblocking(true)?;
        http.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("services".into()).spawn(move || {
            let result = runtime.block_on(async {
                let ws = tokio::net::TcpListener::from_std(ws)?;
                let http = tokio::net::TcpListener::from_std(http)?;
                tokio::select! {
                    result = front::serve(ws, inner_ws_port, chain) => result,
                    result = axum::serve(http, app).into_future() => result.map_err(Into::into),
                    _ = stopped => Ok(()),
                }
            });
            // Closes what is still connected.
            runtime.shutdown_timeout(Duration::from_secs(1));
            result
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Stops, and returns once the ports are free and all connections closed. Returns the error that ended them before, if
    /// one did.
    pub fn stop(&mut self) -> Result<()> {
        // Whoever has ended already does not listen.
        self.stop.take().map(|stop| stop.send(()));
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().map_err(|_| anyhow!("the services broke down"))?
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        _ = self.stop();
    }
}
