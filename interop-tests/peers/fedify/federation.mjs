// The Fedify server itself: actors, inboxes, collections, and what happens on arrival.
import {
  createExponentialBackoffPolicy,
  createFederation,
  InProcessMessageQueue,
  MemoryKvStore,
  respondWithObject,
} from "@fedify/fedify";
import {
  Accept, Activity, Announce, Application, Create, CryptographicKey, Endpoints, Follow, Group, Multikey,
  Object as APObject, Organization, Person, PUBLIC_COLLECTION, Reject, Service, Undo,
} from "@fedify/fedify/vocab";

import { formerKeys, keyPairs } from "./keys.mjs";
import {
  actorId, actors, arriving, broken, collections, countVote, documents, followers, following, idOf, list, mode, name,
  newId, origin, received, refused, SERVER_ACTOR, software,
} from "./store.mjs";

export const ACTOR_TYPES = { Application, Group, Organization, Person, Service };
// What a group passes on to its followers (FEP-1b12).
const PASSED_ON = ["Create", "Update", "Delete", "Like", "Dislike", "EmojiReact", "Undo", "Announce"];

// Enough for a quarter of an hour.
const MAX_ATTEMPTS = 300;
const backoff = createExponentialBackoffPolicy({
  initialDelay: { milliseconds: 500 },
  maxDelay: { seconds: 5 },
  maxAttempts: MAX_ATTEMPTS,
  jitter: false,
});
// The delay doubles before it is bounded, and is no Duration any more after some fifty attempts, which
// ends the process (Fedify 2.3); five seconds are reached long before.
const retry = ({ attempts, ...context }) =>
  attempts < MAX_ATTEMPTS ? backoff({ ...context, attempts: Math.min(attempts, 10) }) : null;

export const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: { outbox: new InProcessMessageQueue() },
  outboxRetryPolicy: retry,
  circuitBreaker: false,
  origin,
  allowPrivateAddress: true,
  skipSignatureVerification: broken === "signature",
});

export async function mayFetch(ctx) {
  if (!mode.authorized_fetch) return true;
  const documentLoader = await ctx.getDocumentLoader({ identifier: SERVER_ACTOR });
  return (await ctx.getSignedKey({ documentLoader })) !== null;
}

export async function actorObject(ctx, identifier) {
  const held = actors.get(identifier);
  if (held === undefined) return null;
  const keys = await ctx.getActorKeyPairs(identifier);
  const id = ctx.getActorUri(identifier);
  const old = formerKeys(identifier);
  const oldId = (index) => new URL(`#former-key-${index + 1}`, id);
  const isRsa = (key) => key.algorithm.name !== "Ed25519";
  return new ACTOR_TYPES[held.type]({
    id,
    preferredUsername: identifier,
    name: held.name,
    summary: held.summary,
    url: id,
    inbox: ctx.getInboxUri(identifier),
    outbox: ctx.getOutboxUri(identifier),
    followers: ctx.getFollowersUri(identifier),
    following: ctx.getFollowingUri(identifier),
    featured: ctx.getFeaturedUri(identifier),
    endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
    manuallyApprovesFollowers: mode.accept_follows !== "auto",
    discoverable: true,
    publicKeys: [
      ...keys.filter((key) => isRsa(key.publicKey)).map((key) => key.cryptographicKey),
      ...old.flatMap((publicKey, index) =>
        isRsa(publicKey) ? [new CryptographicKey({ id: oldId(index), owner: id, publicKey })] : []),
    ],
    assertionMethods: [
      ...keys.map((key) => key.multikey),
      ...old.map((publicKey, index) => new Multikey({ id: oldId(index), controller: id, publicKey })),
    ],
  });
}

federation
  .setActorDispatcher("/users/{identifier}", actorObject)
  .setKeyPairsDispatcher((_ctx, identifier) => (actors.has(identifier) ? keyPairs(identifier) : []))
  .authorize((ctx, identifier) => identifier === SERVER_ACTOR || mayFetch(ctx));

federation
  .setFollowersDispatcher("/users/{identifier}/followers", (_ctx, identifier) => ({
    items: [...(followers.get(identifier)?.values() ?? [])],
  }))
  .setCounter((_ctx, identifier) => followers.get(identifier)?.size ?? 0)
  .authorize(mayFetch);
federation
  .setFollowingDispatcher("/users/{identifier}/following", (_ctx, identifier) => ({
    items: [...(following.get(identifier) ?? [])].map((id) => new URL(id)),
  }))
  .authorize(mayFetch);
federation
  .setOutboxDispatcher("/users/{identifier}/outbox", async (ctx, identifier) => ({
    items: await parseAll(ctx, [...documents.values()].filter((document) => isPublicBy(document, identifier)).reverse()),
  }))
  .authorize(mayFetch);
federation
  .setFeaturedDispatcher("/users/{identifier}/collections/featured", async (ctx, identifier) => ({
    items: identifier === name ? await parseAll(ctx, list(collections.get("featured")?.items)) : [],
  }))
  .authorize(mayFetch);
federation.setOrderedCollectionDispatcher("named", APObject, "/collections/{collection}", async (ctx, values, cursor) => {
  const held = collections.get(values.collection);
  if (held === undefined || cursor === null) return null;
  const start = Number(cursor);
  const next = start + held.pageSize;
  return {
    items: await parseAll(ctx, held.items.slice(start, next)),
    nextCursor: next < held.items.length ? String(next) : null,
    prevCursor: start > 0 ? String(Math.max(0, start - held.pageSize)) : null,
  };
})
  .setCounter((_ctx, values) => collections.get(values.collection)?.items.length ?? null)
  .setFirstCursor((_ctx, values) => (collections.has(values.collection) ? "0" : null))
  .authorize(mayFetch);

federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
  software: { name: software, version: "0.1.0" },
  protocols: ["activitypub"],
  usage: { users: { total: actors.size }, localPosts: documents.size, localComments: 0 },
}));

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: SERVER_ACTOR }))
  .onUnverifiedActivity((_ctx, activity, reason) => {
    refused.push({ reason: reason.type, type: activity.constructor.name, key: reason.keyId?.href ?? null });
  })
  .on(Activity, async (ctx, activity) => {
    const document = arriving.getStore();
    received.push(document);
    if (activity instanceof Follow) await followed(ctx, activity);
    else if (activity instanceof Undo) unfollowed(document);
    else if (activity instanceof Accept) accepted(document);
    else if (activity instanceof Reject) rejected(document);
    else if (activity instanceof Create) countVote(document.object);
    await passOn(ctx, activity, document);
  });

async function followed(ctx, follow) {
  const target = [...actors.keys()].find((identifier) => actorId(identifier).href === follow.objectId?.href);
  if (target === undefined || mode.accept_follows === "manual") return;
  const documentLoader = await ctx.getDocumentLoader({ identifier: SERVER_ACTOR });
  const follower = await follow.getActor({ ...ctx, documentLoader });
  const rejects = mode.accept_follows === "reject";
  if (!rejects) addFollower(target, follower);
  const [Answer, folder] = rejects ? [Reject, "rejects"] : [Accept, "accepts"];
  const answer = new Answer({ id: newId(folder), actor: actorId(target), object: follow, to: follower.id });
  await ctx.sendActivity({ identifier: target }, follower, answer);
}

export function addFollower(target, follower) {
  if (!followers.has(target)) followers.set(target, new Map());
  const { id, inboxId, endpoints } = follower;
  followers.get(target).set(id.href, { id, inboxId, endpoints });
}

function unfollowed(undo) {
  const target = idOf(undo.object?.object);
  for (const [identifier, held] of followers) {
    if (target === undefined || actorId(identifier).href === target) held.delete(idOf(undo.actor));
  }
}

function accepted(accept) {
  const follower = idOf(accept.object?.actor) ?? documents.get(idOf(accept.object))?.actor;
  for (const identifier of actors.keys()) {
    if (actorId(identifier).href !== follower) continue;
    if (!following.has(identifier)) following.set(identifier, new Set());
    following.get(identifier).add(idOf(accept.actor));
  }
}

function rejected(reject) {
  const follower = idOf(reject.object?.actor) ?? documents.get(idOf(reject.object))?.actor;
  for (const [identifier, held] of following) {
    if (actorId(identifier).href === follower) held.delete(idOf(reject.actor));
  }
}

async function passOn(ctx, activity, document) {
  if (!PASSED_ON.includes(document.type)) return;
  const object = typeof document.object === "object" ? document.object : {};
  const named = [document, object].flatMap(({ to, cc, audience }) => [to, cc, audience].flatMap(list)).map(idOf);
  for (const [identifier, { type }] of actors) {
    const id = actorId(identifier).href;
    if (type !== "Group" || !(ctx.recipient === identifier || named.includes(id))) continue;
    if (!followers.get(identifier)?.has(idOf(document.actor))) continue;
    const announce = new Announce({
      id: newId("announces"),
      actor: new URL(id),
      object: activity,
      to: PUBLIC_COLLECTION,
      cc: ctx.getFollowersUri(identifier),
    });
    await ctx.sendActivity({ identifier }, "followers", announce, { preferSharedInbox: true });
  }
}

// Answers for what has no route of its own: the documents that were sent or published.
export async function serveDocument(request) {
  const document = documents.get(new URL(request.url).href);
  if (document === undefined) return new Response("Not found", { status: 404 });
  const ctx = federation.createContext(request, undefined);
  if (!(await mayFetch(ctx)) || !(await mayRead(ctx, document))) {
    return new Response("Unauthorized", { status: 401, headers: { vary: "Accept, Signature" } });
  }
  const answer = await respondWithObject(await parse(ctx, document), { contextLoader: ctx.contextLoader });
  const gone = document.type === "Tombstone";
  return gone ? new Response(answer.body, { status: 410, headers: answer.headers }) : answer;
}

// What is addressed to some is for those alone.
async function mayRead(ctx, document) {
  const audience = [...list(document.to), ...list(document.cc)].map(idOf);
  if (audience.length === 0 || audience.some(isPublic)) return true;
  const documentLoader = await ctx.getDocumentLoader({ identifier: SERVER_ACTOR });
  const reader = (await ctx.getSignedKeyOwner({ documentLoader }))?.id?.href;
  if (reader === undefined) return false;
  const owner = idOf(document.actor ?? document.attributedTo);
  const follows = [...followers].some(([identifier, held]) =>
    held.has(reader) && audience.includes(`${actorId(identifier).href}/followers`));
  return reader === owner || audience.includes(reader) || follows;
}

async function parse(ctx, document) {
  const { documentLoader, contextLoader } = ctx;
  return await APObject.fromJsonLd(document, { documentLoader, contextLoader });
}

async function parseAll(ctx, items) {
  return await Promise.all(items.map((item) => (typeof item === "string" ? new URL(item) : parse(ctx, item))));
}

function isPublicBy(document, identifier) {
  const audience = [...list(document.to), ...list(document.cc)];
  return idOf(document.actor) === actorId(identifier).href && audience.some(isPublic);
}

function isPublic(id) {
  return [PUBLIC_COLLECTION.href, "as:Public", "Public"].includes(id);
}
