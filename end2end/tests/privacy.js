// What a person may ask of us: see, copy, delete, and a say in what is counted.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { startProgram } from "../program.js";
import { PASSWORD, accessible, file, hydrated, signUp, upload, wav } from "./help.js";

const PHONE = { viewport: { width: 320, height: 700 }, hasTouch: true };
const NO_SCRIPT = { javaScriptEnabled: false };

export const privacyTests = [
  { name: "[P12] [P15] a person sees what is held about them and downloads a copy", run: seeAndCopy },
  { name: "[P14] a person deletes everything without a script, and is out in every browser", run: deleteEverything, options: NO_SCRIPT },
  { name: "[P14] the same on a phone, with a wrong password first", run: deleteOnPhone, options: PHONE },
  { name: "[P21] the question about statistics is declined without a script and never asked again", run: decline, options: NO_SCRIPT },
  { name: "[P21] [P24] allowing sets one cookie more, and the footer takes it back", run: allow },
  { name: "[P24] a browser that asks not to be tracked is not asked", run: signalled },
  { name: "[P17] [P21] no page asks anybody else or sets a cookie that is not listed", run: everyPage },
  { name: "[P21] the question is accessible on a phone and covers nothing", run: banner, options: PHONE },
];

async function withReport(page, name = "Night drive.wav") {
  const email = await signUp(page);
  await hydrated(page);
  await upload(page, file(name, wav({ seconds: 4 })));
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  return email;
}

async function seeAndCopy(page) {
  const email = await withReport(page);
  await page.locator("details.menu summary").click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Privacy" }).click();
  await page.getByRole("heading", { level: 1, name: "Your data" }).waitFor();
  const text = await page.locator("main").innerText();
  for (const held of [email, "Night drive.wav", "Signed-in browsers", "Until you delete your account."]) assert.ok(text.includes(held), held);
  await accessible(page);

  await page.getByRole("button", { name: "Make a copy" }).click();
  const link = page.getByRole("link", { name: "Download" });
  for (let tries = 0; tries < 100 && (await link.count()) === 0; tries += 1) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  await accessible(page);
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  assert.match(download.suggestedFilename(), /^mixlens-\d{4}-\d\d-\d\d\.zip$/);
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 2).toString(), "PK");
  assert.ok(bytes.includes("analyses.csv") && bytes.includes("account.json"));
}

async function deleteEverything(page) {
  // An upload needs a script; a browser that has one makes the account.
  const helper = await page.context().browser().newContext({ baseURL: await base(page) });
  const withScript = await helper.newPage();
  const email = await withReport(withScript);
  const report = withScript.url();

  await page.goto("/signin");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.goto("/account/privacy");
  await page.getByRole("link", { name: "Delete the account" }).click();
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("alert").getByText("Tick the box").waitFor();
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByLabel("I want to delete everything").check();
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("heading", { name: "Your account is deleted" }).waitFor();
  assert.deepEqual((await page.context().cookies()).map(({ name }) => name), ["__Host-csrf"]);

  await withScript.goto("/history");
  assert.equal(new URL(withScript.url()).pathname, "/signin");
  assert.equal((await withScript.goto(report)).url().includes("/signin"), true);
  await withScript.goto("/signin");
  await withScript.getByLabel("E-mail").fill(email);
  await withScript.getByLabel("Password").fill(PASSWORD);
  await withScript.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await withScript.getByText("do not belong together").first().waitFor();
  await helper.close();
}

async function deleteOnPhone(page) {
  await signUp(page);
  await page.goto("/account/privacy");
  await accessible(page);
  await page.goto("/account/privacy/delete");
  await accessible(page);
  await page.getByLabel("Your password").fill("not the password");
  await page.getByLabel("I want to delete everything").check();
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("alert").getByText("This is not your password").waitFor();
  await accessible(page);
  assert.equal(await page.getByLabel("Your password").inputValue(), "");
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("heading", { name: "Your account is deleted" }).waitFor();
  await accessible(page);
}

const BANNER = "May we count how MixLens is used?";

/** A program that counts, towards a receiver on this machine, and a page of the walk's own kind that visits it. */
async function counting(page, walk, options) {
  const received = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", () => { received.push(body); response.end('{"status":1}'); });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const program = await startProgram({
    MIXLENS_TELEMETRY__POSTHOG_KEY: "phc_test",
    MIXLENS_TELEMETRY__POSTHOG_HOST: `http://127.0.0.1:${receiver.address().port}`,
  });
  const context = await page.context().browser().newContext({ baseURL: program.base, ...options });
  try {
    const visitor = await context.newPage();
    const foreign = [];
    visitor.on("request", (request) => { if (!request.url().startsWith(program.base)) foreign.push(request.url()); });
    await walk(visitor, received);
    assert.deepEqual(foreign, [], "[P17] the browser asks nobody else");
  } finally {
    await context.close();
    await program.stop();
    receiver.close();
  }
}

const names = async (page) => (await page.context().cookies()).map(({ name }) => name).sort();

/** The addresses of all pages, from the routes themselves, so that a new page is walked by itself. */
function routes(report) {
  const shell = readFileSync(new URL("../../app/src/shell.rs", import.meta.url), "utf8");
  const found = [...shell.matchAll(/path!\("([^"]+)"\)/g)].map(([, path]) => path.replace(":id", report));
  assert.ok(found.length > 25, `the routes are found: ${found.length}`);
  return [...found, "/no-such-page"];
}

async function everyPage(page) {
  await counting(page, async (visitor) => {
    const visit = async (report, expected) => {
      for (const path of routes(report)) {
        await visitor.goto(path, { waitUntil: "load" });
        // Pages without anything that moves load no script.
        if (await visitor.locator("leptos-island").count() > 0) await hydrated(visitor);
        assert.deepEqual(await names(visitor), expected, path);
      }
    };
    await visit("0".repeat(32), ["__Host-csrf"]);
    await withReport(visitor);
    const report = visitor.url().split("/").at(-1);
    await visit(report, ["__Host-csrf", "__Host-session"]);
    await visitor.goto("/terms");
    await visitor.getByRole("button", { name: "Allow" }).click();
    await visitor.waitForURL("**/terms");
    await visit(report, ["__Host-aid", "__Host-consent", "__Host-csrf", "__Host-session"]);
    await visitor.goto("/cookies");
    const listed = await visitor.locator("table.policy tbody th").allInnerTexts();
    assert.deepEqual(listed.sort(), await names(visitor), "the page lists exactly these");
  });
}

async function decline(page) {
  await counting(page, async (visitor, received) => {
    await visitor.goto("/terms");
    assert.deepEqual(await names(visitor), ["__Host-csrf"], "nothing before the answer");
    await visitor.getByRole("button", { name: "Decline" }).click();
    await visitor.waitForURL("**/terms");
    for (const path of ["/terms", "/", "/signup", "/cookies"]) {
      await visitor.goto(path);
      assert.equal(await visitor.getByText(BANNER).count(), 0, path);
    }
    assert.deepEqual(await names(visitor), ["__Host-consent", "__Host-csrf"]);
    await visitor.waitForTimeout(6000);
    assert.deepEqual(received, []);
  }, NO_SCRIPT);
}

async function allow(page) {
  await counting(page, async (visitor, received) => {
    await visitor.goto("/privacy?secret=1");
    await visitor.getByRole("button", { name: "Allow" }).click();
    await visitor.waitForURL("**/privacy?secret=1");
    assert.deepEqual(await names(visitor), ["__Host-aid", "__Host-consent", "__Host-csrf"]);
    for (const cookie of await visitor.context().cookies()) assert.ok(cookie.httpOnly && cookie.secure, cookie.name);
    for (let tries = 0; tries < 100 && received.length === 0; tries += 1) await visitor.waitForTimeout(100);
    const all = received.join();
    assert.ok(all.includes('"/privacy"') && !all.includes("secret"), all);

    await visitor.locator("footer").getByRole("link", { name: "Cookies" }).click();
    await visitor.getByText("You allowed it.").waitFor();
    await accessible(visitor);
    await visitor.getByRole("button", { name: "Decline" }).click();
    await visitor.getByText("You declined.").waitFor();
    assert.deepEqual(await names(visitor), ["__Host-consent", "__Host-csrf"]);
  });
}

async function signalled(page) {
  await counting(page, async (visitor) => {
    await visitor.setExtraHTTPHeaders({ "sec-gpc": "1" });
    await visitor.goto("/");
    assert.equal(await visitor.getByText(BANNER).count(), 0);
    await visitor.goto("/cookies");
    await visitor.getByText("Your browser asks not to be tracked").waitFor();
    assert.equal(await visitor.getByRole("button", { name: "Allow" }).count(), 0);
    assert.deepEqual(await names(visitor), ["__Host-csrf"]);
  });
}

async function banner(page) {
  await counting(page, async (visitor) => {
    for (const path of ["/", "/signin", "/cookies"]) {
      await visitor.goto(path);
      await accessible(visitor);
    }
    await visitor.goto("/signin");
    const strip = await visitor.locator(".consent").boundingBox();
    const main = await visitor.locator("main").boundingBox();
    assert.ok(strip.y + strip.height <= main.y + 1, "it stands above the page's content, not over it");
    const [first, second] = await visitor.locator(".consent button").all();
    const [one, two] = [await first.boundingBox(), await second.boundingBox()];
    assert.ok(Math.abs(one.width - two.width) < 1 && one.height === two.height, "both answers are of one size");
  }, PHONE);
}

async function base(page) {
  await page.goto("/");
  return new URL(page.url()).origin;
}
