//! The request of an OAuth client at the token endpoint (RFC 6749 §4.4.2 and §6): a form, or the same parameters as
//! JSON, which Phone.com's own clients send.

use serde::Deserialize;
use url::form_urlencoded;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Obstacle};

/// The parameters that mean something here. Others are ignored, and one without a value counts as absent (§3.2). Wiped
/// after use; there is no `Debug`, since a key is in it.
#[derive(Default, Deserialize, ZeroizeOnDrop)]
pub(super) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    resource: Option<String>,
}

/// What a client asks for the token by. It gets the same token by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientGrant {
    /// The key is the client's secret.
    ClientCredentials,
    /// The key stands in the refresh token's place.
    RefreshToken,
}

const REFRESH_TOKEN: &str = "refresh_token";

impl TokenRequest {
    /// Reads a body. The error repeats nothing of it.
    pub(super) fn read(body: &[u8], is_json: bool) -> Result<Self, &'static str> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        if is_json {
            // serde's own message quotes the input.
            return serde_json::from_slice(body)
                .map_err(|_| "the body has to be a JSON object whose parameters are text, each of them once");
        }
        Self::of_form(body)
    }

    /// Reads all of it: the gate limits its length, and a repeated parameter may be the last one.
    fn of_form(body: &[u8]) -> Result<Self, &'static str> {
        let mut read = Self::default();
        for mut parameter in form_urlencoded::parse(body).into_owned().map(Zeroizing::new) {
            let (name, value) = &mut *parameter;
            match read.place(name) {
                None => {}
                Some(Some(_)) => return Err("a parameter of the body is repeated"),
                Some(place) => *place = Some(std::mem::take(value)),
            }
        }
        Ok(read)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "client_secret" => &mut self.client_secret,
            REFRESH_TOKEN => &mut self.refresh_token,
            "scope" => &mut self.scope,
            "audience" => &mut self.audience,
            "resource" => &mut self.resource,
            _ => return None,
        })
    }

    /// By which grant it asks.
    pub(super) fn grant(&self) -> Result<ClientGrant, Error> {
        let missing = |what: &str| Error::Usage { what: what.into() };
        match given(self.grant_type.as_deref()) {
            None => Err(missing("`grant_type` has to be `client_credentials` or `refresh_token`")),
            Some("client_credentials") => Ok(ClientGrant::ClientCredentials),
            Some(REFRESH_TOKEN) if given(self.refresh_token.as_deref()).is_some() => Ok(ClientGrant::RefreshToken),
            Some(REFRESH_TOKEN) => Err(missing("`refresh_token` has to be the program's key")),
            Some(_) => Err(Error::Obstacle(Obstacle::NoSuchGrant)),
        }
    }

    /// The client's name, as the body has it.
    pub(super) fn client_id(&self) -> Option<&str> {
        given(self.client_id.as_deref())
    }

    /// The places of the body where a key may stand.
    pub(super) fn keys(&self) -> [Option<&str>; 2] {
        [given(self.client_secret.as_deref()), self.refresh_token()]
    }

    /// The refresh token, with the grant that has one.
    pub(super) fn refresh_token(&self) -> Option<&str> {
        given(self.refresh_token.as_deref()).filter(|_| given(self.grant_type.as_deref()) == Some(REFRESH_TOKEN))
    }

    /// What the token is for: scope, audience and resource.
    pub(super) fn target(&self) -> [Option<&str>; 3] {
        [given(self.scope.as_deref()), given(self.audience.as_deref()), given(self.resource.as_deref())]
    }
}

fn given(parameter: Option<&str>) -> Option<&str> {
    parameter.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, any, proptest};

    /// Grant, name, keys, target: what a request came to.
    fn shown(body: &str, is_json: bool) -> Result<String, String> {
        let request = TokenRequest::read(body.as_bytes(), is_json)?;
        let grant = request.grant().map_err(|error| error.to_string())?;
        Ok(format!("{grant:?} {:?} {:?} {:?}", request.client_id(), request.keys(), request.target()))
    }

    #[test]
    fn forms_and_json_are_read_alike() {
        for (form, json, expected) in [
            (
                "grant_type=client_credentials&client_id=app&client_secret=k&scope=a+b",
                r#"{"grant_type":"client_credentials","client_id":"app","client_secret":"k","scope":"a b"}"#,
                Ok(r#"ClientCredentials Some("app") [Some("k"), None] [Some("a b"), None, None]"#),
            ),
            (
                "grant_type=refresh_token&refresh_token=k&audience=x&resource=urn%3Ay",
                r#"{"grant_type":"refresh_token","refresh_token":"k","audience":"x","resource":"urn:y"}"#,
                Ok(r#"RefreshToken None [None, Some("k")] [None, Some("x"), Some("urn:y")]"#),
            ),
            // A refresh token beside another grant means nothing.
            (
                "grant_type=client_credentials&refresh_token=k&scope=&code=c&x=1&x=2",
                r#"{"grant_type":"client_credentials","refresh_token":"k","scope":"","code":null,"x":[{}],"x":2}"#,
                Ok("ClientCredentials None [None, None] [None, None, None]"),
            ),
            (
                "grant_type=refresh_token&refresh_token=",
                r#"{"grant_type":"refresh_token","refresh_token":null}"#,
                Err("`refresh_token` has to be the program's key"),
            ),
            (
                "grant_type=authorization_code&code=c",
                r#"{"grant_type":"authorization_code","code":"c"}"#,
                Err("the token endpoint knows the grants `client_credentials` and `refresh_token` only"),
            ),
            (
                "client_id=app",
                r#"{"client_id":"app"}"#,
                Err("`grant_type` has to be `client_credentials` or `refresh_token`"),
            ),
            ("", "", Err("`grant_type` has to be `client_credentials` or `refresh_token`")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(shown(form, false), expected, "{form}");
            assert_eq!(shown(json, true), expected, "{json}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let many = "x=1&".repeat(4000);
        for (body, is_json) in [
            (format!("client_secret=k&{many}client_secret=l").as_str(), false),
            ("grant_type=refresh_token&grant_type=client_credentials", false),
            ("scope=&scope=a", false),
            ("resource=urn:a&resource=urn:b", false),
            (r#"{"scope":"a","scope":"b"}"#, true),
            (r#"{"scope":["a"]}"#, true),
            (r#"{"client_secret":7}"#, true),
            (r#"["client_credentials"]"#, true),
            (r#"{"scope":"canary""#, true),
            ("grant_type=client_credentials", true),
            ("\u{feff}{}", true),
        ] {
            let refused = TokenRequest::read(body.as_bytes(), is_json).err();
            assert!(refused.is_some_and(|why| !why.contains("canary")), "{body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        /// No bytes make the reader panic, and what a client encodes is what is read.
        #[test]
        fn any_body_is_read_or_refused(bytes: Vec<u8>, is_json: bool, values in proptest::array::uniform3(any::<String>())) {
            _ = TokenRequest::read(&bytes, is_json).map(|request| request.grant());
            let [name, key, scope] = values.each_ref().map(String::as_str);
            let sent = [("grant_type", "refresh_token"), ("client_id", name), ("refresh_token", key), ("scope", scope)];
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(sent).finish();
            let json = serde_json::to_vec(&sent.into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap();
            for read in [TokenRequest::read(form.as_bytes(), false), TokenRequest::read(&json, true)] {
                let Ok(read) = read else { panic!("{sent:?}") };
                let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                let got = [read.client_id(), read.keys()[1], read.target()[0]].map(|value| value.map(str::to_owned));
                assert_eq!(got, [some(name), some(key), some(scope)]);
            }
        }
    }
}
