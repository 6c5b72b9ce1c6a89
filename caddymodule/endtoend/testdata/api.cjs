// Drives the API with a client that is generated from its own document, and
// nothing else. Usage: node api.cjs SITE KEY   (NODE_PATH names the packages)
const { OpenAPIClientAxios } = require("openapi-client-axios");
const assert = require("node:assert");

async function main(site, key) {
  const api = new OpenAPIClientAxios({
    definition: site + "/gateway/api/v1/openapi.json",
    withServer: { url: site + "/gateway/api/v1" },
    axiosConfigDefaults: { headers: { Authorization: "Bearer " + key }, proxy: false, validateStatus: () => true },
  });
  const client = await api.init();
  const called = new Set();
  const call = async (status, operation, ...args) => {
    called.add(operation);
    const answer = await client[operation](...args);
    assert.strictEqual(answer.status, status, operation + ": " + JSON.stringify(answer.data));
    return answer;
  };

  const made = await call(201, "create-account", null, { id: "nova", name: "Nova", state: "trial", trial_until: "2099-12-31" });
  assert.strictEqual(made.data.state, "trial");
  const tag = (await call(200, "get-account", "nova")).headers.etag;
  await call(428, "patch-account", { account: "nova" }, { name: "Nova BV" });
  const renamed = await call(200, "patch-account", { account: "nova", "If-Match": tag }, { name: "Nova BV" });
  assert.strictEqual(renamed.data.name, "Nova BV");
  await call(412, "patch-account", { account: "nova", "If-Match": tag }, { name: "Old" });

  const eva = { id: "eva", email: "eva@nova.test", name: "Eva", type: "superadmin" };
  const first = await call(201, "create-user", { account: "nova", "Idempotency-Key": "k1" }, eva);
  const again = await call(201, "create-user", { account: "nova", "Idempotency-Key": "k1" }, eva);
  assert.deepStrictEqual(again.data, first.data);
  assert.strictEqual(again.headers["idempotency-replayed"], "true");
  await call(201, "create-user", "nova", { id: "jan", email: "jan@nova.test", name: "Jan", type: "client" });
  const jan = { account: "nova", user: "jan" };

  const page = await call(200, "list-users", { account: "nova", limit: 1 });
  const rest = await call(200, "list-users", { account: "nova", limit: 1, after: page.data.next });
  assert.deepStrictEqual([page.data.users[0].id, rest.data.users[0].id, rest.data.next], ["eva", "jan", undefined]);
  assert.strictEqual((await call(200, "find-user", { email: "JAN@nova.test" })).data.users[0].id, "jan");
  const read = await call(200, "get-user", jan);
  await call(200, "patch-user", { ...jan, "If-Match": read.headers.etag }, { type: "teammate" });
  assert.strictEqual((await call(200, "block-user", jan, { reason: "left" })).data.cause, "user_blocked");
  assert.strictEqual((await call(200, "why", { who: "jan@nova.test" })).data.now.cause, "user_blocked");
  await call(200, "unblock-user", jan);
  assert.ok((await call(200, "reset-password", jan, { how: "show" })).data.password.length >= 14);
  await call(204, "end-sessions", jan);
  await call(204, "clear-delays", jan);
  assert.deepStrictEqual((await call(200, "list-attempts", jan)).data.attempts, []);
  await call(404, "get-attempt", "AAA-AAA");
  // No mail is configured here.
  for (const [operation, where, body] of [
    ["reset-password", jan, { how: "mail" }],
    ["mail-login", jan],
    ["change-email", jan, { email: "jan2@nova.test" }],
    ["invite-user", "nova", { email: "new@nova.test", name: "New", type: "client" }],
  ]) {
    assert.strictEqual((await call(409, operation, where, body)).data.reason, "no_mail");
  }
  await call(409, "invite-again", jan);
  assert.strictEqual((await call(403, "delete-user", { account: "nova", user: "eva" })).data.why, "last_superadmin");
  await call(204, "delete-user", jan);
  await call(204, "end-account-sessions", "nova");
  assert.ok((await call(200, "list-accounts")).data.accounts.some((a) => a.id === "nova"));
  const out = await call(200, "list-locked-out", { on: "2100-01-01" });
  assert.ok(out.data.locked_out.some((l) => l.account.id === "nova"));
  const lines = (await call(200, "list-audit", "nova")).data.lines;
  assert.ok(lines.some((l) => l.action === "user.blocked" && l.actor.kind === "key"), JSON.stringify(lines));
  const events = (await call(200, "list-events")).data;
  assert.ok(events.events.some((e) => e.user === "jan" && e.kind === "deleted"), JSON.stringify(events));

  const all = api.getOperations().map((o) => o.operationId);
  assert.deepStrictEqual(all.filter((o) => !called.has(o)), [], "operations that were not called");
  console.log("called all " + called.size + " operations");
}

main(process.argv[2], process.argv[3]).catch((e) => {
  console.error(e);
  process.exit(1);
});
