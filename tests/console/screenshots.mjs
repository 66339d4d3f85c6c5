// Writes the screenshots of README: `node screenshots.mjs FOLDER`.

import { mkdir } from "node:fs/promises";

import { launch, openPage, PHONE, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

const [folder] = process.argv.slice(2);
const WIDE = { width: 1360, height: 850 };
const fake = await startFake({ runs: 2000, approvals: 40, calm: true });
const browser = await launch();

async function shoot(name, path, heading, { viewport = WIDE, scheme = "light", prepare = async () => {} } = {}) {
  const page = await openPage(browser, fake, path, { viewport, scheme });
  await settled(page, heading);
  await prepare(page);
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await page.done();
}

await mkdir(folder, { recursive: true });
const returned = fake.runs.find(({ outcome, calls }) => outcome === "returned" && calls > 10);
await shoot("approval", `/approve/${fake.approvals[0].id}`, /./);
await shoot("runs", "/runs", "Runs");
await shoot("run", `/runs/${returned.id}`, /./, { scheme: "dark" });
await shoot("access", "/access", "Access", { prepare: (page) => page.locator("#budgets").evaluate((heading) => window.scrollTo(0, heading.getBoundingClientRect().top + window.scrollY - 32)) });
await shoot("phone", `/approve/${fake.approvals[0].id}`, /./, { viewport: PHONE });
await browser.close();
await fake.stop();
