//! What happens to a pending login without ending it, told to who waits for it.

use super::{Logins, LoginsRequest, Task, Via};
use crate::account::attempts::{Accepted, Callback, Rejected};
use crate::broker::browser_login::CallbackRequest;
use crate::clock::Moment;

const NO_STATE: &str = "The browser received an answer without the `state` of this login, and it was ignored. The \
login is still open: finish it in the tab where it started. If it was the answer to this login, the provider does \
not return `state` as RFC 6749 requires.";
const UNKNOWN_STATE: &str = "The browser received an answer with the `state` of another login, and it was ignored. \
This login is still open: finish it in the tab where it started, which is the newest one.";
const OTHER_BROWSER: &str = "The answer arrived in a browser that did not start this login, or that did not send \
its cookie, and it was ignored. The login is still open: finish it in the browser where it started, and allow \
cookies there. With a browser on another machine, use `ringback login --paste`.";

impl Logins {
    /// Tells who waits for a login with this redirect URI what happened there.
    pub(in crate::broker) async fn notify(&self, redirect_uri: &str, notice: &'static str) {
        _ = self.inbox.send(LoginsRequest::Notify { redirect_uri: redirect_uri.to_owned(), notice }).await;
    }
}

impl Task {
    /// What is turned away ends nothing, and who waits for that login hears of it.
    pub(super) fn arrive(&mut self, request: &CallbackRequest, came: &Via, now: Moment) -> Result<Accepted, Rejected> {
        let arrival = Callback {
            arrived_on: &request.arrived_on,
            parameters: &request.parameters,
            in_fragment: request.in_fragment,
            cookies: (*came == Via::ByBrowser).then_some(&request.cookies),
            only: match came {
                Via::ByBrowser => None,
                Via::ByHand(id) => Some(id),
            },
        };
        let taken = self.attempts.arrive(&arrival, now);
        match &taken {
            Err(Rejected::NoState) if *came == Via::ByBrowser => self.notify(&request.arrived_on, NO_STATE),
            Err(Rejected::UnknownState) if *came == Via::ByBrowser => self.notify(&request.arrived_on, UNKNOWN_STATE),
            Err(Rejected::OtherBrowser(id)) => self.note_for(id, OTHER_BROWSER),
            _ => {}
        }
        taken
    }

    pub(super) fn notify(&self, redirect_uri: &str, notice: &'static str) {
        for (id, _) in self.attempts.awaiting().filter(|(_, plan)| plan.redirect_uri == redirect_uri) {
            self.note_for(id, notice);
        }
    }

    fn note_for(&self, id: &str, notice: &'static str) {
        if let Some(view) = self.views.get(id) {
            view.reply.send_if_modified(|reply| reply.notice.replace(notice.to_owned()).as_deref() != Some(notice));
        }
    }
}
