// Files of scripts: listed, opened, read in parts, removed after a question.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

let fake;
let browser;
before(async () => {
  fake = await startFake();
  browser = await launch();
});
after(async () => {
  await browser.close();
  await fake.stop();
});

test("workspaces lead to directories, directories to files, and a file is shown in parts", async () => {
  const page = await openPage(browser, fake, "/files");
  await settled(page, "Files");
  await page.getByText("No script has used it yet.").waitFor();
  await page.getByRole("link", { name: "key-ci" }).click();
  await settled(page, /key-ci/);
  await page.getByText("73 kB in 5 files and directories altogether").waitFor();
  await page.getByRole("button", { name: "orders.csv", exact: true }).click();
  await page.getByText("1,51.40").waitFor();
  await page.getByRole("button", { name: "Next part" }).click();
  await page.getByRole("button", { name: "Next part" }).waitFor({ state: "detached" });
  assert.deepEqual(await axe(page), []);
  await page.getByRole("button", { name: "orders.db", exact: true }).click();
  await page.getByText(/It is no text/).waitFor();
  await page.getByRole("link", { name: "reports" }).click();
  await page.getByText("Nothing is in it.").waitFor();
  await page.done();
});

test("a file is removed after a question, and kept by the other answer", async () => {
  const page = await openPage(browser, fake, "/files/files/key-ci");
  await settled(page, /key-ci/);
  const remove = () => page.getByRole("button", { name: "Remove orders.csv" });
  await remove().click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  assert.equal(fake.requests.filter(({ method }) => method === "POST").filter(({ path }) => path?.includes("remove")).length, 0);
  await remove().click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await remove().waitFor({ state: "detached" });
  assert.deepEqual(fake.requests.findLast(({ method }) => method === "POST").body, { path: "orders.csv" });
  await page.done();
});
