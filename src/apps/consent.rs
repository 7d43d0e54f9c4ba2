//! Consent: whether a program may have an account's token, if the account's config says that the user is asked. The
//! first fetch waits while the question is pending, and the answer is remembered.
//!
//! This is not a security boundary: a program that runs as the user could answer its own question.

mod requester;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub(crate) use requester::Requester;

use super::AppsError;
use crate::clock::{Boot, Moment};
use crate::os::folder::Folder;

/// The file in the state folder.
const FILE: &str = "consents.json";
/// Room for some thousand answers.
const LIMIT: usize = 1024 * 1024;
const VERSION: u32 = 1;
/// Most pending questions; a program that asks with another name each time gets no further.
const MOST_PENDING: usize = 16;
/// How long a question is pending, whether or not a caller waits for its answer: a program that does not wait is
/// allowed from its next fetch on.
pub(crate) const STANDS: Duration = Duration::from_secs(60);
/// The pause before an unanswered question is asked again.
const QUIET: Duration = Duration::from_secs(300);

/// The user's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsentDecision {
    /// Yes, from now on.
    Allow,
    /// Yes, this time.
    Once,
    /// No, until the answer is forgotten.
    Refuse,
}

/// A pending question.
#[derive(Debug, Clone)]
pub(crate) struct ConsentQuestion {
    /// Its id, unique among pending questions and remembered answers.
    pub(crate) id: String,
    /// Who asks.
    pub(crate) asker: Requester,
    /// The account whose token it is about.
    pub(crate) account: String,
    /// The process that asked first, where the system tells.
    pub(crate) pid: Option<i32>,
    /// When it asked.
    pub(crate) asked: Moment,
}

impl ConsentQuestion {
    /// When it is over without an answer.
    pub(crate) fn ends(&self) -> Boot {
        self.asked.boot.plus(STANDS)
    }

    fn key(&self) -> ConsentKey {
        (self.account.clone(), self.asker.clone())
    }
}

/// An answer that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Its id.
    pub(crate) id: String,
    /// Who asked.
    pub(crate) asker: Requester,
    /// The account whose token it is about.
    pub(crate) account: String,
    /// Whether the requester may have the token.
    pub(crate) allowed: bool,
}

/// Why a program gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsentRefused {
    /// The user said no.
    ByUser,
    /// Nobody answered in time, now or a short while ago.
    Unanswered,
    /// Too many questions are pending.
    TooMany,
}

/// The pending questions and the remembered answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Consents {
    inner: Arc<ConsentsInner>,
}

#[derive(Debug)]
struct ConsentsInner {
    folder: Folder,
    state: Mutex<ConsentState>,
    /// Signals that a question was added or removed.
    bell: watch::Sender<()>,
}

type ConsentKey = (String, Requester);

#[derive(Debug, Default)]
struct ConsentState {
    answers: BTreeMap<ConsentKey, (String, bool)>,
    pending: Vec<PendingConsent>,
    quiet: Vec<(ConsentKey, Boot)>,
    asked: u64,
    /// An answer that was forgotten is still on disk.
    unsaved: bool,
}

#[derive(Debug)]
struct PendingConsent {
    question: ConsentQuestion,
    answer: watch::Sender<Option<ConsentDecision>>,
}

#[derive(Serialize, Deserialize)]
struct ConsentsDocument {
    version: u32,
    answers: Vec<ConsentEntry>,
}

#[derive(Serialize, Deserialize)]
struct ConsentEntry {
    account: String,
    asker: Requester,
    allowed: bool,
}

/// The status of a question: answered, or pending.
enum ConsentStatus {
    Known(Result<(), ConsentRefused>),
    Stands(watch::Receiver<Option<ConsentDecision>>),
    New(watch::Receiver<Option<ConsentDecision>>, String),
}

impl Consents {
    /// Reads the answers of the state folder. A file that can't be parsed is an error, and is not changed.
    pub fn open(state: &std::path::Path) -> Result<Self, AppsError> {
        let folder = Folder::open(state)?;
        let mut known = ConsentState::default();
        if let Some(bytes) = folder.read(FILE, LIMIT)? {
            let malformed = |why: String| AppsError::Malformed { path: folder.file(FILE), why };
            let unread = |error: serde_json::Error| malformed(format!("it is not what ringback writes ({error})"));
            let document: ConsentsDocument = serde_json::from_slice(&bytes).map_err(unread)?;
            if document.version > VERSION {
                return Err(malformed(format!("it has format version {}", document.version)));
            }
            for ConsentEntry { account, asker, allowed } in document.answers {
                let id = known.next_id();
                known.answers.insert((account, asker), (id, allowed));
            }
        }
        Ok(Self { inner: Arc::new(ConsentsInner { folder, state: Mutex::new(known), bell: watch::Sender::new(()) }) })
    }

    fn lock(&self) -> MutexGuard<'_, ConsentState> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `asker`, now the process `pid`, may have a token of `account`: from a remembered answer, or from the user's
    /// answer within `patience`. `now` is the time of the request.
    pub(crate) async fn permit(
        &self,
        (asker, pid): (&Requester, Option<i32>),
        account: &str,
        patience: Duration,
        now: Moment,
    ) -> Result<(), ConsentRefused> {
        let key = (account.to_owned(), asker.clone());
        let standing = self.lock().look_up(key, pid, now);
        let mut answer = match standing {
            ConsentStatus::Known(result) => return result,
            ConsentStatus::Stands(answer) => answer,
            ConsentStatus::New(answer, id) => {
                self.inner.bell.send_replace(());
                let consents = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(STANDS).await;
                    consents.expire(&id, now.boot.plus(STANDS));
                });
                answer
            }
        };
        let said = tokio::time::timeout(patience.min(STANDS), answer.wait_for(Option::is_some)).await;
        let said = said.ok().and_then(Result::ok).and_then(|answer| *answer);
        match said {
            Some(ConsentDecision::Allow | ConsentDecision::Once) => Ok(()),
            Some(ConsentDecision::Refuse) => Err(ConsentRefused::ByUser),
            None => Err(ConsentRefused::Unanswered),
        }
    }

    /// Removes a question that nobody has answered in time.
    fn expire(&self, id: &str, now: Boot) {
        let mut state = self.lock();
        if let Some(at) = state.pending.iter().position(|pending| pending.question.id == id) {
            let pending = state.pending.remove(at);
            state.quiet.push((pending.question.key(), now.plus(QUIET)));
            drop(state);
            self.inner.bell.send_replace(());
        }
    }

    /// The pending questions, the oldest first.
    pub(crate) fn pending(&self) -> Vec<ConsentQuestion> {
        self.lock().pending.iter().map(|pending| pending.question.clone()).collect()
    }

    /// The answers that are remembered.
    pub(crate) fn remembered(&self) -> Vec<Remembered> {
        let entry = |((account, asker), (id, allowed)): (&ConsentKey, &(String, bool))| Remembered {
            id: id.clone(),
            asker: asker.clone(),
            account: account.clone(),
            allowed: *allowed,
        };
        self.lock().answers.iter().map(entry).collect()
    }

    /// Signals that a question was added or removed.
    pub(crate) fn bell(&self) -> watch::Receiver<()> {
        self.inner.bell.subscribe()
    }

    /// Answers a question; `None` if no such one is pending. An answer to be remembered is on disk when this returns.
    /// Blocks.
    pub(crate) fn answer(&self, id: &str, answer: ConsentDecision) -> Result<Option<ConsentQuestion>, AppsError> {
        let mut state = self.lock();
        let Some(at) = state.pending.iter().position(|pending| pending.question.id == id) else { return Ok(None) };
        let Some(key) = state.pending.get(at).map(|pending| pending.question.key()) else { return Ok(None) };
        if answer != ConsentDecision::Once && key.1.is_known() {
            state.answers.insert(key.clone(), (id.to_owned(), answer == ConsentDecision::Allow));
            if let Err(error) = self.save(&state) {
                state.answers.remove(&key);
                return Err(error);
            }
        }
        let pending = state.pending.remove(at);
        pending.answer.send_replace(Some(answer));
        drop(state);
        self.inner.bell.send_replace(());
        Ok(Some(pending.question))
    }

    /// Forgets an answer; returns whether there was one. Blocks.
    pub(crate) fn forget(&self, id: &str) -> Result<bool, AppsError> {
        self.forget_where(|_, known| known == id)
    }

    /// Forgets the answers about an app: another app may get its name later. Blocks.
    pub(crate) fn forget_app(&self, name: &str) -> Result<bool, AppsError> {
        self.forget_where(|asker, _| *asker == Requester::App(name.to_owned()))
    }

    fn forget_where(&self, fits: impl Fn(&Requester, &str) -> bool) -> Result<bool, AppsError> {
        let mut state = self.lock();
        let before = state.answers.len();
        state.answers.retain(|(_, asker), (id, _)| !fits(asker, id));
        if state.answers.len() == before && !state.unsaved {
            return Ok(false);
        }
        // Forgotten at once, even if the disk fails: the next attempt writes it again.
        state.unsaved = true;
        self.save(&state)?;
        state.unsaved = false;
        Ok(true)
    }

    fn save(&self, state: &ConsentState) -> Result<(), AppsError> {
        let entry = |((account, asker), (_, allowed)): (&ConsentKey, &(String, bool))| ConsentEntry {
            account: account.clone(),
            asker: asker.clone(),
            allowed: *allowed,
        };
        let document = ConsentsDocument { version: VERSION, answers: state.answers.iter().map(entry).collect() };
        let text = serde_json::to_vec_pretty(&document)
            .map_err(|error| AppsError::Malformed { path: self.inner.folder.file(FILE), why: error.to_string() })?;
        Ok(self.inner.folder.write(FILE, &text)?)
    }
}

impl ConsentState {
    fn next_id(&mut self) -> String {
        self.asked += 1;
        self.asked.to_string()
    }

    fn look_up(&mut self, key: ConsentKey, pid: Option<i32>, now: Moment) -> ConsentStatus {
        if let Some((_, allowed)) = self.answers.get(&key) {
            return ConsentStatus::Known(if *allowed { Ok(()) } else { Err(ConsentRefused::ByUser) });
        }
        // Each fetch of an unknown requester has a question of its own.
        let joins = |pending: &&PendingConsent| pending.question.key() == key && key.1.is_known();
        if let Some(pending) = self.pending.iter().find(joins) {
            return ConsentStatus::Stands(pending.answer.subscribe());
        }
        self.quiet.retain(|(_, until)| !now.boot.reached(*until));
        if self.quiet.iter().any(|(known, _)| *known == key) {
            return ConsentStatus::Known(Err(ConsentRefused::Unanswered));
        }
        // No requester may take up all places: it may have fewer questions than there are places left.
        let of_asker = self.pending.iter().filter(|pending| pending.question.asker == key.1).count();
        if of_asker >= MOST_PENDING.saturating_sub(self.pending.len()) {
            return ConsentStatus::Known(Err(ConsentRefused::TooMany));
        }
        let (answer, answered) = watch::channel(None);
        let id = self.next_id();
        let (account, asker) = key;
        let question = ConsentQuestion { id: id.clone(), asker, account, pid, asked: now };
        self.pending.push(PendingConsent { question, answer });
        ConsentStatus::New(answered, id)
    }
}

#[cfg(test)]
mod tests;
