//! The gate's checks for sessions of the status page.

use super::*;

/// Request, header lines besides Host, and status. `COOKIE` is replaced by the session's cookie.
#[rustfmt::skip]
const SESSION: [(&str, &[&str], u16); 28] = [
    ("GET /", &["COOKIE"], 200),
    ("GET /", &["COOKIE", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], 200),
    ("GET /", &[], 401),
    ("GET /", &[KEY], 401),
    ("GET /", &["Cookie: ringback-session-7464=guessed"], 401),
    ("GET /", &["Cookie: ringback-session-7465=guessed", "COOKIE"], 200),
    ("GET /", &["COOKIE", "COOKIE"], 200),
    ("GET /", &["Cookie: ringback-session-7464=junk", "COOKIE"], 200),
    ("GET /", &["COOKIE", "Cookie: ringback-session-7464=junk; ringback-session-7464=; ringback-session-7464"], 200),
    ("GET /", &["COOKIE", "OTHER"], 401),
    ("GET /", &["OTHER"], 200),
    ("GET /", &["COOKIE", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 403),
    ("GET /", &["COOKIE", "Host: evil.example:7464"], 403),
    ("HEAD /", &["COOKIE"], 405),
    ("GET /do/events", &["COOKIE", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"], 200),
    ("GET /do/events", &["COOKIE", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], 403),
    ("GET /do/events", &["COOKIE", "Origin: http://evil.example"], 403),
    ("GET /do/events", &[], 401),
    ("GET /do/events", &[KEY], 401),
    ("POST /do/logout", &["COOKIE", ORIGIN, FORM], 200),
    ("POST /do/logout", &["COOKIE", "Origin: null", "Sec-Fetch-Site: same-origin", FORM], 200),
    ("POST /do/logout", &["COOKIE", "Origin: null", FORM], 403),
    ("POST /do/logout", &["COOKIE", "Origin: null", "Sec-Fetch-Site: cross-site", FORM], 403),
    ("POST /do/logout", &["COOKIE", "Origin: http://evil.example", FORM], 403),
    ("POST /do/logout", &["COOKIE", FORM], 403),
    ("POST /do/logout", &["COOKIE", ORIGIN, "Content-Type: application/json"], 400),
    ("POST /do/logout", &[ORIGIN, FORM], 401),
    ("GET /do/logout", &["COOKIE"], 405),
];

#[tokio::test]
async fn the_status_page_needs_a_session_and_a_session_opens_nothing_else() {
    let sessions = Sessions::default();
    let gate = Gate::new(APPS.0.clone(), AuditLog::default(), sessions.clone(), Clock::System);
    let now = Clock::System.now();
    let begin = || sessions.begin(sessions.ticket(now).expose(), now).unwrap();
    let [cookie, other] = [begin(), begin()].map(|c| format!("Cookie: other=1; ringback-session-7464={}", c.expose()));
    for (line, lines, status) in SESSION {
        let (method, target) = line.split_once(' ').unwrap();
        let host = [HOST].into_iter().filter(|_| !lines.iter().any(|line| line.starts_with("Host")));
        let lines: Vec<&str> = host
            .chain(lines.iter().map(|line| match *line {
                "COOKIE" => cookie.as_str(),
                "OTHER" => other.as_str(),
                line => line,
            }))
            .collect();
        let reply = guarded(gate.clone()).send(request(method, target, &lines, tcp())).await;
        assert_eq!(reply.status().as_u16(), status, "{line} {lines:?}");
    }
    let asked = request("GET", "/token", &[HOST, &cookie], tcp());
    assert_eq!(guarded(gate.clone()).send(asked).await.status(), 401, "a session cookie does not replace a key");
    let own = Peer::Unix { uid: own_uid(), pid: None };
    let asked = request("GET", "/", &["Host: ringback", &cookie], own);
    assert_eq!(guarded(gate).send(asked).await.status(), 401, "sessions are not valid on the socket");
}
