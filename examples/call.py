#!/usr/bin/env python3
"""Calls an API with the token of an account: python3 call.py ACCOUNT URL"""
import json, os, sys, urllib.error, urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy gets the key of the daemon

def daemon():
    if "RINGBACK_URL" in os.environ:
        return os.environ["RINGBACK_URL"], os.environ["RINGBACK_KEY_FILE"]
    with open((os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") + "/ringback/endpoint.json") as file:
        found = json.load(file)
    os.kill(found["pid"], 0)  # fails if that daemon is gone: another program may have its port by now
    return found["url"], found["key_file"]

def send(method, url, bearer, opener):
    try:
        request = urllib.request.Request(url, method=method, headers={"Authorization": "Bearer " + bearer})
        with opener.open(request, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()

def ask(method, path):
    try:
        url, key_file = daemon()
        with open(key_file) as file:
            status, text = send(method, url + path, file.read().strip(), direct)
    except OSError as error:
        sys.exit(f"error: the ringback daemon can't be reached: {error}\nhint: Start it with `ringback serve`.")
    reply = json.loads(text)
    return reply if status == 200 else sys.exit(f"error: {reply['error_description']}\nhint: {reply['hint']}")

def call(account, api):
    token = ask("GET", f"/v1/accounts/{account}/token")["access_token"]
    return send("GET", api, token, urllib.request.build_opener())

account, api = sys.argv[1:]
status, text = call(account, api)
if status == 401:  # once: an API that rejects this one, too, has another reason
    ask("POST", f"/v1/accounts/{account}/rejected")
    status, text = call(account, api)
print(text) if status == 200 else sys.exit(f"error: the API answered {status}: {text}")
