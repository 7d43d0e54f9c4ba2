//! Errors about things that don't exist (not found).

/// A thing that was requested by its name or number and does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A login.
    #[error("there is no such login: it ended some time ago, or never existed")]
    Login,
    /// A question whether a program may have a token.
    #[error("there is no pending question `{0}`")]
    Question(String),
    /// A remembered answer to one.
    #[error("there is no remembered answer `{0}`")]
    Answer(String),
    /// A provider, of those that accounts use.
    #[error("no account uses a provider `{0}`")]
    Provider(String),
}

impl Missing {
    /// Where to look.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Login => "Start another with `ringback login`; `ringback status` shows pending logins.",
            Self::Question(_) => {
                "Run `ringback consent list` to see pending questions; a question that nobody answers expires."
            }
            Self::Answer(_) => "Run `ringback consent list` to see remembered answers.",
            Self::Provider(_) => "Name the `provider` of an account: `ringback status` shows the accounts.",
        }
    }
}
