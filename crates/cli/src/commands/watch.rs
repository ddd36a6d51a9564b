//! `ballast watch`.

use std::{thread::sleep, time::Duration};

use anyhow::Result;
use clap::Args;
use console::Term;

use super::{
    account::{self, AccountName},
    breaker, reserve,
    session::Session,
};
use ballast_time::full_label;

/// What to look at, and how often.
#[derive(Args)]
pub struct Options {
    /// An account to look at instead of the market: its address, or the number of one of the key's own.
    #[arg(long)]
    account: Option<AccountName>,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    every: f64,
    /// Ends after so many looks; without, it is stopped by Ctrl-C.
    #[arg(long)]
    count: Option<u64>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if (0.1..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 3600".into()) }
}

impl Options {
    /// Runs it. A look that fails is reported, and the next one follows.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let terminal = Term::stdout();
        // If the first look fails, so does the command: a wrong market stays wrong.
        self.look(session)?;
        let (mut look, mut looks) = (Ok(()), 1);
        while self.count.is_none_or(|count| looks < count) {
            sleep(Duration::from_secs_f64(self.every));
            if terminal.is_term() {
                terminal.clear_screen()?;
            }
            look = self.look(session);
            if let Err(error) = &look {
                session.say(&format!("error: {error:#}"))?;
            }
            looks += 1;
        }
        look.map(|()| true)
    }

    fn look(&self, session: &mut Session) -> Result<()> {
        let (named, now) = (session.named(None)?, session.now()?);
        session.say(&format!("{} UTC", full_label(now)))?;
        if let Some(account) = self.account {
            let address = account.address(session, &named)?;
            let account = account::read(session, &named, address)?;
            return account::report::show(session, &named, address, &account).map(drop);
        }
        let text = format!("{}\n\n{}", reserve::overview(&named, now), breaker::text(&named, now));
        let object = serde_json::json!({ "now": now, "reserves": reserve::objects(&named, now) });
        session.show(object, &text)
    }
}
