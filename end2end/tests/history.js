// The history as a tool, and songs: search, filters, pages, grouping, what changed; with and without a script.
import assert from "node:assert/strict";
import { accessible, file, hydrated, signUp, upload, wav } from "./help.js";

export const tests = [
  { name: "the history is searched, filtered and sorted without a script", run: searched },
  { name: "versions are grouped on the report by what is suggested, and compared", run: suggested },
  { name: "versions are grouped in the history without a script, compared, and taken apart", run: grouped },
  { name: "a song fits a phone", run: onAPhone, options: { viewport: { width: 390, height: 844 }, hasTouch: true } },
];

/** Uploads each and waits for its report; ends on the last one. */
async function uploaded(page, ...mixes) {
  for (const [name, options] of mixes) {
    await page.goto("/upload");
    await upload(page, file(name, wav(options)));
    await page.waitForURL("**/analyses/*", { timeout: 20_000 });
    await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  }
}

/** The same person in a browser without JavaScript. */
async function withoutScript(page, options = {}) {
  const context = await page.context().browser().newContext({ javaScriptEnabled: false, baseURL: new URL(page.url()).origin, ...options });
  await context.addCookies(await page.context().cookies());
  return context.newPage();
}

const titles = (page) => page.locator(".history__title > a").allInnerTexts();

async function searched(page) {
  await signUp(page);
  await uploaded(page, ["Ström 10.wav", { seconds: 4 }], ["Ström 9.wav", { seconds: 5, level: 0.9 }]);
  await page.goto("/upload");
  await upload(page, file("text.wav", Buffer.from("This is no audio at all. ".repeat(100))));
  await page.waitForURL("**/analyses/*");
  await page.goto("/history");
  await accessible(page);
  const plain = await withoutScript(page);
  await plain.goto("/history");
  assert.deepEqual(await titles(plain), ["text", "Ström 9", "Ström 10"]);
  await plain.getByLabel("Search").fill("STROM");
  await plain.getByLabel("Order").selectOption("Title, A to Z");
  await plain.getByRole("button", { name: "Show" }).click();
  assert.deepEqual(await titles(plain), ["Ström 9", "Ström 10"]);
  assert.equal(await plain.getByLabel("Search").inputValue(), "STROM");
  await plain.getByLabel("State").selectOption("No report");
  await plain.getByRole("button", { name: "Show" }).click();
  await plain.getByRole("heading", { name: "Nothing fits what you look for" }).waitFor();
  await plain.getByRole("link", { name: "Take back: “STROM”" }).click();
  assert.deepEqual(await titles(plain), ["text"]);
  await plain.getByRole("link", { name: "Clear all" }).click();
  assert.equal((await titles(plain)).length, 3);
  await page.goto("/history?q=nowhere&state=done");
  await accessible(page);
  await page.goto("/history?order=nonsense");
  await page.getByText("was not understood").waitFor();
  await accessible(page);
  await plain.context().close();
}

async function suggested(page) {
  await signUp(page);
  await uploaded(page, ["Night Drive v1.wav", { seconds: 8 }], ["night_drive_v2.wav", { seconds: 8, level: 0.95 }]);
  await hydrated(page);
  const song = page.getByRole("region", { name: "Song" });
  await song.getByText("Looks like a version of").waitFor();
  await accessible(page);
  await song.getByRole("button", { name: "Group them" }).click();
  await song.getByText("Version 2 of").waitFor();
  await accessible(page);
  await song.getByRole("link", { name: "version 1" }).click();
  await page.getByRole("heading", { name: "Version 2 against version 1" }).waitFor();
  await accessible(page);

  // The rows of the comparison sum to the difference of the scores.
  const number = (text) => Number(text.replace("−", "-").replace("+", "").replace("\u202f", ""));
  const points = (await page.locator(".changes__points").allInnerTexts()).map(number);
  const total = number(await page.locator(".changes__sum .num").innerText());
  assert.ok(points.length > 0);
  assert.equal(Math.round(points.reduce((sum, value) => sum + value, 0) * 10), Math.round(total * 10));

  // A third one joins, is declined first, then added by name.
  await uploaded(page, ["Night Drive v3.wav", { seconds: 8, level: 0.5 }]);
  await song.getByRole("button", { name: "Not a version" }).click();
  await song.getByText("Add to a song").waitFor();
  assert.equal(await song.getByText("Looks like a version of").count(), 0);
  await song.getByText("Add to a song").click();
  await song.getByRole("combobox", { name: "Song" }).fill("NIGHT DRIVE");
  await song.getByRole("button", { name: "Add", exact: true }).click();
  await song.getByText("Version 3 of").waitFor();
}

async function grouped(page) {
  await signUp(page);
  await uploaded(page, ["aaa.wav", { seconds: 4 }], ["zzz.wav", { seconds: 6, level: 0.95 }]);
  const plain = await withoutScript(page);
  await plain.goto("/history");
  await plain.getByRole("link", { name: "Group versions" }).click();
  await plain.getByRole("button", { name: "Group as one song" }).click();
  await plain.getByText("Choose at least one version").or(plain.getByText("Name the song")).first().waitFor();
  await plain.getByRole("combobox", { name: "Song" }).or(plain.getByRole("textbox", { name: "Song" })).fill("Okapi");
  await plain.getByLabel("Choose aaa").check();
  await plain.getByLabel("Choose zzz").check();
  await plain.getByRole("button", { name: "Group as one song" }).click();
  await plain.getByRole("heading", { level: 1, name: "Okapi" }).waitFor();
  await plain.getByRole("heading", { name: "Version 2 against version 1" }).waitFor();
  await plain.getByLabel("From", { exact: true }).selectOption({ index: 1 });
  await plain.getByLabel("To", { exact: true }).selectOption({ index: 1 });
  await plain.getByRole("button", { name: "Compare" }).click();
  await plain.getByText("nothing changed").waitFor();

  await plain.getByText("Rename", { exact: true }).click();
  await plain.getByLabel("Title").fill("Giraffe");
  await plain.getByRole("button", { name: "Save the title" }).click();
  await plain.getByRole("heading", { level: 1, name: "Giraffe" }).waitFor();
  await page.goto("/history?group=1");
  await accessible(page);
  await page.goto("/songs");
  await accessible(page);
  await page.getByRole("link", { name: "Giraffe" }).click();
  await page.getByRole("heading", { level: 1, name: "Giraffe" }).waitFor();
  await accessible(page);
  await plain.getByRole("button", { name: "Take out version 1" }).click();
  await plain.getByText("As soon as two versions are measured").waitFor();
  await plain.getByText("Ungroup", { exact: true }).click();
  await plain.getByRole("button", { name: "Ungroup the versions" }).click();
  await plain.waitForURL("**/songs");
  await plain.goto("/history");
  assert.equal((await titles(plain)).length, 2, "versions outlive their song");
  await plain.context().close();
}

async function onAPhone(page) {
  await signUp(page);
  await uploaded(page, ["Night Drive v1.wav", { seconds: 6 }], ["Night Drive v2 (a rather long remark of the engineer).wav", { seconds: 6, level: 0.95 }]);
  await accessible(page);
  await page.getByRole("button", { name: "Group them" }).click();
  await page.getByText("Version 2 of").waitFor();
  await accessible(page);
  for (const path of ["/history", "/history?group=1&q=night&state=done", "/songs"]) {
    await page.goto(path);
    await accessible(page);
  }
  await page.getByRole("link", { name: "Night Drive" }).first().click();
  await page.getByRole("heading", { name: "Versions" }).waitFor();
  await accessible(page);
}
