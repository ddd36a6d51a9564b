//! Names for the codes of failed transactions.

/// An error of the framework: an account or argument did not pass the checks before the program's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameworkError {
    /// `Custom(code)`.
    pub code: u32,
    /// Anchor's name.
    pub name: &'static str,
    /// What it means.
    pub message: &'static str,
}

/// What a transaction's `Custom(code)` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// A rule of the protocol.
    Engine(ballast_engine::Error),
    /// A check of the framework.
    Framework(FrameworkError),
}

const fn framework(code: u32, name: &'static str, message: &'static str) -> FrameworkError {
    FrameworkError { code, name, message }
}

/// The codes that `anchor-lang` 2.0.0-rc.2 can return as `Custom`; all its other checks are builtin program errors.
const FRAMEWORK_ERRORS: &[FrameworkError] = &[
    framework(2000, "ConstraintMut", "An account must be writable"),
    framework(2001, "ConstraintHasOne", "An account is not the one stored in another"),
    framework(2003, "ConstraintRaw", "A constraint was violated"),
    framework(2005, "ConstraintRentExempt", "An account is not rent exempt"),
    framework(2007, "ConstraintExecutable", "An account is not a program"),
    framework(2011, "ConstraintClose", "An account cannot be closed into itself"),
    framework(2012, "ConstraintAddress", "An account has another address than it must have"),
    framework(2013, "ConstraintZero", "An account that must be new is not"),
    framework(2019, "ConstraintSpace", "An account has another size than it must have"),
    framework(2020, "ConstraintAccountIsNone", "A required account is missing"),
    framework(
        2040,
        "ConstraintDuplicateMutableAccount",
        "The same account was given twice, and one of them is writable",
    ),
    framework(2500, "RequireViolated", "A requirement was violated"),
    framework(2501, "RequireEqViolated", "Two values must be equal"),
    framework(2502, "RequireKeysEqViolated", "Two addresses must be equal"),
    framework(2503, "RequireNeqViolated", "Two values must differ"),
    framework(2504, "RequireKeysNeqViolated", "Two addresses must differ"),
    framework(2505, "RequireGtViolated", "A value must be greater than another"),
    framework(2506, "RequireGteViolated", "A value must be at least another"),
];

impl ProgramError {
    /// The error behind a code, `None` if it is neither the protocol's nor the framework's.
    pub fn from_code(code: u32) -> Option<Self> {
        let framework = || FRAMEWORK_ERRORS.iter().find(|error| error.code == code).copied().map(Self::Framework);
        ballast_engine::Error::from_code(code).map(Self::Engine).or_else(framework)
    }

    /// Its name in the IDL, or Anchor's.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.name(),
            Self::Framework(error) => error.name,
        }
    }

    /// What it means and, for the protocol's own, what to do about it.
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.message(),
            Self::Framework(error) => error.message,
        }
    }
}

/// The name of a code, `None` if unknown.
pub fn error_name(code: u32) -> Option<&'static str> {
    ProgramError::from_code(code).map(|error| error.name())
}

/// Name and message of a code, for people.
pub fn describe_error(code: u32) -> String {
    match ProgramError::from_code(code) {
        Some(error) => format!("{} ({code}): {}", error.name(), error.message()),
        None => format!("error {code} of another program"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_error_has_its_code_and_name() {
        for error in ballast_engine::Error::ALL {
            assert_eq!(ProgramError::from_code(error.code()), Some(ProgramError::Engine(*error)));
            assert_eq!(error_name(error.code()), Some(error.name()));
        }
        assert_eq!(describe_error(6000), "AmountIsZero (6000): The amount is zero: give at least one atom");
    }

    #[test]
    fn framework_codes_are_named_and_foreign_ones_are_not() {
        assert_eq!(error_name(2000), Some("ConstraintMut"));
        assert_eq!(error_name(2040), Some("ConstraintDuplicateMutableAccount"));
        let past_the_last = ballast_engine::Error::FIRST_CODE + ballast_engine::Error::ALL.len() as u32;
        for code in [0, 1, 1999, 5999, past_the_last, u32::MAX] {
            assert_eq!(error_name(code), None, "{code}");
        }
        assert_eq!(describe_error(1), "error 1 of another program");
    }
}
