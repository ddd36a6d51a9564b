//! Bytes that others rely on: account layouts and error codes.

use ballast_engine::{
    Error,
    health::report::HealthReport,
    price::{breaker::Halt, cache::PriceCache, feed::OracleConfig, volatility::Volatility},
    record::{
        layout::{Field, Record},
        quota::Quota,
    },
    state::{
        account::{MarginAccount, Position},
        breakers::BreakerConfig,
        change::{Change, Listing},
        exposure::ValueAtRiskConfig,
        insurance::{Insurance, InsuranceConfig, Stake},
        interest::{Controller, ControllerConfig, RateCurve, RatePoint},
        market::{Market, MarketConfig, Roles},
        pause::Pause,
        rate_limit::{Balance, Outflow, RateLimit},
        reserve::{Reserve, ReserveConfig},
        vault::{
            Allocation, AllocationConfig, ExitRequest, Queue, RunOff, Rung, TermDeposit, Ticket, Vault, VaultConfig,
            VaultRoles,
        },
        weights::{RiskConfig, RiskState, Weights},
    },
};

fn assert_contiguous<T: Record>(bytes: usize) {
    let mut end = 0;
    for Field { name, field_type, offset } in T::FIELDS {
        assert_eq!(*offset, end, "{}.{name}", T::NAME);
        end += field_type.size();
    }
    assert_eq!(end, bytes, "{}", T::NAME);
    assert_eq!(size_of::<T>(), bytes, "{}", T::NAME);
    assert!(align_of::<T>() <= 8, "{}", T::NAME);
}

#[test]
fn records_have_their_size_and_no_gaps() {
    assert_contiguous::<Market>(592);
    assert_contiguous::<Roles>(192);
    assert_contiguous::<Change>(544);
    assert_contiguous::<Listing>(416);
    assert_contiguous::<Quota>(16);
    assert_contiguous::<MarketConfig>(312);
    assert_contiguous::<ValueAtRiskConfig>(64);
    assert_contiguous::<Reserve>(1024);
    assert_contiguous::<ReserveConfig>(384);
    assert_contiguous::<BreakerConfig>(40);
    assert_contiguous::<InsuranceConfig>(8);
    assert_contiguous::<Insurance>(32);
    assert_contiguous::<Stake>(144);
    assert_contiguous::<Halt>(24);
    assert_contiguous::<Outflow>(24);
    assert_contiguous::<Balance>(24);
    assert_contiguous::<RateLimit>(16);
    assert_contiguous::<Pause>(24);
    assert_contiguous::<OracleConfig>(152);
    assert_contiguous::<RiskConfig>(56);
    assert_contiguous::<RiskState>(112);
    assert_contiguous::<Volatility>(32);
    assert_contiguous::<Weights>(8);
    assert_contiguous::<ControllerConfig>(16);
    assert_contiguous::<Controller>(24);
    assert_contiguous::<RateCurve>(72);
    assert_contiguous::<RatePoint>(8);
    assert_contiguous::<PriceCache>(120);
    assert_contiguous::<MarginAccount>(504);
    assert_contiguous::<Position>(16);
    assert_contiguous::<HealthReport>(96);
    assert_contiguous::<Vault>(3072);
    assert_contiguous::<VaultConfig>(560);
    assert_contiguous::<VaultRoles>(96);
    assert_contiguous::<AllocationConfig>(48);
    assert_contiguous::<Allocation>(40);
    assert_contiguous::<RunOff>(24);
    assert_contiguous::<Rung>(24);
    assert_contiguous::<Queue>(1552);
    assert_contiguous::<Ticket>(48);
    assert_contiguous::<ExitRequest>(152);
    assert_contiguous::<TermDeposit>(152);
}

fn offset<T: Record>(name: &str) -> usize {
    T::FIELDS.iter().find(|field| field.name == name).expect("no such field").offset
}

/// Clients in other languages read these.
#[test]
fn fields_stay_where_they_are() {
    let market = [
        "version",
        "id",
        "creator",
        "authority",
        "vault_authority",
        "config",
        "events",
        "changes",
        "listed_at",
        "council",
        "outflow",
        "liquidated",
        "losses",
        "pause",
        "reduce_only",
    ];
    let offsets = [0, 6, 8, 40, 72, 104, 416, 424, 432, 440, 456, 480, 496, 512, 536];
    assert_eq!(market.map(offset::<Market>), offsets);
    let reserve = [
        "mint",
        "vault",
        "token_program",
        "decimals",
        "transfers",
        "config",
        "cash",
        "deposit_shares",
        "debt_shares",
        "deposit_index",
        "debt_index",
    ];
    assert_eq!(reserve.map(offset::<Reserve>), [0, 32, 64, 96, 98, 104, 488, 496, 504, 512, 528]);
    let rest = ["last_accrual", "borrow_rate", "deposit_growth", "price", "risk", "controller", "doubtful", "outflow"];
    assert_eq!(rest.map(offset::<Reserve>), [544, 552, 560, 568, 688, 800, 824, 832]);
    let last = [
        "liquidated",
        "halt",
        "insurance",
        "claimable",
        "flash_loan",
        "flash_fee",
        "leaving",
        "standing_cash",
        "balance",
    ];
    assert_eq!(last.map(offset::<Reserve>), [856, 872, 896, 928, 936, 944, 952, 960, 968]);
    let change = ["version", "bump", "target", "length", "number", "market", "payer", "earliest", "latest", "data"];
    assert_eq!(change.map(offset::<Change>), [0, 1, 2, 4, 8, 16, 48, 80, 88, 96]);
    let account = ["version", "bump", "id", "position_count", "mode", "market", "owner", "positions", "due"];
    assert_eq!(account.map(offset::<MarginAccount>), [0, 1, 2, 4, 5, 8, 40, 72, 336]);
    let rest = ["delegate", "delegate_until", "sequence", "delegate_rights", "doubtful", "order", "reserved"];
    assert_eq!(rest.map(offset::<MarginAccount>), [360, 392, 400, 408, 412, 416, 448]);
    let stake = ["version", "bump", "reserve", "generation", "market", "owner", "shares", "asked_for", "free_from"];
    assert_eq!(stake.map(offset::<Stake>), [0, 1, 2, 4, 8, 40, 72, 80, 88]);
}

#[test]
fn error_codes_are_their_position_in_the_list() {
    for (index, error) in Error::ALL.iter().enumerate() {
        assert_eq!(error.code(), 6_000 + index as u32);
        assert_eq!(Error::from_code(error.code()), Some(*error));
        assert!(!error.message().is_empty() && !error.message().ends_with('.'), "{}", error.name());
        assert_eq!(error.to_string(), error.message());
        assert_eq!(format!("{error:?}"), error.name());
    }
    for code in [0, 5_999, 6_000 + Error::ALL.len() as u32, u32::MAX] {
        assert_eq!(Error::from_code(code), None);
    }
    // A few by number: a new error goes to the end of its group only before the first release.
    assert_eq!(Error::AmountIsZero.code(), 6_000);
    assert_eq!(Error::from_code(6_000).map(Error::name), Some("AmountIsZero"));
}

/// Errors that only the program returns, because the engine knows no accounts and no tokens.
const OF_THE_PROGRAM: [Error; 22] = [
    Error::TipMissing,
    Error::AnotherMove,
    Error::MarketMissing,
    Error::WrongVaultOfAccount,
    Error::PriceAccountClosed,
    Error::NotFeeCollector,
    Error::TooManyReserves,
    Error::MarketNotLaunched,
    Error::WrongMarket,
    Error::WrongVault,
    Error::WrongVaultAuthority,
    Error::WrongMint,
    Error::WrongTokenProgram,
    Error::MintNotOwnedByTokenProgram,
    Error::TransferFellShort,
    Error::PriceOwnerNotAllowed,
    Error::PriceAccountMissing,
    Error::AccountNotEmpty,
    Error::StakeNotEmpty,
    Error::NotGuardian,
    Error::NoMatchingEnd,
    Error::CalledByProgram,
];

/// Every other error is expected by name somewhere in the examples.
#[test]
fn every_error_of_the_engine_has_an_example() {
    let examples = concat!(
        include_str!("behaviour.rs"),
        include_str!("adaptive.rs"),
        include_str!("breakers.rs"),
        include_str!("doubtful.rs"),
        include_str!("phases.rs"),
        include_str!("insurance.rs"),
        include_str!("governance.rs"),
        include_str!("prices.rs"),
        include_str!("token.rs"),
        include_str!("delegates.rs"),
        include_str!("perps/attacks.rs"),
        include_str!("perps/behaviour.rs"),
        include_str!("perps/orders.rs"),
        include_str!("perps/refusals.rs"),
        include_str!("vaults/caps.rs"),
        include_str!("vaults/fees.rs"),
        include_str!("vaults/governance.rs"),
        include_str!("vaults/pools.rs"),
        include_str!("vaults/queue.rs"),
        include_str!("vaults/rebalance.rs"),
        include_str!("vaults/shares.rs"),
        include_str!("vaults/terms.rs")
    );
    for error in Error::ALL.iter().filter(|error| !OF_THE_PROGRAM.contains(error)) {
        assert!(examples.contains(&format!("Error::{}", error.name())), "no example of {}", error.name());
    }
}
