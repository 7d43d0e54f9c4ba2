"""OAuth client libraries for Python, each as its documentation says, at the token endpoint.

`oauth_clients.py LIBRARY` calls an API again and again with the token that the library holds, and prints the status of each
call and the token's fingerprint. The library gets another token when the one that it has expires, and when the API
answers 401.
"""

import asyncio
import base64
import hashlib
import os
import sys
import time

TOKEN_URL, NAME, KEY, API = (os.environ[name] for name in ("TOKEN_URL", "NAME", "KEY", "API"))
PAUSE = 0.2
# What a program holds that has only a refresh token so far.
NOTHING_YET = {"access_token": "none", "token_type": "Bearer", "refresh_token": KEY, "expires_at": 1, "expires_in": -1}


def report(status, token):
    fingerprint = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode()[:12]
    print(status, fingerprint, flush=True)


def requests_oauthlib():
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # its option for plain http
    from requests_oauthlib import OAuth2Session

    credentials = {"client_id": NAME, "client_secret": KEY}
    session = OAuth2Session(NAME, token=NOTHING_YET, auto_refresh_url=TOKEN_URL, auto_refresh_kwargs=credentials, token_updater=lambda _: None)
    session.trust_env = False
    while True:
        status = session.get(API, timeout=10).status_code
        report(status, session.token["access_token"])
        if status == 401:
            session.refresh_token(TOKEN_URL, **credentials)
        time.sleep(PAUSE)


def authlib():
    from authlib.integrations.requests_client import OAuth2Session

    # By default it renews a token a minute before its end, which is more than tokens of a test have.
    session = OAuth2Session(NAME, KEY, token=NOTHING_YET, token_endpoint=TOKEN_URL, leeway=0)
    session.trust_env = False
    while True:
        status = session.get(API, timeout=10).status_code
        report(status, session.token["access_token"])
        if status == 401:
            session.refresh_token(TOKEN_URL)
        time.sleep(PAUSE)


async def httpx_oauth():
    import httpx
    from httpx_oauth.oauth2 import OAuth2

    client = OAuth2(NAME, KEY, authorize_endpoint="", access_token_endpoint=TOKEN_URL, refresh_token_endpoint=TOKEN_URL)
    token = await client.refresh_token(KEY)
    async with httpx.AsyncClient(trust_env=False, timeout=10) as api:
        while True:
            if token.is_expired():
                token = await client.refresh_token(token["refresh_token"])
            status = (await api.get(API, headers={"Authorization": f"Bearer {token['access_token']}"})).status_code
            report(status, token["access_token"])
            if status == 401:
                token = await client.refresh_token(token["refresh_token"])
            await asyncio.sleep(PAUSE)


library = {"requests-oauthlib": requests_oauthlib, "authlib": authlib, "httpx-oauth": httpx_oauth}[sys.argv[1]]
if asyncio.iscoroutinefunction(library):
    asyncio.run(library())
else:
    library()
