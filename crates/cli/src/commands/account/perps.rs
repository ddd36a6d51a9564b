//! An account's positions in perps, for people and for programs.

use anyhow::Result;
use ballast_client::engine::{perps::report::PositionReport, state::account::MarginAccount};
use ballast_market_file::value::fixed;
use ballast_time::full_label;
use serde_json::{Value, json};

use super::{Named, table};
use crate::commands::{
    format::plain,
    perp::{report::atoms, units::Contract},
    vault::name::refusal,
};

/// A position: for programs, and a row for people.
pub struct Held {
    /// Amounts in atoms of the quote token, prices of one token.
    pub object: Value,
    row: Vec<String>,
}

/// All positions of an account in perps, by the last prices.
pub fn held(named: &Named, account: &MarginAccount, now: i64) -> Result<Vec<Held>> {
    let of = |index| -> Result<Held> {
        let contract = Contract::of(named, index)?;
        let report = named.view.preview(now, |ledger| ledger.position_report(account, index)).map_err(refusal)?;
        Ok(Held::new(named, &contract, account, &report, now))
    };
    account.perps().map(|position| of(position.perp)).collect()
}

/// The same for people.
pub fn text(held: Vec<Held>) -> String {
    let header = [
        "perp",
        "side",
        "size",
        "value",
        "breaks even at",
        "gain",
        "paid if closed",
        "margin",
        "liquidated at USD",
        "held until, UTC",
    ];
    table(&header, held.into_iter().map(|held| held.row).collect())
}

impl Held {
    fn new(named: &Named, contract: &Contract, account: &MarginAccount, report: &PositionReport, now: i64) -> Self {
        let side = match report.lots {
            0 => "closed",
            1.. => "long",
            _ => "short",
        };
        let liquidation = if report.lots == 0 {
            None
        } else {
            named.view.liquidation_price(account, contract.followed, now).ok().flatten()
        };
        let liquidation = liquidation.map(|it| fixed(it.price.into(), u8::try_from(-it.exponent).unwrap_or(0)));
        let even = report.break_even.map(|lot| contract.price(lot));
        let until = (report.held_until > now).then_some(report.held_until);
        let object = json!({
            "perp": contract.index,
            "name": contract.name,
            "side": side,
            "lots": report.lots.unsigned_abs().to_string(),
            "size": plain(&contract.size(report.lots.unsigned_abs())),
            "value": report.value.to_string(),
            "breakEven": even.as_deref().map(plain),
            "gain": atoms(report.gain),
            "paidIfClosed": report.paid.to_string(),
            "initialMargin": report.initial_margin.to_string(),
            "maintenanceMargin": report.maintenance_margin.to_string(),
            "liquidationPrice": liquidation.as_deref().map(plain),
            "heldUntil": until,
        });
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let row = vec![
            contract.name.clone(),
            side.into(),
            contract.size(report.lots.unsigned_abs()),
            contract.amount(report.value),
            or_none(even),
            contract.signed(report.gain.into()),
            contract.amount(report.paid),
            contract.amount(report.maintenance_margin),
            or_none(liquidation),
            or_none(until.map(full_label)),
        ];
        Self { object, row }
    }
}
