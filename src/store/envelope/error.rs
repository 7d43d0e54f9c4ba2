//! Errors of an encrypted file.

/// Why a file can't be encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Encryption failed.
    #[error("it can't be encrypted: {0}")]
    Unmade(String),
    /// Not an age file, or one of an unknown kind.
    #[error("it is not an age file")]
    Foreign,
    /// The passphrase is another one.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// None of the keys matches.
    #[error("none of the identities can decrypt it")]
    WrongIdentity,
    /// Its work factor is too high.
    #[error("decrypting it takes more memory than a file of ringback needs")]
    TooCostly,
    /// It was changed after it was written.
    #[error("it is damaged")]
    Damaged,
}
