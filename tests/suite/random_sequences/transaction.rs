//! Transactions: instructions with what each does to the model, sent and compared as one.

use super::{
    actors::Actors,
    model::{Answer, Model, Refusal},
};
use ballast_client::{Address, Instruction, error_name, instruction::InstructionSpec};
use solana_transaction::TransactionError;
use std::rc::Rc;

/// What an instruction ends that one before it in the transaction began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The liquidation of an account.
    Liquidation(Address),
    /// The flash loan of a reserve.
    FlashLoan(u8),
}

/// An instruction and what it does to the model.
#[derive(Clone)]
pub struct Step {
    pub instruction: Instruction,
    effect: Rc<dyn Fn(&mut Model) -> Answer>,
    ends: Option<Ending>,
}

impl Step {
    pub fn new(instruction: impl Into<Instruction>, effect: impl Fn(&mut Model) -> Answer + 'static) -> Self {
        Self { instruction: instruction.into(), effect: Rc::new(effect), ends: None }
    }

    pub fn ending(self, ending: Ending) -> Self {
        Self { ends: Some(ending), ..self }
    }

    fn name(&self) -> &'static str {
        InstructionSpec::of_tag(self.instruction.data[0]).expect("an instruction").name
    }
}

impl Model {
    /// Runs steps one after the other; each can see what the later ones end.
    fn run(&mut self, steps: &[Step]) -> Result<(), (u8, Refusal)> {
        for (index, step) in steps.iter().enumerate() {
            self.following = steps[index + 1..].iter().filter_map(|step| step.ends).collect();
            (step.effect)(self).map_err(|refusal| (index as u8, refusal))?;
        }
        Ok(())
    }
}

impl Actors {
    /// Sends steps as one transaction and requires the answer that the model gives, of the same instruction. Returns the
    /// return data.
    pub fn send(&mut self, steps: &[Step]) -> Answer<Vec<u8>> {
        let events = self.model.market.events;
        let expected = self.model.attempt(|model| model.run(steps));
        let instructions: Vec<_> = steps.iter().map(|step| step.instruction.clone()).collect();
        let outcome = self.world.send(&instructions);
        let error = |(index, refusal): (u8, Refusal)| TransactionError::InstructionError(index, refusal);
        let expected_error = expected.clone().err().map(error);
        assert_eq!(outcome.error, expected_error, "{instructions:?}: {}", outcome.describe());
        match expected {
            Ok(()) => {
                if !outcome.logs.iter().any(|line| line == "Log truncated") {
                    let logged = self.model.market.events - events;
                    assert_eq!(outcome.events.len() as u64, logged, "{instructions:?}: {}", outcome.describe());
                }
                steps.iter().for_each(|step| self.count(step.name(), "ok".into()));
                Ok(outcome.return_data)
            }
            Err((index, refusal)) => {
                self.count(steps[index as usize].name(), describe(&refusal));
                Err(refusal)
            }
        }
    }
}

fn describe(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Custom(code) => error_name(*code).map_or(format!("{refusal:?}"), str::to_string),
        _ => format!("{refusal:?}"),
    }
}
