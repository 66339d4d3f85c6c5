// Questions of servers: the form is made of the schema, an address is text, and an answer is sent once.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { launch, openPage, settled } from "./browser.mjs";
import { FORM, VISIT } from "./fake/questions.mjs";
import { startFake } from "./fake/server.mjs";

let fake;
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());
beforeEach(async () => {
  fake = await startFake({ runs: 50 });
  fake.questions = [FORM, VISIT];
});
afterEach(() => fake.stop());

const opened = async (question) => {
  const page = await openPage(browser, fake, `/question/${question.id}`);
  await page.locator(".card").waitFor();
  return page;
};

test("what waits is listed above the approvals, and appears and goes at once", async () => {
  fake.questions = [];
  const page = await openPage(browser, fake, "/approvals");
  await settled(page, /Waiting/);
  assert.equal(await page.locator(".questions").count(), 0);
  fake.questions = [FORM, VISIT];
  fake.emit("question-asked", { question: FORM.id, run: FORM.run });
  await page.locator(".question-list a").nth(1).waitFor();
  await page.locator(".question-list a").first().click();
  await page.locator(".card").waitFor();
  fake.questions = [];
  fake.emit("question-over", { question: FORM.id, run: FORM.run });
  await page.getByText("It was answered, or its call is over.").waitFor();
  await page.done();
});

test("a form has a field of its kind for each of the schema, and sends what is filled in", async () => {
  const page = await opened(FORM);
  assert.equal(await page.locator(".card b, .card i, .card img, .card script").count(), 0, "no text became markup");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").filter({ hasText: "must be filled in" }).waitFor();
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.locator("select").first().selectOption("l");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").filter({ hasText: "at most 8 characters" }).waitFor();
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("count").fill("twelve");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").filter({ hasText: "must be a number" }).waitFor();
  await page.getByLabel("count").fill("12");
  await page.getByLabel("a", { exact: true }).check();
  await page.getByLabel("c", { exact: true }).check();
  assert.equal(fake.answers, undefined, "nothing is sent before");
  await page.getByLabel("count").press("Enter");
  await settled(page, /Waiting/);
  assert.deepEqual(fake.answers, [{ id: FORM.id, action: "accept", content: { name: "Ada", size: "l", color: "b", count: 12, share: 0.5, sure: true, tags: ["a", "c"] } }]);
  await page.done();
});

test("an address is shown whole as text, is no link, and is answered without content", async () => {
  const page = await opened(VISIT);
  assert.equal(await page.locator(".question-url").innerText(), VISIT.url);
  assert.equal(await page.locator(`a[href*="login.example"]`).count(), 0, "nothing opens it");
  await page.getByRole("button", { name: "Copy" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), VISIT.url);
  await page.getByRole("button", { name: "I was there" }).click();
  await settled(page, /Waiting/);
  assert.deepEqual(fake.answers, [{ id: VISIT.id, action: "accept" }]);
  await page.done();
});

test("a question can be declined, and one that is over says so", async () => {
  const page = await opened(FORM);
  await page.getByRole("button", { name: "Decline" }).click();
  await settled(page, /Waiting/);
  assert.deepEqual(fake.answers, [{ id: FORM.id, action: "decline" }]);
  await page.goto(`${fake.url}/question/${FORM.id}`);
  await page.getByText("It was answered, or its call is over.").waitFor();
  await page.done();
});
