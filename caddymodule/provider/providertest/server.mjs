// The certified provider of npm's oidc-provider in the shape of one of those we
// know. Started by package providertest; ends when its standard input ends.
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const options = JSON.parse(process.env.OPTIONS);
const { Provider, interactionPolicy } = await import(pathToFileURL(options.modules + '/oidc-provider/lib/index.js'));
const people = new Map(options.people.map((p) => [p.id, p]));
let chosen = options.choose; // who is logged in without being asked, or ''

const server = http.createServer();
await new Promise((resolve) => server.listen(options.port, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const client = { client_id: options.client, client_secret: options.secret, grant_types: ['authorization_code'] };

function policy() {
  const all = interactionPolicy.base();
  all.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
  return all;
}

// instance is one certified provider. What shapes differ in is its settings.
function instance(issuer, more) {
  const p = new Provider(issuer, {
    clients: [{
      ...client, redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: more.auth, id_token_signed_response_alg: more.alg ?? 'RS256',
    }],
    clientAuthMethods: [more.auth],
    jwks: options.jwks,
    conformIdTokenClaims: more.conform ?? false,
    pkce: { required: () => more.pkce ?? true },
    acrValues: more.acr ?? [],
    claims: {
      openid: ['sub', 'tid', 'oid', 'hd', 'amr'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'],
      acr: null, auth_time: null, sid: null, iss: null,
    },
    cookies: { keys: ['test'], long: { signed: true }, short: { signed: true } },
    features: { devInteractions: { enabled: false }, userinfo: { enabled: true } },
    interactions: { policy: policy(), url: (ctx, i) => `${new URL(issuer).pathname.replace(/\/$/, '')}/interaction/${i.uid}` },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, AuthorizationCode: 60, IdToken: 600 },
    findAccount: (ctx, id) => people.has(id) && { accountId: id, claims: () => claims(people.get(id)) },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
  p.Client.prototype.redirectUriAllowed = (uri) => /^http:\/\/(127\.0\.0\.1|localhost):\d+\/.*callback$/.test(uri);
  return { p, handle: p.callback(), path: new URL(issuer).pathname.replace(/\/$/, '') };
}

function claims({ id, email, verified, name, tenant, object, domain }) {
  const all = { sub: id, name, email };
  if (verified !== null) all.email_verified = verified;
  if (tenant) Object.assign(all, { tid: tenant, oid: object, preferred_username: email });
  if (domain) all.hd = domain;
  return all;
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// picker is the page on which somebody says who they are.
function picker(res, action, hidden = {}) {
  const fields = Object.entries(hidden).map(([k, v]) => `<input type="hidden" name="${escape(k)}" value="${escape(v)}">`).join('');
  const buttons = [...people.values()].map((p) => `<button name="account" value="${escape(p.id)}" id="account-${escape(p.id)}">${escape(p.email || p.id)}</button>`);
  res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  res.end(`<!doctype html><html lang="en"><title>${options.shape}: choose an account</title><h1>Choose an account</h1>
<form method="post" action="${action}">${fields}${buttons.join('')}<button name="account" value="" id="cancel">Cancel</button></form>`);
}

async function body(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()));
}

async function interaction(i, req, res) {
  const { prompt, params } = await i.p.interactionDetails(req, res);
  let account = options.shape === 'microsoft' ? params.login_hint : chosen;
  if (!account && req.method !== 'POST') return picker(res, req.url);
  account ||= (await body(req)).account;
  const person = people.get(account);
  if (!person) return i.p.interactionFinished(req, res, { error: 'access_denied', error_description: 'the person went back' });
  const login = { accountId: account };
  if (person.amr) login.amr = person.amr;
  if (person.acr) login.acr = person.acr;
  return i.p.interactionFinished(req, res, { login, [prompt.name]: prompt.name === 'login' ? login : {} }, { mergeWithLastSubmission: false });
}

// withoutIssuer takes `iss` out of what goes back to the client: not all add it.
function withoutIssuer(res) {
  const set = res.setHeader.bind(res);
  res.setHeader = (name, value) => {
    if (name.toLowerCase() === 'location' && String(value).includes('callback?')) {
      const u = new URL(value);
      u.searchParams.delete('iss');
      value = u.href;
    }
    return set(name, value);
  };
}

function document(res, doc) {
  res.writeHead(200, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(doc));
}

// rewrite leads a request to an instance, as if it had been sent there.
function rewrite(i, req, path, query) {
  req.url = `${i.path}${path}${query ? '?' + query : ''}`;
}

const shapes = {
  google() {
    const i = instance(base, { auth: 'client_secret_post' });
    return (req, res) => serve(i, req, res);
  },
  oidc() {
    const i = instance(base, { auth: 'client_secret_basic', alg: 'ES256', conform: true, acr: ['mfa'] });
    return (req, res) => serve(i, req, res);
  },
  linkedin: () => linkedin('/oauth'),
  'linkedin-former': () => linkedin(''),
  microsoft,
};

// linkedin has no nonce and no prompt, and fails where a code_verifier comes. Its
// document always says one name, its tokens say what they like.
function linkedin(path) {
  const i = instance(base + path, { auth: 'client_secret_post', pkce: false });
  return async (req, res) => {
    const url = new URL(req.url, base);
    if (url.pathname === '/oauth/.well-known/openid-configuration') {
      return document(res, {
        issuer: `${base}/oauth`, authorization_endpoint: `${base}/oauth/v2/authorization`, token_endpoint: `${base}/oauth/v2/accessToken`,
        jwks_uri: `${base}/oauth/openid/jwks`, userinfo_endpoint: `${base}${path}/me`, response_types_supported: ['code'],
        subject_types_supported: ['pairwise'], id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'profile', 'email'], claims_supported: ['iss', 'aud', 'iat', 'exp', 'sub', 'name', 'email', 'email_verified'],
      });
    }
    withoutIssuer(res);
    switch (url.pathname) {
      case '/oauth/v2/authorization':
        for (const name of ['nonce', 'prompt', 'code_challenge', 'code_challenge_method', 'login_hint']) url.searchParams.delete(name);
        rewrite(i, req, '/auth', url.searchParams);
        break;
      case '/oauth/openid/jwks':
        rewrite(i, req, '/jwks');
        break;
      case '/oauth/v2/accessToken':
        req.body = await body(req);
        if ('code_verifier' in req.body) {
          res.writeHead(401, { 'Content-Type': 'application/json' });
          return res.end('{"error":"invalid_client","error_description":"Client authentication failed"}');
        }
        rewrite(i, req, '/token');
        break;
    }
    return serve(i, req, res);
  };
}

// microsoft is one provider for each tenant behind addresses that are the same
// for all: the token tells which tenant it was.
function microsoft() {
  const tenants = new Map([...new Set(options.people.map((p) => p.tenant))].map((t) => [t, instance(`${base}/${t}/v2.0`, { auth: 'client_secret_post' })]));
  return async (req, res) => {
    const url = new URL(req.url, base);
    const [, group, rest] = url.pathname.match(/^\/([^/]+)(\/.*)?$/) ?? [];
    withoutIssuer(res);
    switch (rest) {
      case '/v2.0/.well-known/openid-configuration':
        return document(res, {
          issuer: `${base}/${tenants.has(group) ? group : '{tenantid}'}/v2.0`, authorization_endpoint: `${base}/${group}/oauth2/v2.0/authorize`,
          token_endpoint: `${base}/${group}/oauth2/v2.0/token`, jwks_uri: `${base}/common/discovery/v2.0/keys`,
          userinfo_endpoint: `${base}/oidc/userinfo`, response_types_supported: ['code'], subject_types_supported: ['pairwise'],
          id_token_signing_alg_values_supported: ['RS256'], token_endpoint_auth_methods_supported: ['client_secret_post'],
        });
      case '/discovery/v2.0/keys': {
        const [i] = tenants.values();
        rewrite(i, req, '/jwks');
        return serve(i, req, res);
      }
      case '/oauth2/v2.0/authorize': {
        const account = req.method === 'POST' ? await body(req) : { account: chosen };
        const query = url.searchParams;
        if (req.method !== 'POST' && !chosen) return picker(res, req.url.replace(/"/g, '%22'));
        const person = people.get(account.account);
        const back = new URL(query.get('redirect_uri'));
        if (!person) {
          back.search = new URLSearchParams({ error: 'access_denied', error_description: 'AADSTS65004', state: query.get('state') });
          res.writeHead(302, { Location: back.href });
          return res.end();
        }
        query.set('prompt', 'login');
        query.set('login_hint', person.id);
        res.writeHead(302, { Location: `${base}/${person.tenant}/v2.0/auth?${query}` });
        return res.end();
      }
      case '/oauth2/v2.0/token': {
        req.body = await body(req);
        for (const i of tenants.values()) {
          if (await i.p.AuthorizationCode.find(req.body.code ?? '')) {
            rewrite(i, req, '/token');
            return serve(i, req, res);
          }
        }
        res.writeHead(400, { 'Content-Type': 'application/json' });
        return res.end('{"error":"invalid_grant","error_description":"AADSTS70008"}');
      }
    }
    const i = tenants.get(group);
    if (i) return serve(i, req, res);
    res.writeHead(404).end();
  };
}

async function serve(i, req, res) {
  if (req.url.startsWith(`${i.path}/interaction/`)) return interaction(i, req, res);
  req.url = req.url.slice(i.path.length) || '/';
  req.originalUrl = i.path + req.url;
  return i.handle(req, res);
}

const shape = shapes[options.shape]();
server.on('request', async (req, res) => {
  try {
    if (req.url.startsWith('/choose?')) { // of the test kit, not of the provider
      chosen = new URL(req.url, base).searchParams.get('account');
      return res.end();
    }
    await shape(req, res);
  } catch (err) {
    console.error(err);
    if (!res.headersSent) res.writeHead(500);
    res.end();
  }
});
process.stdin.resume().on('end', () => process.exit(0));
console.log(JSON.stringify({ base }));
