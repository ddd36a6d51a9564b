//! Events: what the program logs whenever money moves or a restriction changes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use solana_address::Address;

use crate::decode::DecodeError;

/// A field of an event.
trait Field: Sized {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError>;
}

macro_rules! integer_fields {
    ($($ty:ty),*) => { $(impl Field for $ty {
        fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
            reader.take().map(Self::from_le_bytes)
        }
    })* };
}
integer_fields!(u8, u16, u32, u64, i64);

impl Field for bool {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        u8::read(reader).map(|byte| byte != 0)
    }
}

impl Field for [u8; 32] {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        reader.take()
    }
}

impl Field for Address {
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        reader.take().map(Self::new_from_array)
    }
}

/// Takes fields off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(DecodeError::TooShort)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// Defines the records of events; each starts with its number in the market, and ends with so many bytes of padding.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* } padding $padding:literal)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            /// Number of the event in its market.
            pub number: u64,
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl Field for $name {
            fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
                let event = Self { number: u64::read(reader)?, $($field: <$ty>::read(reader)?,)* };
                reader.take::<$padding>()?;
                Ok(event)
            }
        }
    )*};
}

records! {
    /// Tokens or shares of a margin account, or of a stake in a reserve's insurance.
    Movement {
        /// The margin account or stake, of this market for good.
        account: Address,
        /// Atoms moved.
        amount: u64,
        /// Shares bought, given up or asked for.
        shares: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// A debt repaid for collateral.
    Liquidated {
        /// The margin account, of this market for good.
        account: Address,
        /// Who paid and was paid.
        liquidator: Address,
        /// Atoms of the debt repaid.
        repaid: u64,
        /// Atoms of the debt's token paid on top, to its reserve's insurance.
        insurance: u64,
        /// Debt shares burned.
        debt_shares: u64,
        /// Atoms of the collateral's token paid out.
        seized: u64,
        /// Deposit shares burned.
        collateral_shares: u64,
        /// Penalty on top of the repaid value, basis points.
        penalty: u16,
        /// Index of the reserve of the debt.
        debt_reserve: u8,
        /// Index of the reserve of the collateral.
        collateral_reserve: u8,
        /// Whether the repayment followed later in the transaction.
        in_receivership: bool,
    } padding 3
    /// A debt without collateral written off, and who bore it, in atoms.
    BadDebtSettled {
        /// The margin account.
        account: Address,
        /// Shares of the debt.
        shares: u64,
        /// The insurance's part.
        insurance: u64,
        /// The part of fees set aside.
        fees: u64,
        /// What was left for fees in the books and the depositors.
        rest: u64,
        /// Index of the reserve.
        reserve: u8,
        /// Whether the depositors bore some of it.
        is_socialised: bool,
        /// Whether the market became reduce-only by it.
        market_reduce_only: bool,
    } padding 5
    /// Protocol fees paid out.
    FeesCollected {
        /// The market.
        market: Address,
        /// Atoms paid out.
        amount: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// An account seen to be liquidatable, or not to be.
    LiquidatableMarked {
        /// The margin account.
        account: Address,
        /// Since when it is known to be, unix seconds; zero: it is not.
        since: i64,
    } padding 0
    /// A flash loan paid back.
    FlashLoanRepaid {
        /// The market.
        market: Address,
        /// Atoms lent.
        amount: u64,
        /// Atoms paid on top.
        fee: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// A reserve's price breaker that tripped, rose or lifted.
    PriceBreaker {
        /// The market.
        market: Address,
        /// Until when, unix seconds.
        until: i64,
        /// Index of the reserve.
        reserve: u8,
        /// 1 to 3; 0: it lifted.
        tier: u8,
    } padding 6
    /// A price that could not be taken over.
    PricePassedOver {
        /// The market.
        market: Address,
        /// Why: the code of an error.
        error: u32,
        /// Index of the reserve.
        reserve: u8,
    } padding 3
    /// A parameter that was set.
    ParameterSet {
        /// The market.
        market: Address,
        /// Its bytes before, zeros behind them.
        old: [u8; 32],
        /// Its bytes now.
        new: [u8; 32],
        /// Which parameter: bytes from the start of the record; 65,535: the market's authority.
        offset: u16,
        /// Index of the reserve; 255: the market.
        target: u8,
    } padding 5
    /// What became of a change.
    ChangeEvent {
        /// The market.
        market: Address,
        /// Number of the change in its market.
        change: u64,
        /// From when it can be executed, unix seconds.
        earliest: i64,
        /// Until when.
        latest: i64,
        /// Index of the reserve; 254: a listing; 255: the market.
        target: u8,
    } padding 7
    /// A reserve that was listed.
    ReserveListed {
        /// The market.
        market: Address,
        /// The token.
        mint: Address,
        /// Number of the change in its market.
        change: u64,
        /// Index of the reserve.
        reserve: u8,
    } padding 7
    /// A pause, or the end of a restriction.
    Restricted {
        /// The market.
        market: Address,
        /// Until when actions are paused, unix seconds; zero: none are.
        until: i64,
        /// The paused actions.
        actions: u8,
        /// Whether the market is reduce-only.
        reduce_only: bool,
    } padding 6
    /// A delegate who was named, or removed.
    DelegateSet {
        /// The margin account.
        account: Address,
        /// Who may act for the owner; all zero: nobody.
        delegate: Address,
        /// When the rights end, unix seconds.
        until: i64,
        /// Bits of [`ballast_engine::state::account::rights`].
        rights: u8,
    } padding 7
}

/// Defines the events: their record, whether it names an account or a market, and the hash of `event:<name>`.
macro_rules! events {
    ($($(#[$meta:meta])* $name:ident($record:ident) of $subject:ident = $discriminator:expr;)*) => {
        /// One event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$meta])* $name($record),)*
        }

        impl Event {
            /// Names and first eight bytes of all events.
            #[cfg(test)]
            const ALL: &'static [(&'static str, [u8; 8])] = &[$((stringify!($name), $discriminator),)*];

            /// Reads the bytes of a `Program data:` line.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader(bytes);
                let discriminator: [u8; 8] = reader.take()?;
                let event = $(if discriminator == $discriminator {
                    Self::$name($record::read(&mut reader)?)
                } else)* {
                    return Err(DecodeError::WrongDiscriminator);
                };
                if reader.0.is_empty() { Ok(event) } else { Err(DecodeError::TooLong) }
            }

            /// Number of the event in its market: a gap means that log lines were lost.
            pub fn number(&self) -> u64 {
                match self { $(Self::$name(event) => event.number,)* }
            }

            /// The margin account or stake, whose market is the event's; none for an event that names its market.
            pub fn account(&self) -> Option<Address> {
                match self { $(Self::$name(event) => events!(@$subject event),)* }
            }
        }
    };
    (@account $event:ident) => { Some($event.account) };
    (@market $event:ident) => {{ let _ = $event; None }};
}

events! {
    /// Tokens were lent to a reserve.
    Deposited(Movement) of account = [111, 141, 26, 45, 161, 35, 100, 57];
    /// Lent tokens were taken back.
    Withdrawn(Movement) of account = [20, 89, 223, 198, 194, 124, 219, 13];
    /// Tokens were borrowed.
    Borrowed(Movement) of account = [225, 182, 241, 78, 34, 145, 253, 230];
    /// A debt was paid back.
    Repaid(Movement) of account = [38, 248, 231, 7, 150, 164, 172, 23];
    /// A debt was repaid for collateral, or is to be in the same transaction.
    Liquidated(Liquidated) of account = [231, 57, 55, 75, 0, 170, 246, 68];
    /// The repayment of a liquidation came.
    LiquidationEnded(Movement) of account = [141, 83, 115, 218, 148, 201, 238, 217];
    /// An account was seen to be liquidatable, or not to be.
    LiquidatableMarked(LiquidatableMarked) of account = [136, 26, 157, 205, 66, 149, 57, 172];
    /// A debt without collateral was written off.
    BadDebtSettled(BadDebtSettled) of account = [127, 252, 205, 117, 115, 129, 202, 6];
    /// Protocol fees were paid out.
    FeesCollected(FeesCollected) of market = [233, 23, 117, 225, 107, 178, 254, 8];
    /// A flash loan was paid back.
    FlashLoanRepaid(FlashLoanRepaid) of market = [9, 204, 105, 115, 70, 7, 25, 198];
    /// Tokens were put into a reserve's insurance.
    Staked(Movement) of account = [11, 146, 45, 205, 230, 58, 213, 240];
    /// Shares of a stake were asked for.
    UnstakeBegun(Movement) of account = [61, 58, 78, 73, 196, 214, 68, 40];
    /// Tokens were taken out of a reserve's insurance.
    Unstaked(Movement) of account = [27, 179, 156, 215, 47, 71, 195, 7];
    /// A reserve's price breaker tripped, rose or lifted.
    PriceBreaker(PriceBreaker) of market = [214, 13, 52, 241, 55, 29, 162, 224];
    /// A price could not be taken over, and the reserve's stays what it was.
    PricePassedOver(PricePassedOver) of market = [135, 232, 98, 7, 109, 188, 88, 44];
    /// Actions were paused, or a restriction was lifted.
    Restricted(Restricted) of market = [208, 232, 128, 247, 165, 131, 15, 127];
    /// A parameter was set.
    ParameterSet(ParameterSet) of market = [254, 176, 130, 184, 81, 83, 106, 94];
    /// A change was queued.
    ChangeQueued(ChangeEvent) of market = [232, 143, 80, 230, 125, 117, 169, 213];
    /// The edits of a change were made.
    ChangeExecuted(ChangeEvent) of market = [50, 115, 8, 12, 139, 8, 191, 26];
    /// A change was cancelled.
    ChangeCancelled(ChangeEvent) of market = [139, 179, 97, 81, 214, 21, 119, 93];
    /// A reserve was listed.
    ReserveListed(ReserveListed) of market = [172, 185, 133, 208, 17, 119, 81, 32];
    /// A reserve was closed, and what was left in its vault paid out.
    ReserveClosed(FeesCollected) of market = [163, 73, 88, 57, 0, 150, 89, 217];
    /// The owner of an account named a delegate, or removed the one there was.
    DelegateSet(DelegateSet) of account = [103, 126, 239, 131, 201, 31, 212, 253];
}

impl Event {
    /// Reads a line of a transaction's log. `None` if it carries no data; other programs' data is an error, so that
    /// whoever knows which program is logging can tell broken events from foreign ones.
    pub fn from_log_line(line: &str) -> Option<Result<Self, DecodeError>> {
        let data = line.strip_prefix("Program data: ")?;
        Some(
            STANDARD.decode(data.trim_end()).map_err(|_| DecodeError::NotBase64).and_then(|bytes| Self::decode(&bytes)),
        )
    }

    /// The events among a transaction's log lines, foreign data left out.
    pub fn from_logs<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<Self> {
        lines.into_iter().filter_map(|line| Self::from_log_line(line)?.ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const MARKET: [u8; 32] = [1; 32];
    const ACCOUNT: [u8; 32] = [2; 32];

    fn discriminator(name: &str) -> [u8; 8] {
        Event::ALL.iter().find(|event| event.0 == name).expect("no such event").1
    }

    fn movement_bytes(name: &str) -> Vec<u8> {
        let fields: [&[u8]; 6] = [
            &discriminator(name),
            &5u64.to_le_bytes(),
            &ACCOUNT,
            &1_000u64.to_le_bytes(),
            &999u64.to_le_bytes(),
            &[3, 0, 0, 0, 0, 0, 0, 0],
        ];
        fields.concat()
    }

    fn movement() -> Movement {
        let account = Address::new_from_array(ACCOUNT);
        Movement { number: 5, account, amount: 1_000, shares: 999, reserve: 3 }
    }

    #[test]
    fn discriminators_are_the_hashes_of_the_event_names() {
        for (name, discriminator) in Event::ALL {
            assert_eq!(Sha256::digest(format!("event:{name}"))[..8], *discriminator, "{name}");
        }
    }

    #[test]
    fn movements_decode_by_their_kind() {
        assert_eq!(Event::decode(&movement_bytes("Deposited")), Ok(Event::Deposited(movement())));
        assert_eq!(Event::decode(&movement_bytes("Withdrawn")), Ok(Event::Withdrawn(movement())));
        assert_eq!(Event::decode(&movement_bytes("Borrowed")), Ok(Event::Borrowed(movement())));
        assert_eq!(Event::decode(&movement_bytes("Repaid")), Ok(Event::Repaid(movement())));
        assert_eq!(Event::Repaid(movement()).number(), 5);
        assert_eq!(Event::Repaid(movement()).account(), Some(movement().account));
    }

    #[test]
    fn a_liquidation_decodes_field_by_field() {
        let mut bytes = [discriminator("Liquidated").as_slice(), &7u64.to_le_bytes(), &ACCOUNT, &[3; 32]].concat();
        for word in [11u64, 15, 12, 13, 14] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0x2c, 0x01, 4, 2, 1, 0, 0, 0]);
        let Ok(Event::Liquidated(event)) = Event::decode(&bytes) else { panic!("not a liquidation") };
        assert_eq!(event.liquidator, Address::new_from_array([3; 32]));
        assert_eq!((event.number, event.repaid, event.debt_shares), (7, 11, 12));
        assert_eq!((event.seized, event.collateral_shares, event.penalty), (13, 14, 300));
        assert_eq!((event.debt_reserve, event.collateral_reserve), (4, 2));
        assert_eq!((event.insurance, event.in_receivership), (15, true));
    }

    #[test]
    fn collected_fees_decode() {
        let name = discriminator("FeesCollected");
        let bytes = [name.as_slice(), &8u64.to_le_bytes(), &MARKET, &21u64.to_le_bytes(), &[4, 0, 0, 0, 0, 0, 0, 0]];
        let fees = FeesCollected { number: 8, market: Address::new_from_array(MARKET), amount: 21, reserve: 4 };
        assert_eq!(Event::decode(&bytes.concat()), Ok(Event::FeesCollected(fees)));
    }

    #[test]
    fn wrong_bytes_are_refused() {
        let bytes = movement_bytes("Deposited");
        assert_eq!(Event::decode(&bytes[..bytes.len() - 1]), Err(DecodeError::TooShort));
        assert_eq!(Event::decode(&[bytes.as_slice(), &[0]].concat()), Err(DecodeError::TooLong));
        assert_eq!(Event::decode(&[0; 104]), Err(DecodeError::WrongDiscriminator));
        assert_eq!(Event::decode(&[]), Err(DecodeError::TooShort));
    }

    #[test]
    fn events_are_found_among_log_lines() {
        let logs = [
            "Program BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp invoke [1]".to_string(),
            "Program data: c29tZXRoaW5nIGVsc2U=".to_string(),
            format!("Program data: {}", STANDARD.encode(movement_bytes("Deposited"))),
        ];
        assert_eq!(Event::from_logs(&logs), [Event::Deposited(movement())]);
        assert_eq!(Event::from_log_line(&logs[0]), None);
        assert_eq!(Event::from_log_line("Program data: ?"), Some(Err(DecodeError::NotBase64)));
    }
}
