// Chromium, driven by Playwright, and what every test of the console checks beside its own matter: nothing violates the policy, nothing is
// requested from elsewhere, no script fails, no text became a script.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const packages = process.env.CONSOLE_PACKAGES;
const require = createRequire(`${packages}/tests.mjs`);
const { chromium } = require("playwright-core");
const AXE = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-crash-reporter --disable-breakpad";
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const DESK = { width: 1280, height: 860 };
export const PHONE = { width: 360, height: 740 };

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
}

/** A page of its own that is logged in, at `path`. `watch.check()` fails on whatever went wrong in it. */
export async function openPage(browser, fake, path, { viewport = DESK, scheme = "light", code = "let-me-in" } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce", locale: "en-US" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== fake.url) wrong.push(`request to ${request.url()}`);
  });
  page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`));
  await page.goto(code ? `${fake.url}/login?to=${encodeURIComponent(path)}#code=${code}` : fake.url + path);
  await page.waitForLoadState("load");
  page.check = async () => {
    assert.deepEqual(wrong, []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    assert.equal(await page.evaluate(() => window.attacked), undefined, "a text became a script");
  };
  page.done = async () => {
    await page.check();
    await context.close();
  };
  return page;
}

/** What axe finds, one line each. */
export async function axe(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })).violations);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary.replaceAll("\n", " ").slice(0, 200)}`));
}

/** Waits until the screen has its heading and nothing is being read. */
export async function settled(page, heading) {
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes("Reading…"));
  await page.waitForTimeout(150);
}
