//! Bodies of requests and replies.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::contract::{ErrorCode, ErrorReply};
use crate::error::Error;
use crate::exchange::{ExchangeError, Response};

/// Longest request body that the daemon accepts, in bytes.
const REQUEST_CAP: usize = 192 * 1024;

/// A request body.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Room for the longest body, so that the buffer does not grow and leave copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(REQUEST_CAP));
    serde_json::to_writer(&mut *bytes, value)
        .map_err(|error| Error::UnexpectedReply { why: format!("the request can't be written: {error}") })?;
    Ok(bytes)
}

/// Parses a successful (2xx) reply.
pub(crate) fn parse<T: DeserializeOwned>(response: &Response) -> Result<T, Error> {
    read(&response.body)
}

/// Parses the body of a successful reply, or a line of it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // The parser's message may quote a secret of the reply, so it is dropped.
    serde_json::from_slice(bytes)
        .map_err(|_| Error::UnexpectedReply { why: "its reply does not follow version 1 of the API".to_owned() })
}

/// The error that a reply outside 2xx reports.
pub(crate) fn refusal(response: &Response) -> Error {
    match serde_json::from_slice::<ErrorReply>(&response.body) {
        Ok(mut reply) => {
            // 401 and 403 share the name `not_permitted` on the wire.
            if response.status == 403 && reply.error == ErrorCode::Unauthorized {
                reply.error = ErrorCode::Forbidden;
            }
            reply.into()
        }
        Err(_) => {
            Error::UnexpectedReply { why: format!("it answered with status {} and no explanation", response.status) }
        }
    }
}

/// The error for an exchange without a complete reply.
pub(crate) fn unanswered(error: &ExchangeError) -> Error {
    let why = error.to_string();
    match error {
        ExchangeError::Timeout => Error::Timeout,
        ExchangeError::Truncated | ExchangeError::Io(_) => Error::Disconnected { why },
        ExchangeError::TooLarge | ExchangeError::NotHttp => Error::UnexpectedReply { why },
    }
}
