//! The policy of a vault: what its curator sets.

use crate::{
    error::{Error, Result},
    number::units::{Bps, MAX_LIQUIDITY},
    record::{
        layout::Address,
        parameter::{self, Governed, Parameter, governed},
    },
    state::vault::Rung,
};

/// Most allocations of a vault.
pub const MAX_ALLOCATIONS: usize = 8;

governed! {
    /// Who may do what with a vault, beside its curator.
    pub struct VaultRoles: 96 {
        /// Who may become the curator, by accepting.
        pub nominee: Address [Account, 0..=0, AnyoneNew, RoleMissing],
        /// Who may take the vault's fees.
        pub fee_collector: Address [Account, 1..=1, Any, RoleMissing],
        /// Who may take risk away at once, and cancel changes; none: nobody.
        pub sentinel: Address [Account, 0..=0, AnyoneNew, RoleMissing],
    }
}

governed! {
    /// What a vault may lend to one market: to its reserve of the vault's token, or to a pool of that token.
    pub struct AllocationConfig: 48 {
        /// The market; none: there is no allocation in this slot.
        pub market: Address [Account, 0..=0, AnyoneNew, AllocationInUse],
        /// Most atoms lent to it.
        pub cap: u64 [Atoms, 0..=MAX_LIQUIDITY, Up, VaultCapOutOfRange],
        /// Most of the vault's assets lent to it.
        pub share_cap: Bps [Bps, 0..=10_000, Up, VaultCapOutOfRange],
        /// 1 if nothing more is lent to it.
        pub stopped: u8 [Switch, 0..=1, Down, VaultSwitchOutOfRange],
        /// 1 if it counts for nothing: what is lost is lost, and what comes back all the same becomes the sharers' like exit fees.
        /// It stays 1 while shares are left.
        pub written_off: u8 [Switch, 0..=1, Up, VaultSwitchOutOfRange],
        /// Index of the market's pool; zero: its reserve. Only the curator moves what a pool has.
        pub pool: u8 [Id, 0..=63, Any, NotPool],
        /// Zero.
        pub padding: [u8; 3] [zero],
    }
}

governed! {
    /// What a vault's curator sets.
    pub struct VaultConfig: 560 {
        /// Who may do what.
        pub roles: VaultRoles [part],
        /// Where it may lend.
        pub allocations: [AllocationConfig; MAX_ALLOCATIONS] [parts AllocationConfig],
        /// Most atoms of assets that deposits may lead to.
        pub deposit_cap: u64 [Atoms, 0..=MAX_LIQUIDITY / 4, Up, VaultCapOutOfRange],
        /// Fewest atoms of a deposit, a request or a term; of a request no more than a thousandth of the assets.
        pub min_amount: u64 [Atoms, 1..=MAX_LIQUIDITY / 4, Any, MinimumDepositIsZero],
        /// Most atoms of a rebalance's reward.
        pub reward_cap: u64 [Atoms, 0..=MAX_LIQUIDITY / 4, Up, VaultCapOutOfRange],
        /// Seconds that a change waits which adds risk: as long as the longest way out, and one of roles twice.
        pub delay: u32 [Seconds, Self::LEAST_DELAY as u64..=7_776_000, Any, VaultDelayOutOfRange],
        /// Seconds between rebalances at least.
        pub interval: u32 [Seconds, 60..=86_400, Any, VaultPolicyOutOfRange],
        /// Seconds over which exit fees become the sharers'.
        pub unlock: u32 [Seconds, 3_600..=604_800, Any, VaultPolicyOutOfRange],
        /// Seconds between the maturities of terms; zero: there are no new ones.
        pub term_spacing: u32 [Seconds, 86_400..=972_000, AnyOrNone, VaultPolicyOutOfRange],
        /// Liquid assets ÷ stressed outflow below which nothing is lent and anyone may pull back.
        pub coverage_target: Bps [Bps, 0..=60_000, Down, VaultPolicyOutOfRange],
        /// The same, below which exits pay a fee.
        pub exit_fee_coverage: Bps [Bps, 0..=60_000, Any, VaultPolicyOutOfRange],
        /// Exit fee where nothing is liquid.
        pub max_exit_fee: Bps [Bps, 0..=500, Any, VaultPolicyOutOfRange],
        /// Part of the shares on demand that may leave in a day of stress. Exit fees follow it, and the next two: they wait both ways.
        pub runoff_day: Bps [Bps, 0..=10_000, Any, VaultPolicyOutOfRange],
        /// The same in four days.
        pub runoff_days: Bps [Bps, 0..=10_000, Any, VaultPolicyOutOfRange],
        /// Part of a reserve's cash that counts as liquid for this vault.
        pub cash_share: Bps [Bps, 0..=10_000, Any, VaultPolicyOutOfRange],
        /// Part of the assets that is not lent.
        pub idle_buffer: Bps [Bps, 0..=10_000, Down, VaultPolicyOutOfRange],
        /// Utilisation of a reserve above which nothing is lent to it.
        pub max_utilisation: Bps [Bps, 0..=10_000, Up, VaultPolicyOutOfRange],
        /// What is lent beyond a maturity, at most, ÷ terms that end no sooner.
        pub maturity_factor: Bps [Bps, 0..=20_000, Up, VaultPolicyOutOfRange],
        /// Gain of a rebalance at least, in its assets, a year.
        pub min_gain: Bps [BpsPerYear, 0..=1_000, Any, VaultPolicyOutOfRange],
        /// Part of an interval's gain that whoever rebalances gets.
        pub reward_share: Bps [Bps, 0..=5_000, Up, VaultPolicyOutOfRange],
        /// Part of the gain per share above its high-water mark that is the fee collector's.
        pub performance_fee: Bps [Bps, 0..=5_000, Up, VaultFeeOutOfRange],
        /// Part of the assets that is the fee collector's, a year.
        pub management_fee: Bps [BpsPerYear, 0..=500, Up, VaultFeeOutOfRange],
        /// Part of the liquidity that one request gets in a round.
        pub round_share: Bps [Bps, 100..=10_000, Any, VaultPolicyOutOfRange],
        /// What a share in a term earns on top, for each maturity that it is away: part of the others' yield.
        pub term_premium: Bps [Bps, 0..=2_500, Any, VaultPolicyOutOfRange],
        /// Part of a term deposit that leaving early costs, on top of what it earned more.
        pub early_penalty: Bps [Bps, 10..=1_000, Any, VaultPolicyOutOfRange],
        /// 1 once anyone may deposit: from then on what adds risk waits. It stays 1.
        pub launched: u8 [Id, 0..=1, Down, VaultLaunched],
        /// Zero.
        pub padding: [u8; 7] [zero],
    }
}

/// The parameters of a vault, in order.
pub static PARAMETERS: [Parameter; parameter::count(VaultConfig::NODES)] = parameter::table::<VaultConfig, _>();

impl VaultConfig {
    /// Hard floor of the delay: the four days over which runs are judged.
    pub const LEAST_DELAY: u32 = 345_600;

    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&PARAMETERS, bytemuck::bytes_of(self))?;
        // Who is locked up longest can leave before what adds risk to his deposit comes.
        if (self.delay as u64) < self.term_spacing as u64 * Rung::COUNT as u64 {
            return Err(Error::VaultDelayOutOfRange);
        }
        for (slot, allocation) in self.allocations.iter().enumerate() {
            let is_again = |other: &AllocationConfig| other.market == allocation.market;
            if !allocation.market.is_none() && self.allocations[..slot].iter().any(is_again) {
                return Err(Error::AllocationTwice);
            }
        }
        Ok(())
    }
}
