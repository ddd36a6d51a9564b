//! Trades. What one would do the engine says before it is sent.

use anyhow::{Result, ensure};
use ballast_client::{
    Limit, TradePreview,
    engine::{
        Error,
        health::report::HealthReport,
        number::units::{Bps, Part},
        perps::trade::Order,
    },
};
use ballast_market_file::value::fixed;
use clap::Args;
use serde_json::{Value, json};

use super::{
    Scene, orders, refused_with,
    report::{atoms, factor, whole},
    units::Contract,
};
use crate::commands::{
    account::{AccountName, report},
    exit::{Misused, is_about_age},
    format::{list, plain},
    session::Session,
};

/// What bounds a trade.
#[derive(Args)]
pub struct Terms {
    /// The worst price of a token, its impact included; without, a hundredth worse than now.
    #[arg(long, value_name = "PRICE")]
    limit: Option<String>,
    /// The least part of a gain to accept: `99 %`; without, a thousandth less than now.
    #[arg(long, value_name = "PART")]
    min_factor: Option<String>,
    /// The account's address, or the number of one of the key's own.
    #[arg(long, default_value = "0")]
    account: AccountName,
    #[command(flatten)]
    rest: orders::Rest,
}

/// A trade.
#[derive(Args)]
pub struct Trade {
    /// The perp: its name in the market's file, its index, or the token that it alone follows.
    perp: String,
    /// `buy 2.5` or `sell 2.5`, or with a sign: `2.5`, `-2.5`. Of the token that the perp follows, or `250lots`.
    #[arg(required = true, num_args = 1..=2, allow_negative_numbers = true, value_name = "AMOUNT")]
    words: Vec<String>,
    /// Only if the position shrinks, and no further than to nothing.
    #[arg(long)]
    reduce_only: bool,
    #[command(flatten)]
    terms: Terms,
}

/// The end of a position.
#[derive(Args)]
pub struct Close {
    /// The perp, likewise.
    perp: String,
    #[command(flatten)]
    terms: Terms,
}

/// By how much the price may be worse when a trade lands, its impact included.
const SLIPPAGE: Bps = Bps(100);
/// The same of the part of a gain that is paid.
const TOLERANCE: Bps = Bps(10);

/// A part in percent, as somebody writes it.
fn read_part(text: &str) -> Result<Part> {
    let wrong = || Misused(format!("`{text}` is no part: write `99.5 %`, of 100 % at most and two decimals"));
    let number = text.strip_suffix('%').map(str::trim).unwrap_or_default();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(!whole.is_empty() && is_number(whole) && is_number(fraction) && fraction.len() <= 2, wrong());
    let bps = format!("{whole}{fraction:0<2}").parse::<u64>().ok().filter(|bps| *bps <= 10_000);
    let bps = bps.ok_or_else(wrong)?;
    Ok(Part(u32::try_from((bps << 32) / 10_000).unwrap_or(u32::MAX)))
}

impl Trade {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let (scene, contract) = self.terms.scene(session, &self.perp)?;
        let lots = contract.read_order(&self.words)?;
        let order =
            Order { perp: contract.index, lots, limit: 0, min_factor: Part::ZERO, reduce_only: self.reduce_only };
        self.terms.send(session, &scene, &contract, order)
    }
}

impl Close {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let (scene, contract) = self.terms.scene(session, &self.perp)?;
        let position = scene.account.perp(contract.index);
        let name = &contract.name;
        let position = position.ok_or_else(|| anyhow::anyhow!("{} has no position in {name}", scene.address))?;
        let owes = position.cost.max(0).unsigned_abs();
        ensure!(
            position.size != 0 || owes == 0,
            "the position in {name} is closed, and owes {}: `ballast perp settle` pays it out of a deposit",
            contract.amount(owes)
        );
        let side = &scene.fresh.named.view.perp(contract.index).map_err(|error| refused_with(error, vec![]))?.sides;
        // One more than the position has, so that nothing is left of a lot.
        let lots = (side[position.side_index()].lots(position.size) + 1) as i64;
        let order = Order {
            perp: contract.index,
            lots: -lots * position.sign(),
            limit: 0,
            min_factor: Part::ZERO,
            reduce_only: true,
        };
        self.terms.send(session, &scene, &contract, order)
    }
}

impl Terms {
    fn scene(&self, session: &mut Session, perp: &str) -> Result<(Scene, Contract)> {
        let named = session.named(None)?;
        let contract = Contract::of(&named, named.find_perp(perp)?)?;
        let scene = Scene::read(session, &named, self.account, &[contract.followed, contract.quote])?;
        Ok((scene, contract))
    }

    /// The order with its bounds, as given or by what it would do now.
    fn bounded(&self, contract: &Contract, order: Order, preview: &TradePreview) -> Result<Order> {
        let is_buy = order.lots > 0;
        let limit = match &self.limit {
            Some(text) => contract.read_price(text, is_buy)?,
            None if is_buy => preview.price.saturating_add(SLIPPAGE.of_ceil(preview.price)),
            None => preview.price - SLIPPAGE.of_ceil(preview.price),
        };
        let min_factor = match &self.min_factor {
            Some(text) => read_part(text)?,
            None if preview.fill.bill.gain == 0 => Part::ZERO,
            None => {
                let now = preview.fill.factor.0;
                Part(now - TOLERANCE.of_ceil(now.into()) as u32)
            }
        };
        Ok(Order { limit, min_factor, ..order })
    }

    fn send(&self, session: &mut Session, scene: &Scene, contract: &Contract, order: Order) -> Result<bool> {
        let (view, now) = (&scene.fresh.named.view, scene.fresh.now);
        // Bounds that are no numbers are refused before anything else is.
        self.limit.as_deref().map(|text| contract.read_price(text, order.lots > 0)).transpose()?;
        self.min_factor.as_deref().map(read_part).transpose()?;
        let hints = |refusal: Error, order: &Order| hints(session, scene, contract, order, refusal);
        let preview = view.preview_trade(&scene.account, &order, now);
        let preview = preview.map_err(|error| refused_with(error, hints(error, &order)))?;
        let order = self.bounded(contract, order, &preview)?;
        let again = view.preview_trade(&scene.account, &order, now);
        again.map_err(|error| refused_with(error, bound_hints(contract, &preview, error)))?;
        let resting = self.rest.planned(scene, &order).map_err(|error| refused_with(error, hints(error, &order)))?;
        if !session.is_for_multisig() {
            let (mut object, mut text) = shown(scene, contract, &order, &preview)?;
            if let Some(resting) = &resting {
                object["fillsFrom"] = json!(resting.fills_from);
                text += &resting.note();
            }
            session.show(json!({ "preview": object }), &text)?;
        }
        if let Some(resting) = resting {
            let words = format!("rest an order to {}", words(contract, &order, &preview));
            return scene
                .send(session, words, resting.instructions, |refusal| bound_hints(contract, &preview, refusal));
        }
        let instruction = view.trade_perp(scene.user, scene.address, &order);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        let words = words(contract, &order, &preview);
        scene.send(session, words, vec![instruction], |refusal| bound_hints(contract, &preview, refusal))
    }
}

fn words(contract: &Contract, order: &Order, preview: &TradePreview) -> String {
    let (name, lots) = (&contract.name, contract.lots(preview.lots));
    let price = format!("{} {}", contract.price(preview.price), contract.quote_name);
    match preview.lots {
        0 => format!("take {} that {name} owes", contract.amount(preview.fill.receipt.paid_out)),
        _ if order.lots > 0 => format!("buy {lots} of {name} at {price}"),
        _ => format!("sell {lots} of {name} at {price}"),
    }
}

/// What the reader should know beside a refusal: which price to wait for, or how much there is room for.
fn hints(session: &Session, scene: &Scene, contract: &Contract, order: &Order, refusal: Error) -> Vec<String> {
    if is_about_age(refusal) || refusal == Error::TradePriceTooOld {
        return scene.obstacles_of(session, &[contract.followed]);
    }
    match scene.fresh.named.view.max_trade(&scene.account, order, scene.fresh.now) {
        Ok(Limit { atoms: lots @ 1.., refusal: Some(of_more) }) if of_more == refusal => {
            let verb = if order.lots > 0 { "buy" } else { "sell" };
            vec![format!("{} is the most to {verb} now", contract.lots(lots))]
        }
        _ => Vec::new(),
    }
}

/// The same of the bounds.
fn bound_hints(contract: &Contract, preview: &TradePreview, refusal: Error) -> Vec<String> {
    match refusal {
        Error::LimitPriceCrossed => {
            vec![format!("It was {} {} a {}", contract.price(preview.price), contract.quote_name, contract.token)]
        }
        Error::ProfitBelowMinimum => vec![format!("It was {}", factor(preview.fill.factor))],
        _ => Vec::new(),
    }
}

/// What a trade would do, for programs and for people.
fn shown(scene: &Scene, contract: &Contract, order: &Order, preview: &TradePreview) -> Result<(Value, String)> {
    let (fill, now, quote) = (&preview.fill, scene.fresh.now, &contract.quote_name);
    let bill = &fill.bill;
    let health = preview.market.health_report(&preview.account, now).map_err(|error| refused_with(error, vec![]))?;
    let [initial, maintenance] =
        [HealthReport::INITIAL, HealthReport::MAINTENANCE].map(|it| report::ratio_of(&health, it));
    let liquidation = preview.market.liquidation_price(&preview.account, contract.followed, now).ok().flatten();
    let liquidation = liquidation.map(|it| fixed(it.price.into(), u8::try_from(-it.exponent).unwrap_or(0)));
    let held = preview.account.perp(contract.index).filter(|held| held.size != 0);
    let after =
        held.map(|_| preview.market.preview(now, |ledger| ledger.position_report(&preview.account, contract.index)));
    let after = after.transpose().map_err(|error| refused_with(error, vec![]))?;
    let impact = i128::from(bill.impact) - i128::from(bill.rebate);
    let object = json!({
        "perp": contract.index,
        "lots": atoms(if order.lots < 0 { -i128::from(preview.lots) } else { preview.lots.into() }),
        "price": plain(&contract.price(preview.price)),
        "limit": plain(&contract.price(order.limit)),
        "impact": atoms(impact),
        "fee": bill.fee.to_string(),
        "realised": atoms(fill.realised),
        "gainPaid": bill.gain.to_string(),
        "factor": whole(fill.factor),
        "paidIn": fill.receipt.paid_in.to_string(),
        "paidOut": fill.receipt.paid_out.to_string(),
        "lotsAfter": atoms(after.map_or(0, |after| after.lots)),
        "initialRatioBps": initial.bps,
        "maintenanceRatioBps": maintenance.bps,
        "liquidationPrice": liquidation.as_deref().map(plain),
    });
    let mut rows = Vec::new();
    if preview.lots != 0 {
        let bound = if order.lots > 0 { "at most" } else { "at least" };
        let limit = contract.price(order.limit);
        rows.push((
            "price",
            format!("{} {quote} a {}, {bound} {limit}", contract.price(preview.price), contract.token),
        ));
        let kind = if impact < 0 { "paid back for less skew" } else { "in the price" };
        rows.push(("impact", format!("{}, {kind}", contract.signed(impact))));
        rows.push(("fee", contract.amount(bill.fee)));
    }
    match fill.realised {
        0 => {}
        loss @ ..0 => rows.push(("realises", format!("a loss of {}", contract.amount(loss.unsigned_abs())))),
        gain => {
            let why = if bill.gain == 0 {
                "none is paid within the hold".into()
            } else {
                format!("{} are paid, by a factor of {}", contract.amount(bill.gain), factor(fill.factor))
            };
            rows.push(("realises", format!("a gain of {}, of which {why}", contract.amount(gain.unsigned_abs()))));
        }
    }
    let deposit = match (fill.receipt.paid_in, fill.receipt.paid_out) {
        (0, paid_out) => format!("{} more", contract.amount(paid_out)),
        (paid_in, _) => format!("{} less", contract.amount(paid_in)),
    };
    rows.push(("deposit then", deposit));
    rows.push((
        "position then",
        after.map_or("none".into(), |after| super::position(contract, after.lots, after.value)),
    ));
    rows.push(("health then", format!("initial {}, maintenance {}", initial.text(), maintenance.text())));
    if let Some(price) = liquidation {
        rows.push(("liquidated at", format!("{price} USD a {}", contract.token)));
    }
    Ok((object, list(&rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_percentage_or_refused() {
        for (text, part) in
            [("100 %", u32::MAX), ("50%", 1 << 31), ("0 %", 0), ("99.99%", ((9_999u64 << 32) / 10_000) as u32)]
        {
            assert_eq!(read_part(text).ok(), Some(Part(part)), "{text}");
        }
        for text in ["", "1", "%", "-1 %", "100.01 %", "99.999 %", "half %", "1.2.3 %"] {
            assert!(read_part(text).is_err_and(|error| error.is::<Misused>()), "{text}");
        }
    }
}
