//! Pasted logins: the redirect URL from a browser on another machine.

use std::time::Duration;

use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::account::attempts::Rejected;
use crate::broker::handle::Broker;
use crate::broker::login::callback::CallbackRequest;
use crate::broker::login::pending::message::Via;
use crate::contract::LoginReply;
use crate::error::{Error, Obstacle};
use crate::oauth::callback::is_in_query;
use crate::oauth::callback::joined;

impl Broker {
    /// Takes the redirect URL from another machine's browser.
    pub(crate) async fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Error> {
        let request = pasted(redirect_url).ok_or(Error::Obstacle(Obstacle::PastedNoUrl))?;
        let answer = if request.in_fragment { "`access_token`" } else { "`code`" };
        let accepted = self.inner.logins.callback(request, Via::Pasted(id.to_owned())).await.map_err(|rejected| {
            Error::Obstacle(match rejected {
                Rejected::NoState => Obstacle::PastedNoAnswer { answer },
                Rejected::Malformed(why) => Obstacle::PastedUnusable { why: why.to_string() },
                _ => Obstacle::PastedAnotherLogin,
            })
        })?;
        let id = self.exchange_accepted(accepted).await;
        self.login(&id, Duration::ZERO).await
    }
}

/// A URL as a person copied it; `None`: it is none. Split as text, since a URL type would leave copies of the token
/// behind.
fn pasted(address: &str) -> Option<CallbackRequest> {
    let address = address.trim();
    let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
    let (address, query) = address.split_once('?').unwrap_or((address, ""));
    let read =
        |encoded: &str| Zeroizing::new(form_urlencoded::parse(encoded.as_bytes()).into_owned().collect::<Vec<_>>());
    let (query, fragment) = (read(query), read(fragment));
    // Some providers append a fragment to an answer with a code.
    let in_fragment = !fragment.is_empty() && !is_in_query(&query);
    Some(CallbackRequest {
        arrived_on: Url::parse(address).ok()?.into(),
        parameters: if in_fragment { joined(fragment, &query) } else { query },
        in_fragment,
        cookies: Vec::new(),
    })
}
