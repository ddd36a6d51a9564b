//! Chance, so that two replays of one seed differ only where their markets do.
//!
//! What happens to a person in a turn comes from the seed, the turn and the person alone. So a policy that makes one trader
//! act differently does not change what all others meet from then on.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Streams of one turn: its lucks, and one for each person. A power of two above the number of people.
const STREAMS: u64 = 1 << 16;

/// All random numbers of a replay.
pub struct Chance {
    /// Who there is.
    pub setting: ChaCha12Rng,
    /// Whom the audit looks at.
    pub audit: ChaCha12Rng,
    source: ChaCha12Rng,
    turns: u64,
}

/// The random numbers of one turn.
pub struct Turn {
    source: ChaCha12Rng,
    first_stream: u64,
    lucks: ChaCha12Rng,
}

fn stream(source: &ChaCha12Rng, stream: u64) -> ChaCha12Rng {
    let mut rng = source.clone();
    rng.set_stream(stream);
    rng
}

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        let source = ChaCha12Rng::seed_from_u64(seed);
        Self { setting: source.clone(), audit: stream(&source, 1), source, turns: 0 }
    }

    /// The next turn.
    pub fn turn(&mut self) -> Turn {
        self.turns += 1;
        let first_stream = self.turns * STREAMS;
        Turn { source: self.source.clone(), first_stream, lucks: stream(&self.source, first_stream) }
    }
}

impl Turn {
    /// How lucky the next person is, from 0 to 1. To be asked once for each, in order.
    pub fn luck(&mut self) -> f64 {
        self.lucks.random()
    }

    /// What a person decides by.
    pub fn actor(&self, index: usize) -> ChaCha12Rng {
        stream(&self.source, self.first_stream + 1 + index as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_person_does_changes_nothing_for_the_others() {
        let play = |draws: u128| {
            let mut chance = Chance::new(7);
            (0..3)
                .map(|_| {
                    let mut turn = chance.turn();
                    let mut first = turn.actor(0);
                    first.set_word_pos(draws);
                    (turn.luck(), turn.actor(1).random::<u64>())
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(play(0), play(100));
        let turns = play(0);
        assert!(turns[0] != turns[1] && turns[1] != turns[2]);
    }
}
