//! Additional listeners: who they take callers for.

use super::super::{ExtraGate, ExtraProof};
use super::*;

fn gate_with(proof: ExtraProof) -> Gate {
    gate().for_extra_listener(ExtraGate { hosts: vec!["127.0.0.1:7464".into()], proof })
}

async fn status(proof: ExtraProof, path: &str, lines: &[&str], peer: Peer) -> u16 {
    let lines: Vec<&str> = [HOST].into_iter().chain(lines.iter().copied()).collect();
    guarded(gate_with(proof)).send(request("GET", path, &lines, peer)).await.status().as_u16()
}

#[tokio::test]
async fn a_listener_without_keys_serves_the_daemons_own_user_alone() {
    let gce = || ExtraProof::OwnUser { account: "work".into() };
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    for (peer, expected) in [
        (tcp(), 200),
        (tcp_of(PeerUser::Uid(own_uid() + 1)), 403),
        (tcp_of(PeerUser::NotFound), 403),
        (tcp_of(PeerUser::Unmapped), 403),
        // Where the system does not tell, nobody is known to be the right one.
        (tcp_of(PeerUser::Unsupported), 403),
        (Peer::Unix { uid: own_uid(), pid: None }, 401),
    ] {
        assert_eq!(status(gce(), path, &["Metadata-Flavor: Google"], peer).await, expected, "{peer:?}");
        assert_ne!(status(gce(), path, &[], peer).await, 200, "{peer:?}");
    }
    let other = tcp_of(PeerUser::Uid(own_uid() + 1));
    let asked = request("GET", path, &[HOST, "Metadata-Flavor: Google"], other);
    let reply = guarded(gate_with(gce()).with_other_users(true)).send(asked).await;
    assert_eq!(reply.status(), 403, "`other_users` is about keys");
}

#[tokio::test]
async fn on_an_address_a_key_is_needed_whoever_asks_and_strangers_of_this_machine_are_refused() {
    for (peer, with_key) in [
        (tcp(), 200),
        // Out of a container, or from another machine.
        (tcp_of(PeerUser::NotFound), 200),
        (tcp_of(PeerUser::Unsupported), 200),
        (tcp_of(PeerUser::Uid(own_uid() + 1)), 403),
        (tcp_of(PeerUser::Unmapped), 403),
    ] {
        assert_eq!(status(ExtraProof::Key, "/token", &[KEY], peer).await, with_key, "{peer:?}");
        let without = if with_key == 200 { 401 } else { 403 };
        assert_eq!(status(ExtraProof::Key, "/token", &[], peer).await, without, "{peer:?}");
    }
}

#[tokio::test]
async fn only_the_socket_of_an_app_makes_its_callers_that_app() {
    let socket = || ExtraProof::SocketOf("default".into());
    let app_socket = |uid| Peer::AppSocket { uid, pid: None };
    for (peer, expected) in [
        (app_socket(own_uid()), 200),
        (app_socket(own_uid() + 1), 200),
        (Peer::Unix { uid: own_uid(), pid: None }, 401),
        (tcp(), 401),
    ] {
        assert_eq!(status(socket(), "/token", &[], peer).await, expected, "{peer:?}");
    }
    assert_eq!(status(ExtraProof::SocketOf("nobody".into()), "/token", &[], app_socket(own_uid())).await, 401);
    assert_eq!(status(ExtraProof::Key, "/token", &[], app_socket(own_uid())).await, 401);
    // One that came in by a listener without these rules has no name for its host.
    assert_eq!(ask("GET", "/token", &["Host: ringback"], app_socket(own_uid())).await.status(), 403);
}
