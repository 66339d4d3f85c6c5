// Waiting approvals: live, in full, answered by key, and only as what was shown.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { axe, launch, openPage, PHONE, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

const ARMED_MS = 800;

let fake;
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());
beforeEach(async () => { fake = await startFake({ runs: 200 }); });
afterEach(() => fake.stop());

const answers = () => fake.requests.filter(({ method, route }) => method === "POST" && route.startsWith("/approvals/"));
const openCard = async (approval, options) => {
  const page = await openPage(browser, fake, `/approve/${approval.id}`, options);
  await page.locator(".card").waitFor();
  return page;
};
/** The text of the card without the marks. */
const textOf = (page, selector) => page.locator(selector).first().evaluate((block) => {
  const copy = block.cloneNode(true);
  copy.querySelectorAll(".mark, .number, .visually-hidden").forEach((mark) => mark.remove());
  return [...copy.querySelectorAll(".line")].map((line) => line.textContent).join("\n");
});
const squeezed = (text) => text.replace(/[\s\p{C}\p{Z}]/gu, "");

test("a new approval appears at once, is announced, and leaves the focus where it is", async () => {
  const page = await openPage(browser, fake, "/approvals");
  await settled(page, /Waiting/);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const focused = await page.evaluate(() => document.activeElement.dataset.id);
  fake.addApproval({ server: "warehouse", tool: "reserve" });
  await page.locator(".queue-entry", { hasText: "warehouse.reserve" }).waitFor({ timeout: 3000 });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), focused);
  await page.locator("[role=status]", { hasText: "New approval: warehouse.reserve" }).waitFor({ state: "attached" });
  assert.match(await page.locator(".count").innerText(), /^41\s*waiting$/);
  await page.done();
});

test("a page has one stream, none while it is not seen, and reads what it missed", async () => {
  const page = await openPage(browser, fake, "/approvals");
  await settled(page, /Waiting/);
  await page.getByText("Live", { exact: true }).waitFor();
  assert.equal(fake.streams.size, 1);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await page.waitForTimeout(300);
  assert.equal(fake.streams.size, 0);
  fake.addApproval({ server: "warehouse", tool: "missed" });
  await hide(false);
  await page.locator(".queue-entry", { hasText: "warehouse.missed" }).waitFor({ timeout: 4000 });
  assert.equal(fake.streams.size, 1);
  await page.done();
});

test("approve by key sends back the digest of what was shown, and goes on to the next", async () => {
  const first = fake.approvals[0];
  const page = await openCard(first);
  await page.locator(".card-end").scrollIntoViewIfNeeded();
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("a");
  await page.waitForURL((url) => !url.pathname.includes(first.id));
  assert.deepEqual(answers().map(({ route, body }) => [route, body]), [[`/approvals/${first.id}/approve`, { shown_sha256: first.shown_sha256 }]]);
  await page.locator("[role=alert]", { hasText: "Approved" }).waitFor({ state: "attached" });
  await page.done();
});

test("deny by key, with a reason", async () => {
  const first = fake.approvals[0];
  const page = await openCard(first);
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("r");
  await page.keyboard.type("ask Ada");
  await page.keyboard.press("Tab");
  await page.keyboard.press("d");
  await page.waitForURL((url) => !url.pathname.includes(first.id));
  assert.deepEqual(answers()[0].body, { shown_sha256: first.shown_sha256, reason: "ask Ada" });
  assert.equal(first.state, "denied");
  await page.done();
});

test("a key that is pressed twice answers one card", async () => {
  const page = await openCard(fake.approvals[0]);
  await page.locator(".card-end").scrollIntoViewIfNeeded();
  await page.waitForTimeout(ARMED_MS);
  // A key that goes on until the next card has been there for a while.
  await page.evaluate((first) => new Promise((done) => {
    let since = null;
    const press = setInterval(() => {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true, cancelable: true }));
      if (since === null && !location.pathname.includes(first) && document.querySelector(".answer")) since = performance.now();
      if (since !== null && performance.now() - since > 300) {
        clearInterval(press);
        done();
      }
    }, 5);
  }), fake.approvals[0].id);
  await page.waitForTimeout(300);
  assert.equal(answers().length, 1);
  await page.done();
});

test("letters that are typed into the reason answer nothing", async () => {
  const page = await openCard(fake.approvals[0]);
  await page.waitForTimeout(ARMED_MS);
  await page.getByLabel("Reason").fill("");
  await page.getByLabel("Reason").pressSequentially("add a dad");
  assert.equal(answers().length, 0);
  await page.done();
});

test("whoever has not seen the end of the card is asked once more", async () => {
  const page = await openCard(fake.approvals[0], { viewport: PHONE });
  await page.waitForTimeout(ARMED_MS);
  await page.getByRole("button", { name: "Approve" }).click();
  const dialog = page.getByRole("dialog", { name: "You have not seen all of it" });
  await dialog.waitFor();
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press("Escape");
  assert.equal(answers().length, 0);
  await page.getByRole("button", { name: "Approve" }).click();
  await dialog.getByRole("button", { name: "Approve unread" }).click();
  await page.waitForURL((url) => !url.pathname.includes(fake.approvals[0].id));
  assert.equal(answers().length, 1);
  await page.done();
});

test("an approval that was answered elsewhere, or that would send something else, is shown anew", async () => {
  const [first, second] = fake.approvals;
  const page = await openCard(first);
  await page.waitForTimeout(ARMED_MS);
  first.arguments = '{"to":"mallory@fjord.example"}';
  first.shown_sha256 = "changed";
  await page.keyboard.press("d");
  await page.locator(".card", { hasText: "mallory@fjord.example" }).waitFor();
  assert.equal(first.state, "pending");
  await page.goto(`${fake.url}/approve/${second.id}`);
  await page.locator(".card").waitFor();
  await page.waitForTimeout(ARMED_MS);
  second.state = "approved";
  second.answer = { by: "key:lead", channel: "cli", at_ms: Date.now(), reason: null };
  await page.keyboard.press("d");
  await page.locator(".card", { hasText: "approved by key:lead (cli)" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await page.done();
});

test("a card that is answered elsewhere says so without a reload", async () => {
  const [first] = fake.approvals;
  const page = await openCard(first);
  first.state = "denied";
  first.answer = { by: "key:lead", channel: "cli", at_ms: Date.now(), reason: "not this month" };
  fake.emit("answered", { approval: first.id, run: first.run });
  await page.locator(".card", { hasText: "denied by key:lead (cli)" }).waitFor({ timeout: 4000 });
  assert.match(await page.locator(".card").innerText(), /not this month/);
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await page.done();
});

test("the arguments are shown in full, token by token as they would be sent", async () => {
  const [first] = fake.approvals;
  const page = await openCard(first);
  assert.equal(squeezed(await textOf(page, ".json")), squeezed(first.arguments));
  await page.getByLabel("exactly as sent").check();
  assert.equal(await page.locator(".json .line").count(), 1);
  assert.equal(await page.locator(".json").innerText(), first.arguments);
  await page.getByRole("button", { name: "Copy" }).first().click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), first.arguments);
  await page.done();
});

test("a megabyte of arguments is there to its last byte, within seconds", async () => {
  const big = fake.approvals.find(({ arguments_bytes: bytes }) => bytes > 1_000_000);
  const began = performance.now();
  const page = await openCard(big);
  await page.locator(".json[data-complete=true]").waitFor();
  const took = performance.now() - began;
  const shown = await textOf(page, ".json");
  assert.equal(squeezed(shown), squeezed(big.arguments));
  assert.ok(shown.includes("END-OF-ARGUMENTS"));
  assert.match(await page.locator(".card").innerText(), /1\.0 MB, in full/);
  assert.ok(took < 8000, `it took ${took} ms`);
  assert.equal(await page.locator("[style*=ellipsis], .json [hidden]").count(), 0);
  await page.done();
});

test("all calls that the run holds are on the card, and the line that waits is marked", async () => {
  const held = fake.approvals.filter(({ server, tool }) => server === "crm" && tool === "update_contact");
  const page = await openCard(held[0]);
  await page.getByRole("heading", { name: "Held with it: 2 calls" }).waitFor();
  for (const other of held.slice(1)) assert.equal(await page.locator(`.together a[href="/approve/${other.id}"]`).count(), 1);
  assert.equal(await page.locator(".script .is-marked").count(), 1);
  assert.equal(await page.locator(".script .is-marked").getAttribute("data-line"), "4");
  await page.done();
});

test("'always allow' shows lines and what they would have allowed, and sends nothing", async () => {
  const page = await openCard(fake.approvals[0]);
  const before = fake.requests.length;
  await page.getByText("Always allow this…").click();
  await page.getByText("In the last seven days it would have allowed at least 214 calls").click();
  for (const scope of ["mail.send with these arguments", "mail.send, whatever its arguments", "the tools of mail that say they only read"]) await page.getByRole("heading", { name: scope }).waitFor();
  await page.getByText("The newest 12 of 214.").waitFor();
  await page.getByText("In the last seven days it would have allowed nothing else.").waitFor();
  assert.equal(await page.locator(".choice pre").first().innerText(), fake.approvals[0].suggestion.choices[0].toml);
  assert.deepEqual(fake.requests.slice(before).filter(({ method }) => method !== "GET"), []);
  assert.deepEqual(await axe(page), []);
  await page.done();
});

test("whoever asks cannot answer", async () => {
  const page = await openCard(fake.approvals.find(({ may_answer: may }) => !may));
  await page.getByText("Who asks cannot answer").waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("a");
  assert.equal(answers().length, 0);
  await page.done();
});

test("the link of an approval shows the calls of its run and nothing else", async () => {
  const [first] = fake.approvals;
  fake.tokens.set("link-token", first.run);
  const page = await openPage(browser, fake, `/approve/${first.id}?t=link-token`, { code: null });
  await page.locator(".card").waitFor();
  assert.equal(new URL(page.url()).search, "", "the token stays in the address");
  assert.equal(await page.locator("nav").count(), 0);
  assert.deepEqual(await axe(page), []);
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("d");
  await page.locator(".card", { hasText: "denied by operator" }).waitFor();
  const routes = new Set(fake.requests.map(({ route, query }) => route.split("/")[1] + (route === "/approvals" ? `?run=${query.run}` : "")));
  // Of the questions, the API gives a link those of its run.
  assert.deepEqual([...routes].sort(), ["approvals", `approvals?run=${first.run}`, "questions", "session"].sort());
  await page.done();
});
