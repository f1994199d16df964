"""A second implementation of the node handshake, written from docs/node-handshake.md alone: a node that signs,
shows its actor, and asks an issuer for sessions. `vectors.py` and `scenario.py` use it."""

import base64
import hashlib
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
NODE = "/api/v1/node/"
COVERED = ("@method", "@target-uri", "content-digest")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def multikey(key: ed25519.Ed25519PublicKey) -> str:
    data = b"\xed\x01" + key.public_bytes_raw()
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "z" + text


def pem(key: rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


class Signer:
    """Section 3: signs calls with one key of a node actor."""

    def __init__(self, key_id, key):
        self.key_id, self.key = key_id, key
        self.alg = "ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "rsa-v1_5-sha256"

    def sign(self, data: bytes) -> bytes:
        if self.alg == "ed25519":
            return self.key.sign(data)
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def headers(self, url, body, created, nonce=None, tag=None, covered=COVERED):
        digest = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
        params = "(" + " ".join(f'"{name}"' for name in covered) + ")"
        params += f';created={created};keyid="{self.key_id}";alg="{self.alg}"'
        params += "".join(f';{name}="{value}"' for name, value in (("nonce", nonce), ("tag", tag)) if value)
        values = {"@method": "POST", "@target-uri": url, "content-digest": digest}
        lines = [f'"{name}": {values[name]}' for name in covered] + [f'"@signature-params": {params}']
        base = "\n".join(lines)
        signature = f"sig1=:{b64(self.sign(base.encode()))}:"
        return base, {"Content-Digest": digest, "Signature-Input": "sig1=" + params, "Signature": signature}


class Node:
    """Sections 2 and 4 to 7: shows a node actor and a user, and makes the four calls."""

    def __init__(self, origin, issuer):
        self.origin, self.issuer, self.actor = origin, issuer, origin + "/actor"
        edwards, other = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)
        self.edwards = Signer(self.actor + "#ed25519-key", edwards)
        self.rsa = Signer(self.actor + "#main-key", other)
        rel = "https://www.w3.org/ns/activitystreams#Application"
        shown = {"publicKey": {"id": self.rsa.key_id, "owner": self.actor, "publicKeyPem": pem(other.public_key())}}
        multi = {"type": "Multikey", "controller": self.actor, "publicKeyMultibase": multikey(edwards.public_key())}
        shown["assertionMethod"] = [{"id": self.edwards.key_id, **multi}]
        self.pages = {
            "/actor": {"id": self.actor, "type": "Application", "inbox": self.actor + "/inbox", **shown},
            "/users/alice": {"id": origin + "/users/alice", "type": "Person", "inbox": origin + "/users/alice/inbox"},
            "/.well-known/nodeinfo": {"links": [{"rel": rel, "href": self.actor}]},
        }

    def serve(self, port):
        pages = self.pages

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path)
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "application/activity+json")
                self.end_headers()
                self.wfile.write(json.dumps(page or {}).encode())

        server = ThreadingHTTPServer(("127.0.0.1", port), Pages)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def call(self, name, message, key=None, url=None, drop=(), **signed):
        body = json.dumps(message).encode()
        _, headers = (key or self.rsa).headers(url or self.issuer + NODE + name, body, int(time.time()), **signed)
        headers = {name: value for name, value in headers.items() if name not in drop}
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.issuer + NODE + name, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            assert refusal.headers["Content-Type"] == "application/problem+json", refusal.headers
            return refusal.code, json.load(refusal)["code"]

    def challenge(self, subject=None, scopes=("stream",), **how):
        return self.call("challenge", {"subject": subject, "scopes": list(scopes)}, **how)

    def opened(self, **how):
        status, challenge = self.challenge(**how)
        assert status == 201 and challenge["audience"] == self.issuer, (status, challenge)
        return challenge

    def verify(self, challenge, nonce=None, tag="folkmoot-node", **how):
        message = {"challenge_id": challenge["challenge_id"]}
        return self.call("verify", message, nonce=nonce or challenge["nonce"], tag=tag, **how)
