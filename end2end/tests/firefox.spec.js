// The main walk in Firefox. Playwright wants a Firefox of its own make, and its WebDriver BiDi asks for commands that the ESR does not
// know; Puppeteer drives the ESR as it is.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { wav } from "../helpers/audio.js";
import { PASSWORD } from "../helpers/people.js";
import { test as base, expect, watch } from "../helpers/walk.js";

const test = base.extend({
  /** A page of Firefox, watched; the test is skipped, and says so, where there is none. */
  firefoxPage: async ({ baseURL }, use) => {
    const found = spawnSync(join(import.meta.dirname, "../../scripts/browser"), ["firefox"], { encoding: "utf8" });
    if (found.status !== 0) {
      // The reporter keeps the reason of a skip to itself.
      console.log(`The walk in Firefox is skipped: ${found.stderr.trim()}`);
      test.skip(true, found.stderr.trim());
    }
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: found.stdout.trim(),
      defaultViewport: { width: 1280, height: 900 },
    });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(30_000);
      const complaints = watch(page, baseURL);
      await use(page);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  },
});

test("in Firefox a new person uploads a mix, reads its report, plays it and signs out", async ({ firefoxPage, baseURL }, info) => {
  const page = firefoxPage;
  const email = `fox-${randomBytes(4).toString("hex")}@example.org`;
  const arrivesAt = (path) => expect.poll(() => new URL(page.url()).pathname, { timeout: 30_000 }).toMatch(path);
  // By their words: the tree of accessible names of a report takes Firefox half a minute.
  const button = (words) => page.locator(`::-p-xpath(//button[normalize-space()="${words}"])`);

  await page.goto(`${baseURL}/signup`);
  await page.locator("main [name=display_name]").fill("Fox");
  await page.locator("main [name=email]").fill(email);
  await page.locator("main [name=password]").fill(PASSWORD);
  await page.locator("main [name=age_ok]").click();
  await page.locator("main [name=terms_ok]").click();
  await page.locator("main form button[type=submit]").click();
  await arrivesAt(/^\/signup\/sent$/);

  const link = `::-p-xpath(//article[contains(., "${email}")]//a)`;
  await expect(async () => {
    await page.goto(`${baseURL}/dev/mail`);
    expect(await page.$(link)).not.toBeNull();
  }, `an e-mail to ${email}`).toPass({ intervals: [100], timeout: 15_000 });
  await page.locator(link).click();
  await button("Confirm and sign in").click();
  await arrivesAt(/^\/upload$/);

  const mix = info.outputPath("Night drive v3.wav");
  writeFileSync(mix, wav());
  await page.waitForSelector("html[data-hydrated]");
  await (await page.$("input[type=file]")).uploadFile(mix);
  await arrivesAt(/^\/analyses\/./);
  await page.waitForSelector('section[aria-label="Key readings"]', { timeout: 60_000 });
  expect(await page.$eval("h1", (heading) => heading.textContent)).toContain("Night drive v3");
  const score = await page.$eval('section[aria-label="Score"] [role=img]', (ring) => ring.getAttribute("aria-label"));
  expect(score).toMatch(/^\d+\.\d of 100$/);

  await page.locator('.player button[aria-label="Play"]:enabled').click();
  await expect.poll(() => page.$eval("audio", (audio) => audio.currentTime)).toBeGreaterThan(0.2);
  await page.locator('.player button[aria-label="Pause"]').click();

  await page.locator("details.menu summary").click();
  await button("Sign out").click();
  await arrivesAt(/^\/$/);
  await page.goto(`${baseURL}/history`);
  await arrivesAt(/^\/signin$/);
});
