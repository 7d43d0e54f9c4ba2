"""A client of the local API that openapi-python-client made from docs/openapi.json (the package `ringback_api`)."""

import json
import os

from ringback_api import AuthenticatedClient
from ringback_api.api.accounts import get_account
from ringback_api.api.tokens import get_token
from ringback_api.models import AccountReply, ErrorReply, TokenReply

client = AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["KEY"], httpx_args={"trust_env": False})

token = get_token.sync_detailed("work", client=client)
assert isinstance(token.parsed, TokenReply), token
status = get_account.sync_detailed("spare", client=client)
assert isinstance(status.parsed, AccountReply), status
refused = get_token.sync_detailed("spare", client=client)
assert isinstance(refused.parsed, ErrorReply), refused

print(json.dumps({
    "token": token.parsed.access_token,
    "account": token.parsed.account,
    "state": status.parsed.state.value,
    "code": refused.parsed.error.value,
    "hint": refused.parsed.hint,
    "status": int(refused.status_code),
}))
