"""Computes every vector of section 10 anew: `vectors.py docs/node-handshake.md`."""

import base64
import hashlib
import json
import re
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from node import NODE, Signer, multikey, pem


def vectors(path):
    text = open(path, encoding="utf-8").read()
    given = dict(re.findall(r"<!-- vector: (\S+) -->\n```\w+\n(.*?)\n```", text, re.S))
    unseen = set(given)

    def take(name):
        unseen.discard(name)
        return given[name]

    def check(name, computed):
        assert take(name) == computed, f"{name}: {computed}"

    seed = bytes.fromhex(take("ed25519-seed"))
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    check("ed25519-multibase", multikey(edwards.public_key()))
    other = serialization.load_pem_private_key(take("rsa-private-key").encode(), None)
    check("rsa-public-key", pem(other.public_key()).strip())
    actor, issuer, at = "https://holder.example/actor", "https://issuer.example", 1795190734
    keys = [Signer(actor + "#ed25519-key", edwards), Signer(actor + "#main-key", other)]

    def unpadded(name):
        return base64.urlsafe_b64encode(bytes.fromhex(take(name))).decode().rstrip("=")

    challenge, session = json.loads(take("challenge-answer")), json.loads(take("verify-answer"))
    assert challenge["nonce"] == unpadded("nonce-random") and challenge["audience"] == issuer
    token = session["session_token"]
    assert token == unpadded("token-random")
    check("token-hash", hashlib.sha256(token.encode()).hexdigest())
    check("token-hint", token[:8])
    told = json.loads(take("introspect-answer"))
    assert told["active"] and told["client_id"] == actor and told["scope"] == session["scope"]
    assert told["exp"] - told["iat"] == 86400
    assert json.loads(take("introspect-answer-after")) == {"active": False}
    bodies = {
        "challenge": {"subject": "https://holder.example/users/alice", "scopes": session["scope"].split()},
        "verify": {"challenge_id": challenge["challenge_id"]},
        "introspect": {"token": token},
        "revoke": {"session_id": session["session_id"]},
    }
    for second, (call, message) in enumerate(bodies.items()):
        body = json.dumps(message, separators=(",", ":"))
        check(f"{call}-body", body)
        proof = {"nonce": challenge["nonce"], "tag": "folkmoot-node"} if call == "verify" else {}
        key = keys[call == "introspect"]
        base, headers = key.headers(issuer + NODE + call, body.encode(), at + second, **proof)
        check(f"{call}-signature-base", base)
        for name, value in headers.items():
            check(f"{call}-{name.lower()}", value)
    assert not unseen, unseen
    print(f"{len(given)} vectors")


vectors(sys.argv[1])
