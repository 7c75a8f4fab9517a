// What pages weigh, that nothing moves while they arrive, and that they answer at once.
import { expect, test } from "../helpers/walk.js";
import { hydrated, open } from "../helpers/pages.js";

/** In bytes on the way, compressed. */
const PAGE_LIMIT = 260_000;
const SCRIPT_LIMIT = 200_000;
const TYPEFACE_LIMIT = 40_000;

/** What has arrived of each kind since `page` was first opened, in bytes. */
async function weighed(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const kinds = new Map();
  const sizes = {};
  session.on("Network.responseReceived", ({ requestId, type, response }) => {
    kinds.set(requestId, response.mimeType === "application/wasm" ? "Script" : type);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId) ?? "Other";
    sizes[kind] = (sizes[kind] ?? 0) + encodedDataLength;
  });
  return sizes;
}

test("a report is light, in its own typeface, and nothing moves while it arrives", async ({ page }) => {
  // The demo is made while the program starts.
  await expect(async () => {
    expect((await page.request.get("/demo")).status()).toBe(200);
  }).toPass({ timeout: 60_000 });
  const sizes = await weighed(page);
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifts.push(shift.value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  await open(page, "/demo");
  await hydrated(page);
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => document.fonts.ready);
  for (const weight of [400, 500, 600]) {
    expect(await page.evaluate((weight) => document.fonts.check(`${weight} 16px Archivo`), weight)).toBe(true);
  }
  const { Media: audio, ...parts } = sizes;
  const all = Object.values(parts).reduce((sum, size) => sum + size, 0);
  expect(all, JSON.stringify(sizes)).toBeLessThan(PAGE_LIMIT);
  expect(sizes.Script, JSON.stringify(sizes)).toBeLessThan(SCRIPT_LIMIT);
  expect(sizes.Font, JSON.stringify(sizes)).toBeGreaterThan(0);
  expect(sizes.Font, JSON.stringify(sizes)).toBeLessThan(TYPEFACE_LIMIT);
  expect(await page.evaluate(() => window.shifts)).toEqual([]);
});
