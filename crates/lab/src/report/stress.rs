//! The report of the stress: the table, and for each source how likely what is lost is, what it hangs on, and what would break it.

use anyhow::{Context, Result};
use ballast_sim::{
    stats::{thousands, whole_usd},
    stress::outcome::Figure,
};

use super::{begin_page, html::Page, percent, scatter, short_usd};
use crate::stress::{
    Options, Origin, Played,
    summary::{self, SHOWN, column},
};

/// Bad debt and what is liquidated, as drawn.
const COLOURS: [(u8, u8, u8); 2] = [(0xd6, 0x28, 0x28), (0x1b, 0x7f, 0x5c)];

/// The report as HTML. It holds no time of day, no duration and no path: the same seed and data give the same bytes.
pub fn render(played: &[Played], origin: &Origin, options: &Options) -> Result<String> {
    let first = played.first().context("nothing was played")?;
    let title = "Ballast: days of stress";
    let introduction = format!(
        "{} days of each source, drawn by {} and played on the engine that the program runs, with {} borrowers under the {} policy. \
         Liquidators decide by the keeper's own code. These are conditional figures: what a day costs if prices move as the days of the \
         source do and people answer as is assumed. Seed {}.",
        thousands(first.outcomes.len() as u64),
        first.days.generator.title(),
        thousands(first.scenario.traders as u64),
        first.scenario.policy.title(),
        origin.seed
    );
    let table = summary::table(played.iter().map(|one| (one.days.history.title.as_str(), one.sums.as_slice())));
    let mut page = begin_page(title, &introduction, &headline(played), &table, summary::LEGEND);
    for one in played {
        append_source(&mut page, one, options)?;
    }
    page.heading("Assumptions");
    page.table(&["", ""], &assumptions(first), 2);
    page.heading("Origin");
    let rows = [
        ("Prices, SHA-256", origin.data.clone()),
        ("Program's bytecode, SHA-256", origin.program.clone()),
        ("Settings, SHA-256", origin.settings.clone()),
        ("Version", origin.version.into()),
    ];
    page.table(&["", ""], &rows.map(|(name, value)| vec![name.into(), value]), 2);
    Ok(page.finish(title))
}

/// The worst of all sources.
fn headline(played: &[Played]) -> Vec<(String, String)> {
    let worst = |figure: Figure| {
        let sums = played.iter().flat_map(|one| one.sums.iter().filter(move |sum| sum.figure == figure));
        sums.map(|sum| sum.shortfall.value).fold(0.0, f64::max)
    };
    [
        (whole_usd(worst(Figure::BadDebt)), "expected shortfall of a day's bad debt at 97.5 %, USD, worst source"),
        (whole_usd(worst(Figure::Depositors)), "the same of depositors' loss"),
        (whole_usd(worst(Figure::Liquidated)), "the same of what is liquidated"),
        (percent(worst(Figure::Outflow)), "the same of lenders' outflow"),
    ]
    .map(|(value, label)| (value, label.into()))
    .to_vec()
}

fn append_source(page: &mut Page, one: &Played, options: &Options) -> Result<()> {
    page.heading(&one.days.history.title);
    let check = one.check;
    page.paragraph(&format!(
        "The second half of the runs against the first: of {} days {} had more bad debt than the first half's value at risk (Kupiec {:.2}, p \
         {:.2}){}. That says whether there are enough runs, not whether the world is like them.{}",
        thousands(check.cases as u64),
        check.exceptions,
        check.kupiec.0,
        check.kupiec.1,
        check.z2.map_or(String::new(), |z2| format!("; Z₂ of the shortfall {z2:.2}")),
        one.proved.map_or(String::new(), |proved| {
            format!(" {} actions were played through the bytecode and left the same bytes.", thousands(proved as u64))
        })
    ));
    let legend = [("bad debt", COLOURS[0]), ("liquidated", COLOURS[1])];
    let curves = [Figure::BadDebt, Figure::Liquidated].map(|figure| column(&one.outcomes, figure));
    let exceeded = scatter::exceeded(&curves, &COLOURS, &short_usd)?;
    page.figure(
        &exceeded,
        &legend,
        "Share of the days on which more than so many USD were lost or liquidated; both axes in powers of ten.",
    );
    let falls = column(&one.outcomes, Figure::Fall);
    let of_debt = |figure: Figure| {
        let column = one.outcomes.iter().map(|outcome| outcome[figure] / outcome[Figure::Debts].max(1.0));
        falls.iter().copied().zip(column).collect::<Vec<_>>()
    };
    let dots = [of_debt(Figure::BadDebt), of_debt(Figure::Liquidated)];
    let dots = scatter::dots(&dots, &COLOURS, &percent, &percent)?;
    page.figure(
        &dots,
        &legend,
        "Each day: how far the asset that fell deepest fell, and what of all debt was lost or liquidated.",
    );
    if let Some(ranking) = &one.ranking {
        page.paragraph(&format!(
            "What the answer hangs on: the first {} days again with one assumption changed, the same prices and the same luck. Expected \
             shortfall of bad debt {} USD and {} USD liquidated on average without a change.",
            thousands(ranking.runs as u64),
            whole_usd(ranking.base.shortfall),
            whole_usd(ranking.base.liquidated)
        ));
        let rows = ranking
            .effects
            .iter()
            .map(|effect| vec![effect.change.into(), whole_usd(effect.shortfall), whole_usd(effect.liquidated)]);
        let header = ["Change", "Expected shortfall of bad debt, USD", "Liquidated on average, USD"];
        page.table(&header, &rows.collect::<Vec<_>>(), 1);
    }
    if let (Some(reached), Some(amount)) = (&one.reached, options.reverse) {
        page.paragraph(&reverse(reached, amount, options.reverse_runs));
    }
    Ok(())
}

fn reverse(reached: &[crate::stress::Reached], amount: f64, runs: u32) -> String {
    let Some(least) = reached.first() else {
        return format!(
            "Reverse stress: no factor on the moves of any of {runs} days makes {} USD of bad debt.",
            whole_usd(amount)
        );
    };
    let median = &reached[reached.len() / 2];
    format!(
        "Reverse stress: {} of {runs} days reach {} USD of bad debt when their moves are multiplied. The nearest is run {}, at {:.2} times its \
         moves, with a fall of {}; the middle one of those that reach it needs {:.2} times, and falls by {}.",
        reached.len(),
        whole_usd(amount),
        least.run,
        least.factor,
        percent(least.fall),
        median.factor,
        percent(median.fall)
    )
}

fn assumptions(one: &Played) -> Vec<Vec<String>> {
    let (scenario, response) = (&one.scenario, one.scenario.response);
    let depths: Vec<_> = one
        .days
        .history
        .assets
        .iter()
        .zip(&scenario.depths)
        .filter(|(_, depth)| depth.is_finite())
        .map(|(asset, depth)| format!("{} {}", asset.symbol, whole_usd(*depth)))
        .collect();
    let bots: Vec<_> = scenario
        .bots
        .iter()
        .map(|bot| {
            format!(
                "{} s, {} of the orders land, {} orders in ten seconds, {} USD",
                bot.latency,
                percent(bot.landing),
                bot.orders,
                whole_usd(bot.capital)
            )
        })
        .collect();
    let rows = [
        (
            "Borrowers",
            format!(
                "the demo's, with {:.2} times their wish to borrow; {} never act, the others {:.2} times an hour at the line; one pledges {} \
                 of what all others do",
                response.leverage,
                percent(response.never),
                response.attention,
                percent(scenario.whale)
            ),
        ),
        (
            "Lenders",
            format!("{} of them run once alarmed, {:.3} times an hour", percent(response.runners), response.flight),
        ),
        ("Liquidators", bots.join("; ")),
        (
            "Books, USD for 1 %",
            format!(
                "{}; makers leave {} at least; half of an impact is gone after {} minutes",
                if depths.is_empty() { "without end".into() } else { depths.join(", ") },
                percent(scenario.floor),
                scenario.half_life / 60
            ),
        ),
        ("Oracle", format!("{} s late, out for {} s in the steepest bar", scenario.delay, scenario.outage)),
        ("Insurance", format!("{} of each reserve's deposits", percent(scenario.insurance))),
        ("Blocks", format!("{:.1} bars of {} s on average", one.days.block, one.days.history.interval)),
        ("Figures", SHOWN.map(|(_, title, _)| title).join(", ")),
    ];
    rows.map(|(name, value)| vec![name.into(), value]).to_vec()
}
