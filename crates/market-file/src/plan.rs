//! The steps that bring a market to what its file says. Nothing here reads or sends: [`plan`] is a function.
//!
//! The engine carries out each step on a copy of the market. So each step is planned on the market that the steps before it
//! leave, and a step that the program would refuse is refused here.

pub mod perps;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use ballast_client::{
    Address, Edits, Instruction, MarketView, ParameterInfo, adds_record, edits_in,
    engine::{
        self,
        ledger::Ledger,
        record::parameter::{Direction, Unit},
        state::{
            change::{Change, Listing, OF_LISTING, OF_MARKET, OF_PERP, OF_POOL},
            market::{Market, MarketConfig, Roles},
            reserve::Reserve,
        },
    },
    from_engine, parameters, to_engine, vault_authority,
};
use solana_account::Account;

use crate::{
    State, feed,
    file::{Desired, Listed, Token},
    value::{duration, show},
};
use ballast_time::full_label;

/// A step of a plan: a transaction, and when it can be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTransaction {
    /// What it does.
    pub words: Vec<String>,
    /// Who must sign it, besides who pays.
    pub signer: Address,
    /// When it can be sent, if not now.
    pub from: Option<i64>,
    /// What it sends.
    pub instructions: Vec<Instruction>,
}

/// What there is to do, and warnings for people.
#[derive(Default)]
pub struct Plan {
    /// The transactions, in order.
    pub steps: Vec<PlannedTransaction>,
    /// For people to look at.
    pub warnings: Vec<String>,
}

/// Plans the steps. Rents are paid by `payer`, or without one by the signer of the step.
pub fn plan(desired: &Desired, state: State, payer: Option<Address>) -> Result<Plan> {
    let State { market, mut changes, mints, prices, now } = state;
    let is_new = market.is_none();
    let view = market.unwrap_or_else(|| new_market(desired));
    let (waiting, plan) = (BTreeSet::new(), Plan::default());
    let mut planner = Planner { desired, view, mints, prices, now, payer, waiting, plan };
    if is_new {
        planner.create();
    }
    planner.warn_of_feeds();
    changes.sort_by_key(|change| change.number);
    changes.iter().for_each(|change| planner.meet(change));
    planner.edit(OF_MARKET)?;
    for index in 0..planner.view.reserves.len() as u8 {
        planner.edit(index)?;
    }
    for listed in &desired.reserves {
        planner.list_new(listed)?;
    }
    planner.list_pools_and_perps()?;
    planner.hand_over_and_launch()?;
    Ok(planner.plan)
}

/// The market as its creation will leave it: the creator governs it until the file's authority accepts.
fn new_market(desired: &Desired) -> MarketView {
    let (address, creator) = (desired.address(), to_engine(&desired.creator));
    let vault_authority = to_engine(&vault_authority(&address).0);
    let market = Market { authority: creator, creator, id: desired.id, vault_authority, ..Market::default() };
    let mut view = MarketView { address, market, reserves: Vec::new() };
    view.market.config = wanted_market(desired, &view);
    view
}

/// The market's parameters as the file wants them. The nominee is the file's authority, unless that governs already. `launched`
/// stays as it is, because the launch comes last.
fn wanted_market(desired: &Desired, view: &MarketView) -> MarketConfig {
    let (mut config, authority) = (desired.config, to_engine(&desired.authority));
    config.launched = view.market.config.launched;
    config.roles.nominee =
        if view.market.authority == authority { engine::record::layout::Address::NONE } else { authority };
    config
}

struct Planner<'a> {
    desired: &'a Desired,
    /// The market as the steps so far leave it.
    view: MarketView,
    mints: BTreeMap<[u8; 32], Account>,
    prices: BTreeMap<[u8; 32], Account>,
    now: i64,
    payer: Option<Address>,
    /// What queued changes will bring to what the file wants: target and offset, or for a listing its place in the file.
    waiting: BTreeSet<(u8, u16)>,
    plan: Plan,
}

/// A record as it is and as it should be.
struct Pair {
    name: String,
    decimals: u8,
    now: Vec<u8>,
    wanted: Vec<u8>,
}

impl Planner<'_> {
    fn authority(&self) -> Address {
        from_engine(&self.view.market.authority)
    }

    fn payer(&self) -> Address {
        self.payer.unwrap_or_else(|| self.authority())
    }

    fn step(&mut self, words: Vec<String>, signer: Address, from: Option<i64>, instruction: Instruction) {
        self.plan.steps.push(PlannedTransaction { words, signer, from, instructions: vec![instruction] });
    }

    fn warn(&mut self, words: String) {
        self.plan.warnings.push(words);
    }

    /// Has the engine do something to the copy of the market. If the engine refuses, the copy stays as it was.
    fn play<T>(&mut self, act: impl FnOnce(&mut Ledger) -> engine::Result<T>) -> engine::Result<T> {
        let mut copy = self.view.clone();
        let result = act(&mut copy.ledger(self.now))?;
        self.view = copy;
        Ok(result)
    }

    fn create(&mut self) {
        let Desired { creator, id, .. } = *self.desired;
        let (instruction, market) = MarketView::create(creator, id, self.view.market.config);
        self.step(vec![format!("create market {market}")], creator, None, instruction);
    }

    /// The parameters of a target, if the file knows it.
    fn pair(&self, target: u8) -> Option<Pair> {
        if target == OF_MARKET {
            let (now, wanted) = (self.view.market.config, wanted_market(self.desired, &self.view));
            let [now, wanted] = [now, wanted].map(|config| bytemuck::bytes_of(&config).to_vec());
            return Some(Pair { name: "the market".into(), decimals: 0, now, wanted });
        }
        let (name, now, wanted, pool) =
            match (self.desired.pool_of(&self.view, target), self.desired.perp_of(&self.view, target)) {
                (Some(nth), _) => {
                    let (now, wanted) =
                        (self.view.pool(target).ok()?.config, self.desired.pool_config(&self.view, nth)?);
                    let [now, wanted] = [now, wanted].map(|config| bytemuck::bytes_of(&config).to_vec());
                    (&self.desired.pools[nth].name, now, wanted, target)
                }
                (_, Some(nth)) => {
                    let (now, wanted) =
                        (self.view.perp(target).ok()?.config, self.desired.perp_config(&self.view, nth)?);
                    let pool = now.pool;
                    let [now, wanted] = [now, wanted].map(|config| bytemuck::bytes_of(&config).to_vec());
                    (&self.desired.perps[nth].name, now, wanted, pool)
                }
                _ => return self.pair_of_reserve(target),
            };
        let decimals = self.view.pool(pool).ok()?.quote_decimals;
        Some(Pair { name: name.clone(), decimals, now, wanted })
    }

    fn pair_of_reserve(&self, target: u8) -> Option<Pair> {
        let reserve = self.view.reserves.get(target as usize)?;
        let listed = self.desired.reserves.iter().find(|listed| to_engine(&listed.token.mint) == reserve.mint)?;
        let [now, wanted] = [reserve.config, listed.config].map(|config| bytemuck::bytes_of(&config).to_vec());
        Some(Pair { name: listed.token.name.clone(), decimals: reserve.decimals, now, wanted })
    }

    /// Warns of feeds that change while their reserve is in use.
    fn warn_of_feeds(&mut self) {
        let warnings = self.desired.reserves.iter().filter_map(|Listed { token, config }| {
            let reserve = self.view.reserve(self.view.find_reserve(&token.mint)?).ok()?;
            feed::warning(&token.name, &self.view, reserve, &config.oracle, &self.prices, self.now)
        });
        let warnings: Vec<_> = warnings.collect();
        self.plan.warnings.extend(warnings);
    }

    // Changes that are queued.

    /// Plans what is to be done about a queued change.
    fn meet(&mut self, change: &Change) {
        let (number, words) = (change.number, self.describe(change));
        let words = words.join("; ");
        if self.now > change.latest {
            return self.warn(format!("change {number} has expired, anyone may cancel it: {words}"));
        }
        let Some(sets) = self.own(change) else {
            let due = full_label(change.earliest);
            return self.warn(format!("change {number}, due {due} UTC, is not the file's, and left alone: {words}"));
        };
        let spacing =
            if self.view.market.config.launched == 0 { i64::MIN } else { self.view.market.config.delay as i64 };
        let is_listing = adds_record(change);
        let spaced = if is_listing { self.view.market.listed_at.saturating_add(spacing) } else { i64::MIN };
        let from = change.earliest.max(spaced);
        let (is_due, signer) = (from <= self.now, self.payer());
        let (recipient, view) = (from_engine(&change.payer), &self.view);
        let place = self.place_of(change);
        let instructions = match change.listing().ok().and_then(|listing| self.listed(listing)) {
            Some(listed) => {
                vec![view.list_reserve(signer, number, recipient, listed.token.mint, listed.token.program)]
            }
            None if place.is_some() => self.listing(change),
            None => vec![view.execute_change(signer, change)],
        };
        if !is_due {
            self.waiting.extend(sets);
            let left = duration(from - self.now);
            let words = vec![format!("wait: change {number} is due in {left}: {words}")];
            return self.plan.steps.push(PlannedTransaction { words, signer, from: Some(from), instructions });
        }
        let played = match place {
            Some(place) => match self.list_now(change, place) {
                Ok(()) => return,
                refused => refused,
            },
            None if is_listing => self.play_listing(change),
            None => self.play(|ledger| ledger.execute_change(change, &mut |_, _| ())),
        };
        if let Err(error) = played {
            // Its parameters are not planned again: the same change would be refused again.
            self.waiting.extend(sets);
            return self.warn(format!("change {number} is due, but would be refused ({}): {words}", error.message()));
        }
        let words = vec![format!("execute change {number}, due: {words}")];
        self.plan.steps.push(PlannedTransaction { words, signer, from: None, instructions });
    }

    /// What a change sets, if it sets something new and only what the file wants.
    fn own(&self, change: &Change) -> Option<Vec<(u8, u16)>> {
        if change.target == OF_LISTING {
            let nth = self.desired.reserves.iter().position(|listed| is_listing_of(change, listed))?;
            let is_new = self.view.find_reserve(&self.desired.reserves[nth].token.mint).is_none();
            let key = (OF_LISTING, nth as u16);
            return (is_new && !self.waiting.contains(&key)).then(|| vec![key]);
        }
        if adds_record(change) {
            return self.place_of(change).map(|place| vec![place]);
        }
        let pair = self.pair(change.target)?;
        let edits = self.view.edits_of(change);
        let keys: Vec<_> = edits.iter().map(|(info, _)| (change.target, info.parameter.offset)).collect();
        let is_wanted = edits.iter().all(|(info, new)| info.parameter.of(&pair.wanted) == new.as_slice());
        let is_new = edits.iter().any(|(info, new)| info.parameter.of(&pair.now) != new.as_slice());
        (is_wanted && is_new && !keys.iter().any(|key| self.waiting.contains(key))).then_some(keys)
    }

    fn listed(&self, listing: &Listing) -> Option<&Listed> {
        self.desired.reserves.iter().find(|listed| to_engine(&listed.token.mint) == listing.mint)
    }

    fn describe(&self, change: &Change) -> Vec<String> {
        match change.listing() {
            Ok(listing) => match self.listed(listing) {
                Some(listed) if is_listing_of(change, listed) => vec![format!("list {}", listed.token.name)],
                Some(listed) => vec![format!("list {} with other parameters", listed.token.name)],
                None => vec![format!("list {}", from_engine(&listing.mint))],
            },
            Err(_) if adds_record(change) => match self.place_of(change) {
                Some(place) => vec![format!("list {}", self.place_name(place))],
                None => vec![if change.target == OF_POOL { "list a pool" } else { "list a perp" }.into()],
            },
            Err(_) => self.sentences(change.target, change.data()),
        }
    }

    // Parameters.

    /// Edits in words.
    fn sentences(&self, target: u8, data: &[u8]) -> Vec<String> {
        let pair = self.pair(target);
        let sentence = |(info, new): (ParameterInfo, Vec<u8>)| {
            let Some(Pair { name, decimals, now, .. }) = &pair else {
                let kind = match self.view.table_of(target) {
                    OF_PERP => "perp",
                    OF_POOL => "pool",
                    _ => "reserve",
                };
                return format!("set {} of {kind} {target} to {}", info.name, show(&info, &new, 0));
            };
            let parameter = &info.parameter;
            let (old, path) = (parameter.of(now), &info.name);
            let is_number = !matches!(parameter.unit, Unit::Account | Unit::Switch | Unit::Id | Unit::Time);
            let is_limit = matches!(parameter.direction, Direction::UpOrNone | Direction::AnyOrNone);
            let value = |bytes: &[u8]| match bytes.iter().all(|byte| *byte == 0) {
                true if is_limit => "no limit".into(),
                _ => show(&info, bytes, *decimals),
            };
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            let verb = match () {
                () if !is_number || is_limit && number(old).min(number(&new)) == 0 => "set",
                () if number(&new) > number(old) => "raise",
                () => "lower",
            };
            format!("{verb} {path} of {name} from {} to {}", value(old), value(&new))
        };
        edits_in(self.view.table_of(target), data).into_iter().map(sentence).collect()
    }

    /// Brings the parameters of a target to what the file wants.
    fn edit(&mut self, target: u8) -> Result<()> {
        let Some(mut pair) = self.pair(target) else {
            let mint = self.view.reserves[target as usize].mint;
            match self.view.table_of(target) {
                OF_PERP => self.warn(format!("perp #{target} is not in the file, and left alone")),
                OF_POOL => self.warn(format!("pool #{target} is not in the file, and left alone")),
                _ if !mint.is_none() => {
                    self.warn(format!("reserve {target}, {}, is not in the file, and left alone", from_engine(&mint)));
                }
                _ => (),
            }
            return Ok(());
        };
        if self.is_wound_down(target) {
            if pair.now != pair.wanted {
                self.warn(format!("{} is being wound down: its parameters stay as they are", pair.name));
            }
            return Ok(());
        }
        let table = self.view.table_of(target);
        for info in parameters(table) {
            let (at, width) = (info.parameter.offset as usize, info.parameter.width as usize);
            if self.waiting.contains(&(target, info.parameter.offset)) {
                pair.wanted[at..at + width].copy_from_slice(&pair.now[at..at + width]);
            }
        }
        let (now, wanted) = (&pair.now, &pair.wanted);
        let edits = match table {
            OF_MARKET => Edits::of_market(&bytemuck::pod_read_unaligned(now), &bytemuck::pod_read_unaligned(wanted)),
            OF_PERP => Edits::of_perp(&bytemuck::pod_read_unaligned(now), &bytemuck::pod_read_unaligned(wanted)),
            OF_POOL => Edits::of_pool(&bytemuck::pod_read_unaligned(now), &bytemuck::pod_read_unaligned(wanted)),
            _ => Edits::of_reserve(&bytemuck::pod_read_unaligned(now), &bytemuck::pod_read_unaligned(wanted)),
        };
        if self.view.market.config.launched == 0 {
            return self.set(target, edits.all()).map_err(|error| anyhow!("{}: {}", pair.name, error.message()));
        }
        // Edits that take risk away may be allowed only together with edits that add it.
        let together = self.set(target, edits.at_once.clone()).is_err();
        let rest = if together { edits.all() } else { edits.waiting };
        for data in if target == OF_MARKET { split(&rest) } else { [rest, Vec::new(), Vec::new()] } {
            if !data.is_empty() {
                let mut words = self.sentences(target, &data);
                words.iter_mut().for_each(|words| words.insert_str(0, "queue: "));
                self.queue(target, data, words)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, target: u8, data: Vec<u8>) -> engine::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let words = self.sentences(target, &data).iter().map(|words| format!("{words}, at once")).collect();
        let authority = self.authority();
        let instruction = self.view.set_parameters(authority, target, data.clone());
        let signer = self.view.market.authority;
        self.play(|ledger| ledger.set_parameters(&signer, target, &data, &mut |_, _| ()))?;
        self.step(words, authority, None, instruction);
        Ok(())
    }

    fn queue(&mut self, target: u8, data: Vec<u8>, mut words: Vec<String>) -> Result<Change> {
        let instruction = self.view.queue_change(self.payer(), target, data.clone());
        let (authority, mut change) = (self.view.market.authority, Change::default());
        let queued = self.play(|ledger| ledger.queue_change(&authority, target, &data, &mut change));
        queued.map_err(|error| anyhow!("{}: {}", words.join("; "), error.message()))?;
        if change.earliest > self.now {
            words.push(format!("  due {} UTC", full_label(change.earliest)));
        }
        self.step(words, self.authority(), None, instruction);
        Ok(change)
    }

    // Reserves.

    fn list_new(&mut self, listed: &Listed) -> Result<()> {
        let Token { name, mint, program, .. } = &listed.token;
        let nth = self.desired.reserves.iter().position(|other| other.token.mint == *mint).unwrap_or_default();
        // What the program would refuse is refused here.
        listed.token.check(self.mints.get(&mint.to_bytes()))?;
        if self.view.find_reserve(mint).is_some() || self.waiting.contains(&(OF_LISTING, nth as u16)) {
            return Ok(());
        }
        let listing = Listing { mint: to_engine(mint), config: listed.config };
        let words = vec![format!("queue: list {name} ({mint})")];
        let change = self.queue(OF_LISTING, bytemuck::bytes_of(&listing).to_vec(), words)?;
        if self.view.market.config.launched != 0 {
            return Ok(());
        }
        let payer = self.payer();
        let instruction = self.view.list_reserve(payer, change.number, payer, *mint, *program);
        self.play_listing(&change).map_err(|error| anyhow!("{name}: {}", error.message()))?;
        let index = self.view.reserves.len() - 1;
        self.step(vec![format!("list {name} as reserve {index}")], payer, None, instruction);
        Ok(())
    }

    fn play_listing(&mut self, change: &Change) -> engine::Result<()> {
        let decimals = self.listed(change.listing()?).map_or(0, |listed| listed.token.decimals);
        let mut copy = self.view.clone();
        copy.reserves.push(Reserve::default());
        copy.ledger(self.now).list(change, decimals)?;
        self.view = copy;
        Ok(())
    }

    // The market.

    fn hand_over_and_launch(&mut self) -> Result<()> {
        let Desired { authority, launch, .. } = *self.desired;
        let heir = to_engine(&authority);
        if self.view.market.authority != heir && self.view.market.config.roles.nominee == heir {
            let instruction = self.view.accept_authority();
            self.play(|ledger| ledger.market.accept_authority(&heir, &mut |_, _| ()))
                .map_err(|error| anyhow!(error.message()))?;
            self.step(vec![format!("accept authority, as {authority}")], authority, None, instruction);
        }
        let has_all = self.desired.reserves.iter().all(|listed| self.view.find_reserve(&listed.token.mint).is_some());
        let is_whole = has_all && self.has_all_perps();
        match (self.view.market.config.launched != 0, launch) {
            (false, true) if is_whole => {
                let instruction = self.view.launch();
                self.step(vec!["launch".into()], self.authority(), None, instruction);
            }
            (true, false) => self.warn("the market has been launched, which cannot be undone".into()),
            _ => (),
        }
        Ok(())
    }
}

fn is_listing_of(change: &Change, listed: &Listed) -> bool {
    change.listing() == Ok(&Listing { mint: to_engine(&listed.token.mint), config: listed.config })
}

/// Splits edits of the market into those that are queued apart: the guardian, the other roles, and the rest. Roles wait twice as
/// long. And the guardian could cancel its own replacement if the change did anything else.
fn split(data: &[u8]) -> [Vec<u8>; 3] {
    const GUARDIAN: usize = std::mem::offset_of!(Roles, guardian);
    const END: usize = size_of::<Roles>();
    let mut lists = [const { Vec::new() }; 3];
    for (info, new) in edits_in(OF_MARKET, data) {
        let list = match info.parameter.offset as usize {
            GUARDIAN => &mut lists[0],
            ..END => &mut lists[1],
            _ => &mut lists[2],
        };
        list.extend(info.parameter.offset.to_le_bytes());
        list.extend(new);
    }
    lists
}
