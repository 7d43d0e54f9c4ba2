//! Confirmation of a login as another person: what waits for it, and the cookie and form token that bind the page with
//! the question to one browser (CSRF protection).

use std::time::Duration;

use super::fresh_grant::FreshGrant;
use super::result::Unconfirmed;
use crate::contract::Confirm;
use crate::secret::{Nonce256, RandomSecret as _};

use rand::CryptoRng;

/// A login that waits for a confirmation.
pub(super) struct ReplaceQuestion {
    fresh: FreshGrant,
    confirm: Confirm,
    /// Binds the page to the browser that logged in. It is handed out once.
    cookie: Nonce256,
    cookie_was_given: bool,
    /// What the page's form has to send back (CSRF protection).
    form_token: Nonce256,
}

/// Who answers.
#[derive(Debug)]
pub(crate) enum Answerer {
    /// A program, whose rights were checked before.
    Program,
    /// The page in the browser that logged in.
    Page {
        /// Every cookie with our name that the browser sent. Other sites may have set some of them.
        cookies: Vec<String>,
        /// The form's token.
        form_token: String,
    },
}

/// The cookie that binds a question to a browser.
pub(crate) struct PageCookie {
    /// The cookie's value.
    pub(crate) value: Nonce256,
    /// How long it is good for.
    pub(crate) max_age: Duration,
}

/// What happens to a login that needs a confirmation.
pub(super) enum QuestionOutcome {
    /// It waits for the answer; or it is over, and its grant is dropped.
    Waits,
    /// It was confirmed beforehand.
    Confirmed(FreshGrant),
}

impl ReplaceQuestion {
    pub(super) fn new(login: Unconfirmed, rng: &mut dyn CryptoRng) -> Self {
        let Unconfirmed { fresh, confirm } = login;
        let (cookie, form_token) = (Nonce256::random(rng), Nonce256::random(rng));
        Self { fresh, confirm, cookie, cookie_was_given: false, form_token }
    }

    /// Whether this answerer may answer.
    pub(super) fn admits(&self, answerer: &Answerer) -> bool {
        match answerer {
            Answerer::Program => true,
            Answerer::Page { cookies, form_token } => self.is_bound_to(cookies) && self.form_token.matches(form_token),
        }
    }

    fn is_bound_to(&self, cookies: &[String]) -> bool {
        self.cookie_was_given && cookies.iter().any(|cookie| self.cookie.matches(cookie))
    }

    /// The cookie for the browser that logged in, once.
    pub(super) fn give_cookie(&mut self) -> Option<Nonce256> {
        (!std::mem::replace(&mut self.cookie_was_given, true)).then(|| self.cookie.clone())
    }

    /// The form's token, for the browser that has the cookie.
    pub(super) fn form_token(&self, cookies: &[String]) -> Option<Nonce256> {
        self.is_bound_to(cookies).then(|| self.form_token.clone())
    }

    /// The login, once it was confirmed.
    pub(super) fn into_login(self) -> Unconfirmed {
        Unconfirmed { fresh: self.fresh, confirm: self.confirm }
    }

    /// Who is replaced, and by whom.
    pub(super) fn confirm(&self) -> &Confirm {
        &self.confirm
    }
}
