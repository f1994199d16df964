// What this server holds: its actors, their followers, the documents under its origin, and what came.
import { AsyncLocalStorage } from "node:async_hooks";

export const { PEER_ORIGIN: origin, PEER_NAME: name, PEER_PORT: port, PEER_DATA: data } = process.env;
export const broken = process.env.PEER_BROKEN ?? "";
export const software = process.env.PEER_SOFTWARE ?? "fedify-peer";

// The actor that signs fetches, so that two servers which both ask for signed fetches do not wait
// for each other. It is served to anybody.
export const SERVER_ACTOR = "server";

export const actors = new Map([
  [name, { type: "Person", name, summary: "" }],
  [SERVER_ACTOR, { type: "Application", name: SERVER_ACTOR, summary: "" }],
]);
export const followers = new Map();
export const following = new Map();
export const documents = new Map();
export const collections = new Map();
export const received = [];
export const refused = [];
// The document that is being delivered, as it came.
export const arriving = new AsyncLocalStorage();
export const mode = { authorized_fetch: false, accept_follows: "auto", down: false };

const CONTEXT = [
  "https://www.w3.org/ns/activitystreams",
  "https://w3id.org/security/v1",
  "https://w3id.org/security/data-integrity/v1",
  {
    toot: "http://joinmastodon.org/ns#",
    Emoji: "toot:Emoji",
    votersCount: "toot:votersCount",
    blurhash: "toot:blurhash",
    litepub: "http://litepub.social/ns#",
    EmojiReact: "litepub:EmojiReact",
    Hashtag: "as:Hashtag",
    sensitive: "as:sensitive",
  },
];

export function actorId(identifier = name) {
  return new URL(`/users/${identifier}`, origin);
}

export function identifierOf(id) {
  const identifier = id == null ? name : id.slice(actorId("").href.length);
  if (!actors.has(identifier) || actorId(identifier).href !== (id ?? actorId().href)) {
    throw new TypeError(`no actor of this server is ${id}`);
  }
  return identifier;
}

export function newId(folder) {
  return new URL(`/${folder}/${crypto.randomUUID()}`, origin);
}

export function isOwn(id) {
  return typeof id === "string" && URL.canParse(id) && new URL(id).origin === origin;
}

export function inContext(document) {
  return { "@context": CONTEXT, ...document };
}

export function keep(document) {
  if (isOwn(document.id)) documents.set(document.id, inContext(document));
}

export function list(value) {
  return value == null ? [] : [value].flat();
}

export function idOf(value) {
  return typeof value === "string" ? value : value?.id;
}

// Gives an activity what a client may leave out, and stores what it says.
export function complete(given, identifier) {
  const activity = inContext(given);
  activity.id ??= newId("activities").href;
  activity.actor ??= actorId(identifier).href;
  const { object } = activity;
  if (["Create", "Update"].includes(activity.type) && object !== null && typeof object === "object") {
    activity.object = { ...object, id: object.id ?? newId("objects").href };
    if (!actors.has(activity.object.preferredUsername)) activity.object.attributedTo ??= activity.actor;
    keep({ "@context": activity["@context"], ...activity.object });
  }
  if (activity.type === "Delete" && isOwn(idOf(object))) keep({ type: "Tombstone", id: idOf(object) });
  keep(activity);
  return activity;
}

// Counts a vote: a Note with the name of an option, in reply to a poll of this server (FEP-9967).
export function countVote(note) {
  const poll = documents.get(idOf(note?.inReplyTo));
  if (poll?.type !== "Question" || typeof note.name !== "string") return;
  const options = list(poll.oneOf ?? poll.anyOf);
  const option = options.find((one) => one.name === note.name);
  if (option === undefined) return;
  option.replies = { type: "Collection", totalItems: (option.replies?.totalItems ?? 0) + 1 };
  poll.votersCount = (poll.votersCount ?? 0) + 1;
}
