//! The machine as examples, and under random event orders.

mod locking;
mod logins;
mod partial;
mod restored;

use serde_json::Map;

use super::*;
use crate::account::view::{Snapshot, Standing, Ttl, Verdict};
use crate::clock::{Boot, Wall};
use crate::error::Error;
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::dialect::tests::dialect;
use crate::oauth::grant::{Binding, Expiry, Grant};
use crate::oauth::reply::{Refusal, RefusalSubject};
use crate::secret::{AccessToken, RefreshToken};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn binding() -> Binding {
    Binding { provider: "p".into(), token_url: "https://id.example/token".into(), client_id: "c".into() }
}

fn grant(access: &str, refresh: Option<&str>, life: Option<u64>) -> Grant {
    Grant {
        access_token: Some(AccessToken::new(access)),
        refresh_token: refresh.map(RefreshToken::new),
        scope: None,
        expires_in: life.map(s),
        extra: Map::new(),
        flaws: Vec::new(),
    }
}

fn refusal(code: &str, blame: RefusalSubject) -> RefreshOutcome {
    RefreshOutcome::Refused(Refusal { code: code.into(), description: String::new(), blame })
}

fn target(scope: &str) -> Target {
    Target { scope: vec![scope.to_owned()], ..Target::default() }
}

/// A machine with a clock and a disk, and the half of the broker that carries out effects.
struct Bench {
    machine: Machine,
    now: Moment,
    disk: Option<Record>,
    /// The generation that was written last: outlives `disk`.
    mark: u64,
    /// Every refresh token that was sent, with the time.
    sent: Vec<(String, Moment)>,
    in_flight: bool,
    commit_fails: bool,
    jitter: f64,
    /// What the provider says of every token, if it says anything.
    described: Option<Described>,
    asked_about: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(s(1000)) };
        let machine = Machine::new(Policy::new(&dialect(), binding(), Reacquire::No));
        Self::with(machine, now)
    }

    fn with(machine: Machine, now: Moment) -> Self {
        let mut bench = Self {
            machine,
            now,
            disk: None,
            mark: 0,
            sent: vec![],
            in_flight: false,
            commit_fails: false,
            jitter: 0.5,
            described: None,
            asked_about: vec![],
        };
        bench.tell(Event::Timer);
        bench
    }

    /// With a login behind it: access token `a1`, refresh token `r1`, an hour to live.
    fn logged_in() -> Self {
        let mut bench = Self::new();
        bench.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        bench
    }

    /// Tells the machine and carries out what it says, up to a request in flight.
    fn tell(&mut self, event: Event) {
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
                Effect::Describe(token) => {
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

    fn answer(&mut self, answer: RefreshOutcome) {
        assert!(std::mem::take(&mut self.in_flight), "no request is in flight");
        self.tell(Event::Answered(answer));
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.tell(Event::Timer);
    }

    /// Sleeps until the machine wants to be woken; how long that was.
    fn sleep(&mut self) -> Duration {
        let span = self.machine.wake_at().map_or(Duration::ZERO, |at| self.now.until(at));
        self.wait(span);
        span
    }

    /// The daemon dies and is started again.
    fn restart(&mut self) {
        self.machine = Machine::new(self.machine.policy.clone());
        self.in_flight = false;
        self.tell(Event::Timer);
    }

    /// An account that gets its tokens in this way, at a provider that tells of them if `describes`.
    fn unaided(reacquire: Reacquire, describes: bool) -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(s(1000)) };
        let policy = Policy { describes, ..Policy::new(&dialect(), binding(), reacquire) };
        Self::with(Machine::new(policy), now)
    }

    /// A caller asks for a token of this scope.
    fn narrow(&mut self, scope: &str) {
        self.tell(Event::Narrow(Box::new(target(scope)), s(10)));
    }

    fn narrowed(&self, scope: &str) -> String {
        let view = self.view().narrowed_to(&target(scope));
        match view.verdict(Ttl::Usual(s(10)), self.now.boot, self.now) {
            Verdict::Serve => view.token.unwrap().access_token.expose().to_owned(),
            Verdict::Wait => "wait".into(),
            Verdict::Fail(error) => error.code().row().name.into(),
        }
    }

    fn view(&self) -> Snapshot {
        self.machine.snapshot("acct")
    }

    fn token(&self) -> String {
        match self.view().verdict(Ttl::Usual(s(10)), self.now.boot, self.now) {
            Verdict::Serve => self.view().token.unwrap().access_token.expose().to_owned(),
            Verdict::Wait => "wait".into(),
            Verdict::Fail(error) => error.code().row().name.into(),
        }
    }
}

#[test]
fn a_login_is_served_and_refreshed_ahead_of_expiry() {
    let mut b = Bench::new();
    assert_eq!((b.token(), b.machine.wake_at()), ("login_required".into(), None));
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.token(), "a1");
    assert_eq!(b.sleep(), s(2880));
    assert_eq!((b.sent.len(), b.token().as_str()), (1, "a1"), "callers are served while the refresh is under way");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.token().as_str(), b.disk.as_ref().unwrap().generation), ("a2", 2));
    assert!(b.disk.as_ref().unwrap().intent.is_none());
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a3", None, Some(3600)))));
    b.sleep();
    assert_eq!(
        b.sent.iter().map(|(token, _)| token.as_str()).collect::<Vec<_>>(),
        ["r1", "r2", "r2"],
        "no new refresh token: the old one goes on"
    );
}

#[test]
fn a_wall_clock_that_is_set_back_over_a_restart_makes_no_dead_token_look_alive() {
    for same_run in [true, false] {
        let boot = |id: &str| Some(BootId(id.into()));
        let mut b = Bench::new();
        b.machine.boot = boot("first");
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.now.boot = b.now.boot.plus(s(3601));
        b.now.wall = Wall(b.now.wall.0 - 7_200_000);
        b.machine = Machine::new(b.machine.policy.clone()).in_boot(boot(if same_run { "first" } else { "second" }));
        b.tell(Event::Timer);
        assert_ne!(b.token(), "a1", "{same_run}: nobody knows how old it is");
        assert_eq!(b.sleep(), s(0), "{same_run}: another one is asked for at once");
        b.answer(RefreshOutcome::NotSent { why: "dns".into() });
        let said = b.view().reply(b.now).reason.unwrap();
        assert_eq!(said.contains("clock is behind"), !same_run, "{said}");
        // The clock is put right: in the second run that tells how old it is.
        b.now.wall = Wall(b.now.wall.0 + 8_200_000);
        b.tell(Event::Woken);
        assert_eq!(b.token() == "a1", !same_run, "{same_run}");
    }
}

/// A machine whose clock has no battery comes up in the past; one whose clock is put right by seconds does not count.
#[test]
fn after_a_reboot_a_clock_that_is_behind_makes_no_dead_token_look_alive() {
    for (behind, served) in [(s(30), true), (s(3 * 3600), false), (s(365 * 86_400), false)] {
        let mut b = Bench::logged_in();
        b.now = Moment { wall: Wall(b.now.wall.0 - i64::try_from(behind.as_millis()).unwrap()), boot: Boot(s(9)) };
        b.restart();
        assert_eq!(b.token() == "a1", served, "{behind:?}");
        assert_eq!(b.machine.wake_at().is_some_and(|at| b.now.reached(at)), !served, "{behind:?}: refreshed at once");
        assert_eq!(b.view().health(b.now).is_usable(), served);
    }
}

#[test]
fn where_the_clocks_disagree_another_token_comes_first_and_the_one_there_is_until_its_time_has_passed() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(600));
    b.now.wall = b.now.wall.plus(s(7200));
    assert_eq!(b.token(), "provider_unreachable", "another one is asked for first");
    b.tell(Event::Woken);
    b.tell(Event::Timer);
    assert_eq!((b.sent.len(), b.token().as_str()), (1, "a1"), "whoever can't wait for it gets what is there");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    assert_eq!(b.token(), "a1", "and can't be had");
    let view = b.view().reply(b.now);
    assert!(view.reason.unwrap().contains("clocks disagree") && view.expires_at.unwrap() > b.now.wall.unix_seconds());
    b.now = b.now.plus(s(3001));
    assert_eq!(b.token(), "provider_unreachable", "no longer than its life");
}

#[test]
fn a_wall_clock_that_is_set_while_a_reply_is_on_its_way_changes_nothing() {
    for jump in [-7_200_000, 7_200_000] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now.wall = Wall(b.now.wall.0 + jump);
        b.now = b.now.plus(s(5));
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
        assert_eq!(b.token(), "a2");
        let Some(Expiry::At { wall, .. }) = b.view().token.map(|token| token.expiry) else { panic!("no expiry") };
        assert_eq!(wall.since(b.now.wall), s(3595), "{jump}");
    }
}

#[test]
fn a_reply_that_slept_with_the_machine_makes_its_token_no_younger() {
    for (span, served, sent) in [(20, true, 1), (40, false, 2)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.sleep();
        b.now = b.now.plus(s(span));
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(30)))));
        b.wait(s(0));
        // A request of 20 s is slow, and half a life is left; after 40 s nobody was awake, and nothing is.
        assert_eq!((b.token() == "a2", b.sent.len()), (served, sent), "{span} s");
    }
}

#[test]
fn a_refresh_that_brings_somebody_elses_tokens_is_taken_for_a_refusal() {
    use base64::Engine as _;
    let of = |subject: &str| {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{subject}"}}"#));
        Map::from_iter([("id_token".to_owned(), format!("e30.{claims}.x").into())])
    };
    for (second, served) in [(of("ann"), true), (Map::new(), true), (of("eve"), false)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(
            Box::new(Grant { extra: of("ann"), ..grant("a1", Some("r1"), Some(3600)) }),
            Map::new(),
            Duration::ZERO,
        ));
        b.sleep();
        b.answer(RefreshOutcome::Granted(Box::new(Grant {
            extra: second.clone(),
            ..grant("a2", Some("r2"), Some(3600))
        })));
        assert_eq!(b.token(), if served { "a2" } else { "a1" }, "{second:?}");
        let needs_login = b.disk.as_ref().unwrap().needs_login.clone();
        let code = "another_subject".to_owned();
        assert_eq!(needs_login, (!served).then_some(LoginReason::Refused { code }), "{second:?}");
    }
}

#[test]
fn failures_that_pass_keep_the_token_and_back_off() {
    for (answer, pause) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "429".into() }, s(42)),
        (refusal("invalid_client", RefusalSubject::Client), s(300)),
        (refusal("http_403", RefusalSubject::Unknown), Duration::from_millis(500)),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        let said = format!("{answer:?}");
        b.answer(answer);
        assert_eq!((b.token().as_str(), b.sleep()), ("a1", pause), "{said}");
        assert_eq!(b.sent.len(), 2, "{said}: tried again");
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
        assert_eq!((b.token().as_str(), b.view().trouble.is_none()), ("a2", true), "{said}");
    }
}

#[test]
fn callers_hear_what_is_wrong_once_the_token_is_gone() {
    for (answer, code) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, "provider_unreachable"),
        (RefreshOutcome::Busy { retry_after: Some(s(900)), why: "503".into() }, "provider_unreachable"),
        (refusal("invalid_client", RefusalSubject::Client), "provider_refused"),
        (refusal("invalid_grant", RefusalSubject::Grant), "login_required"),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(answer);
        assert_eq!(b.token(), "a1", "{code}: a valid token is served to its end");
        b.now = b.now.plus(s(720));
        assert_eq!(b.token(), code);
    }
}

#[test]
fn only_a_parsed_refusal_of_the_grant_asks_for_a_login_and_even_then_nothing_is_thrown_away() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::Refused { code: "invalid_grant".into() }));
    assert_eq!(b.machine.wake_at(), None, "no more attempts by itself");
    b.restart();
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::Refused { code: "invalid_grant".into() }));
    b.wait(s(10));
    b.tell(Event::Forced);
    assert_eq!(b.sent.last().unwrap().0, "r1", "a person may try again");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a2"));
}

/// Answers every attempt so for `span`, and sleeps in between as long as the machine wants to.
fn refuse_for(b: &mut Bench, span: Duration, answer: impl Fn() -> RefreshOutcome) {
    let until = b.now.plus(span);
    while !b.now.reached(until) {
        if b.in_flight {
            b.answer(answer());
        }
        b.sleep();
    }
    if b.in_flight {
        b.answer(answer());
    }
}

#[test]
fn refusals_of_unknown_kind_end_no_login_and_are_told_after_ten_minutes_without_a_token() {
    let unknown = || refusal("http_403", RefusalSubject::Unknown);
    let mut b = Bench::logged_in();
    b.sleep();
    refuse_for(&mut b, s(700), unknown);
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a1"), "a valid token is served");
    refuse_for(&mut b, s(700), unknown);
    let told = LoginReason::Unexplained { code: "http_403".into(), said: "http_403".into() };
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::NeedsLogin(told), "provider_refused"));
    let kept = b.disk.clone().unwrap();
    assert_eq!(
        (kept.needs_login, kept.tokens.refresh_token.unwrap().expose()),
        (None, "r1"),
        "nothing is written down"
    );
    // It goes on being tried, now and then, and callers don't make it more often.
    for _ in 0..6 {
        let pause = b.sleep();
        assert!((s(300)..=s(3600)).contains(&pause), "{pause:?}");
        b.answer(unknown());
        b.now = b.now.plus(s(60));
        b.tell(Event::Wanted(s(0)));
        assert!(!b.in_flight);
    }
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a2"), "and is well again by itself");
    assert!(!b.view().refused_for_long);
}

#[test]
fn a_provider_that_refuses_for_a_moment_ends_nothing_however_often_it_is_asked() {
    for slept in [s(0), s(8 * 3600)] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(refusal("Not Found", RefusalSubject::Unknown));
        b.now = b.now.plus(slept.max(s(3600)));
        b.tell(Event::Timer);
        for _ in 0..20 {
            if b.in_flight {
                b.answer(refusal("Not Found", RefusalSubject::Unknown));
            }
            b.wait(s(1));
            b.tell(Event::Wanted(s(0)));
            b.tell(Event::Forced);
        }
        assert_eq!(b.view().standing, Standing::Active, "{slept:?}");
        assert_eq!(b.token(), "provider_unreachable");
    }
}

#[test]
fn who_is_left_without_a_token_causes_an_attempt_as_soon_as_the_provider_allows() {
    for (answer, soonest) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, s(2)),
        (circuit_open(s(1)), s(1)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, s(2)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "503".into() }, s(40)),
        (RefreshOutcome::Lost { why: "no reply within 15 s".into() }, s(2)),
    ] {
        let said = format!("{answer:?}");
        let mut b = Bench::logged_in();
        b.jitter = 1.0;
        b.now = b.now.plus(s(3600));
        b.tell(Event::Timer);
        b.answer(answer);
        if let Some(trouble) = &mut b.machine.trouble {
            trouble.retry_at = b.now.plus(s(290));
        }
        for _ in 0..50 {
            b.tell(Event::Wanted(s(10)));
        }
        let Verdict::Fail(error) = b.view().verdict(Ttl::Usual(s(10)), b.now.boot, b.now) else { panic!("{said}") };
        assert_eq!(error.reply().retry_after, Some(soonest.as_secs()), "{said}: when asking again makes sense");
        assert_eq!((b.sent.len(), b.sleep()), (1, soonest), "{said}");
        assert_eq!(b.sent.len(), 2, "{said}: one attempt for all of them");
        // A person who asks has no more rights against the provider's own wish.
        b.answer(RefreshOutcome::Busy { retry_after: Some(s(60)), why: "429".into() });
        b.wait(s(30));
        b.tell(Event::Forced);
        assert_eq!(b.sent.len(), 2, "{said}");
        b.wait(s(30));
        b.tell(Event::Forced);
        assert_eq!(b.sent.len(), 3, "{said}");
    }
}

type Disturbance = (&'static str, fn(&mut Bench));

#[test]
fn the_providers_wish_is_kept_by_boot_time_and_over_a_login() {
    let busy = || RefreshOutcome::Busy { retry_after: Some(s(90)), why: "429".into() };
    let disturbances: [Disturbance; 3] = [
        ("the clock is set ahead", |b| b.now.wall = b.now.wall.plus(s(7200))),
        ("the clock is set back", |b| b.now.wall = Wall(b.now.wall.0 - 7_200_000)),
        ("a login", |b| {
            b.tell(Event::LoggedIn(Box::new(grant("a9", Some("r9"), Some(20))), Map::new(), Duration::ZERO));
        }),
    ];
    for (said, disturb) in disturbances {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(busy());
        let (asked, sent) = (b.now.boot, b.sent.len());
        disturb(&mut b);
        for event in [Event::Woken, Event::Timer, Event::Recovered, Event::Wanted(s(3000)), Event::Forced] {
            b.tell(event);
        }
        let target = Target { scope: vec!["read".into()], ..Target::default() };
        b.tell(Event::Narrow(Box::new(target), s(10)));
        assert_eq!(b.sent.len(), sent, "{said}: nobody asks before");
        while b.sent.len() == sent {
            assert!(b.sleep() > Duration::ZERO, "{said}: it spins");
        }
        let waited = asked.until(b.now.boot);
        assert!(waited >= s(90) && waited <= s(100), "{said}: {waited:?}");
    }
}

fn circuit_open(probe_in: Duration) -> RefreshOutcome {
    RefreshOutcome::CircuitOpen { why: "its host fails".into(), probe_in }
}

#[test]
fn what_the_circuit_breaker_kept_back_is_no_attempt_and_a_person_is_not_kept_back() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(3600));
    b.tell(Event::Wanted(s(10)));
    b.answer(circuit_open(s(1)));
    b.tell(Event::Wanted(s(10)));
    b.tell(Event::Rejected);
    assert_eq!(b.sent.len(), 1, "programs wait for the breaker");
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "a person does not, and not for the pause between attempts either");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "what was tried and failed is an attempt");
}

#[test]
fn an_answer_to_another_account_ends_the_pause_that_was_meant_for_the_provider() {
    for (answer, within) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, s(2)),
        (circuit_open(s(60)), Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, s(2)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "429".into() }, s(40)),
        (refusal("invalid_client", RefusalSubject::Client), s(300)),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        let said = format!("{answer:?}");
        b.answer(answer);
        if let Some(trouble) = &mut b.machine.trouble {
            trouble.retry_at = b.now.plus(s(300));
        }
        b.tell(Event::Recovered);
        assert_eq!(b.sleep(), within, "{said}");
    }
}

#[test]
fn an_unanswered_refresh_is_replayed_once_promptly_and_then_held_until_nothing_is_left_to_lose() {
    let lost = || RefreshOutcome::Lost { why: "connection cut".into() };
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(lost());
    assert!(b.sleep() < s(2), "the replay is prompt");
    assert_eq!(b.sent.len(), 2);
    b.answer(lost());
    let hold = b.sleep();
    assert!(hold > s(700), "held until the access token expires, not {hold:?}");
    assert_eq!((b.sent.len(), b.token().as_str()), (3, "provider_unreachable"));
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ReplyLost));

    // A provider that rotates without grace: no prompt replay.
    let mut b = Bench::logged_in();
    b.machine.policy.replay_window = Duration::ZERO;
    b.sleep();
    b.answer(lost());
    assert!(b.sleep() > s(700), "held at once");
    assert_eq!(b.sent.len(), 2, "the last thing to try");

    let mut b = Bench::logged_in();
    b.machine.policy.rotation = Rotation::Never;
    b.sleep();
    for _ in 0..6 {
        b.answer(lost());
        assert!(b.sleep() <= s(300), "a token that never rotates may be sent as often as it takes");
    }
}

#[test]
fn the_tokens_of_a_replay_may_be_over_already() {
    let granted = |token, life| RefreshOutcome::Granted(Box::new(grant(token, Some("r2"), Some(life))));
    let replayed = |life| {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now = b.now.plus(s(10));
        b.answer(RefreshOutcome::Lost { why: "cut".into() });
        b.sleep();
        b.answer(granted("a2", life));
        b
    };
    let b = replayed(100);
    assert_eq!(b.now.until(b.view().token.unwrap().deadline.unwrap()), s(100));

    let mut b = replayed(0);
    assert_eq!(b.token(), "provider_unreachable", "it is over, and another one is got");
    assert!(b.sleep() <= s(1));
    b.answer(granted("a3", 0));
    assert_eq!(b.view().token.unwrap().expiry, Expiry::Unknown, "said of any other token, it says nothing");
}

#[test]
fn a_crash_between_intent_and_commit_is_an_unanswered_refresh() {
    for (down, expected) in [(s(3), s(0)), (s(60), s(660))] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now = b.now.plus(down);
        b.restart();
        assert_eq!(b.token(), "a1", "served at once from the store");
        b.sleep();
        if expected.is_zero() {
            assert_eq!(b.sent.len(), 2, "replayed inside the window");
        }
        let waited = b.sent[0].1.boot.plus(down).until(b.sent.last().unwrap().1.boot);
        assert_eq!(waited, expected, "down for {down:?}");
    }
}

#[test]
fn what_cannot_be_kept_is_not_asked_for_and_what_was_got_is_not_dropped() {
    let mut b = Bench::logged_in();
    b.commit_fails = true;
    b.sleep();
    assert_eq!((b.sent.len(), b.token().as_str()), (0, "a1"));
    b.commit_fails = false;
    b.sleep();
    b.commit_fails = true;
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a1", "not published before it is on disk");
    b.now = b.now.plus(s(800));
    assert_eq!(b.token(), "store_unavailable");
    b.commit_fails = false;
    b.sleep();
    assert_eq!(
        (b.token().as_str(), b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose()),
        ("a2", "r2")
    );
    assert_eq!(b.sent.len(), 1, "no second refresh was needed");
}

#[test]
fn many_callers_make_one_refresh_and_greedy_ones_no_storm() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(1500));
    b.tell(Event::Wanted(s(1800)));
    assert!(b.sent.is_empty(), "2100 s are left");
    b.now = b.now.plus(s(400));
    let ttl = b.view().effective(Ttl::Asked(s(999_999)));
    assert_eq!(ttl, s(1800), "nobody can ask for more than half a life");
    b.tell(Event::Wanted(ttl));
    assert_eq!(b.sent.len(), 1);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    for _ in 0..500 {
        b.tell(Event::Wanted(ttl));
    }
    assert_eq!(b.sent.len(), 1, "looked at again at the head of the queue");
    b.tell(Event::Rejected);
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 1 + usize::from(b.in_flight), "a fresh token is not rejected into a storm");
}

#[test]
fn how_new_a_rejected_token_may_be_follows_from_its_life() {
    for (life, first) in [(Some(3600), 30), (Some(60), 30), (Some(15), 8), (Some(6), 3), (Some(3), 2), (None, 30)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), life)), Map::new(), Duration::ZERO));
        let pause = b.machine.rejected_pause(b.now);
        assert!(pause <= s(first) && pause > s(first - 1), "{life:?}: {pause:?}");
        b.now = b.now.plus(pause.saturating_sub(Duration::from_millis(1)));
        b.tell(Event::Rejected);
        assert_eq!(b.sent.len(), 0, "{life:?}: too new");
        b.now = b.now.plus(Duration::from_millis(1));
        assert_eq!(b.machine.rejected_pause(b.now), Duration::ZERO, "{life:?}");
        b.tell(Event::Rejected);
        assert_eq!(b.sent.len(), 1, "{life:?}: old enough");
    }
    // A wall clock that was set back does not make a token newer than it is.
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(40));
    b.now.wall = Wall(b.now.wall.0 - 7_200_000);
    b.tell(Event::Rejected);
    assert_eq!(b.sent.len(), 1);
}

#[test]
fn tokens_without_expiry_or_refresh_token_are_served_for_what_they_are() {
    let mut b = Bench::new();
    b.tell(Event::LoggedIn(Box::new(grant("a1", None, Some(100))), Map::new(), Duration::ZERO));
    // Once to say that it will end, once because it has.
    assert_eq!((b.token().as_str(), b.sleep()), ("a1", s(80)));
    assert_eq!((b.token().as_str(), b.sleep()), ("a1", s(20)));
    assert_eq!(
        (b.view().standing, b.token().as_str()),
        (Standing::NeedsLogin(LoginReason::NoRefreshToken), "login_required")
    );
    b.tell(Event::LoggedIn(Box::new(grant("a2", None, None)), Map::new(), Duration::ZERO));
    assert_eq!((b.token().as_str(), b.machine.wake_at()), ("a2", None), "unknown lifetime and nothing to refresh with");
    b.tell(Event::LoggedIn(Box::new(grant("a3", Some("r3"), None)), Map::new(), Duration::ZERO));
    assert_eq!((b.sleep(), b.sent.len()), (s(3600), 1), "the configured maximum age");
}

#[test]
fn a_changed_client_keeps_its_hands_off_the_old_tokens() {
    let mut b = Bench::logged_in();
    let before = b.machine.policy.clone();
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..before.clone() };
    b.tell(Event::Reconfigured(other));
    assert_eq!(
        (b.view().standing.clone(), b.token().as_str()),
        (Standing::NeedsLogin(LoginReason::ConfigChanged), "login_required")
    );
    b.wait(s(10_000));
    b.tell(Event::Forced);
    assert!(b.sent.is_empty());
    b.tell(Event::Reconfigured(before));
    assert_eq!(b.view().standing, Standing::Active, "and gives them back");
}

#[test]
fn clocks_that_jump_neither_hide_an_expired_token_nor_storm_the_provider() {
    let mut b = Bench::logged_in();
    b.now.wall = b.now.wall.plus(s(7200));
    assert_ne!(b.token(), "a1", "the wall clock says it is over");
    b.tell(Event::Timer);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.now.wall = Wall(b.now.wall.0 - 86_400_000);
    assert_eq!((b.token().as_str(), b.sleep()), ("a2", s(2880)), "set back a day: boot time goes on");
    assert_eq!(b.sent.len(), 2);
    // Down for a moment, and the clock is set back a little: what is left is never more than the whole lifetime.
    let mut b = Bench::logged_in();
    b.now.wall = Wall(b.now.wall.0 - 59_000);
    b.restart();
    assert!(
        b.view().lasts(Ttl::Asked(s(1799)), b.now) && b.now.until(b.view().token.unwrap().deadline.unwrap()) <= s(3600)
    );
}

#[test]
fn what_was_held_back_is_written_when_the_daemon_is_told_to_stop() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.commit_fails = true;
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.commit_fails = false;
    b.tell(Event::Stopping);
    b.restart();
    assert_eq!(b.token(), "a2");
}

#[test]
fn tokens_that_were_held_back_while_the_client_changed_are_not_used_for_the_new_one() {
    let mut b = Bench::logged_in();
    b.commit_fails = true;
    b.tell(Event::LoggedIn(Box::new(grant("a2", Some("r2"), Some(3600))), Map::new(), Duration::ZERO));
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..b.machine.policy.clone() };
    b.tell(Event::Reconfigured(other));
    b.commit_fails = false;
    b.sleep();
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ConfigChanged));
    assert_eq!(b.machine.wake_at(), None, "and nothing spins");
}

#[test]
fn a_refresh_that_was_not_granted_leaves_no_intent_behind() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(RefreshOutcome::Busy { retry_after: None, why: "503".into() });
    assert!(b.disk.as_ref().unwrap().intent.is_none());
    b.sleep();
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.sleep();
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    assert!(b.disk.as_ref().unwrap().intent.is_some(), "but an unanswered one does");
}

#[test]
fn a_config_that_was_read_again_is_tried_at_once() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(refusal("invalid_client", RefusalSubject::Client));
    b.tell(Event::Reconfigured(b.machine.policy.clone()));
    assert_eq!((b.sleep(), b.sent.len()), (s(0), 2));
}

#[test]
fn what_was_never_read_is_not_deleted() {
    let mut b = Bench::logged_in();
    b.machine = Machine::new(b.machine.policy.clone());
    let effect = b.machine.step(Event::Timer, b.now, 0.5);
    assert!(matches!(effect, Effect::Load));
    b.tell(Event::NotLoaded(StoreTrouble::Unavailable("another key".into())));
    b.tell(Event::LogOut);
    assert!(b.disk.is_some());
}

#[test]
fn a_caller_with_a_valid_token_waits_a_part_of_its_life_at_most() {
    let mut b = Bench::logged_in();
    let left = |b: &Bench, ttl| b.view().patience(ttl, s(10), b.now);
    b.now = b.now.plus(s(3597));
    assert_eq!(left(&b, Ttl::Asked(s(100))), Duration::from_millis(1500));
    assert_eq!(left(&b, Ttl::Usual(s(10))), s(1));
    b.now = b.now.plus(s(3));
    assert_eq!(left(&b, Ttl::Usual(s(10))), s(10));
}

#[test]
fn a_logout_forgets_everything() {
    let mut b = Bench::logged_in();
    b.tell(Event::LogOut);
    assert!(b.disk.is_none() && b.view().token.is_none());
    assert!(matches!(
        b.view().verdict(Ttl::Usual(s(0)), b.now.boot, b.now),
        Verdict::Fail(Error::LoginRequired { .. })
    ));
}

mod random {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Wait(u64),
        Sleep,
        Wanted(u64),
        Forced,
        Rejected,
        Answer(u8, bool, u64),
        Stray(u8),
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
            3 => (0u8..4).prop_map(Act::Stray),
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

    /// What must be true, whatever happened.
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
                    // Nothing left the machine.
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
                // While a request is in flight, nothing else gets the machine to act.
                _ if b.in_flight => {
                    let stray = match act {
                        Act::Forced => Event::Forced,
                        Act::Wanted(ttl) => Event::Wanted(s(ttl)),
                        Act::Rejected => Event::Rejected,
                        Act::Lock => Event::Locked,
                        Act::Unlock => Event::Unlocked,
                        _ => Event::Timer,
                    };
                    assert!(
                        matches!(b.machine.step(stray, b.now, 0.5), Effect::Rest),
                        "acted while a request was in flight"
                    );
                    if matches!(act, Act::Restart) {
                        // Replayed at once by the next run: that is no loop.
                        b.sent.clear();
                        b.restart();
                    }
                }
                Act::Wait(seconds) => b.wait(s(seconds)),
                Act::Sleep | Act::Answer(..) => _ = b.sleep(),
                Act::Wanted(ttl) => b.tell(Event::Wanted(s(ttl))),
                Act::Forced => b.tell(Event::Forced),
                Act::Rejected => b.tell(Event::Rejected),
                Act::Stray(kind) => {
                    let stray = match kind {
                        0 => Event::Prepared(Ok(())),
                        1 => Event::Committed(Ok(())),
                        2 => Event::Answered(RefreshOutcome::NotSent { why: String::new() }),
                        _ => Event::Timer,
                    };
                    if !matches!(stray, Event::Prepared(_)) {
                        b.tell(stray);
                    }
                }
                Act::DiskFull(full) => b.commit_fails = full,
                // The broker turns logins away then, before anything is granted.
                Act::Login(_) if matches!(b.machine.state, MachineState::Locked) => {}
                Act::Lock => b.tell(Event::Locked),
                Act::Unlock => {
                    // As a restart: every one may cost one attempt.
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
                    // The user wants it gone, whether or not the disk obeys.
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
                    // Every reading of the config may cost one attempt.
                    b.sent.clear();
                    let client_id = if same { "c" } else { "other" };
                    let policy = Policy {
                        binding: Binding { client_id: client_id.into(), ..binding() },
                        ..b.machine.policy.clone()
                    };
                    b.tell(Event::Reconfigured(policy));
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
            let kept = b.machine.held().and_then(|held| held.record.tokens.refresh_token.as_ref());
            let uncommitted = match &b.machine.phase {
                Phase::Uncommitted { next, .. } => next.record.tokens.refresh_token.as_ref(),
                _ => None,
            };
            // While the store is locked, only the disk knows them.
            let disk = b.disk.as_ref().filter(|_| matches!(b.machine.state, MachineState::Locked));
            let on_disk = disk.and_then(|record| record.tokens.refresh_token.as_ref());
            assert!(on_disk.is_none() || b.machine.tokens().is_none() && view.token.is_none(), "kept while locked");
            let tokens: Vec<_> = kept.into_iter().chain(uncommitted).chain(on_disk).map(RefreshToken::expose).collect();
            if let Some(precious) = &self.precious {
                assert!(tokens.contains(&precious.as_str()), "refresh token {precious} is gone, there is {tokens:?}");
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
        fn no_order_of_events_breaks_the_promises(acts in proptest::collection::vec(act(), 1..120)) {
            let mut model = Model { bench: Bench::logged_in(), made: 1, committed: ["a1".to_owned()].into(), precious: Some("r1".into()) };
            for act in acts {
                model.act(act);
                model.check();
            }
        }

        #[test]
        fn left_alone_it_never_spins(life in 1u64..4000, kinds in proptest::collection::vec((0u8..9, any::<bool>()), 1..60)) {
            let mut model = Model { bench: Bench::logged_in(), made: 1, committed: ["a1".to_owned()].into(), precious: Some("r1".into()) };
            let mut idle = 0;
            for (kind, rotates) in kinds {
                let slept = model.bench.sleep();
                if model.bench.in_flight {
                    model.answer(kind, rotates, life);
                    idle = 0;
                } else if model.bench.machine.wake_at().is_some() {
                    idle = if slept.is_zero() { idle + 1 } else { 0 };
                    prop_assert!(idle < 3, "woken three times for nothing");
                }
                model.check();
            }
        }
    }
}

#[test]
fn an_account_of_the_clients_own_brings_itself_up_and_stays_fresh() {
    let mut b = Bench::unaided(Reacquire::Always, false);
    assert_eq!((b.view().standing, b.token()), (Standing::Starting, "provider_unreachable".into()));
    b.sleep();
    assert_eq!(b.sent.len(), 1);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    assert_eq!((b.view().standing, b.token()), (Standing::Active, "a1".into()));
    assert_eq!(b.sleep(), s(2880), "as a refresh would be");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    assert_eq!(b.token(), "a2");
    b.restart();
    assert_eq!((b.token(), b.sent.len()), ("a2".into(), 2), "what is stored is served");
    assert!(b.disk.as_ref().unwrap().intent.is_none(), "nothing is spent, so nothing is written down before");
}

#[test]
fn the_client_is_refused_or_not_answered_and_tries_again() {
    let mut b = Bench::unaided(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    assert_eq!(b.view().standing, Standing::Starting);
    assert!(b.sleep() <= s(1));
    b.answer(refusal("invalid_client", RefusalSubject::Client));
    assert_eq!(b.token(), "provider_refused");
    for _ in 0..10 {
        b.now = b.now.plus(s(3));
        b.tell(Event::Wanted(s(10)));
    }
    assert_eq!(b.sent.len(), 2, "however many callers ask");
    assert!(b.sleep() >= s(200), "a config that is wrong stays wrong for a while");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    assert_eq!(b.token(), "a1");
}

#[test]
fn another_client_in_the_config_gets_a_token_of_its_own_over_the_stored_one() {
    let mut b = Bench::unaided(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    let other = Binding { client_id: "other".into(), ..binding() };
    b.tell(Event::Reconfigured(Policy { binding: other.clone(), ..b.machine.policy.clone() }));
    assert_eq!(b.view().standing, Standing::Starting, "another client's token is not served");
    b.now = b.now.plus(s(10));
    b.tell(Event::Timer);
    b.answer(RefreshOutcome::Granted(Box::new(grant("b1", None, Some(3600)))));
    let stored = b.disk.as_ref().unwrap();
    assert_eq!(
        (b.token().as_str(), stored.generation, &stored.binding),
        ("b1", 2, &other),
        "the store never goes back"
    );
}

#[test]
fn after_a_logout_the_client_waits_to_be_asked() {
    let mut b = Bench::unaided(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    b.tell(Event::LogOut);
    assert_eq!((b.view().standing, b.machine.wake_at()), (Standing::SignedOut, None));
    b.now = b.now.plus(s(10));
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    assert_eq!(b.token(), "a2");
}

#[test]
fn a_password_is_used_again_only_where_no_refresh_token_came_and_never_after_a_no() {
    let mut b = Bench::unaided(Reacquire::WhileActive, false);
    assert_eq!(b.view().standing, Standing::SignedOut, "nobody has logged in");
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    b.tell(Event::LoggedIn(Box::new(grant("b1", None, Some(3600))), Map::new(), Duration::ZERO));
    b.sleep();
    assert_eq!(b.sent.iter().map(|(means, _)| means.as_str()).collect::<Vec<_>>(), ["r1", "anew"]);
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert!(matches!(b.view().standing, Standing::NeedsLogin(_)));
    assert_eq!(b.machine.wake_at(), None, "providers lock accounts whose password is wrong again and again");
}

#[test]
fn an_account_that_cannot_be_renewed_says_so_ahead_of_time() {
    let mut b = Bench::new();
    b.tell(Event::LoggedIn(Box::new(grant("a1", None, Some(3600))), Map::new(), Duration::ZERO));
    let view = b.view().reply(b.now);
    assert_eq!((view.attention_needed, view.login_due_at), (false, Some(1_700_003_600)));
    assert_eq!(b.sleep(), s(2880));
    let view = b.view().reply(b.now);
    assert!(view.attention_needed && b.token() == "a1", "{view:?}");
    assert_eq!(b.sleep(), s(720));
    assert_eq!(b.token(), "login_required");
}

fn described(expires_at: Option<i64>) -> Described {
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

#[test]
fn what_the_provider_says_of_a_token_fills_in_whose_it_is_and_when_it_ends() {
    for (life, expires_at, left) in
        [(Some(3600), Some(1), Some(3600)), (None, Some(1_700_001_000), Some(1000)), (None, None, None)]
    {
        let mut b = Bench::unaided(Reacquire::No, true);
        b.described = Some(described(expires_at));
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), life)), Map::new(), Duration::ZERO));
        let view = b.view();
        let token = view.token.as_ref().unwrap();
        assert_eq!(token.deadline.map(|at| b.now.until(at).as_secs()), left, "{life:?} {expires_at:?}");
        assert_eq!(view.identity["voip_id"], 7);
        assert_eq!(b.disk.as_ref().unwrap().identity["voip_id"], 7, "it is kept");
        assert_eq!(left.is_none(), token.expiry == Expiry::Never);
        assert_eq!(b.asked_about, ["a1"], "once");
    }
}

#[test]
fn a_login_that_brings_the_very_same_token_is_asked_about_again() {
    let mut b = Bench::unaided(Reacquire::No, true);
    b.described = Some(described(None));
    for times in 1..=2 {
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
        let view = b.view();
        assert_eq!(view.token.as_ref().unwrap().expiry, Expiry::Never);
        assert_eq!((view.identity["voip_id"].as_i64(), b.asked_about.len()), (Some(7), times));
    }
    // Where the provider does not say all, it is not asked without end.
    b.described = Some(Described { source: DescribeEndpoint::Introspection, identity: Map::new(), ..described(None) });
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
    assert_eq!(b.asked_about.len(), 3);
}

#[test]
fn it_is_asked_again_only_for_what_is_not_known() {
    let mut b = Bench::unaided(Reacquire::No, true);
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    b.described = Some(described(None));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a3", Some("r3"), Some(3600)))));
    assert_eq!(b.asked_about, ["a1", "a2"]);
    assert_eq!(b.view().identity["voip_id"], 7, "a refresh keeps it");
}

#[test]
fn a_narrower_token_is_asked_for_when_wanted_and_cached_for_itself() {
    let mut b = Bench::logged_in();
    assert_eq!(b.narrowed("read"), "provider_unreachable");
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(grant("n1", Some("r2"), Some(600)))));
    assert_eq!(
        (b.narrowed("read"), b.narrowed("write"), b.token()),
        ("n1".into(), "provider_unreachable".into(), "a1".into())
    );
    b.narrow("read");
    assert_eq!(b.sent.len(), 1, "it is cached");
    assert_eq!(b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose(), "r2", "rotated and durable");
    b.now = b.now.plus(s(595));
    b.narrow("read");
    assert_eq!(b.sent.last().unwrap().0, "r2 for read");
    b.answer(refusal("invalid_scope", RefusalSubject::Client));
    assert_eq!((b.narrowed("read"), b.token()), ("provider_refused".into(), "a1".into()));
    assert!(b.view().trouble.is_none(), "the account itself is well");
    b.narrow("read");
    assert_eq!(b.sent.len(), 2, "a refusal is not asked for again at once");
}

fn scoped(token: &str, refresh: Option<&str>, scope: Option<&str>) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(Grant { scope: scope.map(str::to_owned), ..grant(token, refresh, Some(3600)) }))
}

#[test]
fn a_refresh_token_that_a_narrower_token_made_narrower_is_noticed_at_the_next_refresh() {
    let all = Some("read write");
    for (what, narrow, full, lost, by_narrowing) in [
        ("bound to less, and told", Some("r2"), Some("read"), Some("write"), true),
        ("as good as before", Some("r2"), Some("write read"), None, false),
        ("not told", Some("r2"), None, None, false),
        ("more than before", Some("r2"), Some("read write admin"), None, false),
        ("taken back at the provider", None, Some("read"), Some("write"), false),
        ("the same refresh token", Some("r1"), Some("read"), Some("write"), false),
    ] {
        let mut b = Bench::new();
        let first = Grant { scope: all.map(str::to_owned), ..grant("a1", Some("r1"), Some(3600)) };
        b.tell(Event::LoggedIn(Box::new(first), Map::new(), Duration::ZERO));
        b.narrow("read");
        b.answer(scoped("n1", narrow, Some("read")));
        assert!(b.view().lost_scope.is_none(), "{what}: a narrower token alone says nothing");
        for _ in 0..2 {
            b.sleep();
            b.answer(scoped("a2", None, full));
            let view = b.view();
            let told = view.lost_scope.as_ref().map(|lost| (lost.scope.as_str(), lost.by_narrowing));
            assert_eq!(told, lost.map(|lost| (lost, by_narrowing)), "{what}");
            let reply = view.reply(b.now);
            assert_eq!((reply.lost_scope.as_deref(), reply.reason.is_some()), (lost, lost.is_some()), "{what}");
        }
        // Gone once the scope is there again.
        b.sleep();
        b.answer(scoped("a3", None, Some("read write admin")));
        assert!(b.view().lost_scope.is_none(), "{what}");
    }
}

#[test]
fn where_refresh_tokens_never_end_the_wide_one_is_kept() {
    for (rotation, kept) in [(Rotation::Never, "r1"), (Rotation::Unknown, "r2"), (Rotation::Rotates, "r2")] {
        let mut b = Bench::logged_in();
        b.machine.policy.rotation = rotation;
        b.narrow("read");
        b.answer(scoped("n1", Some("r2"), Some("read")));
        assert_eq!(b.narrowed("read"), "n1");
        assert_eq!(b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose(), kept, "{rotation:?}");
        b.tell(Event::Forced);
        b.sleep();
        assert_eq!(b.sent.last().unwrap().0, kept, "{rotation:?}");
    }
}

#[test]
fn a_count_of_generations_that_is_at_its_end_does_not_begin_again() {
    let mut b = Bench::logged_in();
    b.disk.as_mut().unwrap().generation = u64::MAX;
    b.restart();
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(grant("n1", Some("r3"), Some(600)))));
    b.wait(s(100));
    b.tell(Event::Forced);
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    b.tell(Event::LoggedIn(Box::new(grant("a3", Some("r4"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((b.token(), b.disk.unwrap().generation), ("a3".into(), u64::MAX));
    let mut b = Bench::unaided(Reacquire::No, true);
    b.described = Some(described(None));
    b.machine.stored = u64::MAX - 1;
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((b.asked_about.len(), b.disk.unwrap().generation), (1, u64::MAX));
}

#[test]
fn narrower_tokens_are_bounded() {
    let mut b = Bench::logged_in();
    for number in 0..40 {
        b.narrow(&format!("s{number}"));
        b.answer(RefreshOutcome::Granted(Box::new(grant(&format!("n{number}"), None, Some(600)))));
        b.now = b.now.plus(s(1));
    }
    let there = (0..40).filter(|number| b.narrowed(&format!("s{number}")) == format!("n{number}"));
    assert_eq!(there.collect::<Vec<_>>(), (24..40).collect::<Vec<_>>(), "the newest");
}

#[test]
fn a_lost_narrower_refresh_is_replayed_like_any_other() {
    let mut b = Bench::logged_in();
    b.narrow("read");
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.narrow("read");
    assert_eq!(b.sent.len(), 1, "a refresh token in doubt is not spent on a part");
    b.sleep();
    assert_eq!(b.sent.last().unwrap().0, "r1", "the replay is for the whole");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a2");
}
