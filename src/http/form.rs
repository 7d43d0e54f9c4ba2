//! `application/x-www-form-urlencoded`: the parameters of a callback, and the forms of our own pages.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::body;
use super::reply::Reject;
use crate::error::Error;

/// The most parameters that are read: no provider sends so many, and some are compared with each other.
const MOST_PARAMETERS: usize = 256;

/// The decoded parameters, in their order. Wiped after use.
pub(super) fn parameters(encoded: &[u8]) -> Zeroizing<Vec<(String, String)>> {
    Zeroizing::new(form_urlencoded::parse(encoded).into_owned().take(MOST_PARAMETERS).collect())
}

/// The fields of a form of our own pages, which have each name once. Wiped after use.
pub(super) async fn own_form(request: Request, most: usize) -> Result<Zeroizing<Vec<(String, String)>>, Response> {
    let fields = parameters(&body::read(request, most).await?);
    let repeated = |at: usize, name: &str| fields.iter().take(at).any(|(earlier, _)| earlier == name);
    if fields.iter().enumerate().any(|(at, (name, _))| repeated(at, name)) {
        return Err(Reject(Error::Usage { what: "the form is not one of ringback's".into() }).into_response());
    }
    Ok(fields)
}
