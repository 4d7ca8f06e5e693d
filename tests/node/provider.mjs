// A real OpenID provider on loopback, for the tests of single sign-on: certified code, people and factors made up.
// Arguments: port, redirect URI, back-channel logout URI, post-logout URI. Prints one JSON line once it listens.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, redirectUri, logoutUri, postLogoutUri] = process.argv.slice(2);
let areClaimsInToken = false; // otherwise they are told at /me, as the standard has it
const issuer = `http://127.0.0.1:${port}`;
const people = {
  ada: { name: 'Ada Lovelace', groups: ['fleet-admins'], amr: ['pwd', 'mfa'] },
  bob: { name: 'Bob', groups: ['soc'], amr: ['pwd'] },
  eve: { name: 'Eve', groups: ['visitors'], amr: ['pwd'] },
};

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}

function build(keys) {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'vedette',
        client_secret: 'a secret of forty characters, or nearly so',
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [postLogoutUri],
        backchannel_logout_uri: logoutUri,
        backchannel_logout_session_required: true,
        id_token_signed_response_alg: 'RS256',
      },
    ],
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    claims: { openid: ['sub', 'acr', 'amr'], profile: ['name'], groups: ['groups'], email: ['email'] },
    conformIdTokenClaims: !areClaimsInToken,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    fetch: (url, { dispatcher, ...options }) => fetch(url, options), // it would not post to loopback by itself
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: people[id]?.name, groups: people[id]?.groups }),
    }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ttl: { Session: 3600, Grant: 3600, IdToken: 600, AccessToken: 600, Interaction: 600 },
  });
  provider.proxy = false;
  provider.on('backchannel.error', (_, error) => console.error(String(error), String(error.cause)));
  provider.on('server_error', (_, error) => console.error(String(error)));
  return provider;
}

let provider = build([newKey()]);

async function interact(request, response, url) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const person = url.searchParams.get('login');
  if (!person) {
    response.end(`interaction: ${prompt.name}`);
    return;
  }
  if (person === 'refuse') {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  const grant = new provider.Grant({ accountId: person, clientId: params.client_id });
  grant.addOIDCScope('openid profile email groups');
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, {
    login: { accountId: person, acr: 'urn:test:two', amr: people[person].amr, remember: true },
    consent: { grantId },
  });
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  try {
    if (url.pathname.startsWith('/interaction/')) await interact(request, response, url);
    else if (url.pathname === '/rotate') {
      areClaimsInToken = url.searchParams.has('claims');
      provider = build([newKey()]);
      response.end('rotated');
    } else provider.callback()(request, response);
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ issuer })));
