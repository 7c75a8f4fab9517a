import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { music, wav } from "./helpers/audio.js";
import { signUp } from "./helpers/people.js";
import { startProgram } from "./helpers/program.js";
import { file, report } from "./helpers/uploads.js";
import { readFileSync } from "node:fs";
const program = await startProgram({}, 4748);
const browser = await chromium.launch(config.use.launchOptions);
try {
  const context = await browser.newContext({ baseURL: program.base, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (e) => console.error("script", e));
  const shoot = async (name, full = false) => {
    for (const [size, vp] of Object.entries({ d: { width: 1440, height: 900 }, p: { width: 390, height: 844 } }))
      for (const scheme of ["light", "dark"]) {
        await page.setViewportSize(vp); await page.emulateMedia({ colorScheme: scheme });
        await page.waitForTimeout(300);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) console.log(name, size, "overflows by", over);
        await page.screenshot({ path: `/tmp/look/${name}-${size}-${scheme}.png`, fullPage: full });
      }
    await page.setViewportSize({ width: 1440, height: 900 });
  };
  await page.goto("/rules"); await shoot("rules");
  await page.goto("/rules?q=mud"); await page.locator(".rule__more summary").first().click(); await shoot("rules-q");
  await signUp(page, "Ann Example");
  await report(page, { name: "Night drive.wav", mimeType: "audio/wav", buffer: readFileSync(process.argv[2]) });
  await page.waitForTimeout(1500);
  await shoot("report");
  await shoot("report-full", true);
  await page.getByText("Rename", { exact: true }).click(); await shoot("rename");
  await page.getByText("Rename", { exact: true }).click();
  await page.locator(".stage > summary").click(); await shoot("stage");
  await page.locator(".stage > summary").click();
  await page.keyboard.press("Space"); await page.waitForTimeout(1500);
  await page.locator("#unknown").scrollIntoViewIfNeeded(); await page.waitForTimeout(500); await page.keyboard.press("Space");
  await shoot("sticky");
} finally { await browser.close(); await program.stop(); }
