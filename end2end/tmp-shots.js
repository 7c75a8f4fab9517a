import { mkdirSync } from "node:fs";
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { music } from "./helpers/audio.js";
import { open } from "./helpers/pages.js";
import { signUp } from "./helpers/people.js";
import { startProgram } from "./helpers/program.js";
import { file, report } from "./helpers/uploads.js";
const out = "/tmp/shots"; mkdirSync(out, { recursive: true });
const program = await startProgram({}, 4757);
const browser = await chromium.launch(config.use.launchOptions);
function faulty(seconds = 40) {
  const bytes = music({ seconds });
  for (let at = 44; at < bytes.length; at += 4) {
    bytes.writeInt16LE(Math.round(bytes.readInt16LE(at) * 0.75) + 900, at);
    bytes.writeInt16LE(Math.round(bytes.readInt16LE(at + 2) * 0.4) + 900, at + 2);
  }
  return bytes;
}
try {
  const context = await browser.newContext({ baseURL: program.base, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`script: ${error}`));
  await signUp(page, "Ann Example");
  const address = await report(page, file("Night drive v3.wav", faulty()));
  const shoot = async (name, path) => {
    for (const [size, width] of [["desk", 1440], ["phone", 390]]) for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      if (path) await open(page, path);
      await page.screenshot({ path: `${out}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    }
  };
  await shoot("report", address);
  await shoot("plan", `${address}/plan`);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole("button", { name: "Render", exact: true }).click();
  await page.waitForURL("**/renders/*");
  await page.screenshot({ path: `${out}/running.png`, fullPage: true });
  await page.getByRole("heading", { name: "Proof, rule by rule" }).waitFor();
  await shoot("render", page.url());
  await page.goto("/account/privacy"); await page.screenshot({ path: `${out}/yourdata.png`, fullPage: true });
} finally { await browser.close(); await program.stop(); }
