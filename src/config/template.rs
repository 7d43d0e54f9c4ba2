//! URL templates with `{variables}` in them. They are filled in before the URL is checked, so a value is checked
//! together with the URL that it becomes a part of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::de::DeValue;

use super::problem::Problem;
use super::value::{text, texts};

/// Values of variables, by name.
pub(super) type Variables = BTreeMap<String, String>;

/// The variable for the token endpoint, without its query, for URLs that begin with it.
pub(super) const TOKEN_URL: &str = "token_url";

/// A text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable(String),
}

/// A text with `{name}` for each variable. The scheme may have none: it decides what is safe.
pub(super) fn template(value: &DeValue<'_>) -> Result<Template, Problem> {
    let text = text(value)?;
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some((literal, behind)) = rest.split_once('{') {
        let name = behind.split_once('}').filter(|(name, _)| is_name(name));
        let (name, behind) =
            name.ok_or_else(|| Problem::new("has a `{` that does not start a variable such as `{tenant}`"))?;
        pieces.extend([Piece::Literal(literal.to_owned()), Piece::Variable(name.to_owned())]);
        rest = behind;
    }
    pieces.push(Piece::Literal(rest.to_owned()));
    if pieces.iter().any(|piece| matches!(piece, Piece::Literal(text) if text.contains('}'))) {
        return Err(Problem::new("has a `}` that does not end a variable"));
    }
    let begins_with_token_url = text.starts_with("{token_url}");
    if text.matches("{token_url}").count() > usize::from(begins_with_token_url) {
        return Err(Problem::new("has `{token_url}` elsewhere than at its beginning"));
    }
    let scheme = text.split("://").next().unwrap_or_default();
    if scheme.contains('{') && !begins_with_token_url {
        return Err(Problem::new("has a variable before `://`"));
    }
    // Refused in every URL; here, too, because a template that is not filled in yet is shown to users.
    let authority = text.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next();
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(Problem::new("has a user name or password in it"));
    }
    Ok(Template { text, pieces })
}

/// `a-z`, `0-9`, `_`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl Template {
    /// The names in it, without `token_url`.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.variables().filter(|name| *name != TOKEN_URL).collect()
    }

    /// Whether it begins with the token endpoint.
    pub(super) fn follows_token_url(&self) -> bool {
        self.variables().any(|name| name == TOKEN_URL)
    }

    fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The text with all values filled in, or the name of the first variable without a value.
    pub(super) fn fill(&self, values: &Variables) -> Result<String, &str> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable(name) => text.push_str(values.get(name).ok_or(name.as_str())?),
            }
        }
        Ok(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Values of URL variables, by name.
pub(super) fn variables(value: &DeValue<'_>) -> Result<Variables, Problem> {
    let own = || Problem::new(format!("sets `{TOKEN_URL}`")).expected("other names: ringback sets that one itself");
    let variables = texts(value, |name, _| (name == TOKEN_URL).then(own))?;
    for (name, value) in &variables {
        if !is_name(name) {
            let problem = Problem::new(format!("has the name `{}`", name.escape_debug()));
            return Err(problem.expected("names of a-z, 0-9 and `_`"));
        }
        let wrong = |problem: Problem| Problem {
            what: format!("has a value for `{name}` that is not allowed in a URL"),
            ..problem
        };
        self::value(value).map_err(wrong)?;
    }
    Ok(variables)
}

/// A value can be a host, a label of one, a port or a segment of a path, but nothing that changes the text around it:
/// no `/`, `:`, `@`, `?`, `#` or `%`, and no segment that a URL parser removes.
fn value(value: &str) -> Result<(), Problem> {
    let expected = "1 to 253 characters of A-Z, a-z, 0-9, `.` and `-`";
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let fits = (1..=253).contains(&value.len()) && value.bytes().all(allowed);
    if fits && !value.bytes().all(|byte| byte == b'.') {
        return Ok(());
    }
    Err(Problem::new("has a value that is not allowed in a URL").expected(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Template, Problem> {
        template(&DeValue::String(text.into()))
    }

    #[test]
    fn values_stand_where_their_names_were() {
        let values: Variables =
            [("t", "a.b"), ("u", "C-1"), ("token_url", "https://h/t")].map(|(n, v)| (n.into(), v.into())).into();
        for (text, filled) in [
            ("https://h/", Ok("https://h/")),
            ("https://{t}/{u}x{t}", Ok("https://a.b/C-1xa.b")),
            ("{token_url}/details", Ok("https://h/t/details")),
            ("https://{t}/{nobody}", Err("nobody")),
        ] {
            let template = read(text).unwrap();
            assert_eq!(template.fill(&values).as_deref(), filled.as_ref().map(|s| *s), "{text}");
        }
        assert_eq!(read("{token_url}/{t}").unwrap().names(), ["t"].into());
        assert!(read("{token_url}/{t}").unwrap().follows_token_url());
    }

    #[test]
    fn a_template_that_is_none_is_refused() {
        for text in ["https://{", "https://{}/", "https://{T}/", "https://{a b}/", "https://{a{b}}/", "https://a}/"] {
            assert!(read(text).unwrap_err().what.contains("variable"), "{text}");
        }
        for text in ["{scheme}://h/", "{h}", "{h}/a", "https{s}://h/"] {
            assert!(read(text).unwrap_err().what.contains("before `://`"), "{text}");
        }
        assert!(read("https://u:p@{h}/").unwrap_err().what.contains("password"));
        for text in ["https://h/{token_url}", "{token_url}{token_url}"] {
            assert!(read(text).unwrap_err().what.contains("elsewhere"), "{text}");
        }
    }

    #[test]
    fn a_value_is_a_label_a_host_or_a_segment() {
        let longest = "x".repeat(253);
        for good in ["common", "gitlab.example.com", "127.0.0.1", "8443", "A-b", "..a", &longest] {
            assert_eq!(value(good), Ok(()), "{good}");
        }
        let too_long = "x".repeat(254);
        for bad in
            ["", ".", "..", "...", "a/b", "a:1", "u@h", "a?b", "a#b", "a%2fb", "a b", "a\\b", "ä", "a_b", &too_long]
        {
            assert!(value(bad).is_err(), "{bad}");
        }
    }
}
