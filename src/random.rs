//! Randomness for jitter: from the system, or from a seed, so that a simulation can be repeated.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The source of all jitter. Not for secrets, which come only from the system.
#[derive(Debug, Clone, Copy, Default)]
pub enum Randomness {
    /// The system's generator.
    #[default]
    System,
    /// The same numbers each time.
    Seeded(u64),
}

/// The random numbers of one component, which do not depend on what others draw in between.
#[derive(Debug)]
pub enum Jitter {
    /// See [`Randomness::System`].
    System,
    /// See [`Randomness::Seeded`].
    Seeded(Box<StdRng>),
}

impl Randomness {
    /// The random numbers of the component with this name.
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

    /// A number that the component with this name is known by, such as one for each run of the daemon.
    pub fn number(self, name: &str) -> u64 {
        match self {
            Self::System => rand::random(),
            Self::Seeded(seed) => {
                let mut hasher = DefaultHasher::new();
                (seed, name, "number").hash(&mut hasher);
                hasher.finish()
            }
        }
    }
}

impl Jitter {
    /// A number from 0 up to, but not including, 1.
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
