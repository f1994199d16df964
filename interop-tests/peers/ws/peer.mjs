// A server of the npm package ws that sends the same text to everybody, as often as it is told.
//
// It prints its port, then reads lines of JSON: {"count": <times>, "text": <what>}.

import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 4096 });
server.on("listening", () => console.log(server.address().port));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { count, text } = JSON.parse(line);
    const bytes = Buffer.from(text);
    for (let round = 0; round < count; round += 1) {
      for (const client of server.clients) client.send(bytes, { binary: false });
    }
  })
  .on("close", () => process.exit(0));
