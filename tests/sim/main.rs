//! The daemon's core, simulated: account tasks, callers, a provider, a disk and the clocks in one thread and in
//! paused time, with faults chosen by a seed: outages, suspends, clock changes, disk errors, kills. Users log in, lock
//! the store and stop the daemon at the same time. The invariants are checked at every step.
//!
//! ```sh
//! cargo test --features failpoints --test sim                # the seeds of CI
//! SIM_SEEDS=20000 cargo test --release --test sim            # more of them
//! SIM_SEED=1234 cargo test --test sim -- --nocapture         # one seed again, with its steps printed
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it played"
)]

mod brought;
mod counts;
mod disk;
mod life;
mod locking;
mod older;
mod outage;
mod people;
mod provider;
mod server;
mod status;
mod truth;

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringback::clock::Clock;
use truth::Truth;

/// The number of seeds, unless `SIM_SEEDS` is set.
const SEEDS: u64 = 2000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} has to be a number")))
}

/// Runs one seed to its end; panics with the seed if an invariant is violated.
fn play(seed: u64, told: bool) -> Arc<Truth> {
    let truth = Arc::new(Truth::new(seed, told));
    life::live(&truth);
    let broken = truth.broken();
    assert!(
        broken.is_empty(),
        "seed {seed}: {}\nplay it again: SIM_SEED={seed} cargo test --features failpoints --test sim -- --nocapture\n{}",
        broken.join("\n"),
        truth.last_steps()
    );
    truth
}

#[test]
fn under_any_fault_no_token_is_lost_withheld_or_served_after_expiry() {
    if let Some(seed) = number("SIM_SEED") {
        let truth = play(seed, true);
        println!("seed {seed}: {}", truth.summary());
        return;
    }
    let (seeds, first) = (number("SIM_SEEDS").unwrap_or(SEEDS), number("SIM_FIRST").unwrap_or(1));
    let begun = Clock::System.now().boot.0;
    let next = AtomicU64::new(first);
    let some = || {
        let _none_after_a_panic = LastOnPanic(&next);
        let mut some = counts::Counts::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return some;
            }
            some.add(&play(seed, false).counts());
        }
    };
    let mut total = counts::Counts::default();
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        for worker in workers {
            total.add(&worker.join().unwrap());
        }
    });
    println!("{seeds} seeds in {:.0} s: {total}", Clock::System.now().boot.0.saturating_sub(begun).as_secs_f64());
    // An event that never happened was not tested.
    let rare = total.rarest();
    assert!(seeds < 1000 || rare.1 > 0, "in all these seeds there was no {}", rare.0);
}

/// Lets no thread begin another seed once one has failed.
struct LastOnPanic<'a>(&'a AtomicU64);

impl Drop for LastOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(u64::MAX / 2, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_seed_is_deterministic() {
    for seed in [7, 8, 9] {
        assert_eq!(play(seed, false).summary(), play(seed, false).summary(), "seed {seed}");
    }
}
