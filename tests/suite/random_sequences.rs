//! Random sequences of all instructions by many users on the bytecode against the engine's model, compared byte by
//! byte after every step. `BALLAST_SEED` chooses the sequence, `BALLAST_STEPS` its length.

mod actors;
mod changes;
mod delegates;
mod enclosures;
mod feeds;
mod governance;
mod instructions;
mod model;
mod model_governance;
mod model_restrictions;
mod stakers;
mod transaction;

use actors::{Actors, OF_MARKETS};

use ballast_engine::Error;

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

/// So many successes of each kind must be among 20,000 transactions, or the sequence does not test what it says.
const LEAST: [(&str, usize); OF_MARKETS] = [
    ("create_market", 3),
    ("list_reserve", 8),
    ("set_parameters", 100),
    ("open_account", 15),
    ("close_account", 10),
    ("deposit", 300),
    ("withdraw", 100),
    ("borrow", 100),
    ("repay", 150),
    ("refresh_prices", 500),
    ("liquidate", 5),
    ("settle_bad_debt", 1),
    ("collect_fees", 30),
    ("read_health", 80),
    ("accept_authority", 1),
    ("begin_liquidation", 2),
    ("end_liquidation", 2),
    ("mark_liquidatable", 80),
    ("begin_flash_loan", 50),
    ("end_flash_loan", 50),
    ("open_stake", 40),
    ("stake", 100),
    ("begin_unstake", 60),
    ("unstake", 10),
    ("close_stake", 20),
    ("pause", 6),
    ("resume", 6),
    ("refresh_reserve", 60),
    ("queue_change", 200),
    ("execute_change", 100),
    ("cancel_change", 50),
    ("close_reserve", 1),
    ("set_delegate", 60),
    ("assert_health", 40),
    ("assert_sequence", 60),
    ("report_loss", 20),
];

/// What must have been refused among them: each restriction binds now and then.
const REFUSED: [Error; 46] = [
    Error::TransferFeeTooHigh,
    Error::NoMatchingEnd,
    Error::FlashLoanOpen,
    Error::NoFlashLoan,
    Error::FlashLoansDisabled,
    Error::AccountNotInReceivership,
    Error::HourlyOutflowLimitReached,
    Error::UtilisationTooHigh,
    Error::ReserveHalted,
    Error::MarketReduceOnly,
    Error::Paused,
    Error::NotGuardian,
    Error::NothingToLift,
    Error::StakeNotFree,
    Error::StakeNotEmpty,
    Error::MarketNotLaunched,
    Error::MarketLaunched,
    Error::NotMarketAuthority,
    Error::NotAuthorityOrCouncil,
    Error::NotAuthorityOrGuardian,
    Error::GuardianCannotKeepOffice,
    Error::NotNominee,
    Error::AddsRisk,
    Error::CouncilStepTooLarge,
    Error::CouncilQuotaSpent,
    Error::NothingToChange,
    Error::ParameterUnknown,
    Error::ChangeNotDue,
    Error::ChangeExpired,
    Error::WrongChange,
    Error::DuplicateReserve,
    Error::NewListingUncapped,
    Error::ListingTooSoon,
    Error::ReserveInUse,
    Error::ReserveClosed,
    Error::NotAccountOwner,
    Error::DelegateExpired,
    Error::DelegateRightMissing,
    Error::DestinationNotOwners,
    Error::DelegateRightsOutOfRange,
    Error::DelegateExpiryInPast,
    Error::SequenceMismatch,
    Error::HealthBelowMinimum,
    Error::RequirementOutOfRange,
    Error::LossNotProven,
    Error::LossUnchanged,
];

#[test]
fn every_instruction_leaves_the_bytes_the_engine_says() {
    let (seed, steps) = (from_env("BALLAST_SEED", 20_261_127), from_env("BALLAST_STEPS", 20_000));
    println!("BALLAST_SEED={seed} BALLAST_STEPS={steps}");
    let mut actors = Actors::new(seed);
    for step in 0..steps {
        actors.step(step);
    }
    println!("{}", actors.summary());
    if steps >= 20_000 {
        for (kind, least) in LEAST {
            assert!(actors.successes(kind) >= least, "{kind} succeeded {} times only", actors.successes(kind));
        }
        for error in REFUSED {
            assert!(actors.has_refused(error), "{} never came up", error.name());
        }
    }
}
