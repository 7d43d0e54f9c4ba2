//! Notices of a pending login: what happened without ending it, such as a rejected callback.

use super::message::Via;
use super::task::Task;
use crate::account::attempts::{Accepted, Callback, Rejected};
use crate::broker::login::callback::CallbackRequest;
use crate::clock::Moment;

const NO_STATE: &str = "The browser received an answer without the `state` of this login, and it was ignored. The \
login is still open: finish it in the tab where it started. If it was the answer to this login, the provider does \
not return `state` as RFC 6749 requires.";
const UNKNOWN_STATE: &str = "The browser received an answer with the `state` of another login, and it was ignored. \
This login is still open: finish it in the tab where it started, which is the newest one.";
const OTHER_BROWSER: &str = "The answer arrived in a browser that did not start this login, or that did not send \
its cookie, and it was ignored. The login is still open: finish it in the browser where it started, and allow \
cookies there. With a browser on another machine, use `ringback login --paste`.";

impl Task {
    /// A rejected callback ends nothing, and callers that wait for the login get a notice.
    pub(super) fn callback(&mut self, request: &CallbackRequest, via: &Via, now: Moment) -> Result<Accepted, Rejected> {
        let callback = Callback {
            arrived_on: &request.arrived_on,
            parameters: &request.parameters,
            in_fragment: request.in_fragment,
            cookies: (*via == Via::Browser).then_some(&request.cookies),
            only: match via {
                Via::Browser => None,
                Via::Pasted(id) => Some(id),
            },
        };
        let accepted = self.attempts.accept(&callback, now);
        match &accepted {
            Err(Rejected::NoState) if *via == Via::Browser => self.notify(&request.arrived_on, NO_STATE),
            Err(Rejected::UnknownState) if *via == Via::Browser => self.notify(&request.arrived_on, UNKNOWN_STATE),
            Err(Rejected::OtherBrowser(id)) => self.notify_login(id, OTHER_BROWSER),
            _ => {}
        }
        accepted
    }

    pub(super) fn notify(&self, redirect_uri: &str, notice: &'static str) {
        for (id, _) in self.attempts.awaiting().filter(|(_, plan)| plan.redirect_uri == redirect_uri) {
            self.notify_login(id, notice);
        }
    }

    fn notify_login(&self, id: &str, notice: &'static str) {
        if let Some(view) = self.views.get(id) {
            view.reply.send_if_modified(|reply| {
                let new = !reply.notices.iter().any(|known| known == notice);
                if new {
                    reply.notices.push(notice.to_owned());
                    reply.notice = Some(notice.to_owned());
                }
                new
            });
        }
    }
}
