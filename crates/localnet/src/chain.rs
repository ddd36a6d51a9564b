//! The embedded chain: a Surfpool network without a remote, its ports, its clock and its accounts.
//!
//! Surfpool's own runloop serves JSON-RPC and makes blocks. This module starts it on chosen ports, and reaches into its virtual
//! machine where a real network would have other people at work: price publishers and faucets.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{Address, Instruction};
use ballast_rpc::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use solana_account::Account;
use solana_clock::Clock;
use solana_message::{Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use surfpool_core::{
    runloops::start_local_surfnet_runloop,
    surfnet::{
        locker::SurfnetSvmLocker,
        svm::{SurfnetSvm, SurfnetSvmConfig},
    },
};
use surfpool_types::{
    BlockProductionMode, RpcConfig, SimnetCommand, SimnetConfig, SimnetEvent, SurfpoolConfig, TransactionStatusEvent,
};

/// The longest wait for the network to start, to stop or to run a transaction.
const PATIENCE: Duration = Duration::from_secs(30);
/// Servers that say when they have closed: JSON-RPC and WebSocket.
const SERVERS: usize = 2;

/// A running chain. Stops when it is dropped.
pub struct Chain {
    /// The JSON-RPC port.
    pub rpc_port: u16,
    /// The port of Surfpool's own WebSocket server; users get [`crate::front`]'s.
    pub inner_ws_port: u16,
    handle: Handle,
    closed: Receiver<()>,
    runloop: Option<JoinHandle<()>>,
}

/// What other threads work with.
#[derive(Clone)]
pub struct Handle {
    locker: SurfnetSvmLocker,
    commands: Sender<SimnetCommand>,
}

/// Takes a port of this machine, or any free one for 0. `option` names the one to change in the error.
pub fn listen(port: u16, option: &str) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot listen on port {port}: choose another with {option}, or 0 for a free one"))
}

impl Chain {
    /// Starts a network whose blocks come every so many milliseconds.
    pub fn start(rpc_port: u16, slot_ms: u64) -> Result<Self> {
        // Both are held until both are known.
        let (rpc, ws) = (listen(rpc_port, "--rpc-port")?, listen(0, "--ws-port")?);
        let (rpc_port, inner_ws_port) = (rpc.local_addr()?.port(), ws.local_addr()?.port());
        drop((rpc, ws));
        let (simnet, rpc) = config(slot_ms, rpc_port, inner_ws_port);
        let virtual_machine = SurfnetSvmConfig {
            slot_time: slot_ms,
            instruction_profiling_enabled: simnet.instruction_profiling_enabled,
            log_bytes_limit: simnet.log_bytes_limit,
            ..SurfnetSvmConfig::default()
        };
        let made = SurfnetSvm::new(virtual_machine);
        let (svm, events, geyser_events) = made.map_err(|error| anyhow!("the virtual machine: {error}"))?;
        let (commands, received) = unbounded();
        let locker = SurfnetSvmLocker::new(svm);
        let handle = Handle { locker: locker.clone(), commands: commands.clone() };

        let (started, closed) = watch(events);
        let surfpool = SurfpoolConfig { simnets: vec![simnet], rpc, ..SurfpoolConfig::default() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (failed, failures) = bounded(1);
        let runloop = std::thread::Builder::new().name("chain".into()).spawn(move || {
            let future = start_local_surfnet_runloop(locker, surfpool, commands, received, geyser_events);
            if let Err(error) = runtime.block_on(future) {
                _ = failed.send(error.to_string());
            }
        })?;
        let chain = Self { rpc_port, inner_ws_port, handle, closed, runloop: Some(runloop) };
        crossbeam_channel::select! {
            recv(started) -> result => result.context("the network stopped while it started")?.map_err(|error| anyhow!(error))?,
            recv(failures) -> error => bail!("the network does not start: {}", error.unwrap_or_default()),
            default(PATIENCE) => bail!("the network did not start in {} s", PATIENCE.as_secs()),
        }
        Ok(chain)
    }

    /// For other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops, and returns once the ports are free. Does nothing the second time.
    pub fn stop(&mut self) -> Result<()> {
        let Some(runloop) = self.runloop.take() else { return Ok(()) };
        // It does not listen any more only if it has ended by itself.
        if self.handle.commands.send(SimnetCommand::Terminate(None)).is_ok() {
            for _ in 0..SERVERS {
                ensure!(
                    self.closed.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout),
                    "the servers did not close in {} s",
                    PATIENCE.as_secs()
                );
            }
        }
        runloop.join().map_err(|_| anyhow!("the network broke down"))
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        _ = self.stop();
    }
}

fn config(slot_ms: u64, rpc_port: u16, ws_port: u16) -> (SimnetConfig, RpcConfig) {
    let simnet = SimnetConfig {
        offline_mode: true,
        remote_rpc_url: None,
        slot_time: slot_ms,
        block_production_mode: BlockProductionMode::Clock,
        // It would run each instruction once more.
        instruction_profiling_enabled: false,
        ..SimnetConfig::default()
    };
    let bind_host = Ipv4Addr::LOCALHOST.to_string();
    (simnet, RpcConfig { bind_host, bind_port: rpc_port, ws_port, ..RpcConfig::default() })
}

/// Reads the network's events to their end: its channel is bounded, and a full one would block it.
fn watch(events: Receiver<SimnetEvent>) -> (Receiver<Result<(), String>>, Receiver<()>) {
    let ((start, started), (close, closed)) = (unbounded(), unbounded());
    std::thread::spawn(move || {
        for event in events {
            _ = match event {
                SimnetEvent::CoreStarted(_) => start.send(Ok(())).is_ok(),
                SimnetEvent::Aborted(error) => start.send(Err(error)).is_ok(),
                SimnetEvent::Shutdown => close.send(()).is_ok(),
                _ => true,
            };
        }
    });
    (started, closed)
}

impl Handle {
    /// Works on the virtual machine, between two transactions.
    ///
    /// The lock may only be waited for where a thread may block, which one of an async runtime may not: so on one of its own.
    pub fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut SurfnetSvm) -> T + Send + Sync) -> T {
        self.apart(|locker| locker.with_svm_writer(work))
    }

    fn apart<T: Send>(&self, work: impl FnOnce(&SurfnetSvmLocker) -> T + Send) -> T {
        let own = std::thread::scope(|scope| scope.spawn(|| work(&self.locker)).join());
        own.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The latest slot.
    pub async fn slot(&self) -> u64 {
        self.locker.0.read().await.latest_epoch_info.absolute_slot
    }

    /// Deploys a program's file under an address that nobody can upgrade.
    pub fn deploy(&self, program: Address, bytecode: &[u8]) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
        let work = || runtime.block_on(self.locker.write_program(program, None, 0, bytecode, &None));
        let written =
            std::thread::scope(|scope| scope.spawn(work).join()).map_err(|_| anyhow!("deployment broke down"))?;
        runtime.shutdown_background();
        written.map_err(|error| anyhow!("deploying {program}: {error}"))
    }

    /// An account, `None` if it has no lamports.
    pub fn account(&self, address: &Address) -> Result<Option<Account>> {
        let address = *address;
        let found = self.with(move |svm| svm.get_account(&address)).map_err(|error| anyhow!("{address}: {error}"))?;
        Ok(found.filter(|account| account.lamports > 0))
    }

    /// Writes accounts, all between the same two transactions. Subscribers are told.
    pub fn write(&self, accounts: Vec<(Address, Account)>) -> Result<()> {
        self.with(move |svm| write(svm, accounts))
    }

    /// Unix seconds of the clock that programs read.
    pub fn now(&self) -> i64 {
        self.with(|svm| svm.inner.get_sysvar::<Clock>().unix_timestamp)
    }

    /// The hash of the first block, which names the network.
    pub fn genesis_hash(&self) -> String {
        self.apart(|locker| locker.get_genesis_hash_local().inner().to_string())
    }

    /// Runs a transaction, which the first signer pays for, in the order in which transactions come over RPC. Returns its
    /// signature once it has been processed; its block follows.
    pub fn send(&self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<String> {
        let transaction = self.sign(instructions, signers)?;
        let signature = transaction.signatures[0].to_string();
        let (status, statuses) = bounded(1);
        // It is simulated first otherwise: twice the work for the same answer.
        let skip_preflight = true;
        let command = SimnetCommand::ProcessTransaction(None, transaction, status, skip_preflight, None);
        ensure!(self.commands.send(command).is_ok(), "the network has stopped");
        match statuses.recv_timeout(PATIENCE).context("the network does not answer")? {
            TransactionStatusEvent::Success(_) => Ok(signature),
            TransactionStatusEvent::VerificationFailure(error) => bail!(error),
            TransactionStatusEvent::SimulationFailure((error, metadata))
            | TransactionStatusEvent::ExecutionFailure((error, metadata)) => Err(reason(error, metadata.logs)),
        }
    }

    /// Runs a transaction that changes nothing. Returns the compute units it used.
    pub fn simulate(&self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<u64> {
        let transaction = self.sign(instructions, signers)?;
        let verify_signatures = true;
        self.with(move |svm| match svm.simulate_transaction(transaction, verify_signatures) {
            Ok(done) => Ok(done.meta.compute_units_consumed),
            Err(failed) => Err(reason(failed.err, failed.meta.logs)),
        })
    }

    /// Signs with those keys that are needed; the first pays.
    fn sign(&self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<VersionedTransaction> {
        let payer = signers.first().context("nobody signs")?.pubkey();
        let mut message = Message::new(instructions, Some(&payer));
        message.recent_blockhash = self.with(|svm| svm.latest_blockhash());
        let needed = &message.account_keys[..message.header.num_required_signatures as usize];
        let signers: Vec<_> = signers.iter().filter(|signer| needed.contains(&signer.pubkey())).copied().collect();
        Ok(VersionedTransaction::try_new(VersionedMessage::Legacy(message), &signers)?)
    }

    /// All accounts of a program.
    pub fn program_accounts(&self, program: Address) -> Result<Vec<(Address, Account)>> {
        let all = self.with(|svm| svm.get_all_accounts()).map_err(|error| anyhow!("{program}: {error}"))?;
        let own = all.into_iter().map(|(address, account)| (address, Account::from(account)));
        Ok(own.filter(|(_, account)| account.owner == program).collect())
    }
}

/// Writes accounts inside [`Handle::with`].
pub fn write(svm: &mut SurfnetSvm, accounts: Vec<(Address, Account)>) -> Result<()> {
    for (address, account) in accounts {
        svm.set_account(&address, account).map_err(|error| anyhow!("writing {address}: {error}"))?;
    }
    Ok(())
}

/// Why a transaction failed, and what its programs logged.
fn reason(error: TransactionError, logs: Vec<String>) -> anyhow::Error {
    let failure = Failure::new(error, logs);
    anyhow!("{failure}\n  {}", failure.logs.join("\n  "))
}

/// A rent-exempt account.
pub fn account(owner: Address, data: Vec<u8>) -> Account {
    Account { lamports: rent(data.len()), data, owner, ..Account::default() }
}

/// The deposit that keeps an account of so many bytes alive: a little more than the network asks for.
pub fn rent(bytes: usize) -> u64 {
    const OVERHEAD: u64 = 128;
    const LAMPORTS_PER_BYTE: u64 = 6_960;
    (OVERHEAD + bytes as u64) * LAMPORTS_PER_BYTE
}

/// Shared between threads.
pub type Shared<T> = Arc<std::sync::RwLock<T>>;
