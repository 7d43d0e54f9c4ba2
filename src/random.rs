//! Where chance comes from: the system's, or a seed's, so that a simulation can be played again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Makes the draws of everything that draws. Not for secrets: those come from the system alone.
#[derive(Debug, Clone, Copy, Default)]
pub enum Randomness {
    /// The system's.
    #[default]
    System,
    /// The same each time.
    Seeded(u64),
}

/// The draws of one thing, so that what others draw in between does not matter.
#[derive(Debug)]
pub enum Jitter {
    /// See [`Randomness::System`].
    System,
    /// See [`Randomness::Seeded`].
    Seeded(Box<StdRng>),
}

impl Randomness {
    /// The draws of the thing with this name.
    pub fn of(self, name: &str) -> Jitter {
        match self {
            Self::System => Jitter::System,
            Self::Seeded(seed) => {
                let mut hasher = DefaultHasher::new();
                (seed, name).hash(&mut hasher);
                Jitter::Seeded(Box::new(StdRng::seed_from_u64(hasher.finish())))
            }
        }
    }
}

impl Jitter {
    /// A share from 0 up to 1.
    pub fn share(&mut self) -> f64 {
        match self {
            Self::System => rand::rng().random(),
            Self::Seeded(rng) => rng.random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again_for_the_same_name_alone() {
        let jitter = |seed, name: &str| Randomness::Seeded(seed).of(name).share();
        assert_eq!(jitter(1, "work").to_bits(), jitter(1, "work").to_bits());
        assert_ne!(jitter(1, "work").to_bits(), jitter(1, "home").to_bits());
        assert_ne!(jitter(1, "work").to_bits(), jitter(2, "work").to_bits());
        assert!((0.0..1.0).contains(&Randomness::System.of("work").share()));
    }
}
