// A Fedify server, driven over its control routes. It verifies every signature and keeps its keys
// over restarts. Started by `interop-tests/src/peer.rs` with:
//   PEER_ORIGIN  the public https origin, as the proxy in front of it shows it
//   PEER_NAME    the actor's name
//   PEER_PORT    the loopback port to listen on
//   PEER_DATA    a folder for the keys
//   PEER_SOFTWARE  what its software is called in NodeInfo; `fedify-peer` when absent
//   PEER_BROKEN  a fault to have, so that a test can show that it is found: `signature` takes any
//                signature, `delivery` loses every fifth delivery, `order` swaps two
import { Temporal } from "@js-temporal/polyfill";
globalThis.Temporal ??= Temporal;

import { createServer } from "node:http";

const { commands, questions } = await import("./control.mjs");
const { federation, serveDocument } = await import("./federation.mjs");
const { arriving, broken, mode, origin, port, refused } = await import("./store.mjs");

const MAX_BODY = 1024 * 1024;

async function control(request, url, body) {
  const [kind, known] = request.method === "GET" ? ["question", questions] : ["command", commands];
  const route = url.pathname.slice("/control/".length);
  if (!Object.hasOwn(known, route)) return Response.json({ error: `no such ${kind}: ${route}` }, { status: 404 });
  const ctx = federation.createContext(new URL(origin));
  const asked = kind === "question" ? url.searchParams : JSON.parse(body.length ? body : "{}");
  try {
    return Response.json(await known[route](ctx, asked));
  } catch (error) {
    console.error(error);
    const status = error instanceof TypeError || error instanceof SyntaxError ? 400 : 502;
    return Response.json({ error: String(error) }, { status });
  }
}

async function answer(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= MAX_BODY) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const url = new URL(request.url, origin);
  if (length > MAX_BODY) return new Response("Content Too Large", { status: 413 });
  if (url.pathname.startsWith("/control/")) return await control(request, url, body);
  if (mode.down) return new Response("down", { status: 503 });
  const init = { method: request.method, headers: request.headers };
  if (!["GET", "HEAD"].includes(request.method)) init.body = body;
  const isDelivery = request.method === "POST" && url.pathname.endsWith("/inbox");
  if (isDelivery && broken === "signature" && request.headers.signature === undefined) {
    refused.push({ reason: "noSignature", type: parsed(body)?.type ?? null, status: 401 });
    return new Response("Unauthorized", { status: 401 });
  }
  const before = refused.length;
  const options = { contextData: undefined, onNotFound: serveDocument };
  const answered = await arriving.run(parsed(body), () => federation.fetch(new Request(url, init), options));
  if (isDelivery && answered.status >= 400) {
    if (refused.length === before) refused.push({ reason: await answered.clone().text(), type: parsed(body)?.type ?? null });
    refused.at(-1).status = answered.status;
  }
  return answered;
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
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
