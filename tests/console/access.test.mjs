// Servers, tools and their pins; keys, roles, budgets; a policy change; tokens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

let fake;
let browser;
before(async () => {
  fake = await startFake({ runs: 300 });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await fake.stop();
});

test("servers: state and why, breaker, latencies, tokens", async () => {
  const page = await openPage(browser, fake, "/servers");
  await settled(page, "Servers");
  const row = (await page.locator("tr", { hasText: "tracker" }).innerText()).replaceAll(/\s+/g, " ");
  assert.match(row, /failing 503 from https:\/\/tracker\.example.* ✕ open 31 6,320 2,210 388 18 % 412 ms 8\.1 s/);
  await page.getByRole("link", { name: "crm" }).click();
  await settled(page, "crm");
  await page.done();
});

test("a server: reconnect, log, stub, and a changed tool that is accepted by its digest", async () => {
  const page = await openPage(browser, fake, "/servers/crm");
  await settled(page, "crm");
  await page.getByRole("button", { name: "Reconnect" }).click();
  await page.locator("[role=status]", { hasText: "Reconnecting" }).waitFor({ state: "attached" });
  await page.getByText("tools/list: 9 tools").waitFor();
  await page.getByText("Show the stub").click();
  await page.locator(".script", { hasText: "def get_contacts(" }).waitFor();
  const changed = page.locator(".tool", { hasText: "get_last_order" });
  assert.match(await changed.innerText(), /changed, withheld/);
  assert.match(await changed.locator(".is-added").innerText(), /Before using any other tool/);
  await changed.getByRole("button", { name: /Accept/ }).click();
  await changed.getByText("changed, withheld").waitFor({ state: "detached" });
  assert.deepEqual(fake.requests.findLast(({ method }) => method === "POST").body, { tool: "get_last_order", digest: "35528121d72d" });
  await page.done();
});

test("explain: who may call what, and why", async () => {
  const page = await openPage(browser, fake, "/access");
  await settled(page, "Access");
  await page.getByRole("combobox", { name: "Principal" }).fill("key:support");
  await page.getByLabel("Server").fill("crm");
  await page.getByLabel("Tool").fill("delete_contact");
  await page.getByLabel("Tool").press("Enter");
  await page.getByText('roles.support.deny: "crm.delete_*"').waitFor();
  await page.getByLabel("Server").fill("warehouse");
  await page.getByLabel("Tool").fill("stock");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("It does not exist for this principal.").waitFor();
  await page.done();
});

test("a key is made, its secret is shown once, it is rotated and revoked", async () => {
  const page = await openPage(browser, fake, "/access");
  await settled(page, "Access");
  await page.getByText("New key…").click();
  await page.getByLabel("Name").fill("nightly");
  await page.getByLabel("Role", { exact: true }).and(page.locator("select")).selectOption("ci");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("exv_5f1c0ffee5f1c0ffee5f1c0ffee").waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole("link", { name: "nightly" }).click();
  await settled(page, "nightly");
  await page.getByRole("button", { name: "Rotate…" }).click();
  await page.getByRole("button", { name: "Keep it for a day" }).click();
  await page.getByText("exv_0ther0ther0ther").waitFor();
  assert.deepEqual(fake.requests.findLast(({ method }) => method === "POST").body, { overlap_ms: 86_400_000 });
  await page.getByRole("button", { name: "Revoke…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.locator(".page-head .badge", { hasText: "revoked" }).waitFor();
  await page.goBack();
  await settled(page, "Access");
  assert.equal(await page.getByText("exv_").count(), 0);
  await page.done();
});

test("budgets and consumption have numbers behind their pictures", async () => {
  const page = await openPage(browser, fake, "/access");
  await settled(page, "Access");
  await page.getByRole("img", { name: "runs: 488 of 500" }).waitFor();
  await page.locator(".budget .badge", { hasText: "exhausted" }).waitFor();
  assert.equal(await page.locator(".bars").count(), 4);
  assert.match(await page.locator(".bars").first().getAttribute("aria-label"), /^Runs, \d{4}-\d\d-\d\d to .* on the last day/);
  await page.locator(".plot summary").first().click();
  await page.locator(".plot tbody tr").nth(29).waitFor();
  await page.getByLabel("By", { exact: true }).selectOption("tool");
  await page.getByRole("rowheader", { name: "crm.get_contacts" }).waitFor();
  await page.done();
});

test("a policy change is decided about recorded runs, and nothing is written", async () => {
  const page = await openPage(browser, fake, "/access/policy");
  await settled(page, "Try a policy change");
  await page.getByRole("textbox", { name: "Configuration" }).fill("[servers.crm]\nauto_execute = []\n");
  await page.getByRole("button", { name: "Decide" }).click();
  await page.getByText("500 runs decided anew, 4 otherwise").waitFor();
  assert.deepEqual(fake.requests.filter(({ method }) => method === "POST").map(({ route }) => route).at(-1), "/policy/dry-run");
  assert.deepEqual(await axe(page), []);
  await page.done();
});

test("tokens: what was paid and what would have been", async () => {
  const page = await openPage(browser, fake, "/tokens");
  await settled(page, "Tokens");
  assert.match(await page.locator(".figures").innerText(), /97 %[^]*360[^]*38,400/);
  assert.match(await page.getByRole("group", { name: "What was paid" }).innerText(), /Questions about tools[^]*20 %[^]*Scripts/);
  assert.deepEqual(await axe(page), []);
  await page.locator(".plot summary").first().click();
  await page.locator(".plot tbody tr").nth(29).waitFor();
  await page.done();
});
