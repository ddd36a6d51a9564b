//! Every governed parameter, both ways: what adds risk waits, what takes it away does not.

use ballast_client::{
    Address, Edits, Instruction, ParameterInfo, TOKEN_PROGRAM, VaultView, change_address, decode_change, parameters,
    to_engine,
};
use ballast_engine::{
    Error,
    number::units::Bps,
    record::{
        layout,
        parameter::{Direction, Unit},
    },
    state::{
        breakers::BreakerConfig,
        change::{Change, OF_MARKET, OF_PERP, OF_POOL, OF_VAULT},
        exposure::ValueAtRiskConfig,
        insurance::InsuranceConfig,
        interest::ControllerConfig,
        market::MarketConfig,
        reserve::ReserveConfig,
        vault::{AllocationConfig, Vault, VaultConfig, VaultRoles},
        weights::{RiskConfig, Weights},
    },
};
use ballast_tests::{Outcome, Token, VaultScene, World, market_config, reserve_config, vault_config};

/// Everything on, nothing at the end of its range.
fn rich_reserve() -> ReserveConfig {
    let mut config = reserve_config();
    (config.deposit_cap, config.borrow_cap, config.min_deposit) = (1 << 50, 1 << 49, 1_000);
    config.oracle.reference_speed = Bps(2_000);
    config.oracle.feed_account = layout::Address([3; 32]);
    config.oracle.base_feed_id = layout::Address([4; 32]);
    config.oracle.base_feed_account = layout::Address([5; 32]);
    let weights = |weights: [u16; 4]| {
        let [initial_asset, maintenance_asset, initial_liability, maintenance_liability] = weights.map(Bps);
        Weights { initial_asset, maintenance_asset, initial_liability, maintenance_liability }
    };
    config.risk = RiskConfig {
        cross: weights([7_000, 7_500, 11_500, 11_000]),
        isolated: weights([6_000, 6_500, 12_500, 12_000]),
        group_initial_asset: Bps(8_000),
        group_maintenance_asset: Bps(8_500),
        market_depth: 1_000_000,
        position_depth: 100_000,
        borrowing_cap: 500_000,
        reference_volatility: Bps(5_000),
        volatility_slope: Bps(1_000),
        max_volatility_haircut: Bps(1_000),
        max_market_haircut: Bps(1_000),
        max_position_haircut: Bps(1_000),
        ramp: Bps(100),
        group_id: 7,
        class: 1,
        ..RiskConfig::default()
    };
    config.controller = ControllerConfig {
        target: Bps(8_000),
        speed: Bps(1_000),
        lowest: Bps(3_000),
        highest: Bps(30_000),
        volatility_premium: Bps(500),
        ..ControllerConfig::default()
    };
    config.breakers = BreakerConfig {
        outflow_hour: 1 << 40,
        outflow_day: 1 << 42,
        small_deposit: 1 << 20,
        liquidation_hour: 10_000,
        halt_seconds: 600,
        max_utilisation: Bps(9_000),
        tiers: [Bps(500), Bps(1_000), Bps(2_000)],
        ..BreakerConfig::default()
    };
    config.insurance = InsuranceConfig { cooldown: 864_000, fee_share: Bps(2_000), penalty_share: Bps(1_000) };
    (config.min_penalty, config.max_penalty) = (Bps(200), Bps(800));
    (config.flash_enabled, config.flash_fee) = (1, Bps(9));
    config
}

fn rich_market(world: &mut World) -> MarketConfig {
    let mut config = market_config();
    config.roles.risk_council = to_engine(&world.key("council"));
    config.roles.nominee = to_engine(&world.key("nominee"));
    (config.near_insolvency, config.full_penalty_after, config.delay) = (Bps(500), 3_600, 172_800);
    (config.liquidation_hour, config.outflow_hour, config.outflow_day) = (1_000, 10_000, 100_000);
    config.loss_limit = 5_000;
    config.dust_value = 50_000_000;
    config.value_at_risk = ValueAtRiskConfig {
        correlations: std::array::from_fn(|k| std::array::from_fn(|l| if k == l { 10_000 } else { 5_000 })),
        multiple: Bps(20_000),
        horizon: 86_400,
        ..ValueAtRiskConfig::default()
    };
    config
}

/// A launched market with an empty reserve.
fn governed(reserve: ReserveConfig) -> World {
    let mut world = World::new();
    let config = rich_market(&mut world);
    world.market = world.create_market(1, config);
    let listed = world.list(Token::new("SOL", 9, 150.0), reserve_config());
    let feed_id = world.reserve(listed).config.oracle.feed_id;
    world
        .reconfigure(listed, |config| {
            *config = reserve;
            config.oracle.feed_id = feed_id;
        })
        .expect_ok();
    world.launch();
    world
}

/// Everything on, nothing at the end of its range, but for the switches of its slots.
fn rich_vault(world: &mut World, switches: u8) -> VaultConfig {
    let mut config = vault_config();
    let [nominee, fee_collector, sentinel] =
        ["nominee", "collector", "sentinel"].map(|name| to_engine(&world.key(name)));
    config.roles = VaultRoles { nominee, fee_collector, sentinel };
    for (slot, allocation) in (10..).zip(&mut config.allocations) {
        *allocation = AllocationConfig {
            market: layout::Address([slot; 32]),
            cap: 1 << 40,
            share_cap: Bps(5_000),
            stopped: switches,
            written_off: switches,
            ..AllocationConfig::default()
        };
    }
    (config.deposit_cap, config.delay, config.term_spacing) = (1 << 50, 1_000_000, 100_000);
    (config.exit_fee_coverage, config.max_exit_fee) = (Bps(20_000), Bps(100));
    (config.performance_fee, config.management_fee) = (Bps(1_000), Bps(100));
    (config.term_premium, config.launched) = (Bps(500), 1);
    config
}

/// What is governed.
struct Subject {
    world: World,
    of: Of,
    /// Seconds that a change of no role waits.
    delay: i64,
}

#[derive(Clone, Copy)]
enum Of {
    Market,
    Reserve,
    Vault(Address),
}

impl Subject {
    fn market(reserve: ReserveConfig) -> Self {
        Self { world: governed(reserve), of: Of::Market, delay: 172_800 }
    }

    fn reserve(config: ReserveConfig) -> Self {
        Self { of: Of::Reserve, ..Self::market(config) }
    }

    fn vault(switches: u8) -> Self {
        let VaultScene { mut world, mint, .. } = VaultScene::new(1);
        let (config, curator) = (rich_vault(&mut world, switches), world.key("curator"));
        let source = world.fund(&curator, 0, Vault::SEED);
        let (create, vault) = VaultView::create(curator, 1, config, (mint, TOKEN_PROGRAM), source);
        world.send(&[create]).expect_ok();
        world.advance(1);
        Self { world, of: Of::Vault(vault), delay: 1_000_000 }
    }

    fn fork(&self) -> Self {
        Self { world: self.world.fork(), ..*self }
    }

    fn target(&self) -> u8 {
        match self.of {
            Of::Market => OF_MARKET,
            Of::Reserve => 0,
            Of::Vault(_) => OF_VAULT,
        }
    }

    /// Who sets everything, and who only takes risk away.
    fn officers(&mut self) -> (Address, Address) {
        match self.of {
            Of::Vault(_) => (self.world.key("curator"), self.world.key("sentinel")),
            _ => (self.world.authority, self.world.key("council")),
        }
    }

    /// The bytes of the configuration.
    fn config(&self) -> Vec<u8> {
        match self.of {
            Of::Market => bytemuck::bytes_of(&self.world.view().market.config).to_vec(),
            Of::Reserve => bytemuck::bytes_of(&self.world.reserve(0).config).to_vec(),
            Of::Vault(vault) => bytemuck::bytes_of(&self.world.vault(&vault).vault.config).to_vec(),
        }
    }

    /// Sends an instruction that changes something. Of a vault's fees it is asked that they are up to date.
    fn send(&mut self, instruction: Instruction) -> Outcome {
        match self.of {
            Of::Vault(vault) => {
                let read = self.world.vault(&vault).read();
                self.world.send(&[read, instruction])
            }
            _ => self.world.send(&[instruction]),
        }
    }

    fn set(&mut self, signer: Address, edits: &[u8]) -> Outcome {
        let instruction = match self.of {
            Of::Vault(vault) => self.world.vault(&vault).set_parameters(signer, edits.to_vec()),
            _ => self.world.view().set_parameters(signer, self.target(), edits.to_vec()),
        };
        self.send(instruction)
    }

    /// Queues edits: the outcome, and the change's address.
    fn queue(&mut self, edits: &[u8]) -> (Outcome, Address) {
        let (payer, edits) = (self.world.payer, edits.to_vec());
        let (instruction, change) = match self.of {
            Of::Vault(vault) => self.world.vault(&vault).queue_change(payer, edits),
            _ => {
                let view = self.world.view();
                let change = change_address(&view.address, view.market.changes).0;
                (view.queue_change(payer, self.target(), edits), change)
            }
        };
        (self.world.send(&[instruction]), change)
    }

    fn execute(&mut self, address: Address) -> Outcome {
        let payer = self.world.payer;
        let instruction = match self.of {
            Of::Vault(vault) => self.world.vault(&vault).execute_change(payer, address, payer),
            _ => self.world.view().execute_change(payer, &self.change(address)),
        };
        self.send(instruction)
    }

    fn change(&self, address: Address) -> Change {
        decode_change(&self.world.account(&address).data).expect("a change")
    }
}

/// Values of a parameter that are not the one it has, around it and at the ends of its range.
fn others(info: &ParameterInfo, config: &[u8]) -> Vec<Vec<u8>> {
    let parameter = &info.parameter;
    if parameter.unit == Unit::Account {
        return vec![[9; 32].to_vec(), [0; 32].to_vec()];
    }
    let now = parameter.value(config);
    let soon = ballast_tests::START as u64 + 20 * 86_400;
    let mut values =
        vec![now + 1, now.saturating_sub(1), now * 2, now / 2, 0, 1, parameter.min, parameter.max, now + 400, soon];
    values.retain(|value| *value != now && value.leading_zeros() as usize >= 64 - 8 * parameter.width as usize);
    values.sort_unstable();
    values.dedup();
    values.iter().map(|value| value.to_le_bytes()[..parameter.width as usize].to_vec()).collect()
}

/// One edit; of a correlation also of the same two classes the other way round.
fn edit(info: &ParameterInfo, value: &[u8]) -> Vec<u8> {
    let one = |offset: u16| [&offset.to_le_bytes(), value].concat();
    let path: Vec<_> = info.name.split('.').collect();
    let ["value_at_risk", "correlations", k, l] = path[..] else { return one(info.parameter.offset) };
    let mirrored = format!("value_at_risk.correlations.{l}.{k}");
    let other = parameters(OF_MARKET).into_iter().find(|other| other.name == mirrored).expect("a square");
    [one(info.parameter.offset), one(other.parameter.offset)].concat()
}

/// What may happen to a value, found by trying.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    at_once: bool,
    waits: bool,
}

/// Tries a value in all ways, each in a world of its own.
fn try_value(subject: &Subject, info: &ParameterInfo, value: &[u8], seen: &mut Seen) {
    let (parameter, (authority, council)) = (&info.parameter, subject.fork().officers());
    let before = subject.config();
    let old = parameter.of(&before);
    let edits = edit(info, value);
    let mut after = before.clone();
    for edit in edits.chunks(2 + value.len()) {
        let offset = u16::from_le_bytes([edit[0], edit[1]]) as usize;
        after[offset..offset + value.len()].copy_from_slice(value);
    }
    let adds_risk = parameter.adds_risk(old, value);
    let what = format!("{} from {old:?} to {value:?}", info.name);

    // At once, by the authority.
    let mut now = subject.fork();
    let outcome = now.set(authority, &edits);
    let is_valid = outcome.is_ok() || outcome.custom_code() == Some(Error::AddsRisk.code());
    assert!(!outcome.is_ok() || !adds_risk, "{what}: was set at once");
    if is_valid {
        assert_eq!(outcome.is_ok(), !adds_risk, "{what}: {}", outcome.describe());
        let expected = if adds_risk { &before } else { &after };
        assert_eq!(now.config(), *expected, "{what}");
        if adds_risk { seen.waits = true } else { seen.at_once = true }
    }
    // By the council: nothing that the authority may not, and only in small steps. By the sentinel of a vault: the same, at a stroke.
    let by_council = subject.fork().set(council, &edits);
    if let Of::Vault(_) = subject.of {
        assert_eq!(by_council.error, outcome.error, "{what}: by the sentinel");
    } else if by_council.is_ok() {
        let (from, to) = (parameter.value(&before), parameter.value(&after));
        assert!(!adds_risk, "{what}: by the council");
        let most = if parameter.unit == Unit::Bps { 500 } else { from / 2 };
        assert!(parameter.unit == Unit::Switch || from.abs_diff(to) <= most, "{what}: by the council");
    }
    // By nobody else.
    let nobodys = match subject.of {
        Of::Vault(_) => Error::NotCuratorOrSentinel,
        _ => Error::NotAuthorityOrCouncil,
    };
    subject.fork().set(subject.world.payer, &edits).expect_error(nobodys);
    // After the delay: exactly what was queued, and not a second before.
    let mut later = subject.fork();
    let (queued, change) = later.queue(&edits);
    if !queued.is_ok() {
        // A term is judged by the time of its execution.
        assert!(!is_valid || info.name == "repay_by", "{what}: {}", queued.describe());
        return;
    }
    assert_eq!(later.config(), before, "{what}: queueing changed it");
    let delay = later.change(change).earliest - later.world.now();
    let waits = subject.delay * if info.name.starts_with("roles.") { 2 } else { 1 };
    assert!(delay >= waits, "{what}: waits {delay} s");
    later.world.advance(delay - 1);
    later.execute(change).expect_error(Error::ChangeNotDue);
    later.world.advance(1);
    let outcome = later.execute(change);
    if is_valid && info.name != "repay_by" {
        assert!(outcome.is_ok(), "{what}: {}", outcome.describe());
    }
    let expected = if outcome.is_ok() { &after } else { &before };
    assert_eq!(later.config(), *expected, "{what}");
}

/// Parameters that cannot change, or not alone: the ends of a curve, every token's correlation with itself, and that a market
/// has been launched.
fn is_fixed(name: &str) -> bool {
    let diagonal = (0..5).any(|class| name == format!("value_at_risk.correlations.{class}.{class}"));
    diagonal || ["curve.points.0.utilisation", "curve.points.2.utilisation", "curve.count", "launched"].contains(&name)
}

fn walk(subjects: &[Subject]) {
    for info in parameters(subjects[0].target()) {
        let mut seen = Seen::default();
        for subject in subjects {
            for value in others(&info, &subject.config()) {
                try_value(subject, &info, &value, &mut seen);
            }
        }
        let expected = match info.parameter.direction {
            _ if is_fixed(&info.name) => Seen::default(),
            Direction::Any | Direction::AnyOrNone => Seen { at_once: false, waits: true },
            _ => Seen { at_once: true, waits: true },
        };
        assert_eq!(seen, expected, "{}", info.name);
    }
}

#[test]
fn every_parameter_of_a_reserve_waits_where_it_adds_risk() {
    let reduced = ReserveConfig { reduce_only: 1, borrow_enabled: 0, flash_enabled: 0, ..rich_reserve() };
    walk(&[Subject::reserve(rich_reserve()), Subject::reserve(reduced)]);
}

#[test]
fn every_parameter_of_a_market_waits_where_it_adds_risk() {
    walk(&[Subject::market(rich_reserve())]);
}

#[test]
fn every_parameter_of_a_vault_waits_where_it_adds_risk() {
    walk(&[Subject::vault(0), Subject::vault(1)]);
}

/// The ends of each range are hard: what is beyond them is refused to the curator before the launch too.
#[test]
fn no_parameter_of_a_vault_passes_its_range() {
    let mut subject = Subject::vault(0);
    let (curator, _) = subject.officers();
    let mut refused = 0;
    for info in parameters(OF_VAULT).iter().filter(|info| info.parameter.unit != Unit::Account) {
        let parameter = &info.parameter;
        let may_be_none = parameter.direction == Direction::AnyOrNone;
        let below = parameter.min.checked_sub(1).filter(|value| !(may_be_none && *value == 0));
        let most = u64::MAX >> (64 - 8 * parameter.width as u32);
        for value in [below, parameter.max.checked_add(1).filter(|value| *value <= most)].into_iter().flatten() {
            let edits = edit(info, &value.to_le_bytes()[..parameter.width as usize]);
            subject.set(curator, &edits).expect_error(parameter.error);
            subject.queue(&edits).0.expect_error(parameter.error);
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused} values");
}

#[test]
fn what_is_no_parameter_cannot_be_edited() {
    let mut world = governed(rich_reserve());
    let known = |target: u8| -> Vec<u16> { parameters(target).iter().map(|info| info.parameter.offset).collect() };
    for (target, length) in [(0, size_of::<ReserveConfig>()), (OF_MARKET, size_of::<MarketConfig>())] {
        for offset in (0..length as u16 + 8).filter(|offset| !known(target).contains(offset)) {
            let edits = [&offset.to_le_bytes()[..], &[1; 32]].concat();
            let instruction = world.view().set_parameters(world.authority, target, edits.clone());
            world.send(&[instruction]).expect_error(Error::ParameterUnknown);
            let queue = world.view().queue_change(world.payer, target, edits);
            world.send(&[queue]).expect_error(Error::ParameterUnknown);
        }
    }
    let mut vault = Subject::vault(0);
    let (curator, _) = vault.officers();
    for offset in (0..size_of::<VaultConfig>() as u16 + 8).filter(|offset| !known(OF_VAULT).contains(offset)) {
        let edits = [&offset.to_le_bytes()[..], &[1; 32]].concat();
        vault.set(curator, &edits).expect_error(Error::ParameterUnknown);
        vault.queue(&edits).0.expect_error(Error::ParameterUnknown);
    }
    for (edits, error) in [
        (vec![], Error::NothingToChange),
        (vec![0], Error::ParameterUnknown),
        (vec![0, 0, 1], Error::ParameterUnknown),
        (vec![0, 0, 1, 2, 3, 4, 5, 6, 7], Error::ParameterUnknown),
        // A whole edit, and the beginning of another.
        (vec![0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8], Error::ParameterUnknown),
    ] {
        let instruction = world.view().set_parameters(world.authority, 0, edits);
        world.send(&[instruction]).expect_error(error);
    }
    for target in [1, 63, 64, 253] {
        let edits = [0u16.to_le_bytes().as_slice(), &7u64.to_le_bytes()].concat();
        let instruction = world.view().set_parameters(world.authority, target, edits.clone());
        world.send(&[instruction]).expect_error(Error::ReserveIndexOutOfRange);
        let queue = world.view().queue_change(world.payer, target, edits);
        world.send(&[queue]).expect_error(Error::ReserveIndexOutOfRange);
    }
}

/// A loosening hidden behind a tightening, or before one.
#[test]
fn one_edit_that_adds_risk_is_enough_to_wait() {
    let mut world = governed(rich_reserve());
    let config = world.reserve(0).config;
    let lower = ReserveConfig { deposit_cap: config.deposit_cap - 1, ..config };
    let higher = ReserveConfig { borrow_cap: config.borrow_cap + 1, ..config };
    let (down, up) = (Edits::of_reserve(&config, &lower), Edits::of_reserve(&config, &higher));
    assert!(down.waiting.is_empty() && up.at_once.is_empty());
    for edits in [[down.all(), up.all()], [up.all(), down.all()]] {
        let instruction = world.view().set_parameters(world.authority, 0, edits.concat());
        world.send(&[instruction]).expect_error(Error::AddsRisk);
    }
    let instruction = world.view().set_parameters(world.authority, 0, down.all());
    world.send(&[instruction]).expect_ok();
    // Of several edits of one parameter each is judged by what it was before all of them.
    let (risen, back) = (Edits::of_reserve(&lower, &config), Edits::of_reserve(&config, &lower));
    let instruction = world.view().set_parameters(world.authority, 0, [risen.all(), back.all()].concat());
    world.send(&[instruction]).expect_error(Error::AddsRisk);
}

/// A weight of debts that was zero was not offered: to offer it, at however careful a weight, is new risk.
#[test]
fn terms_that_were_not_offered_are_not_offered_at_once() {
    let mut world = governed(ReserveConfig {
        risk: RiskConfig { isolated: Weights::default(), ..rich_reserve().risk },
        ..rich_reserve()
    });
    let config = world.reserve(0).config;
    let mut offered = config;
    (offered.risk.isolated.initial_liability, offered.risk.isolated.maintenance_liability) = (Bps(50_000), Bps(50_000));
    let edits = Edits::of_reserve(&config, &offered);
    assert!(edits.at_once.is_empty());
    let instruction = world.view().set_parameters(world.authority, 0, edits.waiting.clone());
    world.send(&[instruction]).expect_error(Error::AddsRisk);
    let queue = world.view().queue_change(world.payer, 0, edits.waiting);
    world.send(&[queue]).expect_ok();
}

/// `docs/parameters.md` is written from the table. `BALLAST_UPDATE_DOCS=1` rewrites it.
#[test]
fn the_documented_table_is_the_programs() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/parameters.md");
    let mut text = String::from(
        "# Governed parameters\n\nWritten from the program's own table (`crates/engine/src/record/parameter.rs`) by \
         `tests/suite/parameters.rs`. What adds risk waits for the delay of the market or the vault; roles wait twice. The ranges are hard: no \
         role can pass them. `Any`: every change waits. Offsets name a parameter in `set_parameters` and `queue_change`.\n",
    );
    for (title, target) in [
        ("A market", OF_MARKET),
        ("A reserve", 0),
        ("A vault", OF_VAULT),
        ("A pool behind perps", OF_POOL),
        ("A perp", OF_PERP),
    ] {
        text += &format!("\n## {title}\n\n| parameter | offset | unit | range | adds risk |\n|---|---:|---|---|---|\n");
        for ParameterInfo { name, parameter } in parameters(target) {
            let range = match parameter.unit {
                Unit::Account if parameter.min == 1 => "set".into(),
                Unit::Account => "any".into(),
                _ if name.contains("correlations") => "-10000 to 10000".into(),
                _ => format!("{} to {}", parameter.min, parameter.max),
            };
            let (range, direction) = match parameter.direction {
                Direction::Up => (range, "up"),
                Direction::UpOrNone => (format!("{range}; 0: no limit"), "up, or no limit"),
                Direction::Down => (range, "down"),
                Direction::DownOrNew => (format!("{range}; 0: not offered"), "down, or offered"),
                Direction::Any => (range, "any change"),
                Direction::AnyOrNone => (format!("{range}; 0: no limit"), "any change"),
                Direction::AnyoneNew => (range, "anyone new"),
            };
            text += &format!("| `{name}` | {} | {:?} | {range} | {direction} |\n", parameter.offset, parameter.unit);
        }
    }
    if std::env::var_os("BALLAST_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    assert_eq!(std::fs::read_to_string(path).expect("docs/parameters.md"), text, "run with BALLAST_UPDATE_DOCS=1");
}
