// Every walk. Names are sentences; promises carry their numbers.
import assert from "node:assert/strict";
import { privacyTests } from "./privacy.js";
import { referenceTests } from "./references.js";
import { PASSWORD, accessible, file, hydrated, signUp, upload, wav } from "./help.js";

const PHONE = { viewport: { width: 320, height: 700 }, hasTouch: true };
const NO_SCRIPT = { javaScriptEnabled: false };

export const tests = [
  ...privacyTests,
  ...referenceTests,
  { name: "a new person uploads a mix and reads its report without a reload", run: mainWalk },
  { name: "the same on a phone of 320 px", run: mainWalk, options: PHONE },
  { name: "several files at once, each to its own report", run: severalFiles },
  { name: "an upload is cancelled, loses its connection, and is tried again", run: secondTry },
  { name: "files dropped anywhere on the page are taken", run: dropped },
  { name: "files that are no good end as a sentence that says what to do", run: badFiles },
  { name: "accounts work without a script: errors beside fields, values kept, sign in, sign out", run: account, options: NO_SCRIPT },
  { name: "a report is read, renamed and deleted without a script", run: reportWithoutScript },
  { name: "[P22] a form without its token changes nothing", run: forged },
  { name: "[P04] a report and its audio are its owner's alone", run: othersReport },
  { name: "[P21] the only cookies are the session's and the CSRF seed's", run: cookies },
  { name: "public pages have no accessibility violation", run: publicPages },
  { name: "public pages have none on a phone", run: publicPages, options: PHONE },
];

async function mainWalk(page) {
  await signUp(page);
  await accessible(page);
  await upload(page, file("Night drive v3.wav", wav()));
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  const address = page.url();
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  assert.equal(page.url(), address);
  await page.getByRole("heading", { level: 1, name: "Night drive v3" }).waitFor();
  for (const name of ["Loudness", "Peaks and dynamics", "Spectrum", "Stereo", "Signal", "All numbers"]) {
    await page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
  }
  await page.getByText("The 10 highest true peaks").click();
  assert.equal(await page.getByRole("table", { name: "The highest true peaks" }).getByRole("row").count(), 11);
  await accessible(page);

  await page.getByRole("button", { name: "Play" }).waitFor();
  await page.waitForFunction(() => document.querySelector("leptos-island .player"));
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.2, null, { timeout: 10_000 });
  await page.getByLabel("Position").fill("5");
  await page.waitForFunction(() => document.querySelector("audio").currentTime >= 5, null, { timeout: 10_000 });
  await page.getByRole("button", { name: "Pause" }).click();

  await page.goto("/history");
  await page.getByRole("link", { name: "Night drive v3" }).waitFor();
  await page.getByText("LUFS").first().waitFor();
  await accessible(page);
}

async function severalFiles(page) {
  await signUp(page);
  await upload(page, file("one.wav", wav({ seconds: 4 })), file("two.wav", wav({ seconds: 5 })), file("notes.txt", Buffer.from("no")));
  await page.getByText("Export the mix as WAV or FLAC").waitFor();
  await page.getByRole("link", { name: "Open report" }).nth(1).waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => document.body.innerText.split("Report ready").length === 3, null, { timeout: 30_000 });
  await page.goto("/history");
  assert.equal(await page.getByRole("row").count(), 3);
}

async function secondTry(page) {
  await signUp(page);
  let held;
  await page.route("**/mixlens/a/**", (route) => { held = route; });
  await upload(page, file("tried.wav", wav({ seconds: 4 })));
  await page.getByRole("button", { name: "Cancel tried.wav" }).click();
  await page.getByText("Cancelled").waitFor();
  await held?.abort().catch(() => {});

  await page.unroute("**/mixlens/a/**");
  await page.route("**/mixlens/a/**", (route) => route.abort("connectionfailed"));
  page.expectsFailure = /ERR_CONNECTION_FAILED/;
  await page.getByRole("button", { name: "Try again: tried.wav" }).click();
  await page.getByText("The connection was lost").waitFor();
  await accessible(page);

  await page.unroute("**/mixlens/a/**");
  await page.getByRole("button", { name: "Try again: tried.wav" }).click();
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  await page.goto("/history");
  assert.equal(await page.getByRole("row").count(), 2, "one head and one analysis, however many tries");
}

async function dropped(page) {
  await signUp(page);
  await hydrated(page);
  const base64 = wav({ seconds: 4 }).toString("base64");
  const files = await page.evaluateHandle((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "dropped.wav", { type: "audio/wav" }));
    return transfer;
  }, base64);
  const head = page.getByRole("heading", { level: 1 });
  await head.dispatchEvent("dragover", { dataTransfer: files });
  await page.locator(".drop.is-over").waitFor();
  await head.dispatchEvent("drop", { dataTransfer: files });
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("heading", { level: 1, name: "dropped" }).waitFor();
}

async function badFiles(page) {
  await signUp(page);
  await upload(page, file("empty.wav", Buffer.alloc(0)));
  await page.getByText("This file is empty").waitFor();
  const whole = wav({ seconds: 8 });
  const cases = [
    ["text.wav", Buffer.from("This is no audio at all. ".repeat(100)), "which MixLens does not decode"],
    ["noise.wav", Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7919) % 251)), "No audio was found"],
    ["silent.wav", wav({ level: 0 }), "There is no signal"],
    ["second.wav", wav({ seconds: 1 }), "Loudness needs at least 3 s"],
    ["long.wav", wav({ seconds: 601, rate: 8_000 }), "longer than the 10 minutes of your plan"],
    ["header.wav", whole.subarray(0, 44), "What to do"],
    ["cut.wav", whole.subarray(0, whole.length / 2), "cut short"],
    ["really.flac", whole, "The name of the file says otherwise"],
  ];
  for (const [name, bytes, words] of cases) {
    await page.goto("/upload");
    await upload(page, file(name, bytes));
    await page.waitForURL("**/analyses/*", { timeout: 20_000 });
    await page.getByText(words).first().waitFor({ timeout: 30_000 });
  }
  await accessible(page);
}

async function account(page) {
  await page.goto("/signup");
  await page.getByLabel("Display name").fill("Ann <b>");
  await page.getByLabel("E-mail").fill("nonsense");
  await page.getByLabel("Password").fill("short");
  const refused = page.waitForResponse((response) => response.request().method() === "POST");
  await page.getByRole("main").getByRole("button", { name: "Create account" }).click();
  assert.equal((await refused).status(), 422);
  assert.equal(await page.getByLabel("Display name").inputValue(), "Ann <b>");
  assert.equal(await page.getByLabel("E-mail").getAttribute("aria-invalid"), "true");

  const email = await signUp(page);
  await page.locator("details.menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto("/history");
  await page.waitForURL(/\/signin\?next=/);
  for (const [address, password] of [[email, "wrong wrong wrong"], ["nobody@example.org", PASSWORD]]) {
    await page.getByLabel("E-mail").fill(address);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("do not belong together").first().waitFor();
  }
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/history");
}

async function reportWithoutScript(page) {
  const address = await newReport(page);
  const cookies = await page.context().cookies();
  const context = await page.context().browser().newContext({ javaScriptEnabled: false });
  await context.addCookies(cookies);
  const plain = await context.newPage();
  await plain.goto(address);
  await plain.getByRole("region", { name: "Key readings" }).waitFor();
  await plain.getByText("Rename", { exact: true }).click();
  await plain.getByLabel("Title").fill("Another name");
  await plain.getByRole("button", { name: "Save the title" }).click();
  await plain.getByRole("heading", { level: 1, name: "Another name" }).waitFor();
  await plain.getByText("Delete", { exact: true }).click();
  await plain.getByRole("button", { name: "Delete for good" }).click();
  await plain.waitForURL("**/history");
  assert.equal((await plain.goto(address)).status(), 404);
  await context.close();
}

async function forged(page, { base }) {
  const address = await newReport(page);
  const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const headers = { cookie: cookies, "sec-fetch-site": "same-origin" };
  const body = new URLSearchParams({ title: "Stolen" });
  const withoutToken = await fetch(`${address}/rename`, { method: "POST", headers, body });
  assert.equal(withoutToken.status, 403);
  const token = await page.locator("input[name=csrf]").first().inputValue();
  const foreign = new URLSearchParams({ title: "Stolen", csrf: token });
  const crossSite = await fetch(`${address}/rename`, { method: "POST", headers: { ...headers, "sec-fetch-site": "cross-site" }, body: foreign });
  assert.equal(crossSite.status, 403);
  const begin = await fetch(`${base}/fn/uploads/begin`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: "{}" });
  assert.equal(begin.status, 403);
  await page.reload();
  assert.equal(await page.getByText("Stolen").count(), 0);
}

async function othersReport(page) {
  const address = await newReport(page);
  const audio = await page.evaluate(() => document.querySelector("audio").src).catch(() => "");
  const other = await page.context().browser().newContext({ baseURL: new URL(address).origin });
  const stranger = await other.newPage();
  await signUp(stranger);
  assert.equal((await stranger.goto(address)).status(), 404);
  assert.equal(audio, "", "no link before it is asked for");
  await other.close();
}

async function cookies(page) {
  await signUp(page);
  await page.goto("/history");
  const names = (await page.context().cookies()).map((cookie) => cookie.name).sort();
  assert.deepEqual(names, ["__Host-csrf", "__Host-session"]);
  for (const cookie of await page.context().cookies()) {
    assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite !== "None", cookie.name);
  }
}

async function publicPages(page) {
  for (const path of ["/", "/signup", "/signup/sent", "/signin", "/methodology", "/terms", "/privacy", "/cookies", "/policies", "/contact", "/account/deleted", "/no-such-page"]) {
    await page.goto(path);
    await accessible(page);
  }
}

async function newReport(page) {
  await signUp(page);
  await upload(page, file("mix.wav", wav({ seconds: 4 })));
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  await hydrated(page);
  return page.url();
}
