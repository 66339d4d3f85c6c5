// 100,000 runs, filters, live changes, one run, replay.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

/** From a key press or a click to rows, in milliseconds, with a browser that shares its processor. */
const SOON_MS = 1500;

let fake;
let browser;
before(async () => {
  fake = await startFake({ runs: 100_000 });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await fake.stop();
});

const rows = (page) => page.locator(".runs tbody tr");
const asked = () => fake.requests.filter(({ route }) => route === "/runs").at(-1).query;
async function timed(action) {
  const began = performance.now();
  await action();
  return performance.now() - began;
}

test("the list of 100,000 is there soon, and holds one page of them", async () => {
  const page = await openPage(browser, fake, "/tokens");
  await settled(page, "Tokens");
  const took = await timed(async () => {
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await rows(page).first().waitFor();
  });
  assert.equal(await rows(page).count(), 50);
  assert.ok(took < SOON_MS, `it took ${took} ms`);
  assert.ok(await page.evaluate(() => document.querySelectorAll("*").length) < 2500);
  await page.done();
});

test("older pages, by links that can be shared, and back", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  const first = await rows(page).first().innerText();
  for (let turn = 1; turn <= 3; turn += 1) {
    await page.getByRole("link", { name: "Older" }).click();
    await page.locator(`a[href="/runs/${fake.runs[turn * 50].id}"]`).first().waitFor();
  }
  const address = page.url();
  await page.goto(address);
  await page.locator(`a[href="/runs/${fake.runs[150].id}"]`).waitFor();
  await page.getByRole("link", { name: "Newest" }).click();
  await page.locator(`a[href="/runs/${fake.runs[0].id}"]`).waitFor();
  assert.equal(await rows(page).first().innerText(), first);
  await page.done();
});

test("filters by principal, server, tool, outcome, time and text are asked of the API and are in the address", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  await page.getByLabel("Principal").fill("key:ci");
  await page.getByLabel("Server").fill("mail");
  await page.getByLabel("Tool").fill("send");
  await page.getByLabel("Text").fill("KeyError");
  await page.getByLabel("Show").selectOption("raised");
  await page.getByLabel("Time").selectOption("720");
  await page.waitForFunction(() => location.search.includes("since=720") && [...document.querySelectorAll(".runs tbody tr")].every((row) => row.innerText.includes("KeyError")));
  const { since, limit, ...query } = asked();
  assert.deepEqual(query, { principal: "key:ci", server: "mail", tool: "send", text: "KeyError", outcome: "raised" });
  assert.ok(Math.abs(Date.now() - 720 * 3_600_000 - Number(since)) < 60_000 && limit === "50");
  for (const row of await rows(page).all()) assert.match(await row.innerText(), /raised[^]*key:ci[^]*KeyError/);
  await page.reload();
  await settled(page, "Runs");
  assert.equal(await page.getByLabel("Principal").inputValue(), "key:ci");
  const took = await timed(async () => {
    await page.keyboard.press("x");
    await page.waitForFunction(() => [...document.querySelectorAll(".runs tbody tr")].some((row) => row.innerText.includes("returned")));
  });
  assert.ok(took < SOON_MS, `it took ${took} ms`);
  await page.getByLabel("Time").selectOption("between");
  await page.getByLabel("From", { exact: true }).fill("2026-01-01T00:00");
  await page.waitForFunction(() => location.search.includes("from=2026"));
  await page.done();
});

test("slow is one thing and failed another", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  await page.getByLabel("Show").selectOption("slow");
  await page.getByLabel("Slow from").selectOption("10000");
  await page.waitForFunction(() => [...document.querySelectorAll(".runs tbody tr")].every((row) => row.innerText.includes("slow")));
  assert.equal(asked().slow_ms, "10000");
  const outcomes = new Set(await page.locator(".runs tbody .badge").allInnerTexts());
  assert.ok(outcomes.size > 1, "slow runs have any outcome");
  await page.getByLabel("Show").selectOption("failed");
  await page.waitForFunction(() => [...document.querySelectorAll(".runs tbody .badge")].every((badge) => !badge.innerText.includes("returned")));
  assert.equal(asked().failed, "true");
  await page.done();
});

test("a run that starts appears, and its end too, without a reload", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  const run = fake.addRun({ tools: ["warehouse.reserve"] });
  const row = page.locator("tr", { has: page.locator(`a[href="/runs/${run.id}"]`) });
  await row.waitFor({ timeout: 3000 });
  assert.match(await row.innerText(), /running/);
  run.outcome = "returned";
  run.wall_ms = 120;
  fake.emit("ended", { run: run.id });
  await row.getByText("returned").waitFor({ timeout: 3000 });
  await page.done();
});

test("one run: each call is beside its line, with outcome, latency and size; its arguments are read when it is opened", async () => {
  const page = await openPage(browser, fake, `/runs/${fake.runs.find(({ outcome }) => outcome === "returned").id}`);
  await settled(page, /./);
  const line = (number) => page.locator(`.run-script .line[data-line="${number}"]`);
  assert.match((await line(2).locator("button.call").innerText()).replaceAll("\n", " "), /#1 crm\.get_contacts.* \d+ ms .*18 kB/);
  assert.equal(await line(6).locator("button.call").count(), 8);
  await line(6).getByRole("button", { name: "2 more calls" }).click();
  assert.equal(await line(6).locator("button.call").count(), 10);
  assert.match(await line(6).locator("button.call.is-bad").getAttribute("class"), /is-bad/);
  assert.equal(fake.requests.filter(({ route }) => /\/calls\//.test(route)).length, 0);
  await line(13).locator("button.call").click();
  await line(13).locator(".call-detail .json").nth(1).waitFor();
  assert.match(await line(13).locator(".call-detail").innerText(), /"total": 51\.40/);
  assert.match(await line(13).locator(".call-detail").innerText(), /redacted by the configuration/);
  assert.equal(fake.requests.filter(({ route }) => /\/calls\//.test(route)).length, 1);
  await page.getByText("at most 10 at a time").waitFor();
  const bars = await page.locator(".waterfall .call-bar").evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect()).map(({ left, width }) => [left, width]));
  assert.equal(bars.length, 13);
  assert.ok(bars[0][0] < bars[1][0] && bars[12][0] > bars[11][0] && bars.every(([, width]) => width >= 2));
  assert.deepEqual(await axe(page), []);
  await page.done();
});

test("replay, and replay with an edit", async () => {
  const run = fake.runs.find(({ outcome }) => outcome === "returned");
  const page = await openPage(browser, fake, `/runs/${run.id}`);
  await settled(page, /./);
  await page.keyboard.press("p");
  await page.getByText("reproduced").waitFor();
  await page.getByText("Replay with an edit…").click();
  await page.getByLabel("Edited script").fill("result = 1\n");
  await page.getByRole("button", { name: "Replay with this edit" }).click();
  await page.getByText("the edited script came out differently").waitFor();
  assert.deepEqual(fake.requests.at(-1).body, { code: "result = 1\n" });
  await page.done();
});

test("a run in flight is cancelled, an ended one is erased after a question", async () => {
  const run = fake.addRun({});
  const page = await openPage(browser, fake, `/runs/${run.id}`);
  await settled(page, /./);
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.locator(".page-head .badge", { hasText: "cancelled" }).waitFor();
  await page.getByRole("button", { name: "Erase…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
  await settled(page, "Runs");
  assert.ok(!fake.runs.includes(run));
  await page.done();
});

test("what is not there is said, and so is a daemon that is gone", async () => {
  const page = await openPage(browser, fake, "/runs/01NOTHERE");
  await page.getByText("No such run").waitFor();
  await page.goto(`${fake.url}/approve/01NOTHERE`);
  await page.getByText("No such approval").waitFor();
  const other = await startFake({ runs: 200 });
  const lost = await openPage(browser, other, "/tokens");
  await settled(lost, "Tokens");
  await other.stop();
  await lost.getByRole("link", { name: "Servers" }).click();
  await lost.getByText("The daemon cannot be reached").waitFor();
  assert.deepEqual(await axe(lost), []);
  await lost.context().close();
  await page.done();
});
