//! Who decides about the others: questions, apps, and the session of the status page. On the unix socket only.

use crate::body::{json, parse};
use crate::contract::{
    AppMade, AppRequest, AppsReply, ConsentAnswer, ConsentRequest, ConsentsReply, SessionReply, TemporaryAppRequest,
};
use crate::error::Error;
use crate::targets::segment;
use crate::temporary::TemporaryApp;

use super::{Client, JSON, TIMEOUT_MARGIN};

const CONSENTS: &str = "questions are answered";
const APPS: &str = "apps are managed";

impl Client {
    /// The consent questions (may this program have a token?) that are pending, and the remembered answers.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn consents(&self) -> Result<ConsentsReply, Error> {
        self.on_socket(CONSENTS)?;
        parse(&self.ask("GET", "/v1/consents", JSON, None, TIMEOUT_MARGIN)?)
    }

    /// Answers a consent question.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn answer_consent(&self, id: &str, answer: ConsentAnswer) -> Result<ConsentsReply, Error> {
        self.on_socket(CONSENTS)?;
        let body = json(&ConsentRequest { answer })?;
        parse(&self.ask("POST", &format!("/v1/consents/{}", segment(id)), JSON, Some(&body), TIMEOUT_MARGIN)?)
    }

    /// Forgets a remembered consent answer.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn forget_consent(&self, id: &str) -> Result<ConsentsReply, Error> {
        self.on_socket(CONSENTS)?;
        parse(&self.ask("DELETE", &format!("/v1/consents/{}", segment(id)), JSON, None, TIMEOUT_MARGIN)?)
    }

    /// A one-time URL that opens the status page.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn session(&self) -> Result<SessionReply, Error> {
        self.on_socket("the status page is opened")?;
        parse(&self.ask("POST", "/v1/sessions", JSON, None, TIMEOUT_MARGIN)?)
    }

    /// Every app.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn apps(&self) -> Result<AppsReply, Error> {
        self.on_socket(APPS)?;
        parse(&self.ask("GET", "/v1/apps", JSON, None, TIMEOUT_MARGIN)?)
    }

    /// Creates an app and its key.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn add_app(&self, app: &AppRequest) -> Result<AppMade, Error> {
        self.on_socket(APPS)?;
        parse(&self.ask("POST", "/v1/apps", JSON, Some(&json(app)?), TIMEOUT_MARGIN)?)
    }

    /// Creates an app whose key works as long as the result is kept.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn temporary_app(&self, app: &TemporaryAppRequest) -> Result<TemporaryApp, Error> {
        self.on_socket(APPS)?;
        TemporaryApp::open(&self.daemon, self.agent, &json(app)?)
    }

    /// Rotates an app's key.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn rotate_app(&self, name: &str) -> Result<AppMade, Error> {
        self.on_socket(APPS)?;
        parse(&self.ask("POST", &format!("/v1/apps/{}/rotate", segment(name)), JSON, None, TIMEOUT_MARGIN)?)
    }

    /// Removes an app and its key; returns the remaining apps.
    ///
    /// # Errors
    /// [`Error::SocketOnly`] over TCP.
    pub fn remove_app(&self, name: &str) -> Result<AppsReply, Error> {
        self.on_socket(APPS)?;
        parse(&self.ask("DELETE", &format!("/v1/apps/{}", segment(name)), JSON, None, TIMEOUT_MARGIN)?)
    }
}
