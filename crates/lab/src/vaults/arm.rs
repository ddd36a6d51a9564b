//! What is compared: a vault with a rule that keeps it liquid, and one without.

use ballast_sim::vaults::Rule;

/// Whether the rule is on.
#[derive(Clone, Copy, Debug)]
pub enum Arm {
    /// Coverage, exit fee and buffer as the policy has them.
    On,
    /// None of them: what other vaults do.
    Off,
}

impl Arm {
    /// Both, in the order in which they are compared.
    pub const ALL: [Self; 2] = [Self::On, Self::Off];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// What the vault is played with.
    pub fn rule(self, rule: Rule) -> Rule {
        match self {
            Self::On => rule,
            Self::Off => Rule::OFF,
        }
    }
}
