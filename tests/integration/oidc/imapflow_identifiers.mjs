// What imapflow makes of object identifiers (RFC 8474); tests/integration/test_imapflow.py runs it.
//
// Its one argument is JSON (see imapflow_connection.mjs), with steps: a list of [NAME, ARGUMENT...].
// It writes one line of JSON: the results of the steps, in order.
import { makeClient } from './imapflow_connection.mjs';

const options = JSON.parse(process.argv[2]);
const client = makeClient(options);

const STEPS = {
  // The identifier of the mailbox.
  open: async (name) => (await client.mailboxOpen(name)).mailboxId,
  create: async (name) => (await client.mailboxCreate(name)).mailboxId,
  rename: async (name, newName) => (await client.mailboxRename(name, newName)).newPath,
  copy: async (range, name) => (await client.messageCopy(range, name)).destination,
  move: async (range, name) => (await client.messageMove(range, name)).destination,
  // By UID, the message's identifiers: what imapflow gives to its caller.
  fetch: async (query) => {
    const found = {};
    for await (const message of client.fetch('1:*', query)) {
      found[message.uid] = { emailId: message.emailId, threadId: message.threadId };
    }
    return found;
  },
  search: async (query) => client.search(query),
};

await client.connect();
const results = [];
for (const [name, ...parameters] of options.steps) {
  try {
    results.push(await STEPS[name](...parameters));
  } catch (error) {
    results.push({ error: String(error.response?.command ?? error) });
  }
}
await client.logout();
console.log(JSON.stringify(results));
