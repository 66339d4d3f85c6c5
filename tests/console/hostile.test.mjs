// Text of scripts, servers, clients and keys that tries to be markup, an address, a command or another text. It is shown, it is marked, and it
// does nothing. The sources are read as well: no file of the console uses what could make markup of a text.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { axe, launch, openPage, settled } from "./browser.mjs";
import { BIDI, BREAKOUT, MARKUP, ZERO_WIDTH } from "./fake/hostile.mjs";
import { startFake } from "./fake/server.mjs";
import { HOSTILE_SERVER } from "./fake/world.mjs";

const CONSOLE = new URL("../../crates/admin/console/", import.meta.url);

let fake;
let browser;
before(async () => {
  fake = await startFake({ runs: 200 });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await fake.stop();
});

/** No element came of a text, and no character is there that does not show. */
async function inert(page) {
  const found = await page.evaluate(() => {
    const text = document.getElementById("app").innerText;
    const allowed = new Set("html head body meta title link script a div header nav ul ol li span p h1 h2 h3 h4 main section article button input label select option datalist form table caption thead tbody tr th td dl dt dd code pre kbd time details summary textarea bdi strong figure figcaption svg rect line noscript dialog".split(" "));
    return {
      elements: [...document.querySelectorAll("*")].map(({ localName }) => localName).filter((name) => !allowed.has(name)),
      scripts: [...document.scripts].filter(({ src }) => !src.startsWith(`${location.origin}/console/`)).length,
      handlers: [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames().filter((name) => /^on|^style$|^srcdoc$/.test(name) && (name !== "style" || element.getAttribute("style").replace(/--[a-z]+: ?[^;]*;?/g, "").trim()))),
      links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")).filter((href) => !/^(?:\/(?![/\\])|#|https?:\/\/)/.test(href)),
      unseen: [...text.matchAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu)].map(([one]) => one.codePointAt(0).toString(16)),
    };
  });
  assert.deepEqual(found, { elements: [], scripts: 0, handlers: [], links: [], unseen: [] });
}

const hostileRun = () => fake.runs.find(({ error }) => error?.includes("onerror"));
const PLACES = {
  "the list of approvals": () => "/approvals",
  "a card": () => `/approve/${fake.approvals.find(({ principal }) => principal.includes("onerror")).id}`,
  "the list of runs": () => "/runs",
  "a run": () => `/runs/${hostileRun().id}`,
  "the servers": () => "/servers",
  "a server": () => `/servers/${HOSTILE_SERVER}`,
  "access": () => "/access",
  "a key": () => "/access/keys/support",
  "the functions": () => "/functions",
  "a function": () => "/functions/hostile",
};

for (const [name, path] of Object.entries(PLACES)) {
  test(`${name}: text stays text`, async () => {
    const page = await openPage(browser, fake, path());
    await settled(page, /./);
    for (const summary of await page.locator("main details:not([open]) > summary").all()) if (await summary.isVisible()) await summary.click();
    await page.waitForTimeout(200);
    assert.ok((await page.locator("main").innerText()).includes("onerror="), "the text is not shown");
    await inert(page);
    assert.deepEqual(await axe(page), []);
    await page.done();
  });
}

test("arguments and values of calls, log and tracebacks", async () => {
  const page = await openPage(browser, fake, `/runs/${hostileRun().id}`);
  await settled(page, /./);
  await page.locator("button.call").first().click();
  await page.locator(".call-detail .json").first().waitFor();
  const text = await page.locator(".call-detail").first().innerText();
  assert.ok(text.includes("onerror=") && text.includes("U+202E"), text);
  await inert(page);
  await page.done();
});

test("each character that does not show has its number beside it, in its place", async () => {
  const page = await openPage(browser, fake, `/approve/${fake.approvals.find(({ principal }) => principal.includes("onerror")).id}`);
  await page.locator(".card").waitFor();
  const shown = await page.locator(".json").innerText();
  assert.ok(shown.includes("access U+202E U+2066// admin onlyU+2069 U+2066"), shown);
  assert.ok(shown.includes("payU+200BpalU+200D U+FEFF"), shown);
  assert.ok(shown.includes("400 spaces"));
  assert.ok(shown.includes("U+0430"), "a Cyrillic letter in a Latin word is named");
  assert.equal(await page.locator(".json bdi").first().innerText(), "שלום");
  assert.match(shown, /"n": 1e400,\s*"n": 2/);
  assert.ok(BIDI.includes("\u202e") && ZERO_WIDTH.includes("\u200b"));
  await page.done();
});

test("text from right to left reorders nothing around it", async () => {
  const page = await openPage(browser, fake, `/approve/${fake.approvals.find(({ principal }) => principal.includes("onerror")).id}`);
  await page.locator(".card").waitFor();
  const order = await page.locator(".json .line", { hasText: '"rtl"' }).evaluate((line) => {
    const range = document.createRange();
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    const places = {};
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const wanted of ["rtl", "שלום", "עולם", "123"]) {
        const at = node.data.indexOf(wanted);
        if (at < 0) continue;
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        places[wanted] = range.getBoundingClientRect().left;
      }
    }
    return ["rtl", "שלום", "עולם", "123"].map((wanted) => places[wanted]);
  });
  assert.deepEqual(order, [...order].sort((one, other) => one - other), "the words stand in the order in which they are sent");
  await page.done();
});

test("names that look like others are marked, and said so", async () => {
  const page = await openPage(browser, fake, `/approve/${fake.approvals.find(({ server }) => server !== null && /[^\x20-\x7e]/.test(server)).id}`);
  await page.getByText("This name has characters that are not ASCII").waitFor();
  assert.equal((await page.locator(".card-title").innerText()).replaceAll("\n", ""), "cr\u043CU+043C.get_contacts");
  await page.done();
});

test("an address that is no web address is no link", async () => {
  const page = await openPage(browser, fake, `/runs/${hostileRun().id}`);
  await settled(page, /./);
  assert.equal(await page.locator("a[href^='javascript']").count(), 0);
  assert.equal(await page.locator(".failure").count(), 0);
  assert.equal(await page.getByText("4bf92f3577b34da6a3ce929d0e0e4736").count(), 1);
  await page.goto(`${fake.url}/login?to=${encodeURIComponent("//evil.example/")}#code=let-me-in`);
  await page.getByRole("heading", { name: "Waiting approvals" }).waitFor();
  assert.equal(new URL(page.url()).origin, fake.url);
  await page.done();
});

test("a policy of content stops what would come from a text all the same", async () => {
  const page = await openPage(browser, fake, "/tokens");
  await settled(page, "Tokens");
  const thrown = await page.evaluate(async (markup) => {
    const box = document.createElement("div");
    try {
      box.innerHTML = markup;
    } catch (error) {
      return error.name;
    }
    return null;
  }, BREAKOUT + MARKUP);
  assert.equal(thrown, "TypeError");
  await page.context().close();
});

test("no source of the console makes markup of text", async () => {
  const banned = /\b(?:innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|setHTML\w*|parseHTML\w*|document\.write|srcdoc|eval|Function|importScripts|execCommand)\b|setAttribute\(\s*["'](?:on|style)|https?:\/\/(?!www\.w3\.org)/;
  const names = (await readdir(CONSOLE, { recursive: true })).filter((name) => /\.(?:js|css|html|svg)$/.test(name));
  assert.ok(names.length > 30);
  for (const name of names) {
    const text = await readFile(new URL(name, CONSOLE), "utf8");
    const lines = text.split("\n");
    assert.ok(lines.length <= 300, `${name} has ${lines.length} lines`);
    for (const [index, line] of lines.entries()) {
      const allowed = line.replaceAll("http://www.w3.org/2000/svg", "").replaceAll("https?:", "");
      assert.ok(!banned.test(allowed), `${name}:${index + 1}: ${line.trim()}`);
    }
  }
});
