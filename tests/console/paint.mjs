// How soon the list of runs is there, over 100,000 generated ones: `tests/console/run - paint`. Prints medians; fails where there is no list.

import { launch, openPage, settled } from "./browser.mjs";
import { startFake } from "./fake/server.mjs";

const ROUNDS = 10;
const RUNS = 100_000;

const median = (times) => times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)];

const fake = await startFake({ runs: RUNS });
const browser = await launch();
try {
  const page = await openPage(browser, fake, "/runs");
  await settled(page, "Runs");
  const [painted, listed] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.reload();
    await page.locator(".runs tbody tr").first().waitFor();
    listed.push(await page.evaluate(() => performance.now()));
    painted.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  }
  console.log(`${RUNS} runs: first paint after ${median(painted).toFixed(0)} ms, the list after ${median(listed).toFixed(0)} ms (medians of ${ROUNDS})`);
  await page.done();
} finally {
  await browser.close();
  await fake.stop();
}
