"""A cattle_grid server, driven over its control routes. cattle_grid verifies every request and signs and
sends what leaves; this program stands where its documentation has a reverse proxy. Started by
`interop-tests/subjects/cattle_grid.toml` with:
  PEER_ORIGIN    the public https origin, as the proxy in front of it shows it
  PEER_NAME      the first actor's name
  PEER_PORT      the loopback port to listen on
  PEER_DATA      a folder for its settings
  PEER_DATABASE  an empty PostgreSQL database
The messages between cattle_grid's parts stay in the process (`amqp_url = "amqp://:memory:"`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

# The modules beside this one lie in the source tree, which stays as it is.
sys.dont_write_bytecode = True

ORIGIN = os.environ["PEER_ORIGIN"]
DATABASE = os.environ["PEER_DATABASE"].replace("postgres://", "postgresql+asyncpg://", 1)
MAX_BODY = 1024 * 1024


def configure():
    """Writes cattle_grid's settings into the folder that it reads them from."""
    import tomli_w
    from bovine.crypto import generate_rsa_public_private_key

    os.chdir(os.environ["PEER_DATA"])
    if Path("cattle_grid.toml").exists():
        return
    public, private = generate_rsa_public_private_key()
    auth = {
        "actor_id": f"{ORIGIN}/cattle_grid_actor",
        "actor_acct_id": f"acct:cattle_grid@{ORIGIN.split('://')[1]}",
        "public_key": public,
        "private_key": private,
        "domain_blocks": [],
    }
    settings = {
        "db_url": DATABASE,
        "amqp_url": "amqp://:memory:",
        "processor_in_app": True,
        "frontend": {"base_urls": [ORIGIN]},
    }
    with open("cattle_grid.toml", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        tomli_w.dump({**settings, "auth": auth}, file)


configure()

import cattle_grid
import uvicorn
from cattle_grid.app import app_globals
from cattle_grid.exchange.exception import exception_middleware
from faststream.rabbit import RabbitBroker

import control
import store

ALEMBIC = Path(cattle_grid.__file__).with_name("alembic.ini")
subprocess.run([sys.executable, "-m", "alembic", "-c", ALEMBIC, "upgrade", "head"], check=True)
# Made here because today's yarl reads no port out of `:memory:`; nothing is ever connected to.
app_globals.broker = RabbitBroker("amqp://localhost", middlewares=[exception_middleware])
inner = cattle_grid.create_app(run_migration=False)
# Paths that anybody may read, and where cattle_grid has them.
OPEN = {
    "/.well-known/webfinger": "/ap/.well-known/webfinger",
    "/.well-known/nodeinfo": "/ap/.well-known/nodeinfo",
    "/.well-known/nodeinfo_2.0": "/ap/.well-known/nodeinfo_2.0",
    "/cattle_grid_actor": "/auth/cattle_grid_actor",
}


async def call(scope: dict, path: str, headers: list, body: bytes = b"") -> tuple[int, list, bytes]:
    """Asks cattle_grid something; gives status, headers and body of the answer."""
    answer = {"status": 500, "headers": [], "body": b""}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.update(status=message["status"], headers=message["headers"])
        else:
            answer["body"] += message.get("body", b"")

    asked = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
    await inner(asked, receive, send)
    return answer["status"], answer["headers"], answer["body"]


async def read(receive) -> bytes | None:
    """The body of a request; nothing when it is too long."""
    body, length = b"", 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if length <= MAX_BODY:
            body += message.get("body", b"")
        if not message.get("more_body"):
            return body if length <= MAX_BODY else None


async def serve(scope: dict, receive) -> tuple[int, list, bytes]:
    path, url = scope["path"], ORIGIN + scope["path"]
    if store.mode["down"]:
        return 503, [], b"down"
    body = await read(receive)
    if body is None:
        return 413, [], b"Content Too Large"
    # What only the proxy may say.
    ours = (b"x-ap-location", b"x-cattle-grid-requester", b"x-cattle-grid-should-serve")
    headers = [header for header in scope["headers"] if header[0] not in ours]
    headers.append((b"x-ap-location", url.encode()))
    if path in OPEN:
        return await call(scope, OPEN[path], headers)
    host = ORIGIN.split("://")[1].encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    original = [
        (b"x-original-method", scope["method"].encode()),
        (b"x-original-uri", path.encode() + query),
        (b"x-original-host", host),
        (b"x-forwarded-proto", b"https"),
    ]
    kept = [header for header in headers if header[0] not in dict(original)]
    status, granted, text = await call({**scope, "method": "GET"}, "/auth/auth", kept + original)
    if status != 200:
        store.refuse(body, "the signature does not hold", status)
        return status, [], text
    headers += [header for header in granted if header[0] in ours]
    requester = dict(granted).get(b"x-cattle-grid-requester", b"").decode()
    if scope["method"] == "GET" and store.has(url):
        return await control.show(url, scope["query_string"].decode(), requester)
    status, answered, text = await call(scope, f"/ap{path}", headers, body)
    if scope["method"] == "POST":
        if status == 202:
            store.received.append(json.loads(body))
            await control.answer(store.received[-1])
        else:
            store.refuse(body, text.decode(errors="replace"), status)
    return status, answered, text


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await inner(scope, receive, send)
    if scope["type"] == "http" and scope["path"].startswith("/control/"):
        return await control.app(scope, receive, send)
    try:
        status, headers, body = await serve(scope, receive)
    except RecursionError:
        status, headers, body = 400, [], b"too deep"
    kept = [header for header in headers if header[0] != b"content-length"]
    kept.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="warning")
