//! Changes of parameters, at once and after the delay: what the authority, the risk council and others send.

use super::{
    actors::{Actors, MOST_TOKENS, Token, feed},
    model::{Answer, refused},
    transaction::Step,
};
use ballast_client::{
    Address, Edits, PYTH_RECEIVERS, SYSTEM_PROGRAM, change_address, from_engine, instruction as ix, to_engine,
    vault_authority,
};
use ballast_engine::{
    Error,
    record::{
        layout,
        parameter::{self, Direction, Parameter, Unit},
    },
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET},
        market::{MarketConfig, Roles},
    },
};
use ballast_tests::price_account;
use rand::{Rng, seq::IndexedRandom};

/// Where a market has its delay.
const DELAY: u16 = std::mem::offset_of!(MarketConfig, delay) as u16;
/// Where it has its guardian.
const GUARDIAN: u16 = std::mem::offset_of!(Roles, guardian) as u16;

impl Actors {
    /// Reserves are listed at once, and accounts not yet opened. A change that waits expires with the launch.
    pub fn before_the_launch(&mut self, tokens: &[(u8, i64)]) {
        for (decimals, dollars) in tokens {
            let token = self.new_token(*decimals, *dollars);
            let listing = self.listing(token, 0);
            let queue = self.queue(self.world.authority, OF_LISTING, listing);
            let number = self.model.market.changes;
            let list = self.list(change_address(&self.world.market, number).0, self.world.payer, token);
            self.send(&[queue, list]).expect("listed");
            self.follow();
        }
        let open = self.open_account();
        assert_eq!(self.send(&[open]), Err(refused(Error::MarketNotLaunched)));
        let config = self.model.market.config;
        let edits = Edits::of_market(&config, &MarketConfig { loss_limit: 2, ..config }).all();
        let left_over = self.queue(self.world.authority, OF_MARKET, edits);
        let edits = Edits::of_market(&config, &MarketConfig { launched: 1, ..config }).all();
        let launch = self.set(self.world.authority, OF_MARKET, edits);
        self.send(&[left_over, launch]).expect("launched");
        let change = *self.model.changes.keys().next().expect("left over");
        let execute = self.execute(self.users[0], change, self.world.payer);
        assert_eq!(self.send(&[execute]), Err(refused(Error::ChangeExpired)));
        self.follow();
    }

    // What is wanted.

    /// Mostly a reserve or the market, sometimes neither.
    fn target(&mut self) -> u8 {
        match self.rng.random_range(0..20) {
            0 => self.rng.random(),
            1..6 => OF_MARKET,
            _ => self.reserve(),
        }
    }

    /// What a target's parameters are, and their table. Of what is no target, the market's.
    fn parameters(&self, target: u8) -> (Vec<u8>, &'static [Parameter]) {
        match self.model.reserves.get(target as usize) {
            Some(reserve) => (bytemuck::bytes_of(&reserve.config).to_vec(), &parameter::RESERVE),
            None => (bytemuck::bytes_of(&self.model.market.config).to_vec(), &parameter::MARKET),
        }
    }

    /// Edits of a target to what its authority would like.
    fn wanted(&mut self, target: u8) -> Edits {
        match self.model.reserves.get(target as usize).map(|reserve| reserve.config) {
            Some(config) => Edits::of_reserve(&config, &self.wanted_of_reserve(target)),
            None => {
                let config = self.model.market.config;
                Edits::of_market(&config, &self.wanted_of_market())
            }
        }
    }

    /// Edits of a target to what it was in the beginning.
    fn restoring(&self, target: u8) -> Edits {
        match self.model.reserves.get(target as usize) {
            Some(reserve) => Edits::of_reserve(&reserve.config, &self.original_of_reserve(target)),
            None => Edits::of_market(&self.model.market.config, &self.original_of_market()),
        }
    }

    /// Targets that are not what they were in the beginning, and no change that waits is about.
    pub fn deviating(&self) -> Vec<u8> {
        let open = (0u8..).zip(&self.model.reserves).filter(|(_, record)| record.closed == 0).map(|(index, _)| index);
        let is_lonely = |target: &u8| self.model.changes.values().all(|change| change.target != *target);
        let deviates = |target: &u8| !self.restoring(*target).is_empty();
        open.chain([OF_MARKET]).filter(is_lonely).filter(deviates).collect()
    }

    /// An edit of any parameter, to a value of any kind.
    fn any_edit(&mut self, target: u8) -> Vec<u8> {
        let (record, table) = self.parameters(target);
        let parameter = table[self.rng.random_range(0..table.len())];
        let bytes = if parameter.unit == Unit::Account {
            self.any_key(&parameter).0.to_vec()
        } else {
            let old = parameter.value(&record);
            let mut value = match self.rng.random_range(0..9) {
                0 => 0,
                1 => parameter.min,
                2 => parameter.max,
                3 => parameter.max.saturating_add(1),
                4 => old.saturating_add(1),
                5 => old.saturating_sub(1),
                6 => old / 2,
                7 => old.saturating_mul(2),
                _ => self.rng.random::<u64>() >> self.rng.random_range(0..64),
            };
            if target == OF_MARKET && parameter.offset == DELAY {
                // No longer than the sequences have time for.
                value = [0, 86_399, 86_400, 172_800, 259_200, 2_592_001][self.rng.random_range(0..6)];
            }
            value.to_le_bytes()[..parameter.width as usize].to_vec()
        };
        [&parameter.offset.to_le_bytes()[..], &bytes].concat()
    }

    /// A key for an office, one of the programs that prices come from, a feed or its account.
    fn any_key(&mut self, parameter: &Parameter) -> layout::Address {
        let feed = feed(self.rng.random_range(0..3));
        let keys = match parameter.error {
            Error::RoleMissing => [self.candidate(), self.candidate(), Address::default()],
            Error::ReceiverMissing => [PYTH_RECEIVERS[0], PYTH_RECEIVERS[1], Address::default()],
            _ => [from_engine(&feed), price_account(&feed.0), Address::default()],
        };
        to_engine(&keys[self.rng.random_range(0..3)])
    }

    /// Anyone with tokens for an office, or no one.
    fn candidate(&mut self) -> Address {
        match self.rng.random_range(0..10) {
            0 => Address::default(),
            1..4 => self.fee_collector,
            _ => self.user(),
        }
    }

    /// The risk council, or someone if there is none.
    fn council(&mut self) -> Address {
        let council = self.officer(|roles| roles.risk_council);
        if council == Address::default() { self.user() } else { council }
    }

    /// Edits of one parameter that take a little risk away, where that is possible; sometimes in many steps.
    fn tightening(&mut self, target: u8) -> Vec<u8> {
        let (record, table) = self.parameters(target);
        let has_way = |row: &&Parameter| {
            use Direction::{Down, DownOrNew, Up, UpOrNone};
            matches!(row.direction, Up | UpOrNone | Down | DownOrNew)
        };
        let steered: Vec<&Parameter> = table.iter().filter(has_way).collect();
        let parameter = **steered.choose(&mut self.rng).expect("some have a direction");
        let mut value = parameter.value(&record);
        let mut edits = Vec::new();
        for _ in 0..[1, 1, 1, 2, 9][self.rng.random_range(0..5)] {
            let step = if parameter.unit == Unit::Switch { 1 } else { value / 10 + 1 };
            value = match parameter.direction {
                Direction::Down | Direction::DownOrNew => value.saturating_add(step).min(parameter.max),
                _ => value.saturating_sub(step).max(parameter.min),
            };
            edits.extend(parameter.offset.to_le_bytes());
            edits.extend(&value.to_le_bytes()[..parameter.width as usize]);
        }
        edits
    }

    /// Bytes that are edits, or would be if one were cut, in the wrong place, or not noise.
    fn damaged(&mut self, mut edits: Vec<u8>) -> Vec<u8> {
        match self.rng.random_range(0..5) {
            0 => edits.truncate(self.rng.random_range(0..=edits.len())),
            1 => edits = (0..self.rng.random_range(0..80)).map(|_| self.rng.random()).collect(),
            2 if !edits.is_empty() => {
                let at = self.rng.random_range(0..edits.len());
                edits[at] ^= 1 << self.rng.random_range(0..8);
            }
            3 => edits.push(self.rng.random()),
            _ => edits = edits.repeat(self.rng.random_range(0..30)),
        }
        // What a transaction holds would cost more than it gets without asking.
        edits.truncate(300);
        edits
    }

    // At once.

    pub fn set_parameters(&mut self) -> Step {
        let target = self.target();
        let (signer, edits) = match self.rng.random_range(0..20) {
            0..5 => (self.council(), self.tightening(target)),
            5 => (self.council(), self.wanted(target).all()),
            6..10 => (self.authority(), self.tightening(target)),
            10 => (self.authority(), self.any_edit(target)),
            11 | 12 => (self.authority(), self.wanted(target).all()),
            13 => {
                let edits = self.wanted(target).all();
                (self.authority(), self.damaged(edits))
            }
            14 => (self.user(), self.tightening(target)),
            _ => (self.authority(), self.wanted(target).at_once),
        };
        self.set(signer, target, edits)
    }

    fn set(&self, signer: Address, target: u8, edits: Vec<u8>) -> Step {
        let instruction = ix::SetParameters { signer, market: self.world.market, target, edits: edits.clone() };
        Step::new(instruction, move |model| model.set_parameters(signer, target, &edits))
    }

    /// The risk council takes risk away from one target, until it is refused or loses interest.
    pub fn council_steps(&mut self) -> Answer {
        let (council, target) = (self.council(), self.target());
        for _ in 0..5 {
            let edits = self.tightening(target);
            let step = self.set(council, target, edits);
            self.send(&[step])?;
        }
        Ok(())
    }

    /// By the nominee, if there is one, or by others.
    pub fn accept_authority(&mut self) -> Step {
        let nominee = self.officer(|roles| roles.nominee);
        let is_nominee = nominee != Address::default() && self.rng.random_bool(0.7);
        let signer = if is_nominee { nominee } else { self.user() };
        let instruction = ix::AcceptAuthority { signer, market: self.world.market };
        Step::new(instruction, move |model| model.accept_authority(signer))
    }

    // Queued.

    fn queue(&self, signer: Address, target: u8, data: Vec<u8>) -> Step {
        let payer = self.world.payer;
        let instruction = ix::QueueChange {
            authority: signer,
            payer,
            market: self.world.market,
            change: change_address(&self.world.market, self.model.market.changes).0,
            system_program: SYSTEM_PROGRAM,
            target,
            data: data.clone(),
        };
        Step::new(instruction, move |model| model.queue_change(signer, payer, target, &data))
    }

    pub fn queue_change(&mut self) -> Step {
        let signer = self.authority();
        let deviating = self.deviating();
        let (target, data) = match self.rng.random_range(0..20) {
            0..9 if !deviating.is_empty() => {
                let target = *deviating.choose(&mut self.rng).expect("one of them");
                (target, self.restoring(target).all())
            }
            9..13 => (OF_LISTING, self.any_listing()),
            13..16 => (OF_MARKET, self.appointment()),
            16 => {
                let target = self.target();
                (target, self.any_edit(target))
            }
            17 => {
                let (target, listing) = (self.target(), self.any_listing());
                let data = if self.rng.random_bool(0.7) { self.wanted(target).all() } else { listing };
                (target, self.damaged(data))
            }
            _ => {
                let target = self.target();
                (target, self.wanted(target).all())
            }
        };
        self.queue(signer, target, data)
    }

    /// Two tokens that may be listed, of which the second has to wait.
    pub fn two_listings(&mut self) -> Answer {
        for _ in 0..2 {
            let token = self.new_token(6, 10);
            let (signer, listing) = (from_engine(&self.model.market.authority), self.listing(token, 1_000_000));
            let step = self.queue(signer, OF_LISTING, listing);
            self.send(&[step])?;
        }
        Ok(())
    }

    /// An edit of an office, sometimes with one of something else.
    fn appointment(&mut self) -> Vec<u8> {
        let office = [0, 0, 1, 2, 2, 2, 3][self.rng.random_range(0..7)] * 32u16;
        let mut edits = [office.to_le_bytes().as_slice(), self.candidate().as_ref()].concat();
        if self.rng.random_bool(0.3) {
            edits.extend(self.wanted(OF_MARKET).all());
        }
        edits
    }

    /// A listing of a token that is new, was listed once, or is.
    fn any_listing(&mut self) -> Vec<u8> {
        let closed: Vec<u8> = (0u8..)
            .zip(&self.model.reserves)
            .filter(|(_, record)| record.closed != 0)
            .map(|(index, _)| index)
            .collect();
        let listed = self.model.reserves.len();
        let token = match self.rng.random_range(0..10) {
            0..4 if !closed.is_empty() => *closed.choose(&mut self.rng).expect("one of them"),
            0..6 if listed < self.tokens.len() => self.rng.random_range(listed..self.tokens.len()) as u8,
            0..9 if self.tokens.len() < MOST_TOKENS => {
                let decimals = self.rng.random_range(0..=12);
                self.new_token(decimals, 10)
            }
            _ => self.rng.random_range(0..listed) as u8,
        };
        let cap = [0, 1, 1_000_000, 1_000_000, 1_000_000, 1_000_001][self.rng.random_range(0..6)];
        self.listing(token, cap)
    }

    /// A listing of a token; about every second one with a borrowing cap is listed to be closed again.
    fn listing(&mut self, token: u8, borrowing_cap: u32) -> Vec<u8> {
        let mut config = self.listing_of(token);
        if borrowing_cap != 0 {
            config.risk.borrowing_cap = borrowing_cap;
            config.reduce_only = self.rng.random_range(0..2);
        }
        let listing = Listing { mint: to_engine(&self.tokens[token as usize].mint), config };
        bytemuck::bytes_of(&listing).to_vec()
    }

    // What becomes of it.

    fn is_due(&self, change: &Change) -> bool {
        change.launched == self.model.market.config.launched
            && (change.earliest..=change.latest).contains(&self.model.now)
    }

    /// Of a token that is not listed.
    fn is_due_listing(&self, change: &Change) -> bool {
        let is_listed = |mint: layout::Address| self.model.reserves.iter().any(|record| record.mint == mint);
        self.is_due(change) && change.listing().is_ok_and(|listing| !is_listed(listing.mint))
    }

    fn is_due_edit(&self, change: &Change) -> bool {
        self.is_due(change) && change.target != OF_LISTING
    }

    /// The instruction that a change which is due waits for.
    pub fn due_kind(&self) -> Option<usize> {
        let has = |is_due: fn(&Self, &Change) -> bool| self.model.changes.values().any(|change| is_due(self, change));
        match (has(Self::is_due_listing), has(Self::is_due_edit)) {
            (true, edit) if !edit || self.model.now % 2 == 0 => Some(1),
            (_, true) => Some(29),
            _ => None,
        }
    }

    /// Mostly a change of this kind, then any, sometimes one that is gone or never was; and who gets its rent.
    fn change(&mut self, wanted: impl Fn(&Self, &Change) -> bool) -> (Address, Address) {
        let all: Vec<_> = self.model.changes.iter().map(|(address, change)| (*address, *change)).collect();
        let fitting: Vec<_> = all.iter().filter(|(_, change)| wanted(self, change)).copied().collect();
        let pool = if fitting.is_empty() || self.rng.random_bool(0.2) { all } else { fitting };
        let (address, payer) = match pool.choose(&mut self.rng) {
            Some((address, change)) if self.rng.random_bool(0.95) => (*address, from_engine(&change.payer)),
            _ => {
                let number = self.rng.random_range(0..=self.model.market.changes);
                (change_address(&self.world.market, number).0, self.world.payer)
            }
        };
        let recipient = if self.rng.random_bool(0.95) { payer } else { self.user() };
        (address, recipient)
    }

    fn execute(&self, signer: Address, change: Address, recipient: Address) -> Step {
        let instruction = ix::ExecuteChange { signer, market: self.world.market, change, recipient };
        Step::new(instruction, move |model| model.execute_change(change, recipient))
    }

    pub fn execute_change(&mut self) -> Step {
        let (change, recipient) = self.change(Self::is_due_edit);
        let signer = self.user();
        self.execute(signer, change, recipient)
    }

    pub fn cancel_change(&mut self) -> Step {
        let has_expired = |actors: &Self, change: &Change| actors.model.now > change.latest;
        let guardian = self.officer(|roles| roles.guardian);
        let ((change, recipient), signer) = match self.rng.random_range(0..10) {
            0..2 => (self.change(has_expired), self.authority()),
            2..5 => (self.change(|_, change| is_of_the_guardian_alone(change)), guardian),
            _ => (self.change(has_expired), self.user()),
        };
        let instruction = ix::CancelChange { signer, market: self.world.market, change, recipient };
        Step::new(instruction, move |model| model.cancel_change(signer, change, recipient))
    }

    fn list(&self, change: Address, recipient: Address, token: u8) -> Step {
        let Token { mint, decimals, .. } = self.tokens[token as usize];
        let market = self.world.market;
        let instruction = ix::ListReserve {
            payer: self.world.payer,
            market,
            change,
            recipient,
            mint,
            vault: self.vault(token),
            vault_authority: vault_authority(&market).0,
            token_program: self.token_program(token),
            system_program: SYSTEM_PROGRAM,
        };
        Step::new(instruction, move |model| model.list_reserve(change, recipient, mint, decimals))
    }

    /// Mostly a listing that is due, of the mint it names.
    pub fn list_reserve(&mut self) -> Step {
        let (change, recipient) = self.change(Self::is_due_listing);
        let named =
            self.model.changes.get(&change).and_then(|change| change.listing().ok()).map(|listing| listing.mint);
        let token = self.tokens.iter().position(|token| named == Some(to_engine(&token.mint)));
        let token = match token {
            Some(token) if self.rng.random_bool(0.9) => token,
            _ => self.rng.random_range(0..self.tokens.len()),
        };
        self.list(change, recipient, token as u8)
    }
}

fn is_of_the_guardian_alone(change: &Change) -> bool {
    change.target == OF_MARKET && change.length == 34 && change.data().starts_with(&GUARDIAN.to_le_bytes())
}
