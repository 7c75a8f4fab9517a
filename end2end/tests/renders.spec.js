// Walks through corrective renders: planned, watched, proved, heard, downloaded; with a script, without one, and on a phone.
import { readFileSync } from "node:fs";
import { NO_SCRIPT, PHONE, expect, test } from "../helpers/walk.js";
import { faulty } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report } from "../helpers/uploads.js";

const score = async (page, label) => {
  const one = page.locator(".scores__one", { has: page.getByText(label, { exact: true }) });
  return Number(await one.locator(".num").textContent());
};

test("[P06] a mix is fixed: planned, rendered, proved, heard and downloaded", render);

test.describe(() => {
  test.use(PHONE);
  test("[P06] the same on a phone of 320 px", render);
});

async function render({ page }) {
  await signUp(page);
  await report(page, file("Okapi.wav", faulty({ seconds: 12 })));
  await page.getByRole("link", { name: "Fix this mix" }).click();
  await page.waitForURL("**/plan");
  await hydrated(page);
  await expectAccessible(page);
  const [before, expected] = [await score(page, "Now"), await score(page, "Expected")];
  expect(expected).toBeGreaterThan(before);

  // A switch moves the expected score without a reload, and back.
  await page.evaluate(() => { window.stays = true; });
  const balance = page.getByRole("checkbox", { name: /^Balance/ });
  await balance.uncheck();
  await expect(async () => expect(await score(page, "Expected")).toBeLessThan(expected)).toPass();
  await balance.check();
  await expect(async () => expect(await score(page, "Expected")).toBe(expected)).toPass();
  await page.getByLabel("Loudness", { exact: true }).selectOption({ index: 1 });
  await expect(page.locator(".plan__expected")).not.toContainText("18.");
  expect(await page.evaluate(() => window.stays), "the page was not loaded again").toBe(true);
  await page.getByLabel("Loudness", { exact: true }).selectOption("keep");

  await page.getByRole("button", { name: "Render", exact: true }).click();
  await page.waitForURL("**/renders/*");
  await expect(page.getByRole("heading", { name: "Proof, rule by rule" })).toBeVisible({ timeout: 60_000 });
  await expectAccessible(page);
  expect(await score(page, "Mix")).toBe(before);
  expect(await score(page, "Render")).toBeGreaterThanOrEqual(before);
  await expect(page.getByRole("row", { name: /Left and right|Balance/ }).first()).toContainText(/Fixed|Improved/);

  await page.getByRole("button", { name: "The render" }).click();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
  const sounding = () => page.evaluate(() => [...document.querySelectorAll("audio")].map((audio) => !audio.paused && audio.currentTime > 0.3));
  await expect(async () => expect(await sounding()).toEqual([false, true])).toPass();
  await page.getByRole("button", { name: "This mix" }).click();
  await expect(async () => expect(await sounding()).toEqual([true, false])).toPass();
  await page.getByRole("button", { name: "Pause" }).click();

  // Ten blind trials: which one is heard is not shown, and whoever says the same each time has proved nothing.
  await page.getByText("Blind test", { exact: true }).click();
  await page.getByRole("button", { name: "Begin" }).click();
  await expect(page.locator(".player__choice")).toBeHidden();
  await expect(page.getByRole("button", { name: "X is A" })).toBeDisabled();
  for (let trial = 1; trial <= 10; trial += 1) {
    await expect(page.getByText(`Trial ${trial} of 10`)).toBeVisible();
    await page.getByRole("button", { name: "X", exact: true }).click();
    await expect(async () => expect((await sounding()).filter(Boolean)).toHaveLength(1)).toPass();
    await page.getByRole("button", { name: "X is A" }).click();
  }
  await expect(page.getByText(/of 10 right\. Who guesses does as well in .* by the seed/)).toBeVisible();
  await expect(page.locator(".player__choice")).toBeVisible();

  // What a step took away becomes a source of the player as soon as it is made, and the step can be switched off.
  await page.getByRole("button", { name: "Hear step 1", exact: true }).click();
  const taken = page.getByRole("button", { name: /Taken away by 1/ });
  await expect(taken).toBeEnabled({ timeout: 30_000 });
  await taken.click();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(async () => expect(await sounding()).toEqual([false, false, true, false])).toPass();
  await page.getByRole("button", { name: "The render" }).click();
  await expect(async () => expect(await sounding()).toEqual([false, true, false, false])).toPass();
  const bypass = page.getByRole("group", { name: "Switch off a step of the render" }).getByRole("button", { name: /^1\. / });
  await expect(bypass).toHaveAttribute("aria-pressed", "false");
  const places = () => page.evaluate(() => [...document.querySelectorAll("audio")].map((audio) => audio.currentTime));
  const [, heard] = await places();
  await bypass.click();
  await expect(async () => expect(await sounding()).toEqual([false, false, false, true])).toPass();
  await expect(bypass).toHaveAttribute("aria-pressed", "true");
  // It goes on from there, at one loudness.
  const [, , , without] = await places();
  expect(without).toBeGreaterThan(heard);
  await expect(page.locator(".player__gain")).toContainText("matched to");
  await bypass.click();
  await expect(async () => expect(await sounding()).toEqual([false, true, false, false])).toPass();
  await page.getByRole("button", { name: "Pause" }).click();

  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe("Okapi (corrected, 24 bit).wav");
  expect(readFileSync(await saved.path()).subarray(0, 4).toString()).toBe("RIFF");
  await page.getByRole("link", { name: "Report of the mix" }).click();
  await expect(page.getByRole("heading", { name: "Renders" })).toBeVisible();
  await expectAccessible(page);
}

test("a mix is planned and rendered without a script", async ({ page, another }) => {
  await signUp(page);
  const address = await report(page, file("Okapi.wav", faulty({ seconds: 6 })));
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto(`${address}/plan`);
  const expected = await score(plain, "Expected");
  await plain.getByRole("checkbox", { name: /^Balance/ }).uncheck();
  await plain.getByRole("button", { name: "Update what is expected" }).click();
  expect(await score(plain, "Expected")).toBeLessThan(expected);
  await expect(plain.getByRole("checkbox", { name: /^Balance/ })).not.toBeChecked();
  await plain.getByLabel("File", { exact: true }).selectOption("flac");
  await plain.getByRole("button", { name: "Render", exact: true }).click();
  await plain.waitForURL("**/renders/*");
  await expect(async () => {
    await plain.reload();
    await expect(plain.getByRole("heading", { name: "What was done" })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 60_000 });
  await expect(plain.locator(".render__steps")).not.toContainText("Balance");
  await expect(plain.getByText("Okapi (corrected, 24 bit).flac")).toBeVisible();
});
