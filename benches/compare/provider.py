"""A provider on loopback for the comparison: metadata, and a token endpoint that knows the grant `refresh_token`.

Prints its issuer in one line. Everybody gets the same token, which lives for a day, so that nothing is refreshed while
something is measured.
"""

import http.server
import json

TOKEN = "bench-" + "0123456789abcdef" * 8
LIFETIME = 86_400


class Provider(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.rstrip("/") != "/.well-known/openid-configuration":
            return self.reply(404, {"error": "not_found"})
        issuer = self.server.issuer
        self.reply(200, {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "offline_access"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
        })

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/token" or b"grant_type=refresh_token" not in body:
            return self.reply(400, {"error": "unsupported_grant_type"})
        self.reply(200, {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "refresh_token": "bench-refresh-token",
            "scope": "openid offline_access",
        })

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.issuer = f"http://127.0.0.1:{server.server_port}"
    print(server.issuer, flush=True)
    server.serve_forever()
