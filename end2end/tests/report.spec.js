// The report as judgement: stage, score breakdown, time ranges, downloads; each says the same number.
import { copyFileSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { NO_SCRIPT, expect, test } from "../helpers/walk.js";
import { music } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report } from "../helpers/uploads.js";

/** A finished report, made where scripts run and opened in `page`; its address. */
async function finished(page, another) {
  const maker = await another();
  await signUp(maker);
  const address = await report(maker, file("Night drive.wav", music({ seconds: 20 })));
  await page.context().addCookies(await maker.context().cookies());
  await page.goto(address);
  return address;
}

/** The score as ring, breakdown and history say it; they must be one. */
async function score(page, address) {
  await page.goto(address);
  const ring = page.getByRole("region", { name: "Score" }).getByRole("img");
  const points = (await page.locator(".breakdown__points").allInnerTexts()).map((text) =>
    Number(text.replace("−", "-")),
  );
  const sum = await page.locator(".breakdown__sum--total").innerText();
  const total = Number(sum.match(/\d+\.\d/)[0]);
  await expect(ring).toHaveAttribute("aria-label", `${total.toFixed(1)} of 100`);
  expect(points.length).toBeGreaterThan(0);
  expect(Math.max(...points)).toBeLessThanOrEqual(0);
  const left = points.reduce((rest, point) => rest + point, 100);
  expect(left.toFixed(1), "the rows sum exactly").toBe(total.toFixed(1));
  await page.goto("/history");
  const row = page.getByRole("row", { name: "Night drive" });
  await expect(row.getByText(total.toFixed(1), { exact: true })).toBeVisible();
  await page.goto(address);
  return total;
}

test("score, breakdown and history agree, and a click counts a file as the other stage", judged);

test.describe(() => {
  test.use(NO_SCRIPT);
  test("the same without a script", judged);
});

async function judged({ page, another }) {
  const address = await finished(page, another);
  const before = await score(page, address);
  const chip = page.locator(".stage > summary");
  const stage = await chip.locator(".stage__name").innerText();
  const other = stage === "Mix" ? "master" : "mix";
  await chip.click();
  const promised = Number(await page.locator(".stage__panel strong").innerText());
  await page.getByRole("button", { name: `Judge it as a ${other}` }).click();
  await expect(chip.locator(".stage__name")).toHaveText(other, { ignoreCase: true });
  expect(await score(page, address), "as the chip had said").toBe(promised);
  await chip.click();
  await page.getByRole("button", { name: "Back to what was detected" }).click();
  await expect(chip.locator(".stage__name")).toHaveText(stage);
  expect(await score(page, address)).toBe(before);
}

test("a place of a finding moves the player there", async ({ page, another }) => {
  const address = await finished(page, another);
  await hydrated(page);
  await page.getByRole("button", { name: "Play" }).waitFor();
  const range = page.locator("[data-seek]").first();
  const from = Number(await range.getAttribute("data-seek"));
  // Where the range is in a row that is folded, the row is opened first.
  if (!(await range.isVisible())) {
    await page.locator(".breakdown__row", { has: page.locator("[data-seek]") }).first().locator("summary").click();
  }
  await range.click();
  await page.waitForFunction((from) => {
    const { currentTime, paused } = document.querySelector("audio");
    return !paused && currentTime >= from - 0.05 && currentTime < from + 4;
  }, from);
  expect(page.url().split("#")[0], "the link is taken by the player").toBe(address);
  await page.getByRole("button", { name: "Pause" }).click();
  await expectAccessible(page);
});

test("a report is taken along as JSON and as a page that needs nothing else", async ({ page, another }) => {
  await finished(page, another);
  const download = async (name) => {
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name }).click(),
    ]);
    return { name: saved.suggestedFilename(), path: await saved.path() };
  };
  const json = await download("Download JSON");
  expect(json.name).toBe("Night drive (MixLens).json");
  const { verdict, report: measured } = JSON.parse(readFileSync(json.path, "utf8"));
  expect(verdict.rule_set).toBeTruthy();
  expect(Number.isFinite(measured.loudness.integrated_lufs.value)).toBe(true);
  const html = await download("Download as one page");
  const alone = await another({ ...NO_SCRIPT, offline: true });
  const asked = [];
  alone.on("request", (request) => {
    if (!request.url().startsWith("file:")) asked.push(request.url());
  });
  // Chromium tells what a file is by its name.
  copyFileSync(html.path, `${html.path}.html`);
  await alone.goto(pathToFileURL(`${html.path}.html`).href);
  await expect(alone.getByRole("heading", { level: 1, name: "Night drive" })).toBeVisible();
  await expect(alone.getByRole("region", { name: "Score" })).toBeVisible();
  expect(asked).toEqual([]);
});
