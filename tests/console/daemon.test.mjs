// The console in the real program, against its API and its record of runs. Skipped where the program is not built.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { startDaemon } from "./daemon.mjs";

const program = process.env.EXUVIA;
const SCRIPT = 'import asyncio\ncontacts = crm.get_contacts(limit=3)["items"]\norders = await asyncio.gather(*[crm.get_last_order(contact_id=c["id"]) for c in contacts])\nprint(len(orders), "orders")\nresult = sum(o["total"] for o in orders)\n';

let daemon;
let browser;
let run;
before(async () => {
  if (!program) return;
  daemon = await startDaemon(program);
  assert.equal((await fetch(`${daemon.url}/console/main.js`)).status, 200, "the program has no console");
  browser = await launch();
  run = (await daemon.api("POST", "/try/run", { code: SCRIPT })).run;
  await daemon.api("POST", "/try/run", { code: "1 / 0" });
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
});

const only = { skip: program ? false : "EXUVIA is not set: the program is not built" };
/** Whether a promise is settled. */
const isOver = (promise) => Promise.race([promise.then(() => true, () => true), new Promise((later) => setTimeout(later, 300, false))]);

async function at(path) {
  const page = await openPage(browser, daemon, path, { code: await daemon.code() });
  page.refused = [];
  page.on("response", (response) => response.status() >= 400 && page.refused.push(`${response.status()} ${response.url()}`));
  return page;
}

for (const [path, heading] of [["/approvals", /Waiting/], ["/runs", "Runs"], ["/runs?show=failed&since=24&slow=1000", "Runs"], ["/runs?show=running", "Runs"], ["/servers", "Servers"], ["/servers/crm", "crm"], ["/access", "Access"], ["/access/policy", /policy/], ["/try", /Try/], ["/tokens", "Tokens"], ["/files", "Files"]]) {
  test(`${path} reads what the daemon answers`, only, async () => {
    const page = await at(path);
    await settled(page, heading);
    await page.waitForTimeout(500);
    assert.deepEqual(await page.locator(".failure").allInnerTexts(), []);
    assert.deepEqual(page.refused, []);
    assert.deepEqual(await axe(page), []);
    await page.done();
  });
}

test("a run that was made is in the list, its calls are beside their lines, and it replays", only, async () => {
  const page = await at("/runs");
  await settled(page, "Runs");
  await page.locator(`a[href="/runs/${run}"]`).click();
  await settled(page, run);
  assert.equal(await page.locator('.line[data-line="2"] button.call').count(), 1);
  assert.equal(await page.locator('.line[data-line="3"] button.call').count(), 3);
  assert.match(await page.locator('.line[data-line="2"] button.call').innerText(), /crm\.get_contacts[^]* ms[^]* B/);
  await page.locator('.line[data-line="2"] button.call').click();
  await page.locator(".call-detail .json").nth(1).waitFor();
  assert.match(await page.locator(".call-detail").first().innerText(), /"limit": 3[^]*"Contact 1"/);
  assert.match(await page.locator("main").innerText(), /3 orders/);
  await page.getByText("Replay with an edit…").click();
  await page.getByLabel("Edited script").fill(`${SCRIPT}result = 1\n`);
  await page.getByRole("button", { name: "Replay with this edit" }).click();
  await page.locator(".verdict .badge", { hasText: "differs" }).waitFor({ timeout: 60_000 });
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Replay", exact: true }).click();
  await page.locator(".verdict", { hasText: "reproduced" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(page.refused, []);
  await page.done();
});

test("a script is tried from the page, with findings beside it", only, async () => {
  const page = await at("/try");
  await settled(page, /Try/);
  await page.getByLabel("Script", { exact: true }).fill("result = crm.get_contract(id=1)\n");
  await page.getByText(/get_contract/).last().waitFor();
  await page.locator(".gutter .is-marked").waitFor();
  await page.getByLabel("Script", { exact: true }).fill("result = crm.get_contacts(limit=2)\n");
  await page.locator(".try-tools", { hasText: "crm.get_contacts" }).waitFor();
  await page.getByRole("button", { name: "Run" }).click();
  await page.waitForURL(/\/runs\/[0-9A-Z]{26}$/, { timeout: 60_000 });
  await page.locator(".page-head .badge", { hasText: "returned" }).waitFor();
  assert.deepEqual(page.refused, []);
  await page.done();
});

test("who may call what, and why", only, async () => {
  const page = await at("/access?principal=operator&server=crm&tool=send");
  await settled(page, "Access");
  await page.locator(".outcome .badge").waitFor();
  assert.ok((await page.locator(".outcome").innerText()).length > 10);
  await page.done();
});

test("a script that asks appears, is approved on the page by key, and goes on", only, async () => {
  const page = await at("/approvals");
  await settled(page, /Waiting/);
  const ended = daemon.api("POST", "/try/run", { code: 'before = crm.get_contacts(limit=1)\nresult = crm.send(to="ada@fjord.example", body="\u202e1")\n' });
  ended.catch(() => {});
  for (let count = 0; count < 2 && !(await isOver(ended)); count += 1) {
    const entry = page.locator(".queue-entry").first();
    await Promise.race([entry.waitFor({ timeout: 15_000 }), ended]);
    if (await isOver(ended)) break;
    await entry.click();
    await page.locator(".card").waitFor();
    await page.locator(".card-end").scrollIntoViewIfNeeded();
    await page.waitForTimeout(900);
    await page.keyboard.press("a");
    await page.locator(".card .badge", { hasText: /approved|used/ }).waitFor();
  }
  const { run: id, outcome } = await ended;
  assert.equal(outcome, "returned");
  await page.goto(`${daemon.url}/runs/${id}`);
  await settled(page, id);
  assert.match(await page.locator("main").innerText(), /"sent": "ada@fjord\.example"/);
  assert.deepEqual(page.refused, []);
  await page.done();
});

test("a session ends with the log out, and without one nothing is shown", only, async () => {
  const page = await at("/tokens");
  await settled(page, "Tokens");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Code").waitFor();
  await page.goto(`${daemon.url}/runs`);
  await page.getByLabel("Code").waitFor();
  assert.equal(await page.locator("nav").count(), 0);
  await page.context().close();
});

test("the cookie of a session is nothing without what the page keeps", only, async () => {
  const page = await at("/runs");
  await settled(page, "Runs");
  const port = new URL(daemon.url).port;
  const cookies = await page.context().cookies();
  assert.deepEqual(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [[`exuvia_console_${port}`, true, "Strict"]]);
  await page.reload();
  await settled(page, "Runs");
  await page.evaluate(() => localStorage.removeItem("exuvia.session"));
  await page.reload();
  await page.getByLabel("Code").waitFor();
  assert.equal(await page.evaluate(async () => (await fetch("/api/v1/runs")).status), 401);
  await page.context().close();
});

test("pages come under the policy that the console is made for", only, async () => {
  const { headers } = await fetch(`${daemon.url}/runs`);
  assert.match(headers.get("content-security-policy"), /default-src 'none'.*script-src 'self'.*require-trusted-types-for 'script'/);
  assert.doesNotMatch(headers.get("content-security-policy"), /unsafe|\*|https?:/);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal((await fetch(`${daemon.url}/console/README.md`)).status, 404);
});
