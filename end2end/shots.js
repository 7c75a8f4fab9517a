// Pictures of every page, at desktop and phone width, light and dark, for whoever wants to look: `node shots.js FOLDER`.
// `node shots.js FOLDER FILE…` shows the reports of real files instead of a made one.
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { startBrowser, startProgram } from "./program.js";
import { file, hydrated, music, signUp, upload, wav } from "./tests/help.js";

const [, , folder = "out", ...files] = process.argv;
mkdirSync(folder, { recursive: true });
const program = await startProgram();
const browser = await startBrowser();
try {
  const context = await browser.newContext({ baseURL: program.base, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`script: ${error}`));
  for (const path of ["/", "/signup", "/signup/sent", "/signin", "/methodology", "/rules", "/terms", "/privacy", "/cookies", "/policies", "/contact", "/account/deleted", "/no-such-page"]) {
    await shoot(page, path.slice(1).replace("/", "-") || "home", path);
  }
  for (const [name, path] of [["forgot", "/signin/forgot"], ["reset", "/signin/reset?token=x"]]) await shoot(page, name, path);
  await signUp(page);
  await shoot(page, "account", "/account");
  await shoot(page, "account-security", "/account/security");
  await shoot(page, "account-email", "/account/email-preferences");
  await shoot(page, "account-confirm", "/account/confirm");
  await page.goto("/account/security");
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await shoot(page, "second-factor");
  await page.goto("/dev/mail/previews");
  await shootLetters(page);
  await shoot(page, "upload", "/upload");
  await shoot(page, "history-empty", "/history");
  const mixes = files.length > 0
    ? files.map((path) => ({ name: basename(path), mimeType: "", buffer: readFileSync(path) }))
    : [file("Night drive v3.wav", music({ seconds: 40 }))];
  const reports = [];
  for (const mix of mixes) {
    await page.goto("/upload");
    await upload(page, mix);
    await page.waitForURL("**/analyses/*", { timeout: 60_000 });
    await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 120_000 });
    reports.push(new URL(page.url()).pathname);
  }
  await page.goto("/upload");
  await upload(page, file("text.wav", Buffer.from("This is no audio at all. ".repeat(100))));
  await page.waitForURL("**/analyses/*");
  await page.getByText("which MixLens does not decode").first().waitFor();
  await shoot(page, "failed", new URL(page.url()).pathname);
  await page.goto("/upload");
  await upload(page, file("notes.txt", Buffer.from("no")), file("one.wav", music({ seconds: 5 })), file("two.wav", music({ seconds: 6 })));
  await page.getByRole("link", { name: "Open report" }).nth(1).waitFor({ timeout: 30_000 });
  await shoot(page, "queue");
  for (const [at, path] of reports.entries()) await shoot(page, `report${at === 0 ? "" : at + 1}`, path);
  await shoot(page, "history", "/history");
  await shoot(page, "references-empty", "/references");
  await shoot(page, "comparison-empty", `${reports[0]}/comparison`);
  await page.goto("/references");
  await upload(page, file("Hero one.wav", wav({ seconds: 8 })), file("Hero two.wav", music({ seconds: 20 })));
  await page.getByRole("row").filter({ hasText: "Hero two" }).filter({ hasText: "LUFS" }).waitFor({ timeout: 60_000 });
  await shoot(page, "references", "/references");
  await page.goto(`${reports[0]}/comparison`);
  for (const name of ["Hero one", "Hero two"]) await page.getByLabel(name).check();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await shoot(page, "comparison", `${reports[0]}/comparison`);
  await shoot(page, "report-compared", reports[0]);
  await shootSong(page);
  await page.goto("/account/privacy");
  await page.getByRole("button", { name: "Make a copy" }).click();
  await page.waitForTimeout(2000);
  await shoot(page, "your-data", "/account/privacy");
  await shoot(page, "delete-account", "/account/privacy/delete");
  // With statistics configured, the question is asked.
  const counting = await startProgram({ MIXLENS_TELEMETRY__POSTHOG_KEY: "phc_nobody", MIXLENS_TELEMETRY__POSTHOG_HOST: "http://127.0.0.1:9" });
  try {
    const visitor = await (await browser.newContext({ baseURL: counting.base, viewport: { width: 1280, height: 900 } })).newPage();
    await shoot(visitor, "consent", "/");
    await shoot(visitor, "consent-cookies", "/cookies");
  } finally {
    await counting.stop();
  }
} finally {
  await browser.close();
  await program.stop();
}

/** A song of four versions, and the pages around it. */
async function shootSong(page) {
  for (const [name, level, seconds] of [["Low tide v1", 0.95, 24], ["low_tide_v2", 0.8, 24], ["Low tide v3 (master)", 0.99, 25], ["Low tide v4", 0.6, 25]]) {
    await page.goto("/upload");
    await upload(page, file(`${name}.wav`, wav({ level, seconds })));
    await page.waitForURL("**/analyses/*", { timeout: 60_000 });
    await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 120_000 });
  }
  await shoot(page, "report-suggestion", new URL(page.url()).pathname);
  await page.getByRole("button", { name: "Group them" }).click();
  await page.getByText("Version 4 of").waitFor();
  await shoot(page, "report-of-song", new URL(page.url()).pathname);
  await page.getByRole("region", { name: "Song" }).getByRole("link").first().click();
  await page.getByRole("heading", { name: "Versions" }).waitFor();
  await shoot(page, "song", new URL(page.url()).pathname);
  for (const [name, path] of [["songs", "/songs"], ["history-group", "/history?group=1"], ["history-found", "/history?q=low&state=done&order=best"], ["history-nothing", "/history?q=nowhere"]]) await shoot(page, name, path);
}

/** Every letter on the page of the development server, as a mail program would show it. */
async function shootLetters(page) {
  const letters = await page.locator("iframe").evaluateAll((frames) => frames.map((frame) => [frame.title, frame.srcdoc]));
  for (const [title, html] of letters) {
    await page.setContent(html);
    await shoot(page, `letter-${title.split(",")[0].toLowerCase().replace(/[^a-z]+/g, "-")}`);
  }
}

/** The page as it is, or `path`, in both widths and themes. */
async function shoot(page, name, path) {
  if (path) {
    await page.goto(path);
    if (await page.locator("leptos-island").count()) await hydrated(page);
  }
  for (const [width, size] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 375, height: 800 }]]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}
