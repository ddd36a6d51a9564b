//! Events: what the program logs whenever money moves.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use solana_address::Address;

use crate::decode::DecodeError;

/// Tokens in or out of a reserve by a margin account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Atoms moved.
    pub amount: u64,
    /// Shares bought or given up.
    pub shares: u64,
    /// Index of the reserve.
    pub reserve: u8,
}

/// A debt repaid for collateral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidated {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Who paid and was paid.
    pub liquidator: Address,
    /// Atoms of the debt's token paid in.
    pub repaid: u64,
    /// Debt shares burned.
    pub debt_shares: u64,
    /// Atoms of the collateral's token paid out.
    pub seized: u64,
    /// Deposit shares burned.
    pub collateral_shares: u64,
    /// Penalty on top of the repaid value, basis points.
    pub penalty: u16,
    /// Index of the reserve of the debt.
    pub debt_reserve: u8,
    /// Index of the reserve of the collateral.
    pub collateral_reserve: u8,
}

/// A debt written off against the depositors of its reserve: amount and shares are the debt's.
pub type BadDebtSettled = Movement;

/// Protocol fees paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeesCollected {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Atoms paid out.
    pub amount: u64,
    /// Index of the reserve.
    pub reserve: u8,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Tokens were lent to a reserve.
    Deposited(Movement),
    /// Lent tokens were taken back.
    Withdrawn(Movement),
    /// Tokens were borrowed.
    Borrowed(Movement),
    /// A debt was paid back.
    Repaid(Movement),
    /// A debt was repaid for collateral.
    Liquidated(Liquidated),
    /// A debt without collateral was written off.
    BadDebtSettled(BadDebtSettled),
    /// Protocol fees were paid out.
    FeesCollected(FeesCollected),
}

/// First eight bytes of each event: the hash of `event:<name>`.
const DEPOSITED: [u8; 8] = [111, 141, 26, 45, 161, 35, 100, 57];
const WITHDRAWN: [u8; 8] = [20, 89, 223, 198, 194, 124, 219, 13];
const BORROWED: [u8; 8] = [225, 182, 241, 78, 34, 145, 253, 230];
const REPAID: [u8; 8] = [38, 248, 231, 7, 150, 164, 172, 23];
const LIQUIDATED: [u8; 8] = [231, 57, 55, 75, 0, 170, 246, 68];
const BAD_DEBT_SETTLED: [u8; 8] = [127, 252, 205, 117, 115, 129, 202, 6];
const FEES_COLLECTED: [u8; 8] = [233, 23, 117, 225, 107, 178, 254, 8];

impl Event {
    /// Reads the bytes of a `Program data:` line.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let event = match reader.take()? {
            DEPOSITED => Self::Deposited(reader.movement()?),
            WITHDRAWN => Self::Withdrawn(reader.movement()?),
            BORROWED => Self::Borrowed(reader.movement()?),
            REPAID => Self::Repaid(reader.movement()?),
            BAD_DEBT_SETTLED => Self::BadDebtSettled(reader.movement()?),
            LIQUIDATED => Self::Liquidated(reader.liquidated()?),
            FEES_COLLECTED => Self::FeesCollected(reader.fees_collected()?),
            _ => return Err(DecodeError::WrongDiscriminator),
        };
        if reader.0.is_empty() { Ok(event) } else { Err(DecodeError::TooLong) }
    }

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

    /// Number of the event in its market: a gap means that log lines were lost.
    pub fn number(&self) -> u64 {
        match self {
            Self::Deposited(event)
            | Self::Withdrawn(event)
            | Self::Borrowed(event)
            | Self::Repaid(event)
            | Self::BadDebtSettled(event) => event.number,
            Self::Liquidated(event) => event.number,
            Self::FeesCollected(event) => event.number,
        }
    }

    /// The margin account, whose market is the event's; none for collected fees, which name their market.
    pub fn account(&self) -> Option<Address> {
        match self {
            Self::Deposited(event)
            | Self::Withdrawn(event)
            | Self::Borrowed(event)
            | Self::Repaid(event)
            | Self::BadDebtSettled(event) => Some(event.account),
            Self::Liquidated(event) => Some(event.account),
            Self::FeesCollected(_) => None,
        }
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

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.take().map(|[byte]| byte)
    }

    fn word(&mut self) -> Result<u64, DecodeError> {
        self.take().map(u64::from_le_bytes)
    }

    fn address(&mut self) -> Result<Address, DecodeError> {
        self.take().map(Address::new_from_array)
    }

    fn padding<const N: usize>(&mut self) -> Result<(), DecodeError> {
        self.take::<N>().map(|_| ())
    }

    fn movement(&mut self) -> Result<Movement, DecodeError> {
        let event = Movement {
            number: self.word()?,
            account: self.address()?,
            amount: self.word()?,
            shares: self.word()?,
            reserve: self.byte()?,
        };
        self.padding::<7>()?;
        Ok(event)
    }

    fn liquidated(&mut self) -> Result<Liquidated, DecodeError> {
        let event = Liquidated {
            number: self.word()?,
            account: self.address()?,
            liquidator: self.address()?,
            repaid: self.word()?,
            debt_shares: self.word()?,
            seized: self.word()?,
            collateral_shares: self.word()?,
            penalty: self.take().map(u16::from_le_bytes)?,
            debt_reserve: self.byte()?,
            collateral_reserve: self.byte()?,
        };
        self.padding::<4>()?;
        Ok(event)
    }

    fn fees_collected(&mut self) -> Result<FeesCollected, DecodeError> {
        let event = FeesCollected {
            number: self.word()?,
            market: self.address()?,
            amount: self.word()?,
            reserve: self.byte()?,
        };
        self.padding::<7>()?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const MARKET: [u8; 32] = [1; 32];
    const ACCOUNT: [u8; 32] = [2; 32];

    fn movement_bytes(discriminator: [u8; 8]) -> Vec<u8> {
        let fields: [&[u8]; 6] = [
            &discriminator,
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
        let all = [
            ("Deposited", DEPOSITED),
            ("Withdrawn", WITHDRAWN),
            ("Borrowed", BORROWED),
            ("Repaid", REPAID),
            ("Liquidated", LIQUIDATED),
            ("BadDebtSettled", BAD_DEBT_SETTLED),
            ("FeesCollected", FEES_COLLECTED),
        ];
        for (name, discriminator) in all {
            assert_eq!(Sha256::digest(format!("event:{name}"))[..8], discriminator, "{name}");
        }
    }

    #[test]
    fn movements_decode_by_their_kind() {
        assert_eq!(Event::decode(&movement_bytes(DEPOSITED)), Ok(Event::Deposited(movement())));
        assert_eq!(Event::decode(&movement_bytes(WITHDRAWN)), Ok(Event::Withdrawn(movement())));
        assert_eq!(Event::decode(&movement_bytes(BORROWED)), Ok(Event::Borrowed(movement())));
        assert_eq!(Event::decode(&movement_bytes(REPAID)), Ok(Event::Repaid(movement())));
        assert_eq!(Event::decode(&movement_bytes(BAD_DEBT_SETTLED)), Ok(Event::BadDebtSettled(movement())));
        assert_eq!(Event::Repaid(movement()).number(), 5);
        assert_eq!(Event::Repaid(movement()).account(), Some(movement().account));
    }

    #[test]
    fn a_liquidation_decodes_field_by_field() {
        let mut bytes = [LIQUIDATED.as_slice(), &7u64.to_le_bytes(), &ACCOUNT, &[3; 32]].concat();
        for word in [11u64, 12, 13, 14] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0x2c, 0x01, 4, 2, 0, 0, 0, 0]);
        let Ok(Event::Liquidated(event)) = Event::decode(&bytes) else { panic!("not a liquidation") };
        assert_eq!(event.liquidator, Address::new_from_array([3; 32]));
        assert_eq!((event.number, event.repaid, event.debt_shares), (7, 11, 12));
        assert_eq!((event.seized, event.collateral_shares, event.penalty), (13, 14, 300));
        assert_eq!((event.debt_reserve, event.collateral_reserve), (4, 2));
    }

    #[test]
    fn collected_fees_decode() {
        let bytes =
            [FEES_COLLECTED.as_slice(), &8u64.to_le_bytes(), &MARKET, &21u64.to_le_bytes(), &[4, 0, 0, 0, 0, 0, 0, 0]];
        let fees = FeesCollected { number: 8, market: Address::new_from_array(MARKET), amount: 21, reserve: 4 };
        assert_eq!(Event::decode(&bytes.concat()), Ok(Event::FeesCollected(fees)));
    }

    #[test]
    fn wrong_bytes_are_refused() {
        let bytes = movement_bytes(DEPOSITED);
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
            format!("Program data: {}", STANDARD.encode(movement_bytes(DEPOSITED))),
        ];
        assert_eq!(Event::from_logs(&logs), [Event::Deposited(movement())]);
        assert_eq!(Event::from_log_line(&logs[0]), None);
        assert_eq!(Event::from_log_line("Program data: ?"), Some(Err(DecodeError::NotBase64)));
    }
}
