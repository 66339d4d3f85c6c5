// Everything by keyboard alone: what has the focus can be seen, nothing holds it, keys do what the list of keys says.

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

const focus = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const styles = [getComputedStyle(element), getComputedStyle(element, "::after")];
  const around = element.closest(".editor");
  if (around) styles.push(getComputedStyle(around));
  return { name: element.localName, text: (element.getAttribute("aria-label") ?? element.innerText ?? "").trim().slice(0, 60), id: element.id, isVisible: styles.some((style) => style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1), isSkip: element.className === "skip" };
});

for (const path of ["/approvals", "/runs", "/servers", "/servers/crm", "/access", "/access/policy", "/try", "/tokens", "/files", "/files/files/key-ci", "/functions", "/functions/sales.overdue"]) {
  test(`Tab goes through ${path}, and the focus can be seen at every stop`, async () => {
    const page = await openPage(browser, fake, path);
    await settled(page, /./);
    await page.evaluate(() => document.activeElement.blur());
    const stops = [];
    for (let count = 0; count < 70; count += 1) {
      await page.keyboard.press("Tab");
      const stop = await focus(page);
      if (stop.name === "body") break;
      assert.ok(stop.isVisible, `${path}: the focus on ${JSON.stringify(stop)} cannot be seen`);
      stops.push(stop);
    }
    assert.ok(stops[0].isSkip, "the first stop skips to the content");
    assert.ok(stops.length > 9);
    const [first, second] = [stops.at(-1), stops.at(-2)];
    assert.ok(stops.length < 70 || JSON.stringify(first) !== JSON.stringify(second), "the focus is held");
    await page.done();
  });
}

test("the skip link goes to the content", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(300);
  assert.equal((await focus(page)).id, "main");
  assert.equal(new URL(page.url()).pathname, "/runs");
  await page.done();
});

test("g and a letter go to every screen, and the heading has the focus there", async () => {
  const page = await openPage(browser, fake, "/tokens");
  await settled(page, "Tokens");
  for (const [key, path, heading] of [["a", "/approvals", "Waiting approvals"], ["r", "/runs", "Runs"], ["s", "/servers", "Servers"], ["k", "/access", "Access"], ["t", "/try", "Try a script"], ["d", "/tokens", "Tokens"], ["f", "/files", "Files"], ["u", "/functions", "Functions"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await settled(page, heading);
    assert.equal(new URL(page.url()).pathname, path);
    await page.waitForFunction((text) => document.activeElement?.innerText === text, heading);
  }
  await page.done();
});

test("an approval from the list to the answer without a mouse", async () => {
  const page = await openPage(browser, fake, "/approvals");
  await settled(page, /Waiting/);
  const first = fake.approvals[0];
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator(".card").waitFor();
  await page.keyboard.press("End");
  await page.waitForTimeout(900);
  await page.keyboard.press("a");
  await page.waitForURL((url) => !url.pathname.includes(first.id));
  assert.equal(first.state, "approved");
  await page.done();
});

test("runs: j, k, Enter, / and back", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  for (const key of "jjjk") await page.keyboard.press(key);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), fake.runs[1].id);
  await page.keyboard.press("Enter");
  await settled(page, fake.runs[1].id);
  await page.goBack();
  await settled(page, "Runs");
  await page.keyboard.press("/");
  await page.keyboard.type("warehouse");
  await page.waitForFunction(() => location.search === "?text=warehouse");
  await page.done();
});

test("a call opens and closes by keyboard", async () => {
  const page = await openPage(browser, fake, `/runs/${fake.runs.find(({ outcome }) => outcome === "returned").id}`);
  await settled(page, /./);
  const call = page.locator("button.call").first();
  await call.focus();
  await page.keyboard.press("Enter");
  assert.equal(await call.getAttribute("aria-expanded"), "true");
  await page.locator(".call-detail .json").first().waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await call.getAttribute("aria-expanded"), "false");
  await page.done();
});

test("? lists the keys, closes with Escape, and can turn single keys off", async () => {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Shortcuts" });
  await dialog.waitFor();
  assert.deepEqual(await axe(page), []);
  for (const label of ["Go to Approvals", "Next run", "Filter by text", "Clear the filters"]) assert.ok((await dialog.innerText()).includes(label), label);
  await dialog.getByLabel("Single-key shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.keyboard.press("j");
  assert.notEqual((await focus(page)).name, "a");
  await page.getByRole("button", { name: "Shortcuts" }).click();
  await dialog.getByLabel("Single-key shortcuts").check();
  await page.keyboard.press("Escape");
  await page.done();
});

test("the editor of scripts does not hold the focus, indents, and runs", async () => {
  const page = await openPage(browser, fake, "/try");
  await settled(page, "Try a script");
  await page.keyboard.press("e");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("if True:\nresult = crm.get_contract(id=1)");
  await page.keyboard.press("Control+]");
  assert.equal(await page.getByLabel("Script", { exact: true }).inputValue(), "if True:\n    result = crm.get_contract(id=1)");
  await page.getByText("did you mean get_contact?").waitFor();
  assert.equal(await page.locator(".gutter .is-marked").innerText(), "2");
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press("Tab");
  assert.notEqual((await focus(page)).name, "textarea");
  await page.getByLabel("Script", { exact: true }).focus();
  await page.getByLabel("as", { exact: true }).selectOption("support");
  await page.getByLabel("Script", { exact: true }).press("Control+Enter");
  await page.waitForURL(/\/runs\/01/);
  assert.equal(fake.requests.filter(({ route }) => route === "/try/run").at(-1).body.role, "support");
  await page.done();
});
