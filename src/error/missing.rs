//! Things that are not there.

/// A thing that is asked for by its name or number and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A login.
    #[error("there is no such login: it is long over, or was never begun")]
    Login,
    /// A question whether a program may have a token.
    #[error("no question waits that has the number `{0}`")]
    Question(String),
    /// A remembered answer to one.
    #[error("no answer is remembered that has the number `{0}`")]
    Answer(String),
    /// A provider, of those that accounts use.
    #[error("no account uses a provider `{0}`")]
    Provider(String),
}

impl Missing {
    /// Where to look, in one sentence.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Login => "Begin another with `ringback login`; `ringback status` shows those that are pending.",
            Self::Question(_) => {
                "Run `ringback consent list` to see those that wait; one that nobody answers goes by itself."
            }
            Self::Answer(_) => "Run `ringback consent list` to see those that are remembered.",
            Self::Provider(_) => "Name the `provider` of an account: `ringback status` shows the accounts.",
        }
    }
}
