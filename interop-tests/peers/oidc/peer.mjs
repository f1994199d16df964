// A real OpenID Connect issuer (oidc-provider) in which everybody signs in as their login_hint.
// Prints its issuer; POST /control/rotate exchanges its keys.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import * as oidc from "oidc-provider";

// Whoever reads the address reads one line, so notes go elsewhere.
console.info = console.error;

const Provider = oidc.Provider ?? oidc.default;
const [audience, algorithm = "RS256"] = process.argv.slice(2);

function key() {
  const pair = {
    RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    PS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    EdDSA: () => generateKeyPairSync("ed25519"),
  }[algorithm]();
  const jwk = pair.privateKey.export({ format: "jwk" });
  return { ...jwk, kid: randomUUID(), use: "sig", alg: algorithm };
}

function provider(issuer) {
  const made = new Provider(issuer, {
    clients: [{
      client_id: "folkmoot",
      client_secret: "a secret of the tests that is long",
      redirect_uris: ["https://app.example/cb"],
      id_token_signed_response_alg: algorithm,
    }],
    jwks: { keys: [key()] },
    enabledJWA: { idTokenSigningAlgValues: [algorithm] },
    cookies: { keys: [randomUUID()] },
    claims: {
      openid: ["sub"],
      profile: ["preferred_username"],
      email: ["email", "email_verified"],
    },
    conformIdTokenClaims: false,
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        preferred_username: id,
        email: `${id}@example.org`,
        email_verified: true,
      }),
    }),
    loadExistingGrant: async (ctx) => {
      const { account, client } = ctx.oidc;
      const grant = new made.Grant({ accountId: account.accountId, clientId: client.clientId });
      grant.addOIDCScope("openid profile email");
      grant.addResourceScope(audience, "api");
      await grant.save();
      return grant;
    },
    extraTokenClaims: (_ctx, token) => ({
      preferred_username: token.accountId,
      azp: "desktop",
    }),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "api",
          audience,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  });
  made.use(async (ctx, next) => {
    if (!ctx.path.startsWith("/interaction/")) return next();
    const details = await made.interactionDetails(ctx.req, ctx.res);
    const result = { login: { accountId: details.params.login_hint } };
    ctx.redirect(await made.interactionResult(ctx.req, ctx.res, result));
  });
  return made;
}

let current;
let issuer;
const server = createServer((request, response) => {
  if (request.method === "POST" && request.url === "/control/rotate") {
    current = provider(issuer).callback();
    response.end("rotated");
    return;
  }
  current(request, response);
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  current = provider(issuer).callback();
  console.log(issuer);
});
