// examples/oidc-provider.mjs as a running server, and a token of its mail client for arnt.
//
// Its one argument is JSON: {"modules": "/.../node_modules"}. It writes one line of JSON,
// {"issuer", "token"}, when it is ready, and ends with its standard input.
import http from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { configuration } from '../../../examples/oidc-provider.mjs';

const options = JSON.parse(process.argv[2]);
const find = createRequire(`${options.modules}/anything.js`);
const { default: Provider } = await import(pathToFileURL(find.resolve('oidc-provider')));

const server = http.createServer();
server.listen(0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  provider.on('server_error', (ctx, error) => console.error(error));
  server.on('request', provider.callback());
  const client = await provider.Client.find('mail-client');
  // What the end of a login in a browser would leave.
  const grant = new provider.Grant({ accountId: 'arnt', clientId: client.clientId });
  grant.addOIDCScope(client.scope);
  const token = new provider.AccessToken({
    accountId: 'arnt', client, grantId: await grant.save(), scope: client.scope, gty: 'authorization_code',
    extra: configuration.extraTokenClaims(undefined, { accountId: 'arnt' }),
  });
  console.log(JSON.stringify({ issuer, token: await token.save() }));
});
process.stdin.on('end', () => process.exit(0)).resume();
