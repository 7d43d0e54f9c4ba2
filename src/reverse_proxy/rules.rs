//! What an app may ask through the proxy: methods, path globs, and tools of an MCP server. There are rules that allow, and
//! none that forbid; what no rule allows is refused. So a request that is written in an unusual way is at most refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::glob::fits_segments;
use super::tools::ToolGlob;
use crate::routes::ambiguous::{forwarded_ambiguity, with_slashes};

/// The longest glob, in bytes.
const LONGEST: usize = 512;
/// Methods of no request to an upstream: a tunnel is not for us, and a `TRACE` would bring the token back (RFC 9110 §9.3.8).
pub(crate) const NEVER_FORWARDED: [&str; 2] = ["CONNECT", "TRACE"];
/// What MCP needs over HTTP: messages, the stream of earlier revisions, and the end of a session.
const MCP_METHODS: [&str; 3] = ["POST", "GET", "DELETE"];

/// What an app may ask of its accounts' upstreams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyRules {
    /// Only these methods; empty: any, or those of MCP if there are rules for tools.
    #[serde(default)]
    pub(crate) methods: BTreeSet<String>,
    /// Only paths that one of these fits; empty: any, or the base URL alone if there are rules for tools, since what lies
    /// below it need not be MCP.
    #[serde(default)]
    pub(crate) paths: Vec<PathGlob>,
    /// Only calls of these tools, and bodies that are MCP; empty: any body.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) tools: Vec<ToolGlob>,
}

/// A pattern of a path below the account's base URL: `*` stands for anything within one segment, `**` for any number of
/// segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct PathGlob(String);

impl ProxyRules {
    /// Why a request is refused: which rule would allow it. `path`: raw, below the account's base URL.
    pub(crate) fn refuse(&self, method: &str, path: &str) -> Result<(), String> {
        let path = if path.is_empty() { "/" } else { path };
        let by_method = if self.methods.is_empty() {
            self.tools.is_empty() || MCP_METHODS.contains(&method)
        } else {
            self.methods.contains(method)
        };
        let mut lacking: Vec<String> = (!by_method).then(|| format!("--method {method}")).into_iter().collect();
        lacking.extend(self.unfit_readings(path).iter().map(|reading| format!("--path '{reading}'")));
        if lacking.is_empty() {
            return Ok(());
        }
        Err(format!("no rule of this app allows {method} {path}; `{}` of `ringback app add` would", lacking.join(" ")))
    }

    /// The ways to read a path that no rule allows. A server may take an escaped slash for a slash, or for part of a name.
    fn unfit_readings(&self, path: &str) -> Vec<String> {
        let fits = |reading: &str| {
            if self.paths.is_empty() {
                self.tools.is_empty() || reading == "/"
            } else {
                self.paths.iter().any(|glob| glob.fits(reading))
            }
        };
        let decoded = with_slashes(path);
        let other = (decoded != path).then_some(&*decoded);
        [Some(path), other].into_iter().flatten().filter(|reading| !fits(reading)).map(str::to_owned).collect()
    }

    /// Whether there is a rule.
    pub(crate) fn are_any(&self) -> bool {
        !self.methods.is_empty() || !self.paths.is_empty() || !self.tools.is_empty()
    }
}

impl PathGlob {
    /// Whether `path` fits as a whole.
    fn fits(&self, path: &str) -> bool {
        let glob: Vec<&str> = self.0.split('/').skip(1).collect();
        let path: Vec<&str> = path.split('/').skip(1).collect();
        fits_segments(&glob, &path)
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PathGlob> for String {
    fn from(glob: PathGlob) -> Self {
        glob.0
    }
}

impl TryFrom<String> for PathGlob {
    type Error = String;

    /// The error says what is expected.
    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.starts_with('/') && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(format!("a path has to begin with `/` and be visible ASCII, at most {LONGEST} bytes"));
        }
        if forwarded_ambiguity(&text).is_some() || text.contains(['?', '#', '\'']) {
            return Err("a path has no query, no `//`, `.` or `..`, and no escape of a separator but `%2F`".into());
        }
        if text.split('/').any(|segment| segment.contains("**") && segment != "**") {
            return Err("`**` has to be a whole segment of a path".into());
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> PathGlob {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_glob_fits_whole_paths() {
        for (pattern, path, fits) in [
            ("/accounts/*/calls/**", "/accounts/1/calls", true),
            ("/accounts/*/calls/**", "/accounts/1/calls/", true),
            ("/accounts/*/calls/**", "/accounts/1/calls/2/x", true),
            ("/accounts/*/calls/**", "/accounts/1/2/calls", false),
            ("/accounts/*/calls/**", "/accounts//calls", false),
            ("/accounts/*/calls/**", "/accounts/1/callsx", false),
            ("/accounts/*/calls/**", "/Accounts/1/calls", false),
            ("/accounts/*/calls/**", "/%61ccounts/1/calls", false),
            ("/accounts/*/calls/**", "/x/accounts/1/calls", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/**/b", "/b", true),
            ("/**/b", "/a/a/b", true),
            ("/**/b", "/a/b/c", false),
            ("/**/a/**/b", "/x/a/y/a/z/b", true),
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/a/*", "/a/", false),
            ("/a/*", "/a/b", true),
            ("/a/v*.json", "/a/v1.json", true),
            ("/a/v*.json", "/a/v1.xml", false),
            ("/a/*x*", "/a/yxz", true),
            ("/", "/", true),
            ("/", "/a", false),
        ] {
            assert_eq!(glob(pattern).fits(path), fits, "{pattern} {path}");
        }
        let (long, path) = (format!("/{}b", "*a".repeat(100)), format!("/{}", "a".repeat(400)));
        assert!(!glob(&long).fits(&path), "and that at once");
    }

    #[test]
    fn a_glob_that_could_be_misread_is_refused() {
        for text in [
            "", "a", "/a//b", "/../a", "/a?b", "/a#b", "/a%5cb", "/a%2f..", "/a b", "/a**", "/**a/b", "/\u{e4}", "/a'b",
        ] {
            assert!(PathGlob::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_refused_says_which_rule_would_allow_it() {
        let rules =
            ProxyRules { methods: ["GET".to_owned()].into(), paths: vec![glob("/a/**")], ..ProxyRules::default() };
        assert_eq!(rules.refuse("GET", "/a/b"), Ok(()));
        for (method, path, would) in [
            ("POST", "/a", "`--method POST` of"),
            ("get", "/a", "`--method get` of"),
            ("GET", "/b", "`--path '/b'` of"),
            ("GET", "", "`--path '/'` of"),
            ("PUT", "/b", "`--method PUT --path '/b'` of"),
        ] {
            let said = rules.refuse(method, path).unwrap_err();
            assert!(said.contains(would), "{said}");
        }
        assert_eq!(ProxyRules::default().refuse("PATCH", "/any"), Ok(()), "without rules everything");
    }

    #[test]
    fn an_escaped_slash_has_to_be_allowed_however_it_is_read() {
        for (paths, path, would) in [
            (&["/projects/**"][..], "/projects/a%2Fb/issues", None),
            (&["/projects/a%2Fb/**", "/projects/a/b/**"], "/projects/a%2Fb/issues", None),
            (&["/projects/*/issues"], "/projects/a%2Fb/issues", Some("`--path '/projects/a/b/issues'` of")),
            (&["/projects/*/*"], "/projects/a%2fb", Some("`--path '/projects/a%2fb'` of")),
            (&["/x"], "/a%2Fb", Some("`--path '/a%2Fb' --path '/a/b'` of")),
        ] {
            let rules = ProxyRules { paths: paths.iter().map(|path| glob(path)).collect(), ..ProxyRules::default() };
            match (rules.refuse("GET", path), would) {
                (Ok(()), None) => {}
                (Err(said), Some(would)) => assert!(said.contains(would), "{said}"),
                (done, _) => panic!("{paths:?} {path}: {done:?}"),
            }
        }
    }

    #[test]
    fn a_rule_for_tools_leaves_the_base_url_and_the_methods_of_mcp() {
        let tools = ProxyRules { tools: vec!["a".to_owned().try_into().unwrap()], ..ProxyRules::default() };
        let below = ProxyRules { paths: vec![glob("/mcp")], ..tools.clone() };
        let with_put = ProxyRules { methods: ["PUT".to_owned()].into(), ..tools.clone() };
        for (rules, method, path, would) in [
            (&tools, "POST", "", None),
            (&tools, "GET", "/", None),
            (&tools, "DELETE", "/", None),
            (&tools, "PUT", "/", Some("`--method PUT` of")),
            (&tools, "HEAD", "/", Some("`--method HEAD` of")),
            (&tools, "POST", "/mcp", Some("`--path '/mcp'` of")),
            (&below, "POST", "/mcp", None),
            (&below, "POST", "/", Some("`--path '/'` of")),
            (&with_put, "PUT", "/", None),
            (&with_put, "POST", "/", Some("`--method POST` of")),
        ] {
            match (rules.refuse(method, path), would) {
                (Ok(()), None) => {}
                (Err(said), Some(would)) => assert!(said.contains(would), "{said}"),
                (got, _) => panic!("{method} {path}: {got:?}"),
            }
        }
    }
}
