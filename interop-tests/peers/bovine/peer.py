"""A bovine server, driven over its control routes. It verifies every signature and keeps its keys over
restarts. Started by `interop-tests/src/peer.rs` with:
  PEER_ORIGIN  the public https origin, as the proxy in front of it shows it
  PEER_NAME    the actor's name
  PEER_PORT    the loopback port to listen on
  PEER_DATA    a folder for the keys
  PEER_SOFTWARE  what its software is called in NodeInfo; `bovine` when absent
"""

import os
import sys
from importlib.metadata import version

# The modules beside this one lie in the source tree, which stays as it is.
sys.dont_write_bytecode = True

from bovine.activitystreams import OrderedCollection, OrderedCollectionPage
from bovine.crypto import build_validate_http_signature_raw
from bovine.crypto.types import CryptographicIdentifier
from bovine.types.nodeinfo import NodeInfo
from bovine.utils import webfinger_response_json
from quart import Quart, request

import store
from control import control, deliveries
from store import ORIGIN, PUBLIC, id_of, listed

PORT = int(os.environ["PEER_PORT"])
JSON = {"content-type": "application/activity+json", "vary": "Accept, Signature"}
# What a group passes on to its followers (FEP-1b12).
PASSED_ON = ("Create", "Update", "Delete", "Like", "Dislike", "EmojiReact", "Undo", "Announce")

app = Quart(__name__)
app.register_blueprint(control)


@app.before_serving
async def start():
    await deliveries.open()


async def public_key(url):
    document = await deliveries.get(store.server, url)
    if "publicKey" not in document:
        # A key with a document of its own says whose it is; its owner has to say so too.
        document = await deliveries.get(store.server, document["owner"])
    keys = listed(document["publicKey"])
    key = next((key for key in keys if key.get("id") == url), None)
    return CryptographicIdentifier.from_public_key(key) if key else None


verify = build_validate_http_signature_raw(public_key)


async def signer() -> str | None:
    body = request.get_data if request.method == "POST" else None
    if "signature" not in request.headers:
        return None
    try:
        return await verify(request.method.lower(), f"{ORIGIN}{request.path}", request.headers, body)
    except Exception as error:
        app.logger.warning("no signature could be checked: %r", error)
        return None


@app.before_request
async def gate():
    if request.path.startswith("/control/"):
        return None
    if store.mode["down"]:
        return "down", 503
    open_paths = ("/.well-known/", "/actors/server", "/inbox")
    if request.method != "GET" or request.path.startswith(open_paths) or not store.mode["authorized_fetch"]:
        return None
    return None if await signer() else ("Unauthorized", 401, {"vary": "Accept, Signature"})


@app.get("/.well-known/webfinger")
async def webfinger():
    open_to_pages = {"access-control-allow-origin": "*"}
    resource = request.args.get("resource", "")
    if not resource:
        return "no resource", 400, open_to_pages
    for local in store.actors.values():
        account = f"acct:{local.name}@{store.HOST}"
        if resource in (account, local.id):
            found = webfinger_response_json(account, local.id)
            return found, 200, {"content-type": "application/jrd+json", **open_to_pages}
    return "not found", 404, open_to_pages


@app.get("/.well-known/nodeinfo")
async def nodeinfo_links():
    schema = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    return {"links": [{"rel": schema, "href": f"{ORIGIN}/nodeinfo/2.0"}]}


@app.get("/nodeinfo/2.0")
async def nodeinfo():
    software = {"name": store.SOFTWARE, "version": version("bovine")}
    return NodeInfo(software=software).model_dump(mode="json")


@app.post("/inbox")
async def shared_inbox():
    return await take(store.main)


@app.post("/actors/<name>/inbox")
async def inbox(name):
    local = store.actors.get(f"{ORIGIN}/actors/{name}")
    return await take(local) if local else ("not found", 404)


async def take(local: store.Local):
    try:
        activity = await request.get_json(force=True, silent=True)
    except RecursionError:
        activity = None
    if not isinstance(activity, dict):
        store.refused.append({"reason": "no JSON object", "type": None, "status": 400})
        return "no JSON object", 400
    controller = await signer()
    if not controller or controller != id_of(activity.get("actor")):
        reason = "the actor did not sign" if controller else "no valid signature"
        store.refused.append({"reason": reason, "type": activity.get("type"), "status": 401})
        return "ERROR", 401
    store.received.append(activity)
    if "proof" in activity:
        app.add_background_task(check_proof, activity)
    await act_on(activity, local)
    return "success", 202


async def check_proof(activity: dict):
    """Notes whether bovine finds the proof valid (FEP-8b32)."""
    without = {key: value for key, value in activity.items() if key != "signature"}
    noted = {"activity": activity.get("id"), "valid": False}
    try:
        method = activity["proof"]["verificationMethod"]
        document = await deliveries.get(store.server, method)
        keys = listed(document.get("assertionMethod", document))
        key = next(key for key in keys if id_of(key) == method)
        owner = CryptographicIdentifier.from_multikey(key).verify_document(without)
        noted["valid"] = owner == id_of(activity["actor"])
    except Exception as error:
        noted["error"] = repr(error)
    store.proofs.append(noted)


async def act_on(activity: dict, local: store.Local):
    kind, thing, sender = activity.get("type"), activity.get("object"), id_of(activity["actor"])
    if kind == "Follow":
        app.add_background_task(answer_follow, activity)
    elif kind == "Undo" and isinstance(thing, dict) and thing.get("type") == "Follow":
        followed = store.actors.get(id_of(thing.get("object")))
        if followed:
            followed.followers.pop(sender, None)
    elif kind == "Reject":
        follow = thing if isinstance(thing, dict) else store.documents.get(thing, {})
        follower = store.actors.get(id_of(follow.get("actor")))
        if follower and sender in follower.following:
            follower.following.remove(sender)
    elif kind == "Accept":
        follow = thing if isinstance(thing, dict) else store.documents.get(thing, {})
        follower = store.actors.get(id_of(follow.get("actor")))
        if follower and sender not in follower.following:
            follower.following.append(sender)
    elif kind == "Create":
        store.count_vote(thing)
    if kind in PASSED_ON:
        pass_on(activity, local)


async def answer_follow(follow: dict):
    local = store.actors.get(id_of(follow.get("object")))
    if local is None or store.mode["accept_follows"] == "manual":
        return
    activities, _ = local.factories()
    follower = id_of(follow["actor"])
    if store.mode["accept_follows"] == "reject":
        answer = activities.reject(follow).build()
    else:
        answer = activities.accept(follow).build()
        local.followers[follower] = (await deliveries.get(local, follower))["inbox"]
    store.keep(answer)
    await deliveries.send(local, follower, answer)


def pass_on(activity: dict, addressed: store.Local):
    thing = activity.get("object")
    parts = [activity, thing if isinstance(thing, dict) else {}]
    named = [id_of(one) for part in parts for key in ("to", "cc", "audience") for one in listed(part.get(key))]
    for local in list(store.actors.values()):
        if local.type != "Group" or id_of(activity["actor"]) not in local.followers:
            continue
        if local is addressed or local.id in named:
            activities, _ = local.factories()
            announce = activities.announce(activity["id"], to={PUBLIC}, cc={f"{local.id}/followers"}).build()
            announce["object"] = activity
            store.keep(announce)
            app.add_background_task(deliveries.to_followers, local, announce)


@app.get("/actor")
@app.get("/actors/<name>")
async def get_actor(name=None):
    local = store.actors.get(f"{ORIGIN}{request.path}")
    return (local.document(), 200, JSON) if local else ("not found", 404)


@app.get("/actor/<collection>")
@app.get("/actors/<name>/<collection>")
async def get_actor_collection(collection, name=None):
    url = f"{ORIGIN}{request.path}"
    local = store.actors.get(url.rsplit("/", 1)[0])
    if local is None or collection not in ("followers", "following", "outbox"):
        return await get_document()
    if collection == "outbox":
        items = [document for document in store.documents.values() if is_public_by(document, local)]
    else:
        items = list(getattr(local, collection))
    return OrderedCollection(url, items=items, count=len(items)).build(), 200, JSON


def is_public_by(document: dict, local: store.Local) -> bool:
    audience = listed(document.get("to")) + listed(document.get("cc"))
    return id_of(document.get("actor")) == local.id and PUBLIC in audience


@app.get("/collections/<name>")
async def get_collection(name):
    url = f"{ORIGIN}/collections/{name}"
    items, size = store.collections.get(name, ([], 10) if name == "featured" else (None, 0))
    if items is None:
        return "not found", 404
    page = request.args.get("page", type=int)
    if page is None:
        last = max(0, (len(items) - 1) // size)
        whole = OrderedCollection(url, count=len(items), first=f"{url}?page=0", last=f"{url}?page={last}")
        return whole.build(), 200, JSON
    following = f"{url}?page={page + 1}" if (page + 1) * size < len(items) else None
    previous = f"{url}?page={page - 1}" if page > 0 else None
    shown = items[page * size : (page + 1) * size]
    built = OrderedCollectionPage(f"{url}?page={page}", shown, url, next=following, prev=previous)
    return built.build(), 200, JSON


@app.get("/<path:path>")
async def get_document(path=None):
    document = store.documents.get(f"{ORIGIN}{request.path}")
    if document is None:
        return "not found", 404
    if not await may_read(document):
        return "Unauthorized", 401, {"vary": "Accept, Signature"}
    return document, 410 if document["type"] == "Tombstone" else 200, JSON


async def may_read(document: dict) -> bool:
    """What is addressed to some is for those alone."""
    audience = [id_of(one) for key in ("to", "cc") for one in listed(document.get(key))]
    if not audience or PUBLIC in audience:
        return True
    reader = await signer()
    owner = id_of(document.get("actor", document.get("attributedTo")))
    follows = any(
        reader in local.followers for local in store.actors.values() if f"{local.id}/followers" in audience
    )
    return reader is not None and (reader == owner or reader in audience or follows)


@app.errorhandler(Exception)
async def fault(error):
    status = getattr(error, "code", None)
    if isinstance(status, int):
        return str(error), status
    app.logger.exception(error)
    return {"error": repr(error)}, 502


if __name__ == "__main__":
    app.run(port=PORT, host="127.0.0.1", use_reloader=False)
