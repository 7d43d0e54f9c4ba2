//! Makes codes, tokens and transaction ids. The generator is an argument.

use rand::distr::Alphanumeric;
use rand::{CryptoRng, RngExt};

/// A code or token of the shape in Phone.com's samples: 34 letters and digits, six digits, `~6`.
pub(crate) fn token(rng: &mut dyn CryptoRng) -> String {
    let mut token = letters(rng, 34);
    // Both public samples end in these digits, whose meaning is unknown.
    token.push_str("706656~6");
    token
}

/// The one-time id of a displayed consent page.
pub(crate) fn transaction(rng: &mut dyn CryptoRng) -> String {
    letters(rng, 32)
}

fn letters(rng: &mut dyn CryptoRng, count: usize) -> String {
    rng.sample_iter(Alphanumeric).take(count).map(char::from).collect()
}
