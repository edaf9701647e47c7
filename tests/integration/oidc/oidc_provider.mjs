// A real authorization server for the integration tests; tests/support/oidc.py runs it.
//
// Its one argument is JSON: {"port": 0, "modules": "/.../node_modules", "tls": {"key", "cert"}}.
// It writes one line of JSON, {"issuer": "..."}, when it is ready, and ends with its standard input.
//
// The client "mua" gets tokens by client_credentials. Beside scope and resource, its token
// requests may have username and email (claims of the token), session_url (the claim
// jmap.session_url) and ttl (seconds). The client "imapd" introspects and authenticates with
// client_secret_basic, "imapd-post" with client_secret_post.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const options = JSON.parse(process.argv[2]);
const find = createRequire(`${options.modules}/anything.js`);
const { default: Provider } = await import(pathToFileURL(find.resolve('oidc-provider')));

// Not all that the tests use, but every one of these is a scope that mail servers know.
const SCOPES = [
  'mail', 'imap', 'urn:ietf:params:oauth:scope:mail', 'urn:ietf:params:jmap:mail',
  'urn:ietf:params:jmap:core', 'IMAP.AccessAsUser.All',
];

const client = (client_id, client_secret, more) => ({
  client_id, client_secret, grant_types: [], redirect_uris: [], response_types: [], ...more,
});
const requested = (ctx) => ctx?.oidc?.body ?? {};
const ttl = (ctx) => Number(requested(ctx).ttl ?? 3600);

function makeProvider(issuer) {
  return new Provider(issuer, {
    clients: [
      client('mua', 'mua-secret', { grant_types: ['client_credentials'], scope: SCOPES.join(' ') }),
      // A secret that looks different when it is form-urlencoded first (RFC 6749, section 2.3.1).
      client('imapd', 'imapd secret:100%+&='),
      client('imapd-post', 'imapd-post secret&=', { token_endpoint_auth_method: 'client_secret_post' }),
    ],
    scopes: SCOPES,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: (ctx, resource) => ({
          scope: SCOPES.join(' '), audience: resource, accessTokenTTL: ttl(ctx), accessTokenFormat: 'opaque',
        }),
      },
    },
    extraTokenClaims: (ctx) => {
      const { username, email, session_url } = requested(ctx);
      return { username, email, jmap: session_url && { session_url } };
    },
    ttl: { ClientCredentials: ttl },
  });
}

const tls = options.tls && { key: readFileSync(options.tls.key), cert: readFileSync(options.tls.cert) };
const server = tls ? https.createServer(tls) : http.createServer();
server.listen(options.port ?? 0, '127.0.0.1', () => {
  const issuer = `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${server.address().port}`;
  const provider = makeProvider(issuer);
  provider.on('server_error', (ctx, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on('end', () => process.exit(0)).resume();
