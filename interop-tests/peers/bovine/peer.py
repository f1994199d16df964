"""A bovine server with one actor. It verifies every signature, keeps its key over restarts, accepts
every Follow, and does what the control routes ask. Started by `interop-tests/src/peer.rs` with:
  PEER_ORIGIN  the public https origin, as the proxy in front of it shows it
  PEER_NAME    the actor's name
  PEER_PORT    the loopback port to listen on
  PEER_DATA    a folder for the key
"""

import asyncio
import json
import os
from urllib.parse import urlsplit

import aiohttp
from bovine.activitystreams import factories_for_actor_object
from bovine.clients import lookup_uri_with_webfinger
from bovine.crypto import build_validate_http_signature_raw, generate_rsa_public_private_key
from bovine.crypto.types import CryptographicIdentifier
from bovine.testing.server import ServerConfig
from bovine.utils import now_isoformat
from quart import Quart, request

ORIGIN = os.environ["PEER_ORIGIN"]
PORT = int(os.environ["PEER_PORT"])
KEPT = os.path.join(os.environ["PEER_DATA"], "peer.toml")
JSON = {"content-type": "application/activity+json"}


def configure() -> ServerConfig:
    if not os.path.exists(KEPT):
        public_key, private_key = generate_rsa_public_private_key()
        parts = urlsplit(ORIGIN)
        ServerConfig(parts.scheme, parts.netloc, os.environ["PEER_NAME"], public_key, private_key).save(KEPT)
    return ServerConfig.load(KEPT)


config = configure()
actor = config.create_actor()
actor_object = config.create_actor_object()
activities, objects = factories_for_actor_object(actor_object, id_generator=config.make_id)
received: list[dict] = []
app = Quart(__name__)


@app.before_serving
async def start():
    # Not `init`: that would ask the proxy for this very server before it listens.
    await actor.init_session()


async def public_key(url):
    document = await actor.get(url)
    return CryptographicIdentifier.from_public_key(document["publicKey"])


verify = build_validate_http_signature_raw(public_key)


async def post(inbox: str, activity: dict):
    response = await actor.client.post(inbox, json.dumps(activity))
    if response.status >= 300:
        raise RuntimeError(f"{inbox} answered {response.status}: {await response.text()}")


async def send(target: str, activity: dict) -> dict:
    await post((await actor.get(target))["inbox"], activity)
    return {"activity": activity["id"], "object": activity.get("object")}


@app.get("/.well-known/webfinger")
async def webfinger():
    return config.webfinger_response


@app.get("/actor")
async def get_actor():
    return actor_object, 200, JSON


@app.post("/inbox")
async def inbox():
    controller = await verify("post", f"{ORIGIN}/inbox", request.headers, request.get_data)
    activity = await request.get_json(force=True)
    if not controller or controller != activity.get("actor"):
        return "ERROR", 401
    received.append(activity)
    if activity.get("type") == "Follow":
        accept = activities.accept(activity).build()
        app.add_background_task(send, activity["actor"], accept)
    return "success", 202


@app.get("/control/ready")
async def ready():
    return {"actor": config.actor_id, "handle": f"@{config.handle_name}@{config.hostname}"}


@app.get("/control/received")
async def list_received():
    return {"items": received}


@app.get("/control/lookup")
async def lookup():
    uri = "acct:" + request.args["handle"].removeprefix("@")
    domain = "https://" + uri.rsplit("@", 1)[1]
    async with aiohttp.ClientSession() as session:
        found, _ = await lookup_uri_with_webfinger(session, uri, domain=domain)
    return {"actor": found}


@app.post("/control/follow")
async def follow():
    target = (await request.get_json())["target"]
    return await send(target, activities.follow(target).build())


@app.post("/control/dm")
async def dm():
    asked = await request.get_json()
    note = note_for(asked, config.make_id(), published=now_isoformat())
    sent = await send(asked["target"], activities.create(note).build())
    return {**sent, "object": note["id"]}


@app.post("/control/edit")
async def edit():
    asked = await request.get_json()
    note = note_for(asked, asked["object"], updated=now_isoformat())
    return await send(asked["target"], activities.update(note).build())


@app.post("/control/delete")
async def delete():
    asked = await request.get_json()
    gone = {"type": "Tombstone", "id": asked["object"], "attributedTo": config.actor_id, "to": [asked["target"]]}
    return await send(asked["target"], activities.delete(gone, to={asked["target"]}).build())


def note_for(asked: dict, note_id: str, **times) -> dict:
    target = asked["target"]
    note = objects.note(content=asked["content"], to={target}).build()
    return {**note, **times, "id": note_id, "tag": [{"type": "Mention", "href": target}]}


@app.errorhandler(Exception)
async def fault(error):
    app.logger.exception(error)
    return {"error": repr(error)}, 500


if __name__ == "__main__":
    app.run(port=PORT, host="127.0.0.1", use_reloader=False)
