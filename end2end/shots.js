// Pictures of every page, at desktop and phone width, light and dark.
//
//   node shots.js FOLDER            takes them
//   node shots.js FOLDER BEFORE     and says where they differ from those in BEFORE, which FOLDER/changed then shows
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import config from "./playwright.config.js";
import { faulty, music, wav } from "./helpers/audio.js";
import { PUBLIC, open } from "./helpers/pages.js";
import { signUp } from "./helpers/people.js";
import { startProgram } from "./helpers/program.js";
import { startStandIn } from "./helpers/stand_in.js";
import { chooseReferences, file, references, report, upload } from "./helpers/uploads.js";

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 375, height: 800 } };

const [, , folder = "out", before] = process.argv;
mkdirSync(folder, { recursive: true });
// What stands in the pictures is the same every time: the port is in the links of e-mails, the name on every page.
const program = await startProgram({}, 4747);
const browser = await chromium.launch(config.use.launchOptions);
try {
  const page = await newPage(program);
  await shootPublic(page);
  await signUp(page, "Ann Example");
  await shootAccount(page);
  await shootReports(page);
  await shootRender(page);
  await shootSong(page);
  await shootPrivacy(page);
  await shootConsent();
  await shootShop();
} finally {
  await browser.close();
  await program.stop();
}
if (before) compare(before);

async function newPage({ base }) {
  const context = await browser.newContext({ baseURL: base, viewport: SIZES.desktop, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`script: ${error}`));
  return page;
}

async function shootPublic(page) {
  for (const path of PUBLIC) await shoot(page, path.slice(1).replaceAll("/", "-") || "home", path);
  await shoot(page, "forgot", "/signin/forgot");
  await shoot(page, "reset", "/signin/reset?token=x");
}

async function shootAccount(page) {
  await shoot(page, "account", "/account");
  await shoot(page, "account-security", "/account/security");
  await shoot(page, "account-billing", "/account/billing");
  await shoot(page, "account-email", "/account/email-preferences");
  await shoot(page, "account-confirm", "/account/confirm");
  await page.goto("/account/security");
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await page.getByRole("img", { name: "QR code" }).waitFor();
  await shoot(page, "second-factor");
  // Every e-mail, as a mail program would show it.
  await page.goto("/dev/mail/previews");
  const emails = await page.locator("iframe").evaluateAll((all) => all.map(({ title, srcdoc }) => [title, srcdoc]));
  for (const [title, html] of emails) {
    await page.setContent(html);
    await shoot(page, `email-${title.split(",")[0].toLowerCase().replace(/[^a-z]+/g, "-")}`);
  }
}

async function shootReports(page) {
  await shoot(page, "upload", "/upload");
  await shoot(page, "history-empty", "/history");
  const address = await report(page, file("Night drive v3.wav", music({ seconds: 40 })));
  await page.goto("/upload");
  await upload(page, file("text.wav", Buffer.from("This is no audio at all. ".repeat(100))));
  await page.waitForURL("**/analyses/*");
  await page.getByText("which MixLens does not decode").first().waitFor();
  await shoot(page, "failed", page.url());
  await page.goto("/upload");
  const two = [file("one.wav", music({ seconds: 5 })), file("two.wav", music({ seconds: 6 }))];
  await upload(page, file("notes.txt", Buffer.from("no")), ...two);
  await page.getByText(/\d of 100\. /).nth(1).waitFor({ timeout: 60_000 });
  await shoot(page, "queue");
  await shoot(page, "report", address);
  await shoot(page, "history", "/history");
  await shoot(page, "history-select", "/history?select=1");
  await shoot(page, "references-empty", "/references");
  await shoot(page, "comparison-empty", `${address}/comparison`);
  await references(page, file("Hero one.wav", wav({ seconds: 8 })), file("Hero two.wav", music({ seconds: 20 })));
  await shoot(page, "references", "/references");
  await chooseReferences(page, address, "Hero one", "Hero two");
  await shoot(page, "comparison", page.url());
  await shoot(page, "report-compared", address);
}

/** What is paid for: the prices, a plan before and after it is bought, what a change means, and the withdrawal. */
async function shootShop() {
  const port = 4748;
  const stripe = await startStandIn(`http://127.0.0.1:${port}`);
  const shop = await startProgram(stripe.settings, port);
  try {
    const page = await newPage(shop);
    await shoot(page, "shop-pricing", "/pricing");
    await signUp(page, "Ann Example");
    await shoot(page, "shop-free", "/account/billing");
    await page.goto("/account/billing");
    await page.getByRole("button", { name: "Buy Pro" }).click();
    await page.getByRole("button", { name: "Pay and subscribe" }).click();
    await page.getByText("You are on Pro.").waitFor();
    await shoot(page, "shop-pro", "/account/billing");
    await shoot(page, "shop-upgrade", "/account/billing/plans/studio");
    await shoot(page, "shop-cancel", "/account/billing/plans/free");
    await shoot(page, "shop-withdraw", "/withdraw");
    await stripe.does("decline");
    await stripe.does("renew");
    await page.goto("/account/billing?from=stripe");
    await shoot(page, "shop-failed", "/account/billing");
    await shoot(page, "shop-failed-banner", "/history");
  } finally {
    await shop.stop();
    stripe.stop();
  }
}

/** A plan, and the render that it starts. */
async function shootRender(page) {
  const address = await report(page, file("Night drive v4.wav", faulty({ seconds: 40 })));
  await shoot(page, "plan", `${address}/plan`);
  await page.getByRole("button", { name: "Render", exact: true }).click();
  await page.getByRole("heading", { name: "Proof, rule by rule" }).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Hear step 1", exact: true }).click();
  await page.locator(".player__bypass button:enabled").waitFor({ timeout: 60_000 });
  await shoot(page, "render", page.url());
}

/** A song of four versions, and the pages around it. */
async function shootSong(page) {
  const versions = [
    ["Low tide v1", { level: 0.95, seconds: 24 }],
    ["low_tide_v2", { level: 0.8, seconds: 24 }],
    ["Low tide v3 (master)", { level: 0.99, seconds: 25 }],
    ["Low tide v4", { level: 0.6, seconds: 25 }],
  ];
  for (const [name, options] of versions) await report(page, file(`${name}.wav`, wav(options)));
  await shoot(page, "report-suggestion", page.url());
  await page.getByRole("button", { name: "Group them" }).click();
  await page.getByText("Version 4 of").waitFor();
  await shoot(page, "report-of-song", page.url());
  await page.getByRole("region", { name: "Song" }).getByRole("link").first().click();
  await page.getByRole("heading", { name: "Versions" }).waitFor();
  await shoot(page, "song", page.url());
  await shoot(page, "songs", "/songs");
  await shoot(page, "history-found", "/history?q=low&state=done&order=best");
  await shoot(page, "history-nothing", "/history?q=nowhere");
}

async function shootPrivacy(page) {
  await page.goto("/account/privacy");
  await page.getByRole("button", { name: "Make a copy" }).click();
  while ((await page.getByRole("link", { name: "Download" }).count()) === 0) await page.reload();
  await shoot(page, "your-data", "/account/privacy");
  await shoot(page, "delete-account", "/account/privacy/delete");
}

/** With statistics configured, the question is asked. */
async function shootConsent() {
  const counting = await startProgram({
    MIXLENS_TELEMETRY__POSTHOG_KEY: "phc_nobody",
    MIXLENS_TELEMETRY__POSTHOG_HOST: "http://127.0.0.1:9",
  });
  try {
    const visitor = await newPage(counting);
    await shoot(visitor, "consent", "/");
    await shoot(visitor, "consent-cookies", "/cookies");
  } finally {
    await counting.stop();
  }
}

/** The page as it is, or `path`, in both widths and themes. */
async function shoot(page, name, path) {
  if (path) await open(page, path);
  for (const [width, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(SIZES.desktop);
}

/** Says which pictures differ, by how many pixels. */
function compare(before) {
  const changes = join(folder, "changed");
  mkdirSync(changes, { recursive: true });
  let same = 0;
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".png"))) {
    if (!existsSync(join(before, name))) {
      console.log(`new      ${name}`);
      continue;
    }
    const [one, two] = [before, folder].map((place) => PNG.sync.read(readFileSync(join(place, name))));
    const { width, height } = two;
    if (one.width !== width || one.height !== height) {
      console.log(`size     ${name}: ${one.width} × ${one.height}, now ${width} × ${height}`);
      continue;
    }
    const changed = new PNG({ width, height });
    const pixels = pixelmatch(one.data, two.data, changed.data, width, height, { threshold: 0.05 });
    if (pixels === 0) same += 1;
    else {
      writeFileSync(join(changes, name), PNG.sync.write(changed));
      console.log(`changed  ${name}: ${pixels} pixels`);
    }
  }
  console.log(`${same} pictures are the same`);
}
