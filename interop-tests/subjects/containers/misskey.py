"""Makes an account of Misskey: the first is its administrator, who makes the others."""

import json
import sys
import urllib.request
from pathlib import Path

values = json.load(sys.stdin)["values"]
kept = Path(values["data"], "administrator")


def ask(path: str, body: dict) -> dict:
    headers = {"content-type": "application/json"}
    url = f"http://{values['listen']}/api/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def make(name: str, more: dict) -> dict:
    return ask("admin/accounts/create", {"username": name, "password": "correct horse battery staple 9", **more})


if not kept.exists():
    kept.write_text(make("administrator", {"setupPassword": "interop"})["token"])
made = make(values["name"], {"i": kept.read_text()})
print(json.dumps({
    "token": made["token"],
    "account_id": made["id"],
    "actor": f"{values['origin']}/users/{made['id']}",
    "handle": f"@{values['name']}@{values['host']}",
}))
