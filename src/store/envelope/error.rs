//! Errors of an encrypted file.

/// What can be wrong with such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It could not be made.
    #[error("it can't be encrypted: {0}")]
    Unmade(String),
    /// No age file at all, or of a kind that is not known.
    #[error("it is not an age file")]
    Foreign,
    /// Another passphrase.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Other keys.
    #[error("none of the identities can decrypt it")]
    WrongIdentity,
    /// It was made too costly.
    #[error("decrypting it takes more memory than a file of ringback needs")]
    TooCostly,
    /// Not what was written.
    #[error("it is damaged")]
    Damaged,
}
