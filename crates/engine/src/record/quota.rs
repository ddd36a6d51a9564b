//! How often something may be done in a day.

use crate::{
    error::{Error, Result},
    record::layout::record,
};

record! {
    /// How often something was done in a day.
    pub struct Quota: 16 {
        /// When the day began, unix seconds.
        pub day: i64,
        /// How often since.
        pub count: u8,
        /// Zero.
        pub padding: [u8; 7],
    }
}

impl Quota {
    /// Counts one more use. An error if that would be more than `most` in a day.
    pub(crate) fn take(&mut self, most: u8, now: i64) -> Result<()> {
        const DAY: i64 = 86_400;
        if now.saturating_sub(self.day) >= DAY {
            (self.day, self.count) = (now, 0);
        }
        if self.count >= most {
            return Err(Error::CouncilQuotaSpent);
        }
        self.count += 1;
        Ok(())
    }
}
