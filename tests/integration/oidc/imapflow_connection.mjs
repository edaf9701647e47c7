// An imapflow client over TLS, for the scripts beside this one.
//
// The options: modules, the directory with imapflow; package, its name there when it is another;
// port, ca, user, and token, or password with mechanism; startTLS when TLS does not begin with the
// connection.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const makeClient = (options) => {
  const { ImapFlow } = createRequire(`${options.modules}/anything.js`)(options.package ?? 'imapflow');
  return new ImapFlow({
    host: 'localhost',
    port: options.port,
    secure: !options.startTLS,
    doSTARTTLS: options.startTLS,
    tls: { ca: readFileSync(options.ca) },
    auth: options.token
      ? { user: options.user, accessToken: options.token }
      : { user: options.user, pass: options.password, loginMethod: options.mechanism },
    logger: false,
  });
};
