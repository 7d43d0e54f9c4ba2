//! Consent: where the config says that the user is asked before a program gets a token. The question, on the desktop
//! too, and the answer.

use std::time::Duration;

use super::app_changes::on_disk;
use super::audited;
use super::gate::caller::Caller;
use super::state::Http;
use crate::apps::AppLife;
use crate::apps::consent::{ConsentDecision, ConsentRefused, Consents, Requester, STANDS};
use crate::contract::{AuditEvent, ConsentAnswer};
use crate::error::{Error, Missing};
use crate::os::notify::{self, Notice};

/// Fails unless the caller may have the account's token. Where the user is not asked, this costs one lookup.
pub(super) async fn permit(http: &Http, caller: &Caller, account: &str, wait: Option<Duration>) -> Result<(), Error> {
    if !http.broker.asks_consent(account) {
        return Ok(());
    }
    let asker = asker(caller);
    let permitted =
        http.consents.permit((&asker, caller.pid()), account, wait.unwrap_or(STANDS), http.clock.now()).await;
    permitted.map_err(|refused| Error::NoConsent {
        who: notify::plain(&asker.to_string()),
        account: account.into(),
        why: why(refused),
    })
}

fn why(refused: ConsentRefused) -> &'static str {
    match refused {
        ConsentRefused::ByUser => "the user refused it",
        ConsentRefused::Unanswered => "the user was asked and has not answered",
        ConsentRefused::TooMany => "too many programs ask at once",
    }
}

/// An app is identified by its name; a caller without a key by its executable, and so is a temporary app, by that of
/// whoever asked for its key: its name will not come back.
fn asker(caller: &Caller) -> Requester {
    let program = match caller.app().map(|app| (app, &app.life)) {
        Some((app, AppLife::Stored)) => return Requester::App(app.name.clone()),
        Some((_, AppLife::Temporary { program })) => program.as_deref(),
        None => caller.program(),
    };
    program.map_or(Requester::Unknown, |path| Requester::Program(path.to_owned()))
}

/// Gives an answer and writes down that it was given.
pub(super) async fn give(http: &Http, caller: &Caller, id: String, answer: ConsentAnswer) -> Result<(), Error> {
    let answer = match answer {
        ConsentAnswer::Allow => ConsentDecision::Allow,
        ConsentAnswer::Once => ConsentDecision::Once,
        ConsentAnswer::Refuse => ConsentDecision::Refuse,
    };
    let consents = http.consents.clone();
    let unknown = Error::Missing(Missing::Question(notify::plain(&id)));
    let given = on_disk(move || consents.answer(&id, answer)).await;
    let given = given.and_then(|question| question.ok_or(unknown));
    let account = given.as_ref().ok().map(|question| question.account.clone());
    let said =
        given.as_ref().ok().map(|question| format!("{answer:?}: {}", notify::plain(&question.asker.to_string())));
    audited::note(http, caller, AuditEvent::Consent, account.as_deref(), given.as_ref().err(), |line| {
        line.reason = line.reason.take().or(said);
    })
    .await;
    given.map(drop)
}

/// Without `Allow` where the answer would not be remembered.
fn buttons(asker: &Requester) -> Vec<(&'static str, &'static str)> {
    let remembered = asker.is_known().then_some(("allow", "Allow"));
    remembered.into_iter().chain([("once", "Once"), ("refuse", "Refuse")]).collect()
}

/// Shows each new question on the desktop, one after the other. Never ends.
pub async fn show_questions(consents: Consents) {
    let mut bell = consents.bell();
    let mut shown: Vec<String> = Vec::new();
    loop {
        bell.borrow_and_update();
        let pending = consents.pending();
        shown.retain(|id| pending.iter().any(|question| question.id == *id));
        let Some(question) = pending.into_iter().find(|question| !shown.contains(&question.id)) else {
            _ = bell.changed().await;
            continue;
        };
        shown.push(question.id.clone());
        let notice = Notice {
            title: format!("A token of {}?", notify::plain(&question.account)),
            body: format!("Requested by {}.", notify::plain(&question.asker.to_string())),
            actions: buttons(&question.asker),
        };
        let gone = async {
            while consents.pending().iter().any(|other| other.id == question.id) {
                _ = bell.changed().await;
            }
        };
        let pressed = tokio::select! {
            pressed = notify::ask(&notice) => pressed,
            () = gone => Ok(None),
        };
        match pressed {
            Ok(Some(action)) => {
                let answer = match action.as_str() {
                    "allow" => ConsentDecision::Allow,
                    "once" => ConsentDecision::Once,
                    "refuse" => ConsentDecision::Refuse,
                    // A click on the notification itself is no answer.
                    _ => continue,
                };
                let (consents, id) = (consents.clone(), question.id.clone());
                if let Err(error) = on_disk(move || consents.answer(&id, answer)).await {
                    tracing::error!("an answer could not be stored: {error}");
                }
            }
            Ok(None) => {}
            Err(untold) => {
                tracing::info!("a program is waiting for your answer, see `ringback consent list`: {untold}");
            }
        }
    }
}
