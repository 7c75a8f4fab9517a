// What the walks share: people, files, and what must hold on every page.
import axeSource from "axe-core";
import assert from "node:assert/strict";

let people = 0;
export const PASSWORD = "copper lantern valley nine";

/** Signs a new person up through the pages and the mail that the development server wrote; ends on /upload. */
export async function signUp(page) {
  people += 1;
  const email = `person${people}@example.org`;
  await page.goto("/signup");
  await page.getByLabel("Display name").fill(`Person ${people}`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("I am 13 or older").check();
  await page.getByLabel("I accept the").check();
  await page.getByRole("main").getByRole("button", { name: "Create account" }).click();
  await page.waitForURL("**/signup/sent");
  await page.getByRole("link", { name: "Open the mail" }).click();
  const letter = page.locator("article", { hasText: email }).first();
  for (let tries = 0; tries < 50 && (await letter.count()) === 0; tries += 1) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  await letter.getByRole("link").click();
  await page.getByRole("button", { name: "Confirm and sign in" }).click();
  await page.waitForURL("**/upload", { timeout: 4000 }).catch(async () => { throw new Error(await page.locator("body").innerText()); });
  return email;
}

/** Waits until the islands answer. */
export async function hydrated(page) {
  await page.waitForSelector("html[data-hydrated]", { timeout: 15_000 });
}

/** Puts files into the uploader. */
export async function upload(page, ...files) {
  await hydrated(page);
  await page.setInputFiles("input[type=file]", files);
}

/** No violation in light and dark, and nothing wider than the window. */
export async function accessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Evaluated, not inserted: the policy of the page refuses foreign scripts, as it must.
    await page.evaluate(axeSource.source);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }));
    const words = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
    assert.deepEqual(words, [], `${page.url()} in ${colorScheme}`);
  }
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(excess <= 0, `${page.url()} is ${excess} px too wide`);
}

/** A 16-bit stereo WAV: two voices a little apart, with a pulse, so that every meter has something to say. */
export function wav({ seconds = 8, level = 0.3, rate = 44_100 } = {}) {
  const frames = Math.round(seconds * rate);
  const bytes = Buffer.alloc(44 + frames * 4);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + frames * 4, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(frames * 4, 40);
  for (let at = 0; at < frames; at += 1) {
    const time = at / rate;
    const pulse = 0.4 + 0.6 * Math.exp(-6 * (time % 0.5));
    const low = Math.sin(2 * Math.PI * 110 * time);
    const left = low + 0.5 * Math.sin(2 * Math.PI * 660 * time) + 0.2 * Math.sin(2 * Math.PI * 5000 * time);
    const right = low + 0.5 * Math.sin(2 * Math.PI * 662 * time + 1) + 0.2 * Math.sin(2 * Math.PI * 7000 * time);
    bytes.writeInt16LE(Math.round(32_000 * level * pulse * left / 1.7), 44 + at * 4);
    bytes.writeInt16LE(Math.round(32_000 * level * pulse * right / 1.7), 46 + at * 4);
  }
  return bytes;
}

export function file(name, buffer) {
  return { name, mimeType: "audio/wav", buffer };
}
