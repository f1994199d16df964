// The key pairs of the actors: RSA for requests, Ed25519 for proofs. Kept over restarts.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { exportJwk, generateCryptoKeyPair, importJwk } from "@fedify/fedify";

import { data } from "./store.mjs";

// 2048 bits, as most servers have, where Fedify's own generator would take seconds for 4096.
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-256",
};
const pairs = new Map();
const former = new Map();

async function generate(file) {
  const rsa = crypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
  const made = await Promise.all([rsa, generateCryptoKeyPair("Ed25519")]);
  const kept = await Promise.all(made.map(async ({ publicKey, privateKey }) => ({
    public: await exportJwk(publicKey),
    private: await exportJwk(privateKey),
  })));
  writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
}

async function load(identifier, fresh) {
  const file = join(data, `key-${identifier}.json`);
  if (fresh || !existsSync(file)) await generate(file);
  const kept = JSON.parse(readFileSync(file, "utf8"));
  return await Promise.all(kept.map(async (pair) => ({
    publicKey: await importJwk(pair.public, "public"),
    privateKey: await importJwk(pair.private, "private"),
  })));
}

export async function keyPairs(identifier) {
  if (!pairs.has(identifier)) pairs.set(identifier, load(identifier, false));
  return await pairs.get(identifier);
}

// The public keys that no longer sign but are still shown.
export function formerKeys(identifier) {
  return former.get(identifier) ?? [];
}

export async function rotate(identifier, keepOld) {
  const old = await keyPairs(identifier);
  former.set(identifier, keepOld ? old.map((pair) => pair.publicKey) : []);
  pairs.set(identifier, load(identifier, true));
  await pairs.get(identifier);
}
