//! Who signs: keys in files and on hardware, named as the Solana CLI names them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use ballast_client::Address;
use solana_keypair::{Keypair, read_keypair, read_keypair_file};
use solana_signer::Signer;

#[cfg(feature = "hardware-wallets")]
mod hardware;

/// The keys at hand; the first pays, the last signs.
#[derive(Default)]
pub struct Keys {
    /// All of them.
    pub keys: Vec<Box<dyn Signer>>,
    /// Who signs and pays elsewhere: then there are none here.
    pub elsewhere: Option<Address>,
    /// Why there is none where the Solana CLI's configuration names one.
    pub missing: Option<String>,
}

impl From<Vec<Keypair>> for Keys {
    fn from(keys: Vec<Keypair>) -> Self {
        let keys = keys.into_iter().map(|key| Box::new(key) as Box<dyn Signer>).collect();
        Self { keys, ..Self::default() }
    }
}

impl Keys {
    /// Who pays.
    pub fn payer(&self) -> Option<Address> {
        self.keys.first().map(Signer::pubkey).or(self.elsewhere)
    }

    /// Who signs.
    pub fn signer(&self) -> Option<Address> {
        self.keys.last().map(Signer::pubkey).or(self.elsewhere)
    }

    /// Whether somebody's key is here.
    pub fn has(&self, address: Address) -> bool {
        self.keys.iter().any(|key| key.pubkey() == address)
    }

    /// To sign with.
    pub fn all(&self) -> Vec<&dyn Signer> {
        self.keys.iter().map(Box::as_ref).collect()
    }

    /// What to do without any.
    pub fn remedy(&self) -> String {
        self.missing.clone().unwrap_or_else(|| "give --keypair, or set the Solana CLI's".into())
    }
}

/// Where a key is.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// In a file, as `solana-keygen` writes it.
    File(PathBuf),
    /// The same on standard input.
    Stdin,
    /// A seed phrase, which somebody would type in.
    Prompt,
    /// On a device.
    Hardware,
    /// Elsewhere.
    Address(Address),
}

impl Source {
    fn of(text: &str) -> Self {
        let file = || Self::File(text.into());
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        match (scheme.to_ascii_lowercase().as_str(), rest) {
            ("", "-") | ("stdin", _) => Self::Stdin,
            ("", "ASK") | ("prompt", _) => Self::Prompt,
            ("usb", _) => Self::Hardware,
            ("file", path) => Self::File(path.strip_prefix("//").unwrap_or(path).into()),
            ("", path) if !Path::new(path).exists() => path.parse().map_or_else(|_| file(), Self::Address),
            _ => file(),
        }
    }
}

/// The key that an option names.
pub fn read(text: &str) -> Result<Box<dyn Signer>> {
    let refused = |error: String| anyhow!("cannot read the key {text}: {error}");
    match Source::of(text) {
        Source::File(path) => Ok(Box::new(read_keypair_file(path).map_err(|error| refused(error.to_string()))?)),
        Source::Stdin => {
            let key = read_keypair(&mut std::io::stdin().lock());
            Ok(Box::new(key.map_err(|error| refused(error.to_string()))?))
        }
        Source::Prompt => bail!(
            "{text} asks for a seed phrase, which `ballast` does not: `solana-keygen recover --outfile FILE \
             'prompt:?key=0/0'` makes a file of it, or {ELSEWHERE}"
        ),
        Source::Hardware => hardware(text).with_context(|| format!("cannot use the key {text}")),
        Source::Address(address) => bail!("{address} is an address and no key: {ELSEWHERE}"),
    }
}

/// What to do with a key that is elsewhere.
const ELSEWHERE: &str = "`--multisig --signer ADDRESS` prints the instructions, to be signed where the key is";

#[cfg(feature = "hardware-wallets")]
use hardware::connect as hardware;

#[cfg(not(feature = "hardware-wallets"))]
fn hardware(_: &str) -> Result<Box<dyn Signer>> {
    bail!(
        "this `ballast` was built without hardware wallets (`cargo build -p ballast-cli --features hardware-wallets`): \
         {ELSEWHERE}"
    )
}

/// The key of the Solana CLI's configuration, or why there is none. Commands that need no key do without: nobody is
/// asked for anything, and a file that is not there is none.
pub fn configured(text: &str) -> Result<Option<Box<dyn Signer>>, String> {
    let words = |error: anyhow::Error| format!("the Solana CLI's configuration names {text}: {error:#}");
    match Source::of(text) {
        Source::File(path) if !path.exists() => Ok(None),
        Source::Stdin => Err(words(anyhow!("say `--keypair {text}` to have it read from there"))),
        _ => read(text).map(Some).map_err(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_the_solana_cli_names_them() {
        let address = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY";
        let file = |path: &str| Source::File(path.into());
        for (text, source) in [
            ("id.json", file("id.json")),
            ("/home/me/id.json", file("/home/me/id.json")),
            ("file:id.json", file("id.json")),
            ("file:///home/me/id.json", file("/home/me/id.json")),
            ("./usb:ledger", file("./usb:ledger")),
            ("a:b", file("a:b")),
            ("-", Source::Stdin),
            ("stdin:", Source::Stdin),
            ("ASK", Source::Prompt),
            ("prompt:?key=0/1", Source::Prompt),
            ("usb://ledger", Source::Hardware),
            ("USB://ledger?key=1", Source::Hardware),
            (address, Source::Address(address.parse().expect("an address"))),
        ] {
            assert_eq!(Source::of(text), source, "{text}");
        }
    }
}
