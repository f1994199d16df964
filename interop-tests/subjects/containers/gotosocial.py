"""Makes an account of GoToSocial: signs up through its API, and confirms it from its command line."""

import json
import subprocess
import sys
import urllib.request

values = json.load(sys.stdin)["values"]
api = f"http://{values['listen']}"


def ask(path: str, body: dict | None = None, token: str | None = None) -> dict:
    headers = {"content-type": "application/json", "host": values["host"]}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(api + path, data, headers)) as answer:
        return json.load(answer)


redirect = "urn:ietf:wg:oauth:2.0:oob"
app = ask("/api/v1/apps", {"client_name": "interop", "redirect_uris": redirect, "scopes": "read write"})
client = {key: app[key] for key in ("client_id", "client_secret")}
grant = {**client, "grant_type": "client_credentials", "redirect_uri": redirect, "scope": "read write"}
name = values["name"]
person = {
    "username": name,
    "email": f"{name}@interop.test",
    "password": "Correct horse battery staple 9",
    "agreement": True,
    "locale": "en",
    "reason": "an account for a test of federation, for one run alone",
}
token = ask("/api/v1/accounts", person, ask("/oauth/token", grant)["access_token"])["access_token"]
confirm = ["/gotosocial/gotosocial", "admin", "account", "confirm", "--username", name]
subprocess.run([values["engine"], "exec", values["container"], *confirm], check=True, stdout=sys.stderr)
me = ask("/api/v1/accounts/verify_credentials", token=token)
print(json.dumps({
    "token": token,
    "account_id": me["id"],
    "actor": f"{values['origin']}/users/{name}",
    "handle": f"@{name}@{values['host']}",
}))
