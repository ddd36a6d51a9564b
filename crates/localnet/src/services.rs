//! What listens beside the JSON-RPC server: the WebSocket port, and the router's with the remote control and the page.

use std::{net::TcpListener, thread::JoinHandle, time::Duration};

use anyhow::{Result, anyhow};
use axum::{Router, middleware};
use tokio::{runtime::Builder, sync::oneshot};

use crate::guard;

/// The services' thread. Stops when it is dropped.
pub struct Services {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Services {
    /// Serves on listeners that are already bound, to programs and pages of this machine alone.
    pub fn start(services: [(TcpListener, Router); 2]) -> Result<Self> {
        // Two threads: a remote order waits for the price feed.
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        for (listener, _) in &services {
            listener.set_nonblocking(true)?;
        }
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("services".into()).spawn(move || {
            let result = runtime.block_on(async {
                let serve = |(listener, app): (_, Router)| {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    anyhow::Ok(axum::serve(listener, app.layer(middleware::from_fn(guard::check))).into_future())
                };
                let [one, other] = services.map(serve);
                tokio::select! {
                    result = one? => result.map_err(Into::into),
                    result = other? => result.map_err(Into::into),
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
