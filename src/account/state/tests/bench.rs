//! Fixture: a state machine with a clock and a disk. It carries out effects as the broker would.

use std::time::Duration;

use serde_json::Map;

use crate::account::record::Record;
use crate::account::snapshot::Snapshot;
use crate::account::state::effect::Effect;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::machine::Machine;
use crate::account::state::policy::{Policy, Reacquire, RefreshPlan};
use crate::account::verdict::{Ttl, Verdict};
use crate::clock::{Boot, Moment, Wall};
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::dialect::tests::dialect;
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Binding, Grant};
use crate::oauth::reply::{Refusal, RefusalSubject};
use crate::secret::{AccessToken, RefreshToken};

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn binding() -> Binding {
    Binding { provider: "p".into(), token_url: "https://id.example/token".into(), client_id: "c".into() }
}

pub(super) fn grant(access: &str, refresh: Option<&str>, life: Option<u64>) -> Grant {
    Grant {
        access_token: Some(AccessToken::new(access)),
        refresh_token: refresh.map(RefreshToken::new),
        scope: None,
        expires_in: life.map(s),
        dpop_key: None,
        extra: Map::new(),
        flaws: Vec::new(),
    }
}

pub(super) fn refusal(code: &str, blame: RefusalSubject) -> RefreshOutcome {
    RefreshOutcome::Refused(Refusal { code: code.into(), description: String::new(), blame })
}

pub(super) fn target(scope: &str) -> Target {
    Target { scope: vec![scope.to_owned()], ..Target::default() }
}

/// A state machine with a clock and a disk. It carries out effects as the broker would.
pub(super) struct Bench {
    pub(super) machine: Machine,
    pub(super) now: Moment,
    pub(super) disk: Option<Record>,
    /// The last written generation: outlives `disk`.
    pub(super) mark: u64,
    /// Every refresh token that was sent, with its time.
    pub(super) sent: Vec<(String, Moment)>,
    /// The key that each of these requests is to prove.
    pub(super) proved: Vec<Option<String>>,
    pub(super) in_flight: bool,
    pub(super) commit_fails: bool,
    pub(super) jitter: f64,
    /// The provider's description of any token, if it has one.
    pub(super) described: Option<Described>,
    pub(super) asked_about: Vec<String>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(s(1000)) };
        let machine = Machine::new(Policy::new(&dialect(), binding(), Reacquire::No, RefreshPlan::default()));
        Self::with(machine, now)
    }

    /// As [`Self::logged_in`], refreshed as `plan` says.
    pub(super) fn planned(plan: RefreshPlan) -> Self {
        let mut bench = Self::new();
        let policy = Policy { plan, ..(*bench.machine.policy).clone() };
        bench.tell(Event::Reconfigured(policy.into()));
        bench.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        bench
    }

    pub(super) fn with(machine: Machine, now: Moment) -> Self {
        let mut bench = Self {
            machine,
            now,
            disk: None,
            mark: 0,
            sent: vec![],
            proved: vec![],
            in_flight: false,
            commit_fails: false,
            jitter: 0.5,
            described: None,
            asked_about: vec![],
        };
        bench.tell(Event::Timer);
        bench
    }

    /// Logged in, with access token `a1` (valid for an hour) and refresh token `r1`.
    pub(super) fn logged_in() -> Self {
        let mut bench = Self::new();
        bench.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        bench
    }

    /// Steps the machine and carries out its effects, until it rests or a request is in flight.
    pub(super) fn tell(&mut self, event: Event) {
        let mut effect = self.machine.step(event, self.now, self.jitter);
        loop {
            let disk = if self.commit_fails { Err("disk full".to_owned()) } else { Ok(()) };
            let report = match effect {
                Effect::Rest => return,
                Effect::Load => Event::Loaded(self.disk.clone().map(Box::new), self.mark),
                Effect::Prepare(record) => {
                    assert!(record.intent.is_some(), "nothing is sent without an intent");
                    if disk.is_ok() {
                        self.disk = Some(*record);
                    }
                    Event::Prepared(disk)
                }
                Effect::Send(renewal) => {
                    assert!(!self.in_flight, "two refreshes in flight");
                    self.proved.push(renewal.dpop_key.as_ref().map(|key| key.expose().to_owned()));
                    let means = renewal.refresh_token.as_ref().map_or("anew", RefreshToken::expose);
                    let scope = renewal.target.map(|target| format!(" for {}", target.scope.join(" ")));
                    self.sent.push((format!("{means}{}", scope.unwrap_or_default()), self.now));
                    self.in_flight = true;
                    return;
                }
                Effect::Commit(record) => {
                    if disk.is_ok() {
                        let higher = record.generation > self.mark || record.generation == u64::MAX;
                        assert!(higher, "{} after {}", record.generation, self.mark);
                        self.mark = record.generation;
                        self.disk = Some(*record);
                    }
                    Event::Committed(disk)
                }
                Effect::Note(record) => {
                    assert!(record.intent.is_none());
                    if disk.is_ok() {
                        self.disk = Some(*record);
                    }
                    Event::Noted
                }
                Effect::Describe(token, _) => {
                    self.asked_about.push(token.expose().to_owned());
                    Event::Described(self.described.clone().map(Box::new))
                }
                Effect::Remove => {
                    if disk.is_ok() {
                        let stored = self.disk.as_ref().map_or(0, |record| record.generation).max(self.mark);
                        self.mark = if stored > 0 { stored + 1 } else { 0 };
                        self.disk = None;
                    }
                    Event::Removed(disk)
                }
            };
            effect = self.machine.step(report, self.now, self.jitter);
        }
    }

    pub(super) fn answer(&mut self, answer: RefreshOutcome) {
        assert!(std::mem::take(&mut self.in_flight), "no request is in flight");
        self.tell(Event::Answered(answer));
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.tell(Event::Timer);
    }

    /// Sleeps until the machine's next wake-up; returns for how long.
    pub(super) fn sleep(&mut self) -> Duration {
        let span = self.machine.wake_at().map_or(Duration::ZERO, |at| self.now.until(at));
        self.wait(span);
        span
    }

    /// The daemon dies and is started again.
    pub(super) fn restart(&mut self) {
        self.machine = Machine::new(self.machine.policy.clone());
        self.in_flight = false;
        self.tell(Event::Timer);
    }

    /// An account that reacquires tokens like this; `describes`: the provider can describe a token.
    pub(super) fn reacquiring(reacquire: Reacquire, describes: bool) -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(s(1000)) };
        let policy = Policy { describes, ..Policy::new(&dialect(), binding(), reacquire, RefreshPlan::default()) };
        Self::with(Machine::new(policy), now)
    }

    /// A caller asks for a token downscoped to `scope`.
    pub(super) fn narrow(&mut self, scope: &str) {
        self.tell(Event::Narrow(Box::new(target(scope)), s(10)));
    }

    pub(super) fn narrowed(&self, scope: &str) -> String {
        let view = self.view().narrowed_to(&target(scope));
        match view.verdict(Ttl::Usual(s(10)), self.now.boot, self.now) {
            Verdict::Serve => view.token.unwrap().access_token.expose().to_owned(),
            Verdict::Wait => "wait".into(),
            Verdict::Fail(error) => error.code().row().name.into(),
        }
    }

    pub(super) fn view(&self) -> Snapshot {
        self.machine.snapshot(&"acct".into())
    }

    pub(super) fn token(&self) -> String {
        match self.view().verdict(Ttl::Usual(s(10)), self.now.boot, self.now) {
            Verdict::Serve => self.view().token.unwrap().access_token.expose().to_owned(),
            Verdict::Wait => "wait".into(),
            Verdict::Fail(error) => error.code().row().name.into(),
        }
    }
}

pub(super) fn circuit_open(probe_in: Duration) -> RefreshOutcome {
    RefreshOutcome::CircuitOpen { why: "its host fails".into(), probe_in }
}

pub(super) fn described(expires_at: Option<i64>) -> Described {
    let identity = serde_json::json!({"voip_id": 7}).as_object().unwrap().clone();
    Described {
        source: DescribeEndpoint::Details,
        active: true,
        scope: Some("account-owner".into()),
        expires_at: expires_at.map(|seconds| Wall(seconds * 1000)),
        claims: identity.clone(),
        identity,
    }
}
