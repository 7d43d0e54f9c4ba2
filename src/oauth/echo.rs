//! Redaction: providers quote what they refuse (`refresh token abc is unknown`). Their words end up with callers, in
//! logs and on pages, so the secrets of the request are removed first.

use std::borrow::Cow;

use base64::Engine as _;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::exchange::HttpRequest;
use super::reply::{Failed, ParsedReply, Refusal};
use crate::secret::AccessToken;

/// The parameters that are secret.
const SECRET: [&str; 9] = [
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "password",
    "client_secret",
    "client_assertion",
    "device_code",
    "state",
];
const HIDDEN: &str = "[redacted]";
/// Shortest secret that is redacted, in bytes: a shorter one is too likely to be part of other text.
const SHORTEST: usize = 4;
/// Shortest beginning of a secret that is recognized where the text was cut off, in bytes.
const BEGINNING: usize = 8;

/// The secrets that a reply may quote, the longest first. No `Debug` on purpose.
pub(crate) struct Sent(Vec<Zeroizing<String>>);

impl Sent {
    /// The secrets of `request`: its secret parameters, however they are encoded, the parts of its `Authorization`
    /// header, and its proof.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let mut secrets = Vec::new();
        if request.content_type == Some("application/json") {
            members(&request.body, &mut secrets);
        } else {
            pairs(&request.body, &mut secrets);
        }
        pairs(request.query.as_deref().map(String::as_bytes).unwrap_or_default(), &mut secrets);
        if let Some((scheme, value)) = request.authorization.as_deref().and_then(|header| header.split_once(' ')) {
            secrets.push(Zeroizing::new(value.to_owned()));
            secrets.extend(basic(scheme, value));
        }
        secrets.extend(request.dpop.clone());
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // The longest first: one may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// An access token that the account already has: providers quote that one, too.
    pub(crate) fn token(token: &AccessToken) -> Self {
        Self(vec![Zeroizing::new(token.expose().to_owned())])
    }

    /// `text` with the secrets redacted, also one that was cut off at its end.
    #[must_use]
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in self.0.iter().filter(|secret| !secret.is_empty()) {
            hidden = hidden.replace(secret.as_str(), HIDDEN);
            if let Some(at) = begins_at_the_end(&hidden, secret) {
                hidden.truncate(at);
                hidden.push_str(HIDDEN);
            }
        }
        hidden
    }
}

/// Where `text` ends with a beginning of `secret` that is too long to be a coincidence.
fn begins_at_the_end(text: &str, secret: &str) -> Option<usize> {
    let at = |(at, _)| Some(at).filter(|at| text.len() - at >= BEGINNING);
    text.char_indices().filter_map(at).find(|at| text.get(*at..).is_some_and(|end| secret.starts_with(end)))
}

fn pairs(encoded: &[u8], secrets: &mut Vec<Zeroizing<String>>) {
    let secret = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let value = Zeroizing::new(value.into_owned());
        SECRET.contains(&name.as_ref()).then_some(value)
    };
    secrets.extend(url::form_urlencoded::parse(encoded).filter_map(secret));
}

fn members(json: &[u8], secrets: &mut Vec<Zeroizing<String>>) {
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return };
    for (name, value) in members {
        if let Value::String(mut text) = value {
            if SECRET.contains(&name.as_str()) {
                secrets.push(Zeroizing::new(text));
            } else {
                text.zeroize();
            }
        }
    }
}

/// The client secret in a Basic header, form-encoded and not (RFC 6749 §2.3.1).
fn basic(scheme: &str, value: &str) -> Vec<Zeroizing<String>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
    let pair = Zeroizing::new(String::from_utf8(bytes).unwrap_or_default());
    let Some((_, secret)) = pair.split_once(':').filter(|_| scheme == "Basic") else { return Vec::new() };
    let decoded = url::form_urlencoded::parse(secret.as_bytes()).next().map(|(name, _)| name.into_owned());
    [Some(secret.to_owned()), decoded].into_iter().flatten().map(Zeroizing::new).collect()
}

impl Refusal {
    fn without(self, sent: &Sent) -> Self {
        Self { code: sent.hide(&self.code), description: sent.hide(&self.description), ..self }
    }
}

impl ParsedReply {
    /// The same, with the request's secrets redacted from the provider's words.
    #[must_use]
    pub(crate) fn without(self, sent: &Sent) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.without(sent)),
            Self::Granted(mut grant) => {
                grant.flaws = grant.flaws.iter().map(|flaw| sent.hide(flaw)).collect();
                Self::Granted(grant)
            }
            Self::Unclear { why } => Self::Unclear { why: sent.hide(&why) },
            Self::Busy { retry_after, why } => Self::Busy { retry_after, why: sent.hide(&why) },
            pending @ Self::Pending { .. } => pending,
        }
    }
}

impl Failed {
    /// The same, with the request's secrets redacted from the provider's words.
    #[must_use]
    pub(crate) fn without(self, sent: &Sent) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.without(sent)),
            Self::Busy { retry_after, why } => Self::Busy { retry_after, why: sent.hide(&why) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::reply::RefusalSubject;

    fn request(content_type: Option<&'static str>, query: &str, authorization: &str, body: &str) -> HttpRequest {
        let some = |text: &str| (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()));
        HttpRequest {
            method: "POST",
            url: "https://id.example/token".parse().unwrap(),
            query: some(query),
            authorization: some(authorization),
            dpop: None,
            content_type,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn what_was_sent_in_confidence_is_not_repeated_however_it_was_sent() {
        let form = Some("application/x-www-form-urlencoded");
        // "the+client:S%26cret" is `the client` with the secret `S&cret`.
        let basic = "Basic dGhlK2NsaWVudDpTJTI2Y3JldA==";
        for (content_type, query, authorization, body, said, hidden) in [
            (
                form,
                "",
                "",
                "grant_type=refresh_token&refresh_token=R%2Btok",
                "R+tok of refresh_token?",
                "[redacted] of refresh_token?",
            ),
            (Some("application/json"), "", "", r#"{"code":"C\"ode","n":1}"#, "no C\"ode", "no [redacted]"),
            (
                None,
                "password=my%20word&username=me99",
                "",
                "",
                "me99: my word, my word",
                "me99: [redacted], [redacted]",
            ),
            (form, "", basic, "", "S&cret or S%26cret", "[redacted] or [redacted]"),
            (form, "", basic, "", "Basic dGhlK2NsaWVudDpTJTI2Y3JldA==", "Basic [redacted]"),
            (None, "", "Bearer access-1", "", "access-1 is not access-12", "[redacted] is not [redacted]2"),
            // Cut off, or too short to be recognized.
            (form, "", "", "code=123456789abcdef", "bad 123456789abc", "bad [redacted]"),
            (form, "", "", "code=123456789abcdef", "bad 1234", "bad 1234"),
            (form, "", "", "code=abc&token=&password=e", "abcde", "abcde"),
            (form, "", "", "code=inner&token=outer-inner-outer", "outer-inner-outer inner", "[redacted] [redacted]"),
            (form, "", "", "code=grün-é", "grün-é é", "[redacted] é"),
            (form, "", "", "scope=one+two&client_id=client", "client, one two", "client, one two"),
        ] {
            let sent = Sent::of(&request(content_type, query, authorization, body));
            assert_eq!(sent.hide(said), hidden, "{said}");
        }
    }

    #[test]
    fn no_kind_of_answer_repeats_what_was_sent_in_confidence() {
        let sent = Sent::of(&request(None, "refresh_token=R-token", "", ""));
        let said = || "no R-token".to_owned();
        let refusal = || Refusal { code: said(), description: said(), blame: RefusalSubject::Unknown };
        for reply in [
            ParsedReply::Refused(refusal()),
            ParsedReply::Busy { retry_after: None, why: said() },
            ParsedReply::Unclear { why: said() },
        ] {
            let shown = format!("{:?}", reply.without(&sent));
            assert!(shown.contains("no [redacted]") && !shown.contains("R-token"), "{shown}");
        }
        for failed in [Failed::Refused(refusal()), Failed::Busy { retry_after: None, why: said() }] {
            let shown = format!("{:?}", failed.without(&sent));
            assert!(shown.contains("no [redacted]") && !shown.contains("R-token"), "{shown}");
        }
    }
}
