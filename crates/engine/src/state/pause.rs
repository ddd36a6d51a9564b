//! The guardian's pause: of named actions, short, and rare.

use crate::{
    error::{Error, Result},
    record::layout::record,
    state::permission::Action,
};

record! {
    /// What the guardian stopped.
    pub struct Pause: 24 {
        /// Until when, unix seconds.
        pub until: i64,
        /// When the day began in which pauses are counted.
        pub day: i64,
        /// Actions by [`Action::pause_bit`].
        pub actions: u8,
        /// Pauses since `day`.
        pub count: u8,
        /// Zero.
        pub padding: [u8; 6],
    }
}

impl Pause {
    /// How long a pause lasts, seconds.
    pub const DURATION: i64 = 21_600;
    /// Most pauses in a day.
    pub const MOST_A_DAY: u8 = 3;
    const DAY: i64 = 86_400;

    /// Stops actions for [`Self::DURATION`] from now. This replaces an earlier pause.
    pub fn begin(&mut self, actions: u8, now: i64) -> Result<()> {
        if actions == 0 || actions & !Action::PAUSABLE != 0 {
            return Err(Error::ActionNotPausable);
        }
        // So each day has at least six hours without a pause, also across the start of the next day.
        if now.saturating_sub(self.day) >= Self::DAY && now.saturating_sub(self.until) >= Self::DURATION {
            (self.day, self.count) = (now, 0);
        }
        if self.count >= Self::MOST_A_DAY {
            return Err(Error::TooManyPauses);
        }
        self.count += 1;
        (self.actions, self.until) = (actions, now.saturating_add(Self::DURATION));
        Ok(())
    }

    /// Ends the pause. It still counts as one of its day.
    pub fn end(&mut self, now: i64) {
        (self.actions, self.until) = (0, self.until.min(now));
    }

    /// Whether it stops the actions of a bit.
    #[inline(always)]
    pub fn stops(&self, bit: u8, now: i64) -> bool {
        self.actions & bit != 0 && now < self.until
    }
}
