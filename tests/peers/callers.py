"""Fetches the token with Python requests, over TCP and over the unix socket, and prints it once for each."""

import os
from pathlib import Path
from urllib.parse import quote

import requests
import requests_unixsocket

URL = os.environ["RINGBACK_URL"]
KEY = Path(os.environ["RINGBACK_KEY_FILE"]).read_text().strip()
SOCKET = quote(os.environ["SOCKET"], safe="")

with requests.Session() as tcp:
    tcp.trust_env = False  # no proxy and no .netrc between us and loopback
    tcp.headers["Authorization"] = f"Bearer {KEY}"
    reply = tcp.get(f"{URL}/v1/accounts/practice/token", timeout=10)
    reply.raise_for_status()
    print(reply.json()["access_token"])

    tcp.headers["Authorization"] = "Bearer wrong"
    assert tcp.get(f"{URL}/token", timeout=10).status_code == 401, "a wrong key was accepted"

with requests_unixsocket.Session() as socket:
    socket.trust_env = False
    reply = socket.get(f"http+unix://{SOCKET}/token", timeout=10, headers={"Accept": "text/plain"})
    reply.raise_for_status()
    print(reply.text.strip())
