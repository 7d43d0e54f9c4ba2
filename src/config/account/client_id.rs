//! Where the client id comes from: the config itself, or a program.

use crate::config::effective::ClientIdSource;
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::sections::accounts::AccountKeys;

/// The one source of the client id; reports if there is none, or both.
pub(super) fn client_id(keys: &AccountKeys, section: &SectionReader<'_>) -> Option<ClientIdSource> {
    match (section.field("client_id").is_some(), section.field("client_id_command").is_some()) {
        (true, true) => {
            let problem = Problem::new("stands beside `client_id`");
            section.refuse("client_id_command", problem.expected("one of the two"));
        }
        (false, false) => {
            let problem = Problem::new("is missing, and so is `client_id_command`");
            section.lacks("client_id", &["client_id", "client_id_command"], problem.expected("one of the two"));
        }
        (true, false) | (false, true) => {}
    }
    let written = keys.client_id.clone().map(ClientIdSource::Written);
    written.or_else(|| keys.client_id_command.clone().map(ClientIdSource::Command))
}
