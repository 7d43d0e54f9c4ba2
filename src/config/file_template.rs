//! What a token file holds: a text with placeholders for the token and its expiry.

use std::fmt;

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::problem::{Problem, nearest};
use super::value::{is_a, text};
use crate::secret::AccessToken;

const TOKEN: &str = "access_token";
const EXPIRES_AT: &str = "expires_at";
const PLACEHOLDERS: [&str; 2] = [TOKEN, EXPIRES_AT];

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileTemplate {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Token,
    ExpiresAt,
}

impl FileTemplate {
    /// The token and nothing else.
    pub(super) fn bare() -> Self {
        Self { text: format!("{{{TOKEN}}}"), pieces: vec![Piece::Token] }
    }

    /// The content of the file, in a buffer that does not grow.
    pub(crate) fn filled(&self, token: &AccessToken, expires_at: Option<i64>) -> Zeroizing<Vec<u8>> {
        let expires_at = expires_at.map(|at| at.to_string()).unwrap_or_default();
        let bytes = |piece: &Piece| match piece {
            Piece::Literal(text) => text.len(),
            // Exposed here and below, since the file is for the token.
            Piece::Token => token.expose().len(),
            Piece::ExpiresAt => expires_at.len(),
        };
        let mut content = Zeroizing::new(Vec::with_capacity(self.pieces.iter().map(bytes).sum()));
        for piece in &self.pieces {
            content.extend_from_slice(match piece {
                Piece::Literal(text) => text.as_bytes(),
                Piece::Token => token.expose().as_bytes(),
                Piece::ExpiresAt => expires_at.as_bytes(),
            });
        }
        content
    }
}

impl fmt::Display for FileTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text in which every `{name}` is a placeholder. Other braces are text, so that the file can be JSON.
pub(super) fn file_template(value: &DeValue<'_>) -> Result<FileTemplate, Problem> {
    // Unlike other texts it may have line feeds.
    let whole = value.as_str().ok_or_else(|| is_a(value))?;
    if whole.is_empty() {
        text(value)?;
    }
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), whole);
    while let Some((before, behind)) = rest.split_once('{') {
        literal.push_str(before);
        let name = behind.split_once('}').filter(|(name, _)| is_name(name));
        let Some((name, after)) = name else {
            literal.push('{');
            rest = behind;
            continue;
        };
        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        pieces.push(match name {
            TOKEN => Piece::Token,
            EXPIRES_AT => Piece::ExpiresAt,
            other => {
                let problem = Problem::new(format!("has the unknown placeholder `{{{other}}}`"));
                let problem = problem.expected("`{access_token}` or `{expires_at}`");
                return Err(problem.nearest(nearest(other, PLACEHOLDERS)));
            }
        });
        rest = after;
    }
    pieces.push(Piece::Literal(literal + rest));
    pieces.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
    if !pieces.contains(&Piece::Token) {
        return Err(Problem::new("has no token in it").expected("a text with `{access_token}` in it"));
    }
    Ok(FileTemplate { text: whole.to_owned(), pieces })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// An octal mode, in quotes: nobody but the user and their group gets any access, and nobody runs it.
pub(super) fn file_mode(value: &DeValue<'_>) -> Result<u32, Problem> {
    let digits = text(value)?;
    let mode = u32::from_str_radix(&digits, 8).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(mode) = mode.filter(|mode| mode & !0o777 == 0) else {
        return Err(Problem::new("is not a mode"));
    };
    match mode {
        _ if mode & 0o007 != 0 => Err(Problem::new("gives every user access")),
        _ if mode & 0o400 == 0 => Err(Problem::new("is one that you can't read")),
        _ if mode & 0o130 != 0 => Err(Problem::new("lets the group write, or somebody run it")),
        _ => Ok(mode),
    }
    .map_err(|problem| problem.expected("a mode such as `\"0600\"`, or `\"0640\"` for your group"))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn read(text: &str) -> Result<FileTemplate, Problem> {
        file_template(&DeValue::String(Cow::Borrowed(text)))
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_stay() {
        let token = AccessToken::new("t0k");
        for (template, expires_at, content) in [
            ("{access_token}", Some(7), "t0k"),
            ("{access_token}\n", None, "t0k\n"),
            ("{\"token\":\"{access_token}\",\"exp\":{expires_at}}", Some(7), "{\"token\":\"t0k\",\"exp\":7}"),
            ("{{access_token}{", None, "{t0k{"),
            ("T={access_token} {} { A} {expires_at}.", None, "T=t0k {} { A} ."),
        ] {
            let read = read(template).unwrap();
            let filled = read.filled(&token, expires_at);
            assert_eq!(std::str::from_utf8(&filled).unwrap(), content, "{template}");
            assert_eq!((filled.capacity(), read.to_string().as_str()), (filled.len(), template));
        }
        assert_eq!(FileTemplate::bare(), read("{access_token}").unwrap());
    }

    #[test]
    fn a_template_without_a_token_or_with_another_placeholder_is_a_mistake() {
        for (template, what) in [
            ("", "is empty"),
            ("{expires_at}", "has no token"),
            ("{access_tokn}", "`{access_tokn}`"),
            ("{access_token} {refresh_token}", "`{refresh_token}`"),
        ] {
            let problem = read(template).unwrap_err();
            assert!(problem.what.contains(what), "{template}: {}", problem.what);
        }
    }

    #[test]
    fn a_mode_gives_access_to_the_user_and_at_most_to_the_group() {
        let read = |mode: &'static str| file_mode(&DeValue::String(Cow::Borrowed(mode)));
        for (mode, expected) in [("0600", 0o600), ("600", 0o600), ("0640", 0o640), ("0400", 0o400)] {
            assert_eq!(read(mode).unwrap(), expected, "{mode}");
        }
        for bad in ["0644", "0700", "0660", "0200", "1600", "0x180", "+600", "", "rw", "0o600"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
