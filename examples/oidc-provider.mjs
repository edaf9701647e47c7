// Mail with npm's oidc-provider: the part of its configuration that IMAP and JMAP need.
//
//   import Provider from 'oidc-provider';
//   import { configuration } from './oidc-provider.mjs';
//   new Provider('https://id.example.com', { ...yours, ...configuration }).listen(8443);

const MAIL = 'urn:ietf:params:oauth:scope:mail';

export const configuration = {
  scopes: ['openid', 'offline_access', MAIL],
  clients: [
    {
      // The IMAP server. It introspects tokens, but cannot get any.
      client_id: 'imap',
      client_secret: process.env.IMAP_CLIENT_SECRET,
      grant_types: [],
      redirect_uris: [],
      response_types: [],
    },
    {
      // A mail client on users' own machines: no secret, PKCE, loopback (RFC 8252).
      client_id: 'mail-client',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/'],
      scope: `openid offline_access ${MAIL}`,
    },
  ],
  features: {
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client) => client.clientId === 'imap',
    },
    revocation: { enabled: true },
  },
  // The claim that username_claim names.
  extraTokenClaims: (ctx, token) => ({ username: token.accountId }),
  ttl: { AccessToken: 600 },
};
