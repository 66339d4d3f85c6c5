// Saved functions: listed, compared, promoted as they are shown, rejected and retired after a question.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

let fake;
let browser;
before(async () => {
  fake = await startFake({ runs: 50 });
  browser = await launch();
});
beforeEach(() => {
  fake.functions = undefined;
  fake.requests.length = 0;
});
after(async () => {
  await browser.close();
  await fake.stop();
});

/** A second key press must not answer: nothing does for a moment. */
const ARMED_MS = 800;

const posted = () => fake.requests.filter(({ method, route }) => method === "POST" && route.startsWith("/functions"));

test("functions are listed with their states, and a text leads to what it changes", async () => {
  const page = await openPage(browser, fake, "/functions");
  await settled(page, "Functions");
  await page.getByText("parameter `x` has no type").waitFor();
  assert.equal(await page.getByRole("link", { name: "wrong" }).count(), 0, "it has no text");
  await page.getByRole("link", { name: "sales.overdue" }).first().click();
  await settled(page, "sales.overdue");
  const changes = page.getByRole("group", { name: "What it changes in the promoted text" });
  assert.match(await changes.innerText(), /removed:\s*def overdue\(days: int = 30\)/);
  assert.match(await changes.innerText(), /added:\s*def overdue\(days: int = 60\)/);
  await page.getByText("billing.list_invoices", { exact: true }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole("link", { name: "c".repeat(12) }).click();
  await page.getByRole("heading", { name: /Version 1/ }).waitFor();
  await page.done();
});

test("what is promoted is the text that is shown", async () => {
  const page = await openPage(browser, fake, "/functions/sales.overdue");
  await settled(page, "sales.overdue");
  await page.getByRole("button", { name: "Promote" }).click();
  assert.deepEqual(posted(), [], "not at once");
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("End");
  await page.waitForTimeout(100);
  await page.keyboard.press("p");
  await page.getByRole("heading", { name: /Version 3/ }).waitFor();
  assert.deepEqual(posted().map(({ route, body }) => [route, body]), [["/functions/sales.overdue/promote", { sha256: "a".repeat(64) }]]);
  assert.equal(await page.getByRole("button", { name: "Promote" }).count(), 0);
  await page.done();
});

test("a text that was not seen to its end is promoted after a question alone", async () => {
  const page = await openPage(browser, fake, "/functions/weekly_report");
  await settled(page, "weekly_report");
  await page.waitForTimeout(ARMED_MS);
  await page.keyboard.press("p");
  await page.getByRole("dialog").getByRole("button", { name: "Go back and read" }).click();
  assert.deepEqual(posted(), []);
  await page.keyboard.press("p");
  await page.getByRole("dialog").getByRole("button", { name: "Promote unread" }).click();
  await page.getByRole("heading", { name: /Version 1/ }).waitFor();
  assert.equal(posted().length, 1);
  await page.done();
});

test("a proposal is rejected and a function is retired, each after a question", async () => {
  const page = await openPage(browser, fake, "/functions/weekly_report");
  await settled(page, "weekly_report");
  await page.waitForTimeout(ARMED_MS);
  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  assert.deepEqual(posted(), []);
  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await page.getByText("No such text").waitFor();
  await page.goto(`${fake.url}/functions/sales.overdue?sha256=${"b".repeat(64)}`);
  await settled(page, "sales.overdue");
  await page.waitForTimeout(ARMED_MS);
  await page.getByRole("button", { name: "Retire" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Retire" }).click();
  await page.getByRole("button", { name: "Promote" }).waitFor();
  assert.deepEqual(posted().map(({ route, body }) => [route, body.sha256[0]]), [["/functions/weekly_report/retire", "e"], ["/functions/sales.overdue/retire", "b"]]);
  await page.done();
});
