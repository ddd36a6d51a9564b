//! The engine's errors as errors of the program: the same names, with codes from 6000 on.

use anchor_lang::prelude::*;

macro_rules! error_enum {
    ($($name:ident = $message:tt;)*) => {
        /// Why an instruction was refused.
        #[error_code]
        pub enum BallastError { $(#[msg($message)] $name,)* }
    };
}
ballast_engine::for_each_error!(error_enum);

/// Turns an engine result into an instruction's.
pub trait OnChain<T> {
    /// The same, with the error's code.
    fn on_chain(self) -> Result<T>;

    /// The same without a copy of the result, for large ones.
    fn by_ref(&self) -> Result<&T>;
}

impl<T> OnChain<T> for ballast_engine::Result<T> {
    #[inline(always)]
    fn on_chain(self) -> Result<T> {
        self.map_err(|error| ProgramError::Custom(error.code()))
    }

    #[inline(always)]
    fn by_ref(&self) -> Result<&T> {
        self.as_ref().map_err(|error| ProgramError::Custom(error.code()))
    }
}
