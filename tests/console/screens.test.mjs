// Every screen in light and dark, at a desk and on a phone: axe finds nothing, nothing is wider than the window, and the page has landmarks,
// one heading of the first level, and a title.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe, DESK, launch, openPage, PHONE, settled } from "./browser.mjs";
import { FORM, VISIT } from "./fake/questions.mjs";
import { startFake } from "./fake/server.mjs";

let fake;
let browser;
before(async () => {
  fake = await startFake();
  fake.questions = [FORM, VISIT];
  browser = await launch();
});
after(async () => {
  await browser.close();
  await fake.stop();
});

const ended = () => fake.runs.find(({ outcome }) => outcome === "raised").id;
const SCREENS = [
  ["approvals", () => "/approvals", /Waiting approvals/],
  ["a card", () => `/approve/${fake.approvals[0].id}`, /Waiting approvals/],
  ["a card of the start of a script", () => `/approve/${fake.approvals.find(({ tool }) => !tool).id}`, /Waiting approvals/],
  ["a question of a server", () => `/question/${FORM.id}`, /Question/],
  ["a visit that a server asks for", () => `/question/${VISIT.id}`, /Question/],
  ["runs", () => "/runs", /Runs/],
  ["one run", () => `/runs/${ended()}`, /./],
  ["a parked run", () => `/runs/${fake.runs.find(({ outcome }) => outcome === "parked").id}`, /./],
  ["servers", () => "/servers", /Servers/],
  ["one server", () => "/servers/crm", /crm/],
  ["access", () => "/access", /Access/],
  ["a key", () => "/access/keys/ci", /ci/],
  ["a policy change", () => "/access/policy", /policy/],
  ["try", () => "/try", /Try/],
  ["tokens", () => "/tokens", /Tokens/],
  ["files", () => "/files", /Files/],
  ["functions", () => "/functions", /Functions/],
  ["a function that changed", () => "/functions/sales.overdue", /sales\.overdue/],
  ["files of a key", () => "/files/files/key-ci", /key-ci/],
];

for (const [name, path, heading] of SCREENS) {
  for (const [look, options] of Object.entries({ "light": { viewport: DESK, scheme: "light" }, "dark": { viewport: DESK, scheme: "dark" }, "phone": { viewport: PHONE, scheme: "light" }, "dark phone": { viewport: PHONE, scheme: "dark" } })) {
    test(`${name}, ${look}`, async () => {
      const page = await openPage(browser, fake, path(), options);
      await settled(page, heading);
      for (const summary of await page.locator("main details:not([open]) > summary").all()) if (await summary.isVisible()) await summary.click();
      await page.waitForTimeout(100);
      assert.deepEqual(await axe(page), []);
      const width = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(width[0] <= width[1], `the page is ${width[0]} px wide in a window of ${width[1]}`);
      assert.equal(await page.locator("h1").count(), 1);
      assert.equal(await page.locator("main").count(), 1);
      assert.match(await page.title(), /\S · Exuvia/);
      await page.done();
    });
  }
}

test("the login, and a code that is used", async () => {
  const page = await openPage(browser, fake, "/", { code: null });
  await page.getByRole("heading", { name: "Exuvia" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Code").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("This code is used or too old").waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Code").fill("let-me-in");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Waiting approvals" }).waitFor();
  await page.done();
});

test("the theme can be chosen and is kept", async () => {
  const page = await openPage(browser, fake, "/tokens", { scheme: "light" });
  await settled(page, "Tokens");
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  assert.notEqual(await paper(), light);
  assert.deepEqual(await axe(page), []);
  const dark = await paper();
  await page.reload();
  await settled(page, "Tokens");
  assert.equal(await paper(), dark);
  await page.done();
});
