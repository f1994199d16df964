// What the control routes do. They are reached on loopback alone.
import { signObject, signRequest } from "@fedify/fedify";
import { Activity, Create, Delete, Follow, Mention, Note, Tombstone, Update } from "@fedify/fedify/vocab";

import { withFaults } from "./faults.mjs";
import { ACTOR_TYPES, actorObject, addFollower, federation } from "./federation.mjs";
import { keyPairs, rotate } from "./keys.mjs";
import {
  actorId, actors, broken, collections, complete, followers, identifierOf, idOf, inContext, isOwn, keep, list,
  mode, name, newId, origin, received, refused, SERVER_ACTOR,
} from "./store.mjs";
import { watch } from "./wire.mjs";

const VERSION = "2.3.6";
const SPECS = { rfc9421: "rfc9421", cavage: "draft-cavage-http-signatures-12" };
const SUPPORTS = [
  "follow", "accept", "reject", "undo", "dm", "public", "followers_only", "reply", "mention", "edit", "delete",
  "like", "emoji_react", "announce", "group", "flag", "block", "move", "poll", "attachment", "collection",
  "featured", "key_refresh", "followers_sync", "authorized_fetch", "fetch", "rotate", "profile", "actor", "publish", "manual_follows",
  "proofs", "ld_signatures", "double_knock", "shared_inbox", "queue", "webfinger", "nodeinfo",
];
const UNSUPPORTED = {
  followers_sync_receive: "Fedify sends the Collection-Synchronization header and does not act on one: https://fedify.dev/manual/send#followers-collection-synchronization",
  host_meta: "Fedify serves no /.well-known/host-meta: https://fedify.dev/manual/webfinger",
};

const known = new Map();

// Whom it found before it knows, as applications do that store the people they deal with.
async function lookUp(ctx, id) {
  if (!known.has(id)) known.set(id, await find(ctx, id));
  return known.get(id);
}

async function find(ctx, id) {
  const documentLoader = await ctx.getDocumentLoader({ identifier: SERVER_ACTOR });
  const found = await ctx.lookupObject(id, { documentLoader });
  if (found === null) throw new TypeError(`nobody at ${id}`);
  return found;
}

// Sends by Fedify as an application would and reports every request to an inbox.
async function send(ctx, identifier, recipients, activity, options) {
  const inboxes = list(recipients).map((one) => one.inboxId?.href ?? one);
  return await withFaults(identifier, activity.constructor.name, inboxes, async () => {
    const { error, exchanges } = await watch(() =>
      ctx.sendActivity({ identifier }, recipients, activity, { immediate: true, ...options }));
    const posts = exchanges.filter((exchange) => exchange.method === "POST");
    if (error !== undefined && posts.length === 0) throw error;
    return summarise(posts, error);
  });
}

function summarise(posts, error) {
  const inboxes = new Map();
  for (const { url, scheme, status } of posts) {
    const outcome = inboxes.get(url) ?? { inbox: url, status: null, scheme: null, attempts: [] };
    outcome.attempts.push({ scheme, status });
    Object.assign(outcome, { status, scheme });
    if (status === null) outcome.error = String(error);
    inboxes.set(url, outcome);
  }
  return [...inboxes.values()];
}

// Sends with one scheme and no second knock.
async function sendBy(spec, ctx, identifier, inboxes, document) {
  const [key] = await ctx.getActorKeyPairs(identifier);
  const { error, exchanges } = await watch(() => Promise.all(inboxes.map(async (inbox) => {
    const headers = { "content-type": "application/activity+json" };
    const request = new Request(inbox, { method: "POST", headers, body: JSON.stringify(document) });
    const signed = await signRequest(request, key.privateKey, key.keyId, { spec });
    await fetch(signed, { redirect: "manual" });
  })));
  if (error !== undefined && exchanges.length === 0) throw error;
  return summarise(exchanges, error);
}

async function parseActivity(ctx, document) {
  const { documentLoader, contextLoader } = ctx;
  try {
    return await Activity.fromJsonLd(document, { documentLoader, contextLoader });
  } catch (error) {
    if (error instanceof TypeError && String(error).includes("type")) return null;
    throw error;
  }
}

async function withProof(ctx, identifier, activity) {
  let signed = activity;
  for (const pair of await ctx.getActorKeyPairs(identifier)) {
    if (pair.privateKey.algorithm.name !== "Ed25519") continue;
    signed = await signObject(signed, pair.privateKey, pair.multikey.id, { contextLoader: ctx.contextLoader });
  }
  return await signed.toJsonLd({ format: "compact", contextLoader: ctx.contextLoader });
}

// The activities that name something, so that a test need not read them all again and again.
// Names are written with hyphens or underscores.
function about(activities, what) {
  const named = (activity) => JSON.stringify(activity).replaceAll("-", "_").includes(what);
  return what === null ? activities : activities.filter(named);
}

function note(id, target, content, extra) {
  const mention = new Mention({ href: target.id, name: `@${target.preferredUsername}` });
  return new Note({ id, attribution: actorId(), to: target.id, content, tags: [mention], ...extra });
}

async function sendOne(ctx, identifier, target, activity) {
  keep(await activity.toJsonLd());
  const outcomes = await send(ctx, identifier, target, activity);
  const failed = outcomes.find(({ status }) => status === null || status >= 300);
  if (failed !== undefined) throw new Error(`${failed.inbox} answered ${failed.status}`);
  return { activity: activity.id.href };
}

export const questions = {
  async ready(ctx) {
    const actor = await actorObject(ctx, name);
    return {
      actor: actor.id.href,
      handle: `@${name}@${new URL(origin).host}`,
      name: "fedify",
      version: VERSION,
      library: `fedify ${VERSION}`,
      schemes: Object.keys(SPECS),
      supports: SUPPORTS,
      unsupported: UNSUPPORTED,
      ...(broken === "" ? {} : { broken }),
    };
  },
  received: (_ctx, query) => ({ items: about(received, query.get("about")) }),
  refused: () => ({ items: refused }),
  followers: (_ctx, query) => ({ items: [...(followers.get(identifierOf(query.get("as") ?? undefined))?.keys() ?? [])] }),
  async lookup(ctx, query) {
    const documentLoader = await ctx.getDocumentLoader({ identifier: SERVER_ACTOR });
    const found = await ctx.lookupObject(query.get("handle"), { documentLoader });
    return { actor: found?.id?.href ?? null };
  },
};

export const commands = {
  async follow(ctx, { target: id, as }) {
    const identifier = identifierOf(as);
    const target = await lookUp(ctx, id);
    const follow = new Follow({ id: newId("follows"), actor: actorId(identifier), object: target.id, to: target.id });
    return await sendOne(ctx, identifier, target, follow);
  },

  async dm(ctx, { target: id, content }) {
    const target = await lookUp(ctx, id);
    const object = note(newId("notes"), target, content, { published: Temporal.Now.instant() });
    keep(await object.toJsonLd());
    const create = new Create({ id: newId("creates"), actor: actorId(), object, to: target.id });
    return { ...(await sendOne(ctx, name, target, create)), object: object.id.href };
  },

  async edit(ctx, { target: id, object: noteId, content }) {
    const target = await lookUp(ctx, id);
    const object = note(new URL(noteId), target, content, { updated: Temporal.Now.instant() });
    keep(await object.toJsonLd());
    return await sendOne(ctx, name, target, new Update({ id: newId("updates"), actor: actorId(), object, to: target.id }));
  },

  async delete(ctx, { target: id, object: noteId }) {
    const target = await lookUp(ctx, id);
    const object = new Tombstone({ id: new URL(noteId) });
    keep({ type: "Tombstone", id: noteId });
    return await sendOne(ctx, name, target, new Delete({ id: newId("deletes"), actor: actorId(), object, to: target.id }));
  },

  async send(ctx, { activity: given, targets, inboxes, scheme, as, shared, queued }) {
    const identifier = identifierOf(as);
    if (scheme !== undefined && !(scheme in SPECS)) throw new TypeError(`unknown scheme ${scheme}`);
    const document = complete(given, identifier);
    const ids = list(targets);
    const toFollowers = ids.filter((id) => id === "followers" || id === ctx.getFollowersUri(identifier).href);
    const others = ids.filter((id) => !toFollowers.includes(id));
    const recipients = await Promise.all(others.map((id) => lookUp(ctx, id)));
    for (const inbox of list(inboxes)) recipients.push({ id: new URL(inbox), inboxId: new URL(inbox), endpoints: null });
    if (document.type === "Accept") await acceptFollow(ctx, identifier, document, recipients);
    const activity = await parseActivity(ctx, document);
    const outcomes = [];
    const options = { preferSharedInbox: shared === true };
    if (queued === true) {
      const everyone = toFollowers.length > 0 ? "followers" : recipients;
      const orderingKey = [identifier, ...ids].join(" ");
      await withFaults(identifier, activity.constructor.name, [], async () => {
        await ctx.sendActivity({ identifier }, everyone, activity, { ...options, orderingKey });
        return [];
      });
    } else if (scheme !== undefined || activity === null) {
      const body = activity === null ? document : await withProof(ctx, identifier, activity);
      const to = recipients.map((one) => (shared && one.endpoints?.sharedInbox) || one.inboxId);
      const unique = [...new Set(to.map((inbox) => inbox.href))];
      outcomes.push(...(await sendBy(SPECS[scheme ?? "cavage"], ctx, identifier, unique, body)));
    } else {
      // One after the other, so that a refusal by one inbox does not hide what another answered.
      for (const recipient of recipients) outcomes.push(...(await send(ctx, identifier, recipient, activity, options)));
      if (toFollowers.length > 0) {
        const synchronised = { preferSharedInbox: true, syncCollection: true };
        outcomes.push(...(await send(ctx, identifier, "followers", activity, synchronised)));
      }
    }
    const seen = new Map(outcomes.map((outcome) => [outcome.inbox, outcome]));
    return { activity: document.id, object: idOf(document.object) ?? null, outcomes: [...seen.values()] };
  },

  async fetch(ctx, { url, signed = true }) {
    const loader = signed ? await ctx.getDocumentLoader({ identifier: name }) : ctx.documentLoader;
    const { value, error, exchanges } = await watch(() => loader(url));
    const last = exchanges.at(-1);
    if (last === undefined || last.status === null) throw error ?? new Error(`no request was made for ${url}`);
    return { status: last.status, document: value?.document ?? null, content_type: last.type };
  },

  publish(_ctx, { activity, object }) {
    const given = object ?? activity;
    const document = { ...given, id: given.id ?? newId("objects").href };
    if (!isOwn(document.id)) throw new TypeError(`${document.id} is not under ${origin}`);
    keep(document);
    return { id: document.id };
  },

  collection(ctx, { name: collection, items, page_size: pageSize = 10 }) {
    const completed = items.map((item) => (typeof item === "string" ? item : inContext(item)));
    collections.set(collection, { items: completed, pageSize });
    return { id: ctx.getCollectionUri("named", { collection }).href };
  },

  async rotate(ctx, { keep_old: keepOld = false, as }) {
    const identifier = identifierOf(as);
    await rotate(identifier, keepOld);
    const [key] = await ctx.getActorKeyPairs(identifier);
    return { key: key.keyId.href, pem: (await key.cryptographicKey.toJsonLd()).publicKeyPem };
  },

  async profile(ctx, { name: shown, summary, as }) {
    const identifier = identifierOf(as);
    const held = actors.get(identifier);
    Object.assign(held, { name: shown ?? held.name, summary: summary ?? held.summary });
    const object = await actorObject(ctx, identifier);
    const to = ctx.getFollowersUri(identifier);
    const update = new Update({ id: newId("updates"), actor: object.id, object, to });
    keep(await update.toJsonLd());
    const outcomes = await send(ctx, identifier, "followers", update, { preferSharedInbox: true });
    return { activity: update.id.href, outcomes };
  },

  mode(_ctx, wanted) {
    for (const [key, value] of Object.entries(wanted)) {
      if (!(key in mode)) throw new TypeError(`unknown mode ${key}`);
      mode[key] = value;
    }
    return mode;
  },

  async actor(_ctx, { name: identifier, type }) {
    if (!(type in ACTOR_TYPES)) throw new TypeError(`${type} is no actor type`);
    actors.set(identifier, { type, name: identifier, summary: "" });
    await keyPairs(identifier);
    return { actor: actorId(identifier).href, handle: `@${identifier}@${new URL(origin).host}` };
  },
};

// An Accept sent by hand makes the follower one.
async function acceptFollow(ctx, identifier, accept, recipients) {
  const id = idOf(accept.object);
  const follow = typeof accept.object === "object" ? accept.object : received.find((activity) => activity.id === id);
  if (follow?.type !== "Follow") return;
  const follower = recipients.find((one) => one.id?.href === idOf(follow.actor)) ?? (await lookUp(ctx, idOf(follow.actor)));
  addFollower(identifier, follower);
}
