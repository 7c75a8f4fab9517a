// The history as a tool, and songs: search, filters, pages, grouping, what changed; with and without a script.
import { NO_SCRIPT, expect, test } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report, upload } from "../helpers/uploads.js";

const titles = (page) => page.locator(".list__title > a");

test("the history is searched, filtered and sorted without a script", async ({ page, another }) => {
  await signUp(page);
  await report(page, file("Ström 10.wav", wav({ seconds: 4 })));
  await report(page, file("Ström 9.wav", wav({ seconds: 5, level: 0.9 })));
  await page.goto("/upload");
  await upload(page, file("text.wav", Buffer.from("This is no audio at all. ".repeat(100))));
  await page.waitForURL("**/analyses/*");
  await expect(page.getByText("which MixLens does not decode").first()).toBeVisible({ timeout: 60_000 });
  await page.goto("/history");
  await expectAccessible(page);
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto("/history");
  await expect(titles(plain)).toHaveText(["text", "Ström 9", "Ström 10"]);
  await plain.getByLabel("Search").fill("STROM");
  await plain.getByLabel("Order").selectOption("Title, A to Z");
  await plain.getByRole("button", { name: "Show" }).click();
  await expect(titles(plain)).toHaveText(["Ström 9", "Ström 10"]);
  await expect(plain.getByLabel("Search")).toHaveValue("STROM");
  await plain.getByLabel("State").selectOption("No report");
  await plain.getByRole("button", { name: "Show" }).click();
  await expect(plain.getByRole("heading", { name: "No matches" })).toBeVisible();
  await plain.getByRole("link", { name: "Take back: “STROM”" }).click();
  await expect(titles(plain)).toHaveText(["text"]);
  await plain.getByRole("link", { name: "Clear all" }).click();
  await expect(titles(plain)).toHaveCount(3);
  await page.goto("/history?q=nowhere&state=done");
  await expectAccessible(page);
  await page.goto("/history?order=nonsense");
  await expect(page.getByText("was not understood")).toBeVisible();
  await expectAccessible(page);
});

test("versions are grouped on the report by what is suggested, and compared", async ({ page }) => {
  await signUp(page);
  await report(page, file("Night Drive v1.wav", wav({ seconds: 8 })));
  await report(page, file("night_drive_v2.wav", wav({ seconds: 8, level: 0.95 })));
  const song = page.getByRole("region", { name: "Song" });
  await expect(song.getByText("Looks like a version of")).toBeVisible();
  await expectAccessible(page);
  await song.getByRole("button", { name: "Group them" }).click();
  await expect(song.getByText("Version 2 of")).toBeVisible();
  await expectAccessible(page);
  await song.getByRole("link", { name: "version 1" }).click();
  await expect(page.getByRole("heading", { name: "Version 2 against version 1" })).toBeVisible();
  await expectAccessible(page);

  // The rows of the comparison sum to the difference of the scores, in tenths of a point.
  const tenths = (text) =>
    Math.round(10 * Number(text.replace("−", "-").replace("+", "").replace("\u202f", "")));
  const points = (await page.locator(".changes__points").allInnerTexts()).map(tenths);
  expect(points.length).toBeGreaterThan(0);
  const total = tenths(await page.locator(".changes__sum .num").innerText());
  expect(points.reduce((sum, value) => sum + value, 0)).toBe(total);

  // A third one joins, is declined first, then added by name.
  await report(page, file("Night Drive v3.wav", wav({ seconds: 8, level: 0.5 })));
  await song.getByRole("button", { name: "Not a version" }).click();
  await expect(song.getByText("Add to a song")).toBeVisible();
  await expect(song.getByText("Looks like a version of")).toHaveCount(0);
  await song.getByText("Add to a song").click();
  await song.getByRole("combobox", { name: "Song" }).fill("NIGHT DRIVE");
  await song.getByRole("button", { name: "Add", exact: true }).click();
  await expect(song.getByText("Version 3 of")).toBeVisible();
});

test("versions are grouped in the history without a script, compared, and taken apart", async ({ page, another }) => {
  await signUp(page);
  await report(page, file("aaa.wav", wav({ seconds: 4 })));
  await report(page, file("zzz.wav", wav({ seconds: 6, level: 0.95 })));
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto("/history");
  await plain.getByRole("link", { name: "Select several" }).click();
  await plain.getByRole("button", { name: "Group as one song" }).click();
  await expect(plain.getByText(/Choose at least one version|Name the song/).first()).toBeVisible();
  await plain.getByLabel("Song", { exact: true }).fill("Okapi");
  await plain.getByLabel("Choose aaa").check();
  await plain.getByLabel("Choose zzz").check();
  await plain.getByRole("button", { name: "Group as one song" }).click();
  await expect(plain.getByRole("heading", { level: 1, name: "Okapi" })).toBeVisible();
  await expect(plain.getByRole("heading", { name: "Version 2 against version 1" })).toBeVisible();
  await plain.getByLabel("From", { exact: true }).selectOption({ index: 1 });
  await plain.getByLabel("To", { exact: true }).selectOption({ index: 1 });
  await plain.getByRole("button", { name: "Compare" }).click();
  await expect(plain.getByText("nothing changed")).toBeVisible();

  await plain.getByText("Rename", { exact: true }).click();
  await plain.getByLabel("Title").fill("Giraffe");
  await plain.getByRole("button", { name: "Save the title" }).click();
  await expect(plain.getByRole("heading", { level: 1, name: "Giraffe" })).toBeVisible();
  await page.goto("/history?select=1");
  await expectAccessible(page);
  await page.goto("/songs");
  await expectAccessible(page);
  await page.getByRole("link", { name: "Giraffe" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Giraffe" })).toBeVisible();
  await expectAccessible(page);
  await plain.getByRole("button", { name: "Remove from song: version 1" }).click();
  await expect(plain.getByText("As soon as two versions are measured")).toBeVisible();
  await plain.getByText("Ungroup", { exact: true }).click();
  await plain.getByRole("button", { name: "Ungroup the versions" }).click();
  await plain.waitForURL("**/songs");
  await plain.goto("/history");
  await expect(titles(plain), "versions outlive their song").toHaveCount(2);
});

test("the history is put in order by its heads, saved as a table, and several go at once without a script", async ({ page, another }) => {
  await signUp(page);
  await report(page, file("quiet.wav", wav({ seconds: 4, level: 0.1 })));
  await report(page, file("loud.wav", wav({ seconds: 4, level: 0.9 })));
  await report(page, file("stays.wav", wav({ seconds: 5, level: 0.4 })));
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto("/history");
  const head = (name) => plain.getByRole("columnheader", { name });
  await expect(head("Uploaded")).toHaveAttribute("aria-sort", "descending");
  await head("Loudness").getByRole("link").click();
  await expect(titles(plain)).toHaveText(["loud", "stays", "quiet"]);
  await head("Loudness").getByRole("link").click();
  await expect(titles(plain)).toHaveText(["quiet", "stays", "loud"]);
  await expect(head("Loudness")).toHaveAttribute("aria-sort", "ascending");

  const saved = await plain.request.get(await plain.getByRole("link", { name: "Save as CSV" }).getAttribute("href"));
  const lines = (await saved.text()).trim().split(/\r?\n/);
  expect(lines[0]).toContain("integrated_lufs");
  expect(lines.slice(1).map((line) => line.split(",")[0])).toEqual(["quiet", "stays", "loud"]);

  await plain.getByRole("link", { name: "Select several" }).click();
  await plain.getByText("Delete what is ticked").click();
  await plain.getByRole("button", { name: "Delete them" }).click();
  await expect(plain.getByText("Tick what is to be deleted.").first()).toBeVisible();
  await plain.getByLabel("Choose quiet").check();
  await plain.getByLabel("Choose loud").check();
  await plain.getByText("Delete what is ticked").click();
  await plain.getByRole("button", { name: "Delete them" }).click();
  await expect(plain.getByText("Report and audio are gone.")).toBeVisible();
  await expect(titles(plain)).toHaveText(["stays"]);
});

test.describe(() => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("a song fits a phone", async ({ page }) => {
    await signUp(page);
    await report(page, file("Night Drive v1.wav", wav({ seconds: 6 })));
    const name = "Night Drive v2 (a rather long remark of the engineer).wav";
    await report(page, file(name, wav({ seconds: 6, level: 0.95 })));
    await hydrated(page);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Group them" }).click();
    await expect(page.getByText("Version 2 of")).toBeVisible();
    await expectAccessible(page);
    for (const path of ["/history", "/history?select=1&q=night&state=done", "/songs"]) {
      await page.goto(path);
      await expectAccessible(page);
    }
    await page.getByRole("link", { name: "Night Drive" }).first().click();
    await expect(page.getByRole("heading", { name: "Versions" })).toBeVisible();
    await expectAccessible(page);
  });
});
