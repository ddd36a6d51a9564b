//! Keys on a device, by the Solana CLI's own crate.

use anyhow::{Context, Result};
use solana_derivation_path::DerivationPath;
use solana_remote_wallet::{
    locator::Locator, remote_keypair::generate_remote_keypair, remote_wallet::initialize_wallet_manager,
};
use solana_signer::Signer;
use uriparse::URIReference;

/// Finds the device and the key that `usb://ledger?key=0/0` names. The key is not shown on the device for this, what is
/// to be signed is.
pub fn connect(text: &str) -> Result<Box<dyn Signer>> {
    let uri = URIReference::try_from(text).context("no such name of a device")?;
    let (locator, path) = (Locator::new_from_uri(&uri)?, DerivationPath::from_uri_key_query(&uri)?);
    let devices = initialize_wallet_manager()?;
    devices.update_devices()?;
    Ok(Box::new(generate_remote_keypair(locator, path.unwrap_or_default(), &devices, false, text)?))
}
