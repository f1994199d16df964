"""What this server holds: its actors with their keys, followers, documents, and what came in."""

import json
import os
import secrets
from dataclasses import dataclass, field

from bovine import BovineActor
from bovine.activitystreams import Actor, factories_for_actor_object
from bovine.crypto import (
    generate_ed25519_private_key,
    generate_rsa_public_private_key,
)
from bovine.crypto.helper import public_key_to_did_key
from bovine.crypto.multibase import multibase_to_private_key
from bovine.crypto.types import CryptographicSecret

ORIGIN = os.environ["PEER_ORIGIN"]
NAME = os.environ["PEER_NAME"]
HOST = ORIGIN.split("://", 1)[1]
DATA = os.environ["PEER_DATA"]
SOFTWARE = os.environ.get("PEER_SOFTWARE", "bovine")
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ACTOR_TYPES = ("Application", "Group", "Organization", "Person", "Service")
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


def new_id(folder: str) -> str:
    return f"{ORIGIN}/{folder}/{secrets.token_urlsafe(12)}"


@dataclass
class Local:
    """An actor of this server. The first one lives at `/actor`, further ones at `/actors/name`."""

    name: str
    type: str = "Person"
    shown: str = ""
    summary: str = ""
    followers: dict[str, str] = field(default_factory=dict)
    following: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.shown = self.shown or self.name
        self.base = f"{ORIGIN}/actor" if self.name == NAME else f"{ORIGIN}/actors/{self.name}"
        self.inbox = f"{ORIGIN}/inbox" if self.name == NAME else f"{self.base}/inbox"
        self._keys(fresh=False)

    @property
    def id(self) -> str:
        return self.base

    def rotate(self):
        self._keys(fresh=True)

    def _keys(self, fresh: bool):
        kept = os.path.join(DATA, f"key-{self.name}.json")
        if fresh or not os.path.exists(kept):
            public, private = generate_rsa_public_private_key()
            keys = {"public": public, "private": private, "ed25519": generate_ed25519_private_key()}
            with open(kept, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                json.dump(keys, file)
        with open(kept) as file:
            keys = json.load(file)
        self.public_key, self._private_key = keys["public"], keys["private"]
        self.proof_key = CryptographicSecret.from_multibase(f"{self.base}#ed25519-key", keys["ed25519"])
        key = public_key_to_did_key(multibase_to_private_key(keys["ed25519"]).public_key())
        self.multikey = key.removeprefix("did:key:")

    def client(self) -> BovineActor:
        return BovineActor(
            actor_id=self.id, public_key_url=f"{self.id}#main-key", secret=self._private_key
        )

    def document(self) -> dict:
        built = Actor(
            id=self.id,
            type=self.type,
            preferred_username=self.name,
            name=self.shown,
            summary=self.summary,
            inbox=self.inbox,
            outbox=f"{self.base}/outbox",
            url=self.id,
            public_key=self.public_key,
            public_key_name="main-key",
        ).build()
        multikey = {
            "id": f"{self.base}#ed25519-key",
            "type": "Multikey",
            "controller": self.id,
            "publicKeyMultibase": self.multikey,
        }
        # What bovine's builder shows to the owner alone or has no name for.
        return {
            **built,
            "@context": [
                *built["@context"],
                "https://w3id.org/security/multikey/v1",
                {
                    "assertionMethod": {
                        "@id": "https://w3id.org/security#assertionMethod",
                        "@type": "@id",
                        "@container": "@set",
                    },
                    "featured": {"@id": "http://joinmastodon.org/ns#featured", "@type": "@id"},
                },
            ],
            "followers": f"{self.base}/followers",
            "following": f"{self.base}/following",
            "featured": f"{ORIGIN}/collections/featured",
            "endpoints": {"sharedInbox": f"{ORIGIN}/inbox"},
            "manuallyApprovesFollowers": mode["accept_follows"] != "auto",
            "assertionMethod": [multikey],
        }

    def factories(self):
        return factories_for_actor_object(self.document(), id_generator=lambda: new_id("made"))


mode = {"authorized_fetch": False, "accept_follows": "auto", "down": False}
documents: dict[str, dict] = {}
collections: dict[str, tuple[list, int]] = {}
received: list[dict] = []
refused: list[dict] = []
proofs: list[dict] = []
main = Local(NAME)
# Signs the fetches of keys and is served to anybody, so that two servers that both ask for signed
# fetches do not wait for each other.
server = Local("server", "Application")
actors = {local.id: local for local in (main, server)}


def id_of(value):
    return value.get("id") if isinstance(value, dict) else value


def listed(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def keep(document: dict):
    if str(document.get("id", "")).startswith(f"{ORIGIN}/"):
        documents[document["id"]] = {"@context": CONTEXT, **document}


def complete(given: dict, local: Local) -> dict:
    """Gives an activity what a client may leave out, and stores what it says."""
    activity = {"@context": CONTEXT, "id": new_id("activities"), "actor": local.id, **given}
    thing = activity.get("object")
    if activity["type"] in ("Create", "Update") and isinstance(thing, dict):
        thing = {"id": new_id("objects"), **thing}
        if thing["id"] not in actors:
            thing.setdefault("attributedTo", local.id)
        activity["object"] = thing
        keep(thing)
    if activity["type"] == "Delete" and str(id_of(thing)).startswith(ORIGIN):
        keep({"type": "Tombstone", "id": id_of(thing)})
    keep(activity)
    return activity


def count_vote(note):
    """Counts a Note with the name of an option, in reply to a poll of this server (FEP-9967)."""
    if not isinstance(note, dict):
        return
    poll = documents.get(id_of(note.get("inReplyTo")), {})
    for option in listed(poll.get("oneOf") or poll.get("anyOf")):
        if poll.get("type") == "Question" and option.get("name") == note.get("name"):
            total = option.get("replies", {}).get("totalItems", 0) + 1
            option["replies"] = {"type": "Collection", "totalItems": total}
            poll["votersCount"] = poll.get("votersCount", 0) + 1
