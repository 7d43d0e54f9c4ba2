//! Kubernetes' exec credential plugins (`client.authentication.k8s.io`): the token as an `ExecCredential`.

use std::ffi::OsString;
use std::process::ExitCode;

use serde::Deserialize;

use super::found;
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::token::format::{EXEC_INFO, exec_credential};
use crate::cli::{api_url, report};
use crate::client::TokenOptions;
use crate::contract::DEFAULT_ACCOUNT;

pub(super) fn run(account: Option<&str>, reach: &DaemonChoice) -> CommandResult {
    let env = |name: &str| std::env::var_os(name);
    let by_cluster = if account.is_none() { server(env(EXEC_INFO)) } else { None };
    let asked = account.or(by_cluster.as_deref()).unwrap_or(DEFAULT_ACCOUNT);
    let token = found::ask(reach, |client| {
        let account = api_url::account(client, asked)?;
        Ok(client.token_with_lifetime(&account, &TokenOptions::default())?)
    })?;
    report::answer(&exec_credential(&token, env(EXEC_INFO))?)?;
    Ok(ExitCode::SUCCESS)
}

/// The cluster's URL, which is there with `provideClusterInfo: true`.
fn server(info: Option<OsString>) -> Option<String> {
    #[derive(Deserialize)]
    struct Info {
        spec: Spec,
    }
    #[derive(Deserialize)]
    struct Spec {
        cluster: Cluster,
    }
    #[derive(Deserialize)]
    struct Cluster {
        server: String,
    }
    // Without it, and if it is broken, too, which the answer then complains of.
    let info: Info = serde_json::from_str(info?.to_str()?).ok()?;
    Some(info.spec.cluster.server).filter(|server| server.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_known_if_kubectl_gives_it() {
        for (info, expected) in [
            (
                r#"{"spec":{"cluster":{"server":"https://k8s.example:6443"},"interactive":false}}"#,
                Some("https://k8s.example:6443"),
            ),
            (r#"{"spec":{"cluster":{"server":""}}}"#, None),
            (r#"{"spec":{"interactive":false}}"#, None),
            ("", None),
        ] {
            assert_eq!(server(Some(info.into())).as_deref(), expected, "{info}");
        }
        assert_eq!(server(None), None);
    }
}
