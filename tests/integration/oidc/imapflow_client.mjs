// Logs in with imapflow and reads the INBOX; tests/integration/test_introspection_clients.py and
// tests/interop/programs.py run it.
//
// Its one argument is JSON (see imapflow_connection.mjs). It writes one line of JSON: {"subjects",
// "messages", "capabilities", "mechanisms"}, or {"refused", "code"} when the login is refused.
import { makeClient } from './imapflow_connection.mjs';

const options = JSON.parse(process.argv[2]);
const client = makeClient(options);
if (options.mechanism === 'XOAUTH2') {
  // imapflow takes OAUTHBEARER wherever it is offered; here it is not told.
  let known;
  Object.defineProperty(client, 'capabilities', {
    get: () => known,
    set: (capabilities) => {
      known = capabilities;
      known.has = (name) => name !== 'AUTH=OAUTHBEARER' && Map.prototype.has.call(known, name);
    },
  });
  client.capabilities = new Map();
}
const subjects = [];
const messages = [];
try {
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  for await (const message of client.fetch('1:*', { envelope: true, source: true })) {
    subjects.push(message.envelope.subject);
    messages.push(message.source.toString('latin1'));
  }
  const capabilities = [...client.capabilities.keys()];
  const mechanisms = [...client.authCapabilities].filter(([, used]) => used).map(([name]) => name);
  await client.logout();
  console.log(JSON.stringify({ subjects, messages, capabilities, mechanisms }));
} catch (error) {
  console.log(JSON.stringify({ refused: error.oauthError ?? String(error), code: error.serverResponseCode }));
  process.exit(0);
}
