"""Goes through the handshake with a running issuer, right and wrong. `interop-tests/tests/handshake.rs` starts it with
  HOLDER  the node's own public origin, as the proxy in front of it shows it
  PORT    the loopback port to serve its actors on
  ISSUER  the origin to call
"""

import os
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import ed25519
from node import COVERED, Node, Signer, multikey


def run(node):
    alice = node.origin + "/users/alice"
    for key in (node.rsa, node.edwards):
        for subject, scopes in ((None, ["stream"]), (alice, ["chat:write", "chat:read", "not:known"])):
            challenge = node.opened(subject=subject, scopes=scopes, key=key)
            status, session = node.verify(challenge, key=key)
            assert status == 201 and session["token_type"] == "Bearer", (status, session)
            assert session["scope"] == ("chat:read chat:write" if subject else "stream"), session
            about = {"token": session["session_token"]}
            status, told = node.call("introspect", about, key)
            assert status == 200 and told["active"] and told["client_id"] == node.actor, told
            assert told["sub"] == (subject or node.actor) and told["aud"] == node.issuer == told["iss"], told
            assert told["scope"] == session["scope"] and told["exp"] - told["iat"] <= 86400, told
            assert node.verify(challenge, key=key) == (401, "challenge_unknown")
            named = about if subject else {"session_id": session["session_id"]}
            for _ in range(2):
                assert node.call("revoke", named, key)[0] == 200
            assert node.call("introspect", about, key) == (200, {"active": False})
    print("sessions for the node and for a user, with both kinds of key")

    wrong = {
        "signature_tag": [{"tag": None}, {"tag": "other"}],
        "nonce_refused": [{"nonce": "x" * 43}],
        "signature_incomplete": [{"covered": COVERED[:2]}, {"covered": COVERED[1:]}],
        "signature_refused": [{"url": "https://other.example/api/v1/node/verify"}],
        "signature_scheme": [{"drop": ["Signature-Input"]}],
        "signature_missing": [{"drop": ["Signature-Input", "Signature"]}],
    }
    for code, ways in wrong.items():
        for way in ways:
            challenge = node.opened()
            assert node.verify(challenge, **way) == (401, code), (code, way)
            assert node.verify(challenge) == (401, "challenge_unknown"), (code, way)
    print("each wrong proof is refused and ends its challenge")

    challenge = node.opened()
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(status for status, _ in pool.map(lambda _: node.verify(challenge), range(100)))
    assert statuses == [201] + [401] * 99, statuses
    print("of a hundred verifies at once, one gets the session")

    assert node.challenge(subject=node.issuer + "/users/bob") == (403, "foreign_subject")
    assert node.challenge(subject=node.origin + "/users/nobody") == (403, "subject_unusable")
    assert node.challenge(scopes=["not:known"]) == (403, "scope_refused")
    assert node.call("challenge", {"scopes": []}) == (400, "malformed_message")
    assert node.call("revoke", {"token": "unknown"})[0] == 200
    assert node.call("introspect", {"token": "unknown"}) == (200, {"active": False})
    node.pages["/users/bot"] = {**node.pages["/actor"], "id": node.origin + "/users/bot", "type": "Service"}
    key = ed25519.Ed25519PrivateKey.generate()
    multi = {"type": "Multikey", "controller": node.origin + "/users/bot"}
    multi |= {"id": node.origin + "/users/bot#key", "publicKeyMultibase": multikey(key.public_key())}
    node.pages["/users/bot"] |= {"assertionMethod": [multi], "publicKey": []}
    assert node.challenge(key=Signer(multi["id"], key)) == (403, "not_a_node")
    print("whatever is not granted is refused with its code")


itself = Node(os.environ["HOLDER"], os.environ["ISSUER"])
itself.serve(int(os.environ["PORT"]))
run(itself)
