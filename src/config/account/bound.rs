//! What `dpop` can't be combined with (RFC 9449).

use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::sections::accounts::AccountKeys;
use crate::oauth::grant::GrantType;

/// Reports where a bound token can't be asked for, or is of no use.
pub(super) fn check_bound(keys: &AccountKeys, section: &SectionReader<'_>) {
    if !keys.dpop {
        return;
    }
    if keys.grant == GrantType::Implicit {
        let problem = Problem::new("is `true`, and with `grant = \"implicit\"` no request could prove a key");
        section.refuse("dpop", problem.expected("one of the two"));
    }
    if !keys.file.is_empty() && !keys.hand_out_dpop {
        let problem = Problem::new("is `true`, and the account has a `file`, whose readers can't use a bound token");
        section.refuse("dpop", problem.expected("one of the two, or `hand_out_dpop = true`"));
    }
    if keys.proxy.is_none() && !keys.hand_out_dpop {
        section
            .warn("dpop", "is `true`, and the account has no `proxy`, through which alone programs can use its tokens");
    }
}
