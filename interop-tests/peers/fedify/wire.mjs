// Sees every request that Fedify makes, so that a delivery can be reported with its statuses.
import { AsyncLocalStorage } from "node:async_hooks";

const watching = new AsyncLocalStorage();
const plain = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const request = input instanceof Request ? input : new Request(input, init);
  const exchange = {
    method: request.method,
    url: request.url,
    scheme: schemeOf(request.headers),
    status: null,
  };
  watching.getStore()?.push(exchange);
  const response = await plain(input, init);
  exchange.status = response.status;
  exchange.type = response.headers.get("content-type");
  return response;
};

// Runs `work` and gives what it returned or threw, with every request it made.
export async function watch(work) {
  const exchanges = [];
  return await watching.run(exchanges, async () => {
    try {
      return { value: await work(), exchanges };
    } catch (error) {
      return { error, exchanges };
    }
  });
}

function schemeOf(headers) {
  if (headers.has("signature-input")) return "rfc9421";
  return headers.has("signature") || headers.has("authorization") ? "cavage" : null;
}
