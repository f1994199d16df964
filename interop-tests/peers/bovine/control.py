"""What the control routes do. They are reached on loopback alone."""

import json
from importlib.metadata import version

import aiohttp
from bovine.clients import lookup_uri_with_webfinger
from bovine.utils import now_isoformat
from quart import Blueprint, request

import store
from store import ORIGIN, main

control = Blueprint("control", __name__, url_prefix="/control")
SUPPORTS = (
    "follow accept reject undo dm public followers_only reply mention edit delete like emoji_react announce group "
    "flag block move poll attachment collection featured authorized_fetch fetch rotate profile actor publish "
    "manual_follows proofs shared_inbox webfinger nodeinfo key_refresh"
).split()
UNSUPPORTED = {
    "rfc9421": "it signs by draft-cavage alone (bovine.clients.signed_http), and support for RFC 9421 is in "
    "development (docstring of bovine.crypto.signature.RFC9421Signature)",
    "double_knock": "it has one signature scheme to send with (bovine.clients.signed_http)",
    "queue": "BovineActor.post sends once; a queue is the application's (bovine.BovineActor)",
    "followers_sync": "no module of bovine 0.5.19 names the header Collection-Synchronization",
    "ld_signatures": "no module of bovine 0.5.19 makes or checks LD signatures",
    "host_meta": "no module of bovine 0.5.19 serves host-meta",
    "proofs_receive": "it checks a proof only when asked (`proofs` of this server's control route `received` has what "
    "it found)",
    "rotate_keep_old": "an actor has one public key (bovine.activitystreams.Actor.build_public_key)",
    "deduplication": "it keeps nothing of what it received; a store is the application's (bovine.BovineActor)",
}


class Unsupported(Exception):
    """The library cannot do what was asked."""


def local_for(asked: dict) -> store.Local:
    wanted = asked.get("as") or main.id
    if wanted not in store.actors:
        raise ValueError(f"no actor of this server is {wanted}")
    return store.actors[wanted]


class Deliveries:
    """Signed requests by the actors, with one HTTP session."""

    async def open(self):
        self.session = aiohttp.ClientSession()

    async def by(self, local: store.Local):
        actor = local.client()
        await actor.init_session(self.session)
        return actor

    async def get(self, local: store.Local, url: str) -> dict:
        return await (await self.by(local)).get(url)

    async def post(self, local: store.Local, inbox: str, activity: dict) -> dict:
        actor = await self.by(local)
        try:
            response = await actor.client.post(inbox, json.dumps(activity))
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"inbox": inbox, "status": None, "scheme": "cavage", "error": repr(error)}
        async with response:
            return {"inbox": inbox, "status": response.status, "scheme": "cavage"}

    async def send(self, local: store.Local, target: str, activity: dict) -> dict:
        found = await self.get(local, target)
        return await self.post(local, found["inbox"], activity)

    async def to_followers(self, local: store.Local, activity: dict) -> list[dict]:
        inboxes = dict.fromkeys(local.followers.values())
        return [await self.post(local, inbox, activity) for inbox in inboxes]


deliveries = Deliveries()


async def send_one(local: store.Local, target: str, activity: dict) -> dict:
    store.keep(activity)
    outcome = await deliveries.send(local, target, activity)
    if outcome["status"] is None or outcome["status"] >= 300:
        raise RuntimeError(f"{outcome['inbox']} answered {outcome['status']}")
    return {"activity": activity["id"], "object": activity.get("object")}


def note_for(asked: dict, note_id: str, **times) -> dict:
    target = asked["target"]
    _, objects = main.factories()
    note = objects.note(content=asked["content"], to={target}).build()
    note = {**note, **times, "id": note_id, "tag": [{"type": "Mention", "href": target}]}
    store.keep(note)
    return note


@control.get("/ready")
async def ready():
    release = version("bovine")
    return {
        "actor": main.id,
        "handle": f"@{main.name}@{store.HOST}",
        "name": "bovine",
        "version": release,
        "library": f"bovine {release}",
        "schemes": ["cavage"],
        "supports": SUPPORTS,
        "unsupported": UNSUPPORTED,
    }


@control.get("/received")
async def list_received():
    about = request.args.get("about", "")
    items = [activity for activity in store.received if about in json.dumps(activity).replace("-", "_")]
    return {"items": items, "proofs": store.proofs}


@control.get("/refused")
async def list_refused():
    return {"items": store.refused}


@control.get("/followers")
async def list_followers():
    return {"items": list(local_for(request.args).followers)}


@control.get("/lookup")
async def lookup():
    uri = "acct:" + request.args["handle"].removeprefix("@")
    domain = "https://" + uri.rsplit("@", 1)[1]
    found, _ = await lookup_uri_with_webfinger(deliveries.session, uri, domain=domain)
    return {"actor": found}


@control.post("/follow")
async def follow():
    asked = await request.get_json()
    local = local_for(asked)
    activities, _ = local.factories()
    return await send_one(local, asked["target"], activities.follow(asked["target"]).build())


@control.post("/dm")
async def dm():
    asked = await request.get_json()
    activities, _ = main.factories()
    note = note_for(asked, store.new_id("notes"), published=now_isoformat())
    sent = await send_one(main, asked["target"], activities.create(note).build())
    return {**sent, "object": note["id"]}


@control.post("/edit")
async def edit():
    asked = await request.get_json()
    activities, _ = main.factories()
    note = note_for(asked, asked["object"], updated=now_isoformat())
    return await send_one(main, asked["target"], activities.update(note).build())


@control.post("/delete")
async def delete():
    asked = await request.get_json()
    activities, _ = main.factories()
    gone = {"type": "Tombstone", "id": asked["object"], "attributedTo": main.id, "to": [asked["target"]]}
    store.keep(gone)
    return await send_one(main, asked["target"], activities.delete(gone, to={asked["target"]}).build())


@control.post("/send")
async def send():
    asked = await request.get_json()
    local = local_for(asked)
    if asked.get("scheme", "cavage") != "cavage":
        raise Unsupported(UNSUPPORTED["rfc9421"])
    if asked.get("queued"):
        raise Unsupported(UNSUPPORTED["queue"])
    activity = store.complete(asked["activity"], local)
    if asked.get("proof"):
        # With its context there already, bovine need not compact, which would fetch contexts.
        context = [*store.listed(activity["@context"]), "https://w3id.org/security/data-integrity/v1"]
        activity = local.proof_key.sign_document({**activity, "@context": context})
        store.keep(activity)
    inboxes = list(asked.get("inboxes", []))
    outcomes = []
    for target in asked.get("targets", []):
        if target in ("followers", f"{local.id}/followers"):
            inboxes += local.followers.values()
            continue
        found = await deliveries.get(local, target)
        shared = found.get("endpoints", {}).get("sharedInbox") if asked.get("shared") else None
        inboxes.append(shared or found["inbox"])
    if activity["type"] == "Accept":
        await accept_by_hand(local, activity)
    for inbox in dict.fromkeys(inboxes):
        outcomes.append(await deliveries.post(local, inbox, activity))
    return {
        "activity": activity["id"],
        "object": store.id_of(activity.get("object")),
        "outcomes": outcomes,
    }


async def accept_by_hand(local: store.Local, accept: dict):
    follow_id = store.id_of(accept.get("object"))
    for follow in store.received:
        if follow.get("id") == follow_id and follow.get("type") == "Follow":
            follower = store.id_of(follow["actor"])
            local.followers[follower] = (await deliveries.get(local, follower))["inbox"]


@control.post("/fetch")
async def fetch():
    asked = await request.get_json()
    if asked.get("signed", True):
        response = await (await deliveries.by(main)).client.get(asked["url"])
    else:
        headers = {"accept": "application/activity+json"}
        response = await deliveries.session.get(asked["url"], headers=headers, allow_redirects=False)
    async with response:
        text = await response.text()
        try:
            document = json.loads(text) if response.status < 300 else None
        except ValueError:
            document = None
        return {
            "status": response.status,
            "document": document,
            "content_type": response.headers.get("content-type"),
        }


@control.post("/publish")
async def publish():
    asked = await request.get_json()
    document = {"id": store.new_id("objects"), **(asked.get("object") or asked["activity"])}
    if not document["id"].startswith(f"{ORIGIN}/"):
        raise ValueError(f"{document['id']} is not under {ORIGIN}")
    store.keep(document)
    return {"id": document["id"]}


@control.post("/collection")
async def collection():
    asked = await request.get_json()
    store.collections[asked["name"]] = (asked["items"], asked.get("page_size", 10))
    return {"id": f"{ORIGIN}/collections/{asked['name']}"}


@control.post("/rotate")
async def rotate():
    asked = await request.get_json()
    if asked.get("keep_old"):
        raise Unsupported(UNSUPPORTED["rotate_keep_old"])
    local = local_for(asked)
    local.rotate()
    return {"key": f"{local.id}#main-key", "pem": local.public_key}


@control.post("/profile")
async def profile():
    asked = await request.get_json()
    local = local_for(asked)
    local.shown = asked.get("name", local.shown)
    local.summary = asked.get("summary", local.summary)
    activities, _ = local.factories()
    update = activities.update(local.document(), to={f"{local.id}/followers"}).build()
    store.keep(update)
    return {"activity": update["id"], "outcomes": await deliveries.to_followers(local, update)}


@control.post("/mode")
async def set_mode():
    asked = await request.get_json()
    for key, value in asked.items():
        if key not in store.mode:
            raise ValueError(f"unknown mode {key}")
        store.mode[key] = value
    return store.mode


@control.post("/actor")
async def add_actor():
    asked = await request.get_json()
    if asked["type"] not in store.ACTOR_TYPES:
        raise ValueError(f"{asked['type']} is no actor type")
    local = store.Local(asked["name"], asked["type"])
    store.actors[local.id] = local
    return {"actor": local.id, "handle": f"@{local.name}@{store.HOST}"}


@control.errorhandler(Unsupported)
async def unsupported(error):
    return {"unsupported": str(error)}, 501


@control.errorhandler(ValueError)
@control.errorhandler(KeyError)
async def mistaken(error):
    return {"error": repr(error)}, 400
