//! From the layout before to this one: whole accounts, discriminator included.
//!
//! Layout 2 put the roles into the market's parameters, and counts the stakers' shares of a reserve's insurance.

use core::mem::offset_of;

use crate::{
    error::{Error, Result},
    insurance::{Insurance, Stake},
    margin::MarginAccount,
    market::{LAYOUT_VERSION, Market, MarketConfig, Roles},
    reserve::Reserve,
};

const MARKET: [u8; 8] = [219, 190, 213, 55, 0, 227, 198, 154];
const MARGIN_ACCOUNT: [u8; 8] = [133, 220, 173, 213, 179, 211, 43, 238];
const STAKE: [u8; 8] = [150, 197, 176, 29, 55, 132, 112, 149];

/// Where the parts of a market's head were and are: from, to, bytes. The rest is zero.
static PARTS: [(usize, usize, usize); 9] = [
    (0, 0, offset_of!(Market, vault_authority)),
    (72, ROLES + offset_of!(Roles, fee_collector), 32),
    (104, ROLES + offset_of!(Roles, guardian), 32),
    (136, offset_of!(Market, vault_authority), 32),
    (168, ROLES + offset_of!(Roles, price_receiver), 64),
    (232, ROLES + size_of::<Roles>(), 108),
    (344, offset_of!(Market, events), 8),
    (352, offset_of!(Market, outflow), 80),
    (432, offset_of!(Market, reduce_only), 1),
];
const ROLES: usize = offset_of!(Market, config);
/// Bytes of a market's head before.
const OLD_HEAD: usize = 504;
/// Bytes by which a market account grows.
const GROWTH: usize = size_of::<Market>() - OLD_HEAD;
/// Seconds that changes of a migrated market wait.
const DELAY: u32 = 172_800;

/// Bytes that an account of the old layout needs in this one.
pub fn migrated_len(data: &[u8]) -> Result<usize> {
    match data.first_chunk() {
        Some(&MARKET) => Ok(data.len() + GROWTH),
        Some(&(MARGIN_ACCOUNT | STAKE)) => Ok(data.len()),
        _ => Err(Error::AccountUpToDate),
    }
}

/// Brings an account of the old layout, grown to [`migrated_len`], up to date. `now` is unix seconds.
pub fn migrate(data: &mut [u8], now: i64) -> Result<()> {
    const HEAD: usize = 8;
    let discriminator = match data.first_chunk() {
        Some(&MARKET) => {
            migrate_market(data, now)?;
            Market::DISCRIMINATOR
        }
        Some(&MARGIN_ACCOUNT) => MarginAccount::DISCRIMINATOR,
        Some(&STAKE) => Stake::DISCRIMINATOR,
        _ => return Err(Error::AccountUpToDate),
    };
    data[..HEAD].copy_from_slice(&discriminator);
    // The first byte of every record.
    data[HEAD] = LAYOUT_VERSION;
    Ok(())
}

fn migrate_market(data: &mut [u8], now: i64) -> Result<()> {
    const OLD_END: usize = 8 + OLD_HEAD;
    const END: usize = 8 + size_of::<Market>();
    /// Behind the head stands the number of reserves.
    const COUNT: usize = 8;
    if data.len() < END + COUNT {
        return Err(Error::AccountUpToDate);
    }
    let mut old = [0; OLD_HEAD];
    old.copy_from_slice(&data[8..OLD_END]);
    let end = data.len() - GROWTH;
    data.copy_within(OLD_END..end, END);
    for reserve in data[END + COUNT..].chunks_exact_mut(size_of::<Reserve>()) {
        // All shares count as stakers' ones: which were the protocol's is not known.
        const SHARES: usize = offset_of!(Reserve, insurance) + offset_of!(Insurance, shares);
        const STAKED: usize = offset_of!(Reserve, insurance) + offset_of!(Insurance, staked);
        let end = reserve.len() - size_of::<u64>();
        reserve.copy_within(STAKED..end, STAKED + size_of::<u64>());
        reserve.copy_within(SHARES..STAKED, STAKED);
    }
    let head = &mut data[8..END];
    head.fill(0);
    for &(from, to, length) in &PARTS {
        head[to..to + length].copy_from_slice(&old[from..from + length]);
    }
    head[ROLES + offset_of!(MarketConfig, launched)] = 1;
    head[offset_of!(Market, listed_at)..][..8].copy_from_slice(&now.to_le_bytes());
    head[ROLES + offset_of!(MarketConfig, delay)..][..4].copy_from_slice(&DELAY.to_le_bytes());
    Ok(())
}
