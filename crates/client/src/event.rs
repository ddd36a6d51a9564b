//! Events: what the program logs whenever money moves or a restriction changes. They are written from its IDL.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use solana_address::Address;

use crate::{
    decode::DecodeError,
    wire::{Reader, Wire},
};

/// Defines the records of events, which end with so many bytes of padding.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* } padding $padding:literal)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl $name {
            fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
                let event = Self { $($field: Wire::read(reader)?,)* };
                reader.take::<$padding>()?;
                Ok(event)
            }
        }
    )*};
}

/// Defines the events: their record, whether it names an account, a market or a vault, and the hash of `event:<name>`.
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
            pub(super) const ALL: &'static [(&'static str, [u8; 8])] = &[$((stringify!($name), $discriminator),)*];

            /// Reads the bytes of a `Program data:` line.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader(bytes);
                let discriminator: [u8; 8] = reader.take()?;
                let event = $(if discriminator == $discriminator {
                    Self::$name($record::read(&mut reader)?)
                } else)* {
                    return Err(DecodeError::WrongDiscriminator);
                };
                reader.end()?;
                Ok(event)
            }

            /// Number of the event in its market or vault: a gap means that log lines were lost.
            pub fn number(&self) -> u64 {
                match self { $(Self::$name(event) => event.number,)* }
            }

            /// The margin account or stake, whose market is the event's; none for an event that names its market or vault.
            pub fn account(&self) -> Option<Address> {
                match self { $(Self::$name(event) => events!(@$subject event),)* }
            }
        }
    };
    (@account $event:ident) => { Some($event.account) };
    (@market $event:ident) => {{ let _ = $event; None }};
    (@vault $event:ident) => {{ let _ = $event; None }};
}

mod generated;
pub use generated::*;

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
