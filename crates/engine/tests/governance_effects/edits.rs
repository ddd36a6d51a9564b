//! Proposals: what somebody in office might want to change. Whether it may be done at once is the program's to say.

use crate::common::World;
use ballast_engine::{
    number::units::{Bps, MAX_LIQUIDITY},
    record::parameter::{self, Parameter, Unit},
    state::{change::OF_MARKET, market::MarketConfig, reserve::ReserveConfig},
};
use proptest::prelude::*;

/// The theme of another feed.
pub const NEW_FEED: u8 = 16;

/// A new value of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    Least,
    Most,
    More(u64),
    Less(u64),
    /// So many hundredths of what it is.
    Times(u64),
    Exactly(u64),
}

/// What somebody wants to change.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Parameters of a record, by their place in it, whatever they are.
    Any { target: u8, values: Vec<(prop::sample::Index, Value)> },
    /// Something that takes several parameters, or is an obvious thing to do with one.
    Usual { target: u8, theme: u8, part: u64 },
}

impl Wish {
    /// Of the market or of a reserve.
    pub fn target(&self) -> u8 {
        let (Self::Any { target, .. } | Self::Usual { target, .. }) = self;
        if *target < 4 { *target } else { OF_MARKET }
    }

    /// As edits of what the parameters are now.
    pub fn edits(&self, world: &World) -> Vec<u8> {
        let (table, record) = match self.target() {
            OF_MARKET => (&parameter::MARKET[..], bytemuck::bytes_of(&world.market.config)),
            reserve => (&parameter::RESERVE[..], bytemuck::bytes_of(&world.reserves[reserve as usize].config)),
        };
        match self {
            Self::Any { values, .. } => {
                let edit = |(index, value): &(prop::sample::Index, Value)| one(index.get(table), *value, record);
                values.iter().flat_map(edit).collect()
            }
            Self::Usual { theme, part, .. } if self.target() == OF_MARKET => {
                let mut config = world.market.config;
                of_market(&mut config, *theme, *part);
                differences(table, record, bytemuck::bytes_of(&config))
            }
            Self::Usual { target, theme, part } => {
                let mut config = world.reserves[*target as usize].config;
                of_reserve(&mut config, *theme, *part);
                differences(table, record, bytemuck::bytes_of(&config))
            }
        }
    }
}

/// One edit.
fn one(parameter: &Parameter, value: Value, record: &[u8]) -> Vec<u8> {
    let (old, width) = (parameter.value(record), parameter.width as usize);
    let new = match value {
        Value::Least => parameter.min,
        Value::Most => parameter.max,
        Value::More(more) => old.saturating_add(more),
        Value::Less(less) => old.saturating_sub(less),
        Value::Times(hundredths) => (old as u128 * hundredths as u128 / 100).min(u64::MAX as u128) as u64,
        Value::Exactly(new) => new,
    };
    let bytes = match parameter.unit {
        Unit::Account => [new as u8; 32].to_vec(),
        _ => new.to_le_bytes().to_vec(),
    };
    [&parameter.offset.to_le_bytes(), &bytes[..width]].concat()
}

/// The edits between two records of one table.
fn differences(table: &[Parameter], old: &[u8], new: &[u8]) -> Vec<u8> {
    let differ = table.iter().filter(|parameter| parameter.of(old) != parameter.of(new));
    differ.flat_map(|parameter| [&parameter.offset.to_le_bytes(), parameter.of(new)].concat()).collect()
}

/// A number, or zero, which is no limit.
fn or_none(part: u64, most: u64) -> u32 {
    if part.is_multiple_of(5) { 0 } else { (part % most) as u32 }
}

/// `part` is a number of any size that says how far.
fn of_reserve(config: &mut ReserveConfig, theme: u8, part: u64) {
    let bps = Bps((part % 10_001) as u16);
    let times = |weight: Bps| Bps((weight.0 as u64 * (part % 130) / 100).min(10_000) as u16);
    let amount = |amount: u64| (amount as u128 * (part % 250) as u128 / 100).min(MAX_LIQUIDITY as u128) as u64;
    let dollars = or_none(part, 200_000);
    let risk = &mut config.risk;
    match theme {
        0 => {
            for weight in
                [&mut risk.cross.initial_asset, &mut risk.group_initial_asset, &mut risk.isolated.initial_asset]
            {
                *weight = times(*weight);
            }
        }
        1 => risk.cross.initial_asset = times(risk.cross.initial_asset),
        2 => {
            let group = [&mut risk.group_initial_asset, &mut risk.group_maintenance_asset];
            for weights in [&mut risk.cross, &mut risk.isolated] {
                weights.initial_asset = times(weights.initial_asset);
                weights.maintenance_asset = times(weights.maintenance_asset);
            }
            group.into_iter().for_each(|weight| *weight = times(*weight));
        }
        3 => {
            let weights = [&mut risk.cross.initial_liability, &mut risk.cross.maintenance_liability];
            weights.into_iter().for_each(|weight| *weight = Bps(weight.0.saturating_add(part as u16 % 3_000)));
        }
        4 => (risk.market_depth, risk.max_market_haircut) = (dollars, bps),
        5 => (risk.position_depth, risk.max_position_haircut) = (dollars, bps),
        6 => risk.borrowing_cap = dollars,
        7 => config.deposit_cap = amount(config.deposit_cap),
        8 => (risk.volatility_slope, risk.max_volatility_haircut) = (bps, Bps(10_000 - bps.0)),
        9 => config.oracle.confidence_multiple = Bps(10_000 + 4 * bps.0),
        10 => (config.borrow_enabled, config.reduce_only) = ((part % 2) as u8, (part / 2 % 2) as u8),
        11 => config.flash_enabled = (part % 2) as u8,
        12 => config.breakers.max_utilisation = Bps(or_none(part, 10_001) as u16),
        13 => (config.oracle.max_ema_divergence, config.oracle.max_confidence_initial) = (bps, Bps(bps.0 / 50)),
        14 => config.borrow_cap = amount(config.borrow_cap),
        15 => risk.isolated.initial_asset = times(risk.isolated.initial_asset),
        NEW_FEED => config.oracle.feed_id.0[31] = part as u8,
        17 => config.oracle.max_ema_divergence = Bps(1 + (part % 300) as u16),
        18 => config.breakers.tiers = config.breakers.tiers.map(times),
        19 => config.flash_fee = Bps((part % 501) as u16),
        20 => risk.ramp = Bps(10 + (part % 1_990) as u16),
        21 => risk.reference_volatility = bps,
        22 => {
            let most = Bps(1 + (part % 150) as u16);
            config.oracle.max_confidence_maintenance = most;
            config.oracle.max_confidence_initial = config.oracle.max_confidence_initial.min(most);
        }
        _ => config.breakers.small_deposit = amount(config.breakers.small_deposit),
    }
}

fn of_market(config: &mut MarketConfig, theme: u8, part: u64) {
    match theme % 4 {
        0 => config.loss_limit = or_none(part, 500),
        1 => config.value_at_risk.multiple = Bps((part % 60_001) as u16),
        2 => config.value_at_risk.horizon = (part % 100_000) as u32,
        _ => config.delay = 86_400 + (part % 500_000) as u32,
    }
}

/// Of the four reserves, and a fifth time of the market.
pub fn wish() -> impl Strategy<Value = Wish> {
    let value = prop_oneof![
        1 => Just(Value::Least),
        1 => Just(Value::Most),
        2 => (1u64..1_000).prop_map(Value::More),
        2 => (1u64..1_000).prop_map(Value::Less),
        3 => (0u64..300).prop_map(Value::Times),
        1 => (0u64..2).prop_map(Value::Exactly),
        1 => any::<u64>().prop_map(Value::Exactly),
    ];
    let values = prop::collection::vec((any::<prop::sample::Index>(), value), 1..4);
    prop_oneof![
        (0u8..5, values).prop_map(|(target, values)| Wish::Any { target, values }),
        (0u8..5, 0u8..24, any::<u64>()).prop_map(|(target, theme, part)| Wish::Usual { target, theme, part }),
    ]
}
