"""What schemathesis does not know by itself: who asks, and what was seen.

`FOLKMOOT_TOKEN` is the access token of the run; without it nobody is signed in. With
`FOLKMOOT_THROW_AWAY` every case gets an account of its own, made for it. `FOLKMOOT_SEEN` names
the file that takes what was seen: for each operation, how often it gave which status.
"""

import atexit
import collections
import itertools
import json
import os
import secrets

import requests
import schemathesis

SEEN = collections.defaultdict(collections.Counter)
# Codes of what the extractors refuse, as against what the handlers do.
UNREAD = {"invalid_body", "invalid_query", "malformed_json", "unsupported_media_type"}
NUMBERS = itertools.count()


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        if "FOLKMOOT_THROW_AWAY" in os.environ:
            return throw_away(os.environ["FOLKMOOT_BASE"])
        return os.environ.get("FOLKMOOT_TOKEN")

    def set(self, case, data, context):
        if data:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def throw_away(base):
    name = f"t{next(NUMBERS)}_{secrets.token_hex(6)}"
    body = {"username": name, "password": secrets.token_urlsafe(16)}
    answer = requests.post(f"{base}/api/v1/auth/signup", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()["access_token"]


@schemathesis.check
def valid_data_is_read(ctx, response, case):
    """What the document allows is read; what the handler then says of it is its own matter."""
    SEEN[case.operation.label][str(response.status_code)] += 1
    if case.meta is None or not case.meta.generation.mode.is_positive or has_whole_float(case.body):
        return
    if 400 <= response.status_code < 500 and "json" in response.headers.get("content-type", [""])[0]:
        code = response.json().get("code")
        assert code not in UNREAD, f"the document allows it: {code}"


def has_whole_float(value):
    """Whether there is a number like 1.0: an integer to JSON Schema, and to no reader in Rust."""
    if isinstance(value, dict):
        return any(map(has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(has_whole_float, value))
    return isinstance(value, float) and value.is_integer()


@atexit.register
def tell():
    if "FOLKMOOT_SEEN" in os.environ:
        with open(os.environ["FOLKMOOT_SEEN"], "w", encoding="utf-8") as file:
            json.dump(SEEN, file, sort_keys=True)
