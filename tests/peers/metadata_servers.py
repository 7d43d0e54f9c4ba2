"""The vendors' own clients of metadata servers, each as its documentation says.

`metadata_servers.py CLIENT` gets a token and prints one line of JSON: the token's fingerprint and the Unix second of its
expiry; or `error`, what the client says if it gets none. What it needs to know is in the environment, by the vendors' names.
"""

import base64
import calendar
import hashlib
import json
import sys
import time


def fingerprint(token):
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode()[:12]


def google():
    import google.auth
    from google.auth.transport.requests import Request

    # By the order of its documentation: no file, no variable, so the metadata server.
    credentials, _project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    assert type(credentials).__module__ == "google.auth.compute_engine.credentials", type(credentials)
    credentials.refresh(Request())
    return credentials.token, calendar.timegm(credentials.expiry.timetuple())


def azure():
    from azure.identity import ManagedIdentityCredential

    # How often it asks again after a 503 is its own option.
    token = ManagedIdentityCredential(retry_total=1).get_token("https://api.example/.default")
    return token.token, token.expires_on


began = time.time()
try:
    token, expires = {"google": google, "azure": azure}[sys.argv[1]]()
    print(json.dumps({"token": fingerprint(token), "expires": expires}))
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
print(f"{time.time() - began:.1f} s", file=sys.stderr)
