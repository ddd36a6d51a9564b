//! Who waits for liquidity: first come, first served.
//!
//! The vault has a fixed number of places. A place knows the request's account, which takes what is served as a claim: so no recipient
//! can keep the next one waiting. A request for more than its share of a round goes back to the end with what is left.

use crate::{
    error::{Error, Result},
    number::units::{Bps, Shares},
    record::layout::{Address, record},
};

/// Places in a queue.
pub const MAX_REQUESTS: usize = 32;

record! {
    /// A place in the queue.
    pub struct Ticket: 48 {
        /// The request's account; none: the place is free.
        pub request: Address,
        /// Its turn: the lowest is first.
        pub number: u64,
        /// Shares that wait, those of the account.
        pub shares: Shares,
    }
}

record! {
    /// The queue.
    pub struct Queue: 1552 {
        /// The places, in no order.
        pub tickets: [Ticket; MAX_REQUESTS],
        /// The next number.
        pub next: u64,
        /// All shares that wait.
        pub shares: Shares,
    }
}

record! {
    /// What an owner asked to be paid once there is liquidity, and what was.
    pub struct ExitRequest: 152 {
        /// Layout version.
        pub version: u8,
        /// Bump of the account's address.
        pub bump: u8,
        /// Its place in the queue, while shares wait.
        pub place: u8,
        /// Zero.
        pub padding: [u8; 5],
        /// The vault.
        pub vault: Address,
        /// Who gets the tokens.
        pub owner: Address,
        /// Shares that wait. They earn and lose like others until they are paid.
        pub shares: Shares,
        /// Shares that went out of the queue unpaid, because their price was below the owner's limit.
        pub returned: Shares,
        /// Fewest atoms for the shares that wait; of a part of them that part.
        pub min_amount: u64,
        /// Atoms that were paid and not yet taken.
        pub claim: u64,
        /// When it was made, unix seconds.
        pub since: i64,
        /// Highest exit fee of what is served: the one when it was made. Who serves it picks the moment, but not the fee.
        pub max_fee: Bps,
        /// Zero.
        pub reserved: [u8; 38],
    }
}

impl ExitRequest {
    /// First eight bytes of a request's account: of the SHA-256 of `account:ExitRequest`.
    pub const DISCRIMINATOR: [u8; 8] = [90, 22, 188, 209, 173, 217, 62, 9];
}

impl Queue {
    /// Gives a request a place at the end.
    #[inline(never)]
    pub(crate) fn join(&mut self, request: Address, shares: Shares) -> Result<u8> {
        let place = self.tickets.iter().position(|ticket| ticket.request.is_none()).ok_or(Error::QueueFull)?;
        // A part of the vault's shares.
        self.shares.0 += shares.0;
        self.tickets[place] = Ticket { request, number: self.take_number(), shares };
        Ok(place as u8)
    }

    fn take_number(&mut self) -> u64 {
        // Wraps after 2^64 requests.
        self.next = self.next.wrapping_add(1);
        self.next
    }

    /// Places that are taken.
    pub(crate) fn length(&self) -> usize {
        self.tickets.iter().filter(|ticket| !ticket.request.is_none()).count()
    }

    /// The place whose turn it is.
    #[inline(never)]
    pub fn first(&self) -> Option<u8> {
        let used = (0..).zip(&self.tickets).filter(|(_, ticket)| !ticket.request.is_none());
        used.min_by_key(|(_, ticket)| ticket.number).map(|(place, _)| place)
    }

    /// The ticket in a place, if it is the request's.
    pub(crate) fn of(&mut self, place: u8, request: &Address) -> Result<&mut Ticket> {
        let ticket = self.tickets.get_mut(place as usize).ok_or(Error::WrongRequest)?;
        if ticket.request == *request && !request.is_none() { Ok(ticket) } else { Err(Error::WrongRequest) }
    }

    /// Takes shares from a place, and frees it when none are left; else, if its share of the round was all that it got, it goes to
    /// the end.
    #[inline(never)]
    pub(crate) fn take(&mut self, place: u8, shares: Shares, goes_back: bool) {
        let number = if goes_back { self.take_number() } else { self.tickets[place as usize].number };
        let ticket = &mut self.tickets[place as usize];
        // Parts of both.
        ticket.shares.0 -= shares.0;
        self.shares.0 -= shares.0;
        if ticket.shares == Shares::ZERO {
            *ticket = Ticket::default();
        } else {
            ticket.number = number;
        }
    }
}
