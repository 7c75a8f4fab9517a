// The report as judgement: stage, receipt, places, downloads; each says the same number.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { accessible, file, hydrated, music, signUp, upload } from "./help.js";

export const tests = [
  { name: "score, receipt and history agree, and a click counts a file as the other stage", run: judged },
  { name: "the same without a script", run: judged, options: { javaScriptEnabled: false } },
  { name: "a place of a finding moves the player there", run: placed },
  { name: "a report is taken along as JSON and as a page that needs nothing else", run: taken },
];

/** A finished report, made where scripts run; ends on it, in `page`. */
async function report(page) {
  const maker = await page.context().browser().newContext({ baseURL: new URL((await page.goto("/")).url()).origin, viewport: { width: 1280, height: 900 } });
  const made = await maker.newPage();
  await signUp(made);
  await upload(made, file("Night drive.wav", music({ seconds: 20 })));
  await made.waitForURL("**/analyses/*", { timeout: 20_000 });
  await made.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  await page.context().addCookies(await maker.cookies());
  await page.goto(made.url());
  await maker.close();
  return page.url();
}

/** The score as ring, receipt and history say it; they must be one. */
async function score(page, address) {
  await page.goto(address);
  const ring = await page.getByRole("region", { name: "Score" }).getByRole("img").getAttribute("aria-label");
  const receipt = page.locator("#receipt");
  const points = (await receipt.locator(".receipt__points").allInnerTexts()).map((text) => Number(text.replace("−", "-")));
  const total = Number(await receipt.locator(".receipt__sum--total").innerText().then((text) => text.match(/\d+\.\d/)[0]));
  assert.equal(ring, `${total.toFixed(1)} of 100`);
  assert.ok(points.length > 0 && points.every((point) => point <= 0), points.join(" "));
  assert.equal((100 + points.reduce((sum, point) => sum + point, 0)).toFixed(1), total.toFixed(1), "the rows sum exactly");
  await page.goto("/history");
  await page.getByRole("row", { name: "Night drive" }).getByText(total.toFixed(1), { exact: true }).waitFor();
  await page.goto(address);
  return total;
}

async function judged(page) {
  const address = await report(page);
  const before = await score(page, address);
  const chip = page.locator(".stage > summary");
  const stage = await chip.locator(".stage__name").innerText();
  const other = stage === "Mix" ? "master" : "mix";
  await chip.click();
  const promised = Number(await page.locator(".stage__panel strong").innerText());
  await page.getByRole("button", { name: `Judge it as a ${other}` }).click();
  await page.waitForURL(address);
  const after = await score(page, address);
  assert.equal(after, promised, "as the chip had said");
  assert.equal((await chip.locator(".stage__name").innerText()).toLowerCase(), other);
  await chip.click();
  await page.getByRole("button", { name: "Back to what was detected" }).click();
  await page.waitForURL(address);
  assert.equal(await score(page, address), before);
}

async function placed(page) {
  const address = await report(page);
  await hydrated(page);
  await page.getByRole("button", { name: "Play" }).waitFor();
  const place = page.locator("[data-seek]").first();
  const from = Number(await place.getAttribute("data-seek"));
  // Where the place is in a row that is folded, the row is opened first.
  if (!(await place.isVisible())) await page.locator(".receipt__row", { has: page.locator("[data-seek]") }).first().locator("summary").click();
  await place.click();
  await page.waitForFunction((from) => { const { currentTime, paused } = document.querySelector("audio"); return !paused && currentTime >= from - 0.05 && currentTime < from + 4; }, from);
  assert.equal(page.url().split("#")[0], address, "the link is taken by the player");
  await page.getByRole("button", { name: "Pause" }).click();
  await accessible(page);
}

async function taken(page) {
  await report(page);
  const download = async (name) => {
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    return { name: saved.suggestedFilename(), path: await saved.path() };
  };
  const json = await download("Download JSON");
  assert.equal(json.name, "Night drive (MixLens).json");
  const { verdict, report: measured } = JSON.parse(readFileSync(json.path, "utf8"));
  assert.ok(verdict.rule_set && Number.isFinite(measured.loudness.integrated_lufs.value));
  const html = await download("Download as one page");
  const context = await page.context().browser().newContext({ javaScriptEnabled: false, offline: true });
  const alone = await context.newPage();
  const asked = [];
  alone.on("request", (request) => { if (!request.url().startsWith("file:")) asked.push(request.url()); });
  // Chromium tells what a file is by its name.
  copyFileSync(html.path, `${html.path}.html`);
  await alone.goto(pathToFileURL(`${html.path}.html`).href);
  await alone.getByRole("heading", { level: 1, name: "Night drive" }).waitFor();
  await alone.getByRole("region", { name: "Score" }).waitFor();
  assert.deepEqual(asked, []);
  await context.close();
}
