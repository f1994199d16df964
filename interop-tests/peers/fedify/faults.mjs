// The faults that a peer can be asked to have on its way out, so that a test can show that they are
// found. A delivery that is lost or late is reported as taken.
import { broken } from "./store.mjs";

const LOST = 5; // every how many deliveries one is lost
const HELD_MS = 2000; // how long a delivery waits for another to swap with
const SWAPPED = ["Create", "Update", "Delete"];

const held = new Map();
let sent = 0;

// Runs `deliver`, or does not, or does so after the next one of the same sender. Gives the outcomes.
export async function withFaults(sender, type, inboxes, deliver) {
  sent += 1;
  const claimed = inboxes.map((inbox) => ({ inbox, status: 202, scheme: null, attempts: [] }));
  if (broken === "delivery" && sent % LOST === 0) return claimed;
  if (broken !== "order" || !SWAPPED.includes(type)) return await deliver();
  if (!held.has(sender)) {
    const timer = setTimeout(() => release(sender), HELD_MS);
    held.set(sender, { deliver, timer });
    return claimed;
  }
  const outcomes = await deliver();
  await release(sender);
  return outcomes;
}

async function release(sender) {
  const { deliver, timer } = held.get(sender) ?? {};
  held.delete(sender);
  clearTimeout(timer);
  await deliver?.();
}
