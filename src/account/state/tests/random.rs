//! Property tests: no order of events breaks the state machine's invariants.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::snapshot::Standing;
use crate::account::state::effect::Effect;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::machine::{MachineState, Phase};
use crate::account::state::policy::{Policy, RefreshPlan};
use crate::account::verdict::Ttl;
use crate::clock::Wall;
use crate::oauth::grant::{Binding, Grant};
use crate::oauth::reply::RefusalSubject;
use crate::secret::RefreshToken;

use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Act {
    Wait(u64),
    Sleep,
    Wanted(u64),
    Forced,
    Rejected,
    Answer(u8, bool, u64),
    Unexpected(u8),
    DiskFull(bool),
    Login(u64),
    Logout,
    Restart,
    WallJump(i64),
    Reconfigure(bool),
    Lock,
    Unlock,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0u64..5000).prop_map(Act::Wait),
        8 => Just(Act::Sleep),
        3 => (0u64..100).prop_map(Act::Wanted),
        1 => Just(Act::Forced),
        1 => Just(Act::Rejected),
        14 => (0u8..9, any::<bool>(), 1u64..4000).prop_map(|(k, r, l)| Act::Answer(k, r, l)),
        3 => (0u8..4).prop_map(Act::Unexpected),
        2 => any::<bool>().prop_map(Act::DiskFull),
        1 => (1u64..4000).prop_map(Act::Login),
        1 => Just(Act::Logout),
        1 => Just(Act::Restart),
        1 => (-90_000_000i64..90_000_000).prop_map(Act::WallJump),
        1 => any::<bool>().prop_map(Act::Reconfigure),
        1 => Just(Act::Lock),
        1 => Just(Act::Unlock),
    ]
}

fn plan() -> impl Strategy<Value = RefreshPlan> {
    (any::<bool>(), proptest::option::of(60u64..20_000))
        .prop_map(|(lazy, at_least)| RefreshPlan { lazy, at_least: at_least.map(s) })
}

/// What the invariants are checked against.
struct Model {
    bench: Bench,
    made: u32,
    /// Access tokens that were on disk.
    committed: std::collections::HashSet<String>,
    /// The refresh token that must not be lost.
    precious: Option<String>,
}

impl Model {
    fn grant(&mut self, rotates: bool, life: u64) -> Grant {
        self.made += 1;
        let refresh = format!("r{}", self.made);
        if rotates {
            self.precious = Some(refresh.clone());
        }
        grant(&format!("a{}", self.made), rotates.then_some(refresh.as_str()), Some(life))
    }

    fn answer(&mut self, kind: u8, rotates: bool, life: u64) {
        let answer = match kind {
            0..=2 => RefreshOutcome::Granted(Box::new(self.grant(rotates, life))),
            3 => refusal("invalid_grant", RefusalSubject::Grant),
            4 => refusal("http_401", RefusalSubject::Unknown),
            5 => RefreshOutcome::Busy { retry_after: rotates.then_some(s(life)), why: "503".into() },
            6 => RefreshOutcome::NotSent { why: "dns".into() },
            7 => {
                // The request was not sent.
                self.bench.sent.pop();
                circuit_open(s(life))
            }
            _ => RefreshOutcome::Lost { why: "cut".into() },
        };
        self.bench.answer(answer);
    }

    fn act(&mut self, act: Act) {
        let b = &mut self.bench;
        match act {
            Act::Answer(kind, rotates, life) if b.in_flight => self.answer(kind, rotates, life),
            // While a request is in flight, no event causes another effect.
            _ if b.in_flight => {
                let unexpected = match act {
                    Act::Forced => Event::Forced,
                    Act::Wanted(ttl) => Event::Wanted(s(ttl)),
                    Act::Rejected => Event::Rejected,
                    Act::Lock => Event::Locked,
                    Act::Unlock => Event::Unlocked,
                    _ => Event::Timer,
                };
                assert!(
                    matches!(b.machine.step(unexpected, b.now, 0.5), Effect::Rest),
                    "acted while a request was in flight"
                );
                if matches!(act, Act::Restart) {
                    // The next run replays at once: not a busy loop.
                    b.sent.clear();
                    b.restart();
                }
            }
            Act::Wait(seconds) => b.wait(s(seconds)),
            Act::Sleep | Act::Answer(..) => _ = b.sleep(),
            Act::Wanted(ttl) => b.tell(Event::Wanted(s(ttl))),
            Act::Forced => b.tell(Event::Forced),
            Act::Rejected => b.tell(Event::Rejected),
            Act::Unexpected(kind) => {
                let unexpected = match kind {
                    0 => Event::Prepared(Ok(())),
                    1 => Event::Committed(Ok(())),
                    2 => Event::Answered(RefreshOutcome::NotSent { why: String::new() }),
                    _ => Event::Timer,
                };
                if !matches!(unexpected, Event::Prepared(_)) {
                    b.tell(unexpected);
                }
            }
            Act::DiskFull(full) => b.commit_fails = full,
            // The broker rejects logins while locked, before anything is granted.
            Act::Login(_) if matches!(b.machine.state, MachineState::Locked) => {}
            Act::Lock => b.tell(Event::Locked),
            Act::Unlock => {
                // Like a restart, each login may cost one attempt.
                b.sent.clear();
                b.tell(Event::Unlocked);
            }
            Act::Login(life) => {
                let grant = self.grant(true, life);
                self.bench.tell(Event::LoggedIn(Box::new(grant), Map::new(), Duration::ZERO));
            }
            Act::Logout if matches!(b.machine.state, MachineState::Locked) => b.tell(Event::LogOut),
            Act::Logout => {
                b.tell(Event::LogOut);
                // The user wants it deleted, even if the deletion fails.
                self.precious = None;
            }
            Act::Restart if b.commit_fails => {}
            Act::Restart => {
                b.tell(Event::Stopping);
                if !b.in_flight && !matches!(b.machine.phase, Phase::Uncommitted { .. }) {
                    b.sent.clear();
                    b.restart();
                }
            }
            Act::WallJump(ms) => {
                // Every jump may cost one refresh.
                b.sent.clear();
                b.now.wall = Wall(b.now.wall.0.saturating_add(ms).max(0));
                b.tell(Event::Timer);
            }
            Act::Reconfigure(same) => {
                // Every reload may cost one attempt.
                b.sent.clear();
                let client_id = if same { "c" } else { "other" };
                let policy = Policy {
                    binding: Binding { client_id: client_id.into(), ..binding() },
                    ..(*b.machine.policy).clone()
                };
                b.tell(Event::Reconfigured(policy.into()));
            }
        }
    }

    fn check(&mut self) {
        let b = &self.bench;
        if let Some(disk) = &b.disk {
            self.committed.insert(disk.tokens.access_token.expose().to_owned());
        }
        let view = b.view();
        if let Some(token) = &view.token {
            assert!(self.committed.contains(token.access_token.expose()), "published before it was committed");
        }
        let kept = b.machine.current().and_then(|current| current.record.tokens.refresh_token.as_ref());
        let uncommitted = match &b.machine.phase {
            Phase::Uncommitted { next, .. } => next.record.tokens.refresh_token.as_ref(),
            _ => None,
        };
        // While the store is locked, tokens are on disk only.
        let disk = b.disk.as_ref().filter(|_| matches!(b.machine.state, MachineState::Locked));
        let on_disk = disk.and_then(|record| record.tokens.refresh_token.as_ref());
        assert!(
            on_disk.is_none() || b.machine.tokens().is_none() && view.token.is_none(),
            "kept in memory while locked"
        );
        let tokens: Vec<_> = kept.into_iter().chain(uncommitted).chain(on_disk).map(RefreshToken::expose).collect();
        if let Some(precious) = &self.precious {
            assert!(tokens.contains(&precious.as_str()), "refresh token {precious} is gone, found {tokens:?}");
        }
        if view.standing == Standing::Active && view.lasts(Ttl::Asked(Duration::ZERO), b.now) {
            assert!(b.token().starts_with('a'), "a valid token was withheld");
        }
        for pair in b.sent.windows(2) {
            let apart = pair[1].1.boot.0.saturating_sub(pair[0].1.boot.0);
            assert!(apart >= Duration::from_millis(200) || pair[0].0 != pair[1].0, "busy loop: {apart:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn no_order_of_events_breaks_the_invariants(plan in plan(), acts in proptest::collection::vec(act(), 1..120)) {
        let mut model = Model { bench: Bench::planned(plan), made: 1, committed: ["a1".to_owned()].into(), precious: Some("r1".into()) };
        for act in acts {
            model.act(act);
            model.check();
        }
    }

    #[test]
    fn no_busy_loop_while_idle(plan in plan(), life in 1u64..4000, kinds in proptest::collection::vec((0u8..9, any::<bool>()), 1..60)) {
        let mut model = Model { bench: Bench::planned(plan), made: 1, committed: ["a1".to_owned()].into(), precious: Some("r1".into()) };
        let mut idle = 0;
        for (kind, rotates) in kinds {
            let slept = model.bench.sleep();
            if model.bench.in_flight {
                model.answer(kind, rotates, life);
                idle = 0;
            } else if model.bench.machine.wake_at().is_some() {
                idle = if slept.is_zero() { idle + 1 } else { 0 };
                prop_assert!(idle < 3, "three wake-ups without an effect");
            }
            model.check();
        }
    }
}
