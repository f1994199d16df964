// A Fedify server with one actor. It verifies every signature, keeps its key over restarts, accepts
// every Follow, and does what the control routes ask. Started by `interop-tests/src/peer.rs` with:
//   PEER_ORIGIN  the public https origin, as the proxy in front of it shows it
//   PEER_NAME    the actor's name
//   PEER_PORT    the loopback port to listen on
//   PEER_DATA    a folder for the key
import { Temporal } from "@js-temporal/polyfill";
globalThis.Temporal ??= Temporal;

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const { createFederation, exportJwk, generateCryptoKeyPair, importJwk, MemoryKvStore } =
  await import("@fedify/fedify");
const { Accept, Activity, Create, Delete, Endpoints, Follow, Mention, Note, Person, Tombstone, Update } =
  await import("@fedify/fedify/vocab");

const { PEER_ORIGIN: origin, PEER_NAME: name, PEER_PORT: port, PEER_DATA: data } = process.env;

async function keyPairs() {
  const file = join(data, "key.json");
  if (!existsSync(file)) {
    const made = await generateCryptoKeyPair("RSASSA-PKCS1-v1_5");
    const kept = { public: await exportJwk(made.publicKey), private: await exportJwk(made.privateKey) };
    writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
  }
  const kept = JSON.parse(readFileSync(file, "utf8"));
  return [{
    publicKey: await importJwk(kept.public, "public"),
    privateKey: await importJwk(kept.private, "private"),
  }];
}

const received = [];
const notes = new Map();

const federation = createFederation({ kv: new MemoryKvStore(), origin, allowPrivateAddress: true });

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    if (identifier !== name) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: identifier,
      name: identifier,
      inbox: ctx.getInboxUri(identifier),
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
    });
  })
  .setKeyPairsDispatcher((_ctx, identifier) => (identifier === name ? keyPairs() : []));

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: name }))
  .on(Activity, async (ctx, activity) => {
    received.push(await activity.toJsonLd());
    if (!(activity instanceof Follow)) return;
    const follower = await activity.getActor(ctx);
    const accept = new Accept({ id: newId("accepts"), actor: actorId(), object: activity });
    await ctx.sendActivity({ identifier: name }, follower, accept);
  });

federation.setObjectDispatcher(Note, "/notes/{id}", (_ctx, { id }) => notes.get(id) ?? null);

function actorId() {
  return new URL(`/users/${name}`, origin);
}

function newId(folder) {
  return new URL(`/${folder}/${crypto.randomUUID()}`, origin);
}

function note(id, target, content, extra) {
  const mention = new Mention({ href: target.id, name: `@${target.preferredUsername}` });
  const made = new Note({ id, attribution: actorId(), to: target.id, content, tags: [mention], ...extra });
  notes.set(id.pathname.split("/").pop(), made);
  return made;
}

async function send(ctx, target, activity) {
  await ctx.sendActivity({ identifier: name }, target, activity);
  return { activity: activity.id.href };
}

const commands = {
  async follow(ctx, target) {
    return await send(ctx, target, new Follow({ id: newId("follows"), actor: actorId(), object: target.id, to: target.id }));
  },
  async dm(ctx, target, { content }) {
    const object = note(newId("notes"), target, content, { published: Temporal.Now.instant() });
    const create = new Create({ id: newId("creates"), actor: actorId(), object, to: target.id });
    return { ...(await send(ctx, target, create)), object: object.id.href };
  },
  async edit(ctx, target, { object: id, content }) {
    const object = note(new URL(id), target, content, { updated: Temporal.Now.instant() });
    return await send(ctx, target, new Update({ id: newId("updates"), actor: actorId(), object, to: target.id }));
  },
  async delete(ctx, target, { object: id }) {
    const object = new Tombstone({ id: new URL(id) });
    return await send(ctx, target, new Delete({ id: newId("deletes"), actor: actorId(), object, to: target.id }));
  },
};

async function control(path, query, body) {
  const ctx = federation.createContext(new URL(origin));
  const documentLoader = await ctx.getDocumentLoader({ identifier: name });
  if (path === "/control/ready") return { actor: actorId().href, handle: `@${name}@${new URL(origin).host}` };
  if (path === "/control/received") return { items: received };
  if (path === "/control/lookup") {
    const found = await ctx.lookupObject(query.get("handle"), { documentLoader });
    return { actor: found?.id?.href ?? null };
  }
  const command = commands[path.slice("/control/".length)];
  const target = await ctx.lookupObject(body.target, { documentLoader });
  if (target === null) throw new Error(`nobody at ${body.target}`);
  return await command(ctx, target, body);
}

async function answer(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const url = new URL(request.url, origin);
  if (url.pathname.startsWith("/control/")) {
    return Response.json(await control(url.pathname, url.searchParams, body.length ? JSON.parse(body) : {}));
  }
  const init = { method: request.method, headers: request.headers };
  if (!["GET", "HEAD"].includes(request.method)) init.body = body;
  return await federation.fetch(new Request(url, init), { contextData: undefined });
}

createServer(async (request, response) => {
  let answered;
  try {
    answered = await answer(request);
  } catch (error) {
    console.error(error);
    answered = Response.json({ error: String(error) }, { status: 500 });
  }
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(Buffer.from(await answered.arrayBuffer()));
}).listen(Number(port), "127.0.0.1");
