// Files that go in, and the reports that come out.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "./walk.js";
import { hydrated } from "./pages.js";

export function file(name, buffer) {
  return { name, buffer };
}

/** What the browsers upload, while this worker lasts. */
const uploads = mkdtempSync(join(tmpdir(), "mixlens-uploads-"));
process.once("exit", () => rmSync(uploads, { recursive: true, force: true }));

/** Puts files into the uploader of the page: from a folder, as people do, because megabytes are slow in the protocol of the tests. */
export async function upload(page, ...files) {
  const folder = mkdtempSync(join(uploads, "-"));
  const paths = files.map(({ name }) => join(folder, name));
  files.forEach(({ buffer }, at) => writeFileSync(paths[at], buffer));
  await hydrated(page);
  await page.setInputFiles("input[type=file]", paths);
}

/** Uploads one mix and waits for its report, on which it ends; its address. */
export async function report(page, mix) {
  await page.goto("/upload");
  await upload(page, mix);
  await page.waitForURL("**/analyses/*");
  await reportShown(page);
  await hydrated(page);
  return page.url();
}

/** The report has taken the place of the progress. */
export async function reportShown(page) {
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 60_000 });
}

/** References that are measured; ends on their list. */
export async function references(page, ...files) {
  await page.goto("/references");
  await upload(page, ...files);
  for (const { name } of files) {
    const row = page.getByRole("row").filter({ hasText: name.replace(".wav", "") }).filter({ hasText: "LUFS" });
    await expect(row).toBeVisible({ timeout: 60_000 });
  }
}

/** Compares the mix at `address` with the references of these names; ends on the comparison. */
export async function chooseReferences(page, address, ...names) {
  await page.goto(`${address}/comparison`);
  for (const name of names) await page.getByLabel(name).check();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByRole("list", { name: "Compared with" }).waitFor();
}
