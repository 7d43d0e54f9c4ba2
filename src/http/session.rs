//! Sessions of the status page: begun by a one-time ticket that `ringback open` got over the unix socket, kept
//! by a cookie of which only the hash is known here, and over after a while. In memory only.
//!
//! Cookies know no ports (RFC 6265 §8.5), so any web server on 127.0.0.1 that the browser visits can set one of the
//! session's name. Beside the real one it does no harm: the value decides. Nothing keeps such a server from replacing
//! the real one by one with the same path: it has seen the name, and the user has to run `ringback open` again. No
//! attribute of a cookie helps: the prefix `__Host-` needs `Secure`, which Safari does not take from plain HTTP, also on
//! loopback, and binds a cookie to a host, which the other server is on too; a path is no boundary, since every server
//! can set and read cookies of every path of its host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;

use super::cookies;
use crate::clock::{Boot, Moment};
use crate::secret::{Nonce256, RandomSecret as _};

/// How long a ticket waits for its browser.
const TICKET_LIFE: Duration = Duration::from_secs(60);
/// A session ends this long after the last action in it. Looking is none: the page reloads by itself.
const IDLE: Duration = Duration::from_secs(3600);
/// And this long after it began, whatever happens in it.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Sessions, and tickets, at once; the oldest goes.
const MOST: usize = 8;

/// All sessions. Cheap to clone. They are few, and nothing waits while the lock is held.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    inner: Arc<Mutex<SessionsInner>>,
}

#[derive(Debug, Default)]
struct SessionsInner {
    tickets: Vec<(Nonce256, Boot)>,
    sessions: Vec<SessionEntry>,
    begun: u64,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether it worked.
    pub(super) good: bool,
    /// In words, with names of commands between backticks.
    pub(super) sentence: String,
}

#[derive(Debug)]
struct SessionEntry {
    /// Counts sessions; not a secret.
    number: u64,
    cookie: Nonce256,
    /// What every form of the page has to bring back (CSRF).
    form_token: Nonce256,
    ends: Boot,
    idle_at: Boot,
    /// How the last action ended, until it is shown.
    told: Option<Told>,
}

impl SessionEntry {
    fn lives(&self, now: Moment) -> bool {
        !now.boot.reached(self.ends.min(self.idle_at))
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, SessionsInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket, good once and for a minute.
    pub(super) fn ticket(&self, now: Moment) -> Nonce256 {
        let ticket = Nonce256::random(&mut rand::rng());
        let mut inner = self.lock();
        inner.tickets.retain(|(_, ends)| !now.boot.reached(*ends));
        if inner.tickets.len() >= MOST {
            inner.tickets.remove(0);
        }
        inner.tickets.push((ticket.clone(), now.boot.plus(TICKET_LIFE)));
        ticket
    }

    /// Spends a ticket: the cookie of a new session, if it was good.
    pub(super) fn begin(&self, ticket: &str, now: Moment) -> Option<Nonce256> {
        let mut inner = self.lock();
        let at = inner.tickets.iter().position(|(known, _)| known.matches(ticket))?;
        let (_, ends) = inner.tickets.remove(at);
        if now.boot.reached(ends) {
            return None;
        }
        let rng = &mut rand::rng();
        let (cookie, form_token) = (Nonce256::random(rng), Nonce256::random(rng));
        inner.begun += 1;
        let number = inner.begun;
        if inner.sessions.len() >= MOST {
            inner.sessions.remove(0);
        }
        let (ends, idle_at) = (now.boot.plus(LONGEST), now.boot.plus(IDLE));
        inner.sessions.push(SessionEntry { number, cookie: cookie.clone(), form_token, ends, idle_at, told: None });
        Some(cookie)
    }

    /// The number of the session that one of these cookies is of. Others beside it may be anything, but of another
    /// session: then nobody knows whose request it is.
    pub(super) fn find<'a>(&self, cookies: impl Iterator<Item = &'a str>, now: Moment) -> Option<u64> {
        let mut inner = self.lock();
        inner.sessions.retain(|session| session.lives(now));
        let of = |cookie: &str| inner.sessions.iter().find(|session| session.cookie.matches(cookie));
        let mut numbers = cookies.filter_map(of).map(|session| session.number);
        let number = numbers.next()?;
        numbers.all(|other| other == number).then_some(number)
    }

    /// Whether a session has not ended, for what stays open in it.
    pub(super) fn lives(&self, number: u64, now: Moment) -> bool {
        let mut inner = self.lock();
        inner.get(number).is_some_and(|session| session.lives(now))
    }

    /// What the forms of a session have to bring back.
    pub(super) fn form_token(&self, number: u64) -> Option<Nonce256> {
        self.lock().get(number).map(|session| session.form_token.clone())
    }

    /// Whether an action is this session's own; it then lives on for a while.
    pub(super) fn acts(&self, number: u64, form_token: &str, now: Moment) -> bool {
        let mut inner = self.lock();
        let Some(session) = inner.get(number).filter(|session| session.form_token.matches(form_token)) else {
            return false;
        };
        session.idle_at = now.boot.plus(IDLE);
        true
    }

    /// Keeps what came of an action for the next page of the session.
    pub(super) fn tell(&self, number: u64, told: Told) {
        if let Some(session) = self.lock().get(number) {
            session.told = Some(told);
        }
    }

    /// That, once.
    pub(super) fn told(&self, number: u64) -> Option<Told> {
        self.lock().get(number).and_then(|session| session.told.take())
    }

    /// Ends a session.
    pub(super) fn end(&self, number: u64) {
        self.lock().sessions.retain(|session| session.number != number);
    }
}

impl SessionsInner {
    fn get(&mut self, number: u64) -> Option<&mut SessionEntry> {
        self.sessions.iter_mut().find(|session| session.number == number)
    }
}

/// The cookie's name: cookies know no ports, and another daemon of ours may have its page on another one.
pub(super) fn cookie_name(port: u16) -> String {
    format!("ringback-session-{port}")
}

/// What a browser sent to `port` by the session's name; others may have set some of it.
pub(super) fn sent_cookies(headers: &HeaderMap, port: u16) -> Vec<&str> {
    cookies::named(headers, &cookie_name(port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    fn now() -> Moment {
        Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(1000)) }
    }

    fn begun(sessions: &Sessions) -> (Nonce256, u64) {
        let ticket = sessions.ticket(now());
        let cookie = sessions.begin(ticket.expose(), now()).unwrap();
        let number = sessions.find([cookie.expose()].into_iter(), now()).unwrap();
        (cookie, number)
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let sessions = Sessions::default();
        let ticket = sessions.ticket(now());
        assert!(sessions.begin("guessed", now()).is_none());
        assert!(sessions.begin(ticket.expose(), now()).is_some());
        assert!(sessions.begin(ticket.expose(), now()).is_none(), "used");
        let ticket = sessions.ticket(now());
        assert!(sessions.begin(ticket.expose(), now().plus(TICKET_LIFE)).is_none(), "too old");
        let tickets: Vec<_> = (0..=MOST).map(|_| sessions.ticket(now())).collect();
        assert!(sessions.begin(tickets[0].expose(), now()).is_none(), "the oldest went");
        assert!(sessions.begin(tickets[1].expose(), now()).is_some());
    }

    #[test]
    fn a_session_ends_when_nobody_acts_and_at_the_latest_after_half_a_day() {
        let sessions = Sessions::default();
        let (cookie, number) = begun(&sessions);
        let token = sessions.form_token(number).unwrap();
        let minute = Duration::from_secs(60);
        assert!(sessions.find([cookie.expose()].into_iter(), now().plus(59 * minute)).is_some());
        assert!(sessions.acts(number, token.expose(), now().plus(59 * minute)));
        assert!(
            sessions.find([cookie.expose()].into_iter(), now().plus(118 * minute)).is_some(),
            "an action keeps it alive"
        );
        assert!(sessions.find([cookie.expose()].into_iter(), now().plus(119 * minute)).is_none());
        assert!(!sessions.acts(number, token.expose(), now()), "what is over stays over");
        let (cookie, number) = begun(&sessions);
        let token = sessions.form_token(number).unwrap();
        for half_hours in 1..24 {
            assert!(sessions.acts(number, token.expose(), now().plus(half_hours * 30 * minute)));
        }
        assert!(sessions.find([cookie.expose()].into_iter(), now().plus(LONGEST)).is_none());
    }

    #[test]
    fn a_wall_clock_that_somebody_sets_changes_no_deadline() {
        for jump in [86_400_000, -86_400_000] {
            let set = |later: Duration| {
                let later = now().plus(later);
                Moment { wall: Wall(later.wall.0 + jump), ..later }
            };
            let sessions = Sessions::default();
            let (good, old) = (sessions.ticket(now()), sessions.ticket(now()));
            let cookie = sessions.begin(good.expose(), set(Duration::ZERO)).unwrap();
            assert!(sessions.begin(old.expose(), set(TICKET_LIFE)).is_none(), "{jump}");
            assert!(sessions.find([cookie.expose()].into_iter(), now().plus(IDLE / 2)).is_some(), "{jump}");
            assert!(sessions.find([cookie.expose()].into_iter(), now().plus(IDLE)).is_none(), "{jump}");
        }
    }

    #[test]
    fn sessions_do_not_mix() {
        let sessions = Sessions::default();
        let ((one, first), (two, second)) = (begun(&sessions), begun(&sessions));
        let (token, other) = (sessions.form_token(first).unwrap(), sessions.form_token(second).unwrap());
        assert!(!sessions.acts(first, other.expose(), now()) && !sessions.acts(first, "", now()));
        assert!(!sessions.acts(first, one.expose(), now()), "the cookie is not the form's token");
        assert!(sessions.acts(first, token.expose(), now()));
        let done = || Told { good: true, sentence: "done".into() };
        sessions.tell(first, done());
        assert_eq!((sessions.told(second), sessions.told(first), sessions.told(first)), (None, Some(done()), None));
        assert!(sessions.lives(first, now()) && !sessions.lives(first, now().plus(IDLE)));
        sessions.end(first);
        assert!(!sessions.lives(first, now()) && sessions.lives(second, now()));
        assert!(
            sessions.find([one.expose()].into_iter(), now()).is_none()
                && sessions.find([two.expose()].into_iter(), now()).is_some()
        );
        let cookies: Vec<_> = (0..MOST).map(|_| begun(&sessions).0).collect();
        assert!(sessions.find([two.expose()].into_iter(), now()).is_none(), "the oldest went");
        assert!(sessions.find([cookies[0].expose()].into_iter(), now()).is_some());
    }

    #[test]
    fn what_stands_beside_the_cookie_does_no_harm_unless_it_is_another_sessions() {
        let sessions = Sessions::default();
        let ((one, first), (two, second), (over, third)) = (begun(&sessions), begun(&sessions), begun(&sessions));
        sessions.end(third);
        let (one, two, over) = (one.expose(), two.expose(), over.expose());
        let junk = ["junk"; 300];
        for (cookies, found) in [
            (&[one] as &[&str], Some(first)),
            (&["junk", one, ""], Some(first)),
            (&[over, two, over], Some(second)),
            (&[one, one], Some(first)),
            (&[one, two], None),
            (&[two, "junk", one], None),
            (&["junk", over], None),
            (&[], None),
        ] {
            assert_eq!(sessions.find(cookies.iter().copied(), now()), found, "{cookies:?}");
            let crowd = junk.iter().chain(cookies).chain(&junk).copied();
            assert_eq!(sessions.find(crowd, now()), found, "{cookies:?} among many");
        }
    }
}
