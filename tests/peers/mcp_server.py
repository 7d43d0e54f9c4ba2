# An MCP server of FastMCP with its own OAuth: dynamic registration, PKCE, rotating refresh tokens whose reuse is refused.
#   mcp_server.py PORT LIFETIME     Counts token requests by grant and result at /counts.
import asyncio
import json
import sys
from collections import Counter, defaultdict

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.server.auth.providers import in_memory
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from starlette.responses import JSONResponse

port, lifetime = int(sys.argv[1]), int(sys.argv[2])
in_memory.DEFAULT_ACCESS_TOKEN_EXPIRY_SECONDS = lifetime
auth = in_memory.InMemoryOAuthProvider(
    base_url=f"http://127.0.0.1:{port}",
    client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=["notes"], default_scopes=["notes"]),
    revocation_options=RevocationOptions(enabled=True),
    required_scopes=["notes"],
)
server = FastMCP("notes", auth=auth)


@server.tool
def add(a: int, b: int) -> int:
    return a + b


# By the name that a client chooses: how many events of its `count` it has seen.
seen = defaultdict(lambda: asyncio.Semaphore(0))


@server.tool
async def count(to: int, ctx: Context, paced: str | None = None) -> str:
    for n in range(to):
        await ctx.report_progress(n + 1, to)
        if paced:
            await seen[paced].acquire()
    return "counted"


@server.tool
async def saw(paced: str) -> None:
    seen[paced].release()


class Counted:
    """Counts what the token endpoint answers."""

    def __init__(self, app):
        self.app, self.counts = app, Counter()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] not in ("/token", "/counts", "/forget"):
            return await self.app(scope, receive, send)
        if scope["path"] == "/counts":
            return await JSONResponse(self.counts)(scope, receive, send)
        if scope["path"] == "/forget":  # as a server that was started again: no token is known any longer
            auth.access_tokens.clear()
            auth.refresh_tokens.clear()
            return await JSONResponse({})(scope, receive, send)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        grant = "refresh" if b"grant_type=refresh_token" in body else "code"
        given = [{"type": "http.request", "body": body}]

        async def again():
            return given.pop() if given else await receive()

        async def counted(message):
            if message["type"] == "http.response.start":
                self.counts[f"{grant} {message['status']}"] += 1
            await send(message)

        await self.app(scope, again, counted)


app = Counted(server.http_app())
print(json.dumps({"url": f"http://127.0.0.1:{port}/mcp"}), flush=True)
uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
