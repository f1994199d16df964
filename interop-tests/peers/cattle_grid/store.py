"""What this server holds beside cattle_grid's database: the documents under its origin, and what came
in."""

import json
import os
import secrets

ORIGIN = os.environ["PEER_ORIGIN"]
NAME = os.environ["PEER_NAME"]
HOST = ORIGIN.split("://", 1)[1]
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    {
        "toot": "http://joinmastodon.org/ns#",
        "Emoji": "toot:Emoji",
        "votersCount": "toot:votersCount",
        "litepub": "http://litepub.social/ns#",
        "EmojiReact": "litepub:EmojiReact",
        "Hashtag": "as:Hashtag",
        "sensitive": "as:sensitive",
    },
]

mode = {"authorized_fetch": True, "accept_follows": "auto", "down": False}
documents: dict[str, dict] = {}
collections: dict[str, tuple[list, int]] = {}
received: list[dict] = []
refused: list[dict] = []


def new_id(folder: str) -> str:
    return f"{ORIGIN}/{folder}/{secrets.token_urlsafe(12)}"


def id_of(value):
    return value.get("id") if isinstance(value, dict) else value


def listed(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def refuse(body: bytes, reason: str, status: int):
    try:
        kind = json.loads(body).get("type")
    except (ValueError, AttributeError, RecursionError):
        kind = None
    refused.append({"reason": reason, "type": kind, "status": status})


def has(url: str) -> bool:
    return url in documents or url in collections


def keep(document: dict):
    if str(document.get("id", "")).startswith(f"{ORIGIN}/"):
        documents[document["id"]] = {"@context": CONTEXT, **document}


def complete(given: dict, actor: str) -> dict:
    """Gives an activity what a client may leave out, and stores what it says."""
    activity = {"@context": CONTEXT, "id": new_id("activities"), "actor": actor, **given}
    thing = activity.get("object")
    if activity["type"] in ("Create", "Update") and isinstance(thing, dict):
        thing = {"id": new_id("objects"), **thing}
        if thing["id"] != actor:
            thing.setdefault("attributedTo", actor)
            keep(thing)
        activity["object"] = thing
    if activity["type"] == "Delete" and thing != actor and str(id_of(thing)).startswith(ORIGIN):
        keep({"type": "Tombstone", "id": id_of(thing)})
    keep(activity)
    return activity
