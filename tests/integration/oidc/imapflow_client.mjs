// Logs in with imapflow and reads the subjects of INBOX; tests/integration/test_introspection_clients.py
// runs it.
//
// Its one argument is JSON: modules, port, ca, user, token, mechanism. It writes one line of JSON:
// {"subjects", "capabilities"}, or {"refused", "code"} when the login is refused.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const options = JSON.parse(process.argv[2]);
const { ImapFlow } = createRequire(`${options.modules}/anything.js`)('imapflow');

const client = new ImapFlow({
  host: 'localhost',
  port: options.port,
  secure: true,
  tls: { ca: readFileSync(options.ca) },
  auth: { user: options.user, accessToken: options.token },
  logger: false,
});
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
try {
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  for await (const message of client.fetch('1:*', { envelope: true })) subjects.push(message.envelope.subject);
  const capabilities = [...client.capabilities.keys()];
  const mechanisms = [...client.authCapabilities].filter(([, used]) => used).map(([name]) => name);
  await client.logout();
  console.log(JSON.stringify({ subjects, capabilities, mechanisms }));
} catch (error) {
  console.log(JSON.stringify({ refused: error.oauthError ?? String(error), code: error.serverResponseCode }));
  process.exit(0);
}
