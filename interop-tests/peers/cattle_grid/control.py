"""What the control routes do. They are reached on loopback alone."""

import json
from contextvars import ContextVar
from importlib.metadata import version

from bovine.activitystreams import factories_for_actor_object
from bovine.clients import lookup_uri_with_webfinger
from bovine.clients.signed_http import SignedHttpClient
from cattle_grid.activity_pub.actor import create_actor
from cattle_grid.activity_pub.actor.internals import bovine_actor_for_actor_id
from cattle_grid.activity_pub.actor.relationship import followers_for_actor
from cattle_grid.activity_pub.actor.requester import is_valid_requester
from cattle_grid.activity_pub.actor.transform import actor_to_object
from cattle_grid.app import app_globals
from cattle_grid.database.activity_pub_actor import Actor
from cattle_grid.model import ActivityMessage
from cattle_grid.model.exchange import UpdateActorMessage
from cattle_grid.model.processing import StoreActivityMessage, ToSendMessage
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import store
from store import ORIGIN, id_of, listed

ACTOR_TYPES = ("Application", "Group", "Organization", "Person", "Service")
# What cattle_grid keeps account of when it leaves; it goes to whom it is addressed.
COUNTED = ("Follow", "Accept", "Reject", "Undo", "Block")
SUPPORTS = (
    "cavage follow accept reject undo dm public followers_only reply mention edit delete like emoji_react announce "
    "group flag block move poll attachment collection authorized_fetch fetch profile actor publish manual_follows "
    "shared_inbox webfinger nodeinfo"
).split()
UNSUPPORTED = {
    "rfc9421": "it signs and verifies by bovine 0.5, whose support for RFC 9421 is in development (docstring of "
    "bovine.crypto.signature.RFC9421Signature)",
    "double_knock": "it has one signature scheme to send with (bovine.clients.signed_http)",
    "proofs": "no module of cattle_grid 0.5.22 makes integrity proofs",
    "ld_signatures": "no module of cattle_grid 0.5.22 makes LD signatures",
    "queue": "what could not be sent is not sent again (cattle_grid.activity_pub.processing.remote.sending_message)",
    "rotate": "an actor's key is made with it, and no action changes it (cattle_grid.model.exchange_update_actor)",
    "key_refresh": "a key that it fetched it keeps (cattle_grid.auth.public_key_cache.PublicKeyCache.from_cache)",
    "followers_sync": "no module of cattle_grid 0.5.22 names the header Collection-Synchronization",
    "host_meta": "no module of cattle_grid 0.5.22 serves host-meta",
}

first: dict[str, str] = {}
posts: ContextVar[list | None] = ContextVar("posts", default=None)
plain_post = SignedHttpClient.post


async def seen_post(self, url, *arguments, **named):
    """Sees what cattle_grid posts, so that a delivery can be reported with its status."""
    seen = posts.get()
    outcome = {"inbox": url, "status": None, "scheme": "cavage"}
    if seen is not None:
        seen.append(outcome)
    try:
        response = await plain_post(self, url, *arguments, **named)
    except Exception as error:
        outcome["error"] = repr(error)
        raise
    outcome["status"] = response.status
    return response


SignedHttpClient.post = seen_post


class Unsupported(Exception):
    """cattle_grid cannot do what was asked."""


async def actor_of(session, actor_id: str) -> Actor:
    wanted = select(Actor).where(Actor.actor_id == actor_id).options(joinedload(Actor.identifiers))
    found = (await session.scalars(wanted)).unique().first()
    if found is None:
        raise ValueError(f"no actor of this server is {actor_id}")
    return found


async def client_of(session, actor_id: str):
    client = await bovine_actor_for_actor_id(session, actor_id)
    if client is None:
        raise ValueError(f"no actor of this server is {actor_id}")
    await client.init(app_globals.session)
    return client


async def make(name: str, kind: str) -> dict:
    if kind not in ACTOR_TYPES:
        raise ValueError(f"{kind} is no actor type")
    async with app_globals.async_session_maker() as session:
        made = await create_actor(
            session,
            f"{ORIGIN}/",
            # With the port, which `preferred_username` would leave out.
            identifiers={"webfinger": f"acct:{name}@{store.HOST}"},
            profile={"type": kind, "name": name},
            automatically_accept_followers=store.mode["accept_follows"] == "auto",
        )
        return {"actor": made.actor_id, "handle": f"@{name}@{store.HOST}"}


async def main_actor() -> dict:
    if not first:
        first.update(await make(store.NAME, "Person"))
    return first


async def by(asked: dict) -> str:
    return asked.get("as") or (await main_actor())["actor"]


async def publish(message, exchange, routing_key: str) -> list[dict]:
    """Hands a message to cattle_grid; gives what it posted because of it."""
    seen: list[dict] = []
    token = posts.set(seen)
    try:
        await app_globals.broker.publish(message, exchange=exchange, routing_key=routing_key)
    finally:
        posts.reset(token)
    return seen


async def send_to(actor: str, target: str, activity: dict) -> list[dict]:
    message = ToSendMessage(actor=actor, data=activity, target=target)
    seen = await publish(message, app_globals.internal_exchange, "to_send")
    return seen or [{"inbox": target, "status": None, "error": "nothing was posted"}]


async def post_to(actor: str, inbox: str, activity: dict) -> list[dict]:
    seen: list[dict] = []
    token = posts.set(seen)
    try:
        async with app_globals.async_session_maker() as session:
            client = await client_of(session, actor)
        async with await client.client.post(inbox, json.dumps(activity)):
            pass
    except OSError:
        pass  # It is in what was seen.
    finally:
        posts.reset(token)
    return seen


async def ready(_asked):
    release = version("cattle-grid")
    async with app_globals.async_session_maker() as session:
        main = await actor_of(session, (await main_actor())["actor"])
    return {
        **first,
        "inbox": main.inbox_uri,
        "name": "cattle_grid",
        "version": release,
        "library": f"cattle_grid {release}",
        "schemes": ["cavage"],
        "supports": SUPPORTS,
        "unsupported": UNSUPPORTED,
    }


async def received(_asked):
    return {"items": store.received}


async def refused(_asked):
    return {"items": store.refused}


async def followers(asked):
    async with app_globals.async_session_maker() as session:
        return {"items": list(await followers_for_actor(session, await actor_of(session, await by(asked))))}


async def lookup(asked):
    uri = "acct:" + asked["handle"].removeprefix("@")
    domain = "https://" + uri.rsplit("@", 1)[1]
    found, _ = await lookup_uri_with_webfinger(app_globals.session, uri, domain=domain)
    return {"actor": found}


async def send(asked):
    actor = await by(asked)
    if asked.get("scheme", "cavage") != "cavage":
        raise Unsupported(UNSUPPORTED["rfc9421"])
    for wanted in ("queued", "proof"):
        if asked.get(wanted):
            raise Unsupported(UNSUPPORTED[{"queued": "queue", "proof": "proofs"}[wanted]])
    activity = store.complete(asked["activity"], actor)
    outcomes = []
    targets = list(asked.get("targets", []))
    async with app_globals.async_session_maker() as session:
        known = await actor_of(session, actor)
        named = ("followers", known.followers_uri)
        if any(target in named for target in targets):
            targets = [target for target in targets if target not in named]
            targets += await followers_for_actor(session, known)
    if activity["type"] in COUNTED and targets:
        message = ActivityMessage(actor=actor, data=activity)
        outcomes += await publish(message, app_globals.activity_exchange, "send_message")
    else:
        for target in dict.fromkeys(targets):
            outcomes += await send_to(actor, target, activity)
    for inbox in asked.get("inboxes", []):
        outcomes += await post_to(actor, inbox, activity)
    return {"activity": activity["id"], "object": id_of(activity.get("object")), "outcomes": outcomes}


async def follow(asked):
    target = asked["target"]
    activity = {"type": "Follow", "object": target, "to": [target]}
    return await send({"as": await by(asked), "activity": activity, "targets": [target]})


async def fetch(asked):
    headers = {"accept": "application/activity+json"}
    if asked.get("signed", True):
        async with app_globals.async_session_maker() as session:
            client = await client_of(session, await by(asked))
        response = await client.client.get(asked["url"])
    else:
        response = await app_globals.session.get(asked["url"], headers=headers, allow_redirects=False)
    async with response:
        text = await response.text()
        try:
            document = json.loads(text) if response.status < 300 else None
        except ValueError:
            document = None
        kind = response.headers.get("content-type")
        return {"status": response.status, "document": document, "content_type": kind}


async def publish_document(asked):
    document = {"id": store.new_id("objects"), **(asked.get("object") or asked["activity"])}
    if not document["id"].startswith(f"{ORIGIN}/"):
        raise ValueError(f"{document['id']} is not under {ORIGIN}")
    store.keep(document)
    return {"id": document["id"]}


async def collection(asked):
    url = f"{ORIGIN}/collections/{asked['name']}"
    store.collections[url] = (asked["items"], asked.get("page_size", 10))
    return {"id": url}


async def rotate(_asked):
    raise Unsupported(UNSUPPORTED["rotate"])


async def profile(asked):
    actor = await by(asked)
    shown = {key: asked[key] for key in ("name", "summary") if key in asked}
    message = UpdateActorMessage(actor=actor, profile=shown)
    outcomes = await publish(message, app_globals.activity_exchange, "update_actor")
    return {"activity": None, "outcomes": outcomes}


async def mode(asked):
    for key, value in asked.items():
        if key not in store.mode:
            raise ValueError(f"unknown mode {key}")
        if key != "authorized_fetch":  # It asks for signatures always.
            store.mode[key] = value
    async with app_globals.async_session_maker() as session:
        automatic = store.mode["accept_follows"] == "auto"
        await session.execute(update(Actor).values(automatically_accept_followers=automatic))
        await session.commit()
    return store.mode


async def actor(asked):
    return await make(asked["name"], asked["type"])


async def answer(activity: dict):
    """Refuses a Follow when it is told to; what is accepted cattle_grid accepts itself."""
    if activity.get("type") != "Follow" or store.mode["accept_follows"] != "reject":
        return
    followed = id_of(activity.get("object"))
    async with app_globals.async_session_maker() as session:
        document = actor_to_object(await actor_of(session, followed))
    activities, _ = factories_for_actor_object(document)
    message = StoreActivityMessage(actor=followed, data=activities.reject(activity).build())
    await publish(message, app_globals.internal_exchange, "store_activity")


async def show(url: str, query: str, requester: str) -> tuple[int, list, bytes]:
    """A document of this server's, for whom cattle_grid's rule lets it be."""
    headers = [(b"content-type", b"application/activity+json")]
    if url in store.collections:
        items, size = store.collections[url]
        page = int(query.removeprefix("page=")) if query.startswith("page=") else None
        found = {"id": url, "type": "OrderedCollection", "totalItems": len(items), "first": f"{url}?page=0"}
        if page is not None:
            shown = items[page * size : (page + 1) * size]
            found = {"id": f"{url}?page={page}", "type": "OrderedCollectionPage", "partOf": url, "orderedItems": shown}
            if (page + 1) * size < len(items):
                found["next"] = f"{url}?page={page + 1}"
        found["@context"] = store.CONTEXT
        return 200, headers, json.dumps(found).encode()
    document = store.documents[url]
    if document.get("type") == "Tombstone":
        return 410, headers, json.dumps(document).encode()
    owner = id_of((listed(document.get("actor")) + listed(document.get("attributedTo")))[0])
    async with app_globals.async_session_maker() as session:
        allowed = await is_valid_requester(session, requester, await actor_of(session, owner), document)
    return (200, headers, json.dumps(document).encode()) if allowed else (401, [], b"")


def route(name, work, method):
    async def handle(request):
        asked = dict(request.query_params) if method == "GET" else await request.json()
        try:
            return JSONResponse(await work(asked))
        except Unsupported as reason:
            return JSONResponse({"unsupported": str(reason)}, 501)
        except (ValueError, KeyError) as error:
            return JSONResponse({"error": repr(error)}, 400)
        except Exception as error:
            return JSONResponse({"error": repr(error)}, 502)

    return Route(f"/control/{name}", handle, methods=[method])


QUESTIONS = [ready, received, refused, followers, lookup]
COMMANDS = [follow, send, fetch, collection, rotate, profile, mode, actor]
app = Starlette(
    routes=[route(work.__name__, work, "GET") for work in QUESTIONS]
    + [route(work.__name__, work, "POST") for work in COMMANDS]
    + [route("publish", publish_document, "POST")]
)
