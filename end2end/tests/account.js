// The account area and the ways back into an account: forms, letters, a second factor.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { PASSWORD, accessible, file, signUp, upload, wav } from "./help.js";

const PHONE = { viewport: { width: 320, height: 700 }, hasTouch: true };
const NO_SCRIPT = { javaScriptEnabled: false };
const NEW_PASSWORD = "velvet harbour saddle 7 comet";

export const tests = [
  { name: "[P13] name, address and password are changed without a script", run: profile, options: NO_SCRIPT },
  { name: "a forgotten password is replaced by the link in a letter, without a script", run: forgotten, options: NO_SCRIPT },
  { name: "a second factor is set up, asked for, replaced by a recovery code and switched off", run: secondFactor },
  { name: "[P11] browsers are listed without a name and signed out one by one", run: browsers },
  { name: "[P16] letters are declined on the page, and by the link in a letter without signing in", run: letters, options: NO_SCRIPT },
  { name: "[P26] every letter stands in text and HTML, in light and dark, and loads nothing", run: faces },
  { name: "the account area has no accessibility violation", run: area },
  { name: "the account area has none on a phone", run: area, options: PHONE },
];

/** The letter to `email` with `subject`, on the page of the development server. */
async function letterTo(page, email, subject) {
  const letter = page.locator("article", { hasText: email }).filter({ has: page.getByRole("heading", { name: subject }) }).first();
  await page.goto("/dev/mail");
  for (let tries = 0; tries < 50 && (await letter.count()) === 0; tries += 1) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  assert.equal(await letter.count(), 1, `a letter to ${email}: ${subject}`);
  return letter;
}

async function signIn(page, email, password) {
  await page.goto("/signin");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
}

async function signOut(page) {
  await page.locator("details.menu summary").click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

async function profile(page) {
  const email = await signUp(page);
  await page.locator("details.menu summary").click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByLabel("Display name").fill("Anna <b>");
  await page.getByRole("button", { name: "Save the name" }).click();
  await page.getByText("Your name is changed").waitFor();
  assert.equal(await page.getByLabel("Display name").inputValue(), "Anna <b>");

  await page.getByLabel("New e-mail address").fill("nonsense");
  await page.getByRole("button", { name: "Change the address" }).click();
  assert.equal(await page.getByLabel("New e-mail address").inputValue(), "nonsense");
  assert.equal(await page.getByLabel("New e-mail address").getAttribute("aria-invalid"), "true");
  await page.getByLabel("New e-mail address").fill(`new-${email}`);
  await page.getByRole("button", { name: "Change the address" }).click();
  await page.getByText("Until then").or(page.getByText("until then")).first().waitFor();
  await (await letterTo(page, `new-${email}`, "Confirm your new address")).getByRole("link").first().click();
  await page.getByRole("button", { name: "Confirm the new address" }).click();
  await page.getByText("Your address is changed").waitFor();
  await page.getByRole("main").getByText(`new-${email}`).waitFor();
  await letterTo(page, email, "The address of your MixLens account was changed");

  await page.goto("/account/security");
  await page.getByLabel("Present password").fill("wrong wrong wrong");
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("This is not your password").first().waitFor();
  await page.getByLabel("Present password").fill(PASSWORD);
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("Your password is changed").waitFor();
  await letterTo(page, `new-${email}`, "Your MixLens password was changed");
  await page.goto("/account");
  await signOut(page);
  await signIn(page, `new-${email}`, NEW_PASSWORD);
  await page.waitForURL("**/upload");
}

async function forgotten(page) {
  const email = await signUp(page);
  await signOut(page);
  await page.goto("/signin");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail").fill("nobody-at-all@example.org");
  await page.getByRole("button", { name: "Send the link" }).click();
  const unknown = await page.getByRole("main").innerText();
  await page.goto("/signin/forgot");
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send the link" }).click();
  assert.equal(await page.getByRole("main").innerText(), unknown, "known and unknown addresses read alike");
  await (await letterTo(page, email, "Choose a new password")).getByRole("link").first().click();
  const link = page.url();
  await page.getByLabel("New password").fill("short");
  await page.getByRole("button", { name: "Set the new password" }).click();
  await page.getByText("Use at least 12 characters").first().waitFor();
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Set the new password" }).click();
  await page.getByText("Sign in with the new one").waitFor();
  await signIn(page, email, NEW_PASSWORD);
  await page.waitForURL("**/upload");
  await page.goto(link);
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the new password" }).click();
  await page.getByText("This link was used already").first().waitFor();
  await page.getByRole("link", { name: "Ask for a new link" }).waitFor();
}

/** What an authenticator app shows for a base32 secret (RFC 6238). */
function code(secret, shift = 0) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + shift));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

async function secondFactor(page) {
  const email = await signUp(page);
  await page.goto("/account/security");
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await page.getByRole("img", { name: "QR code" }).waitFor();
  await accessible(page);
  const secret = (await page.locator("code").innerText()).replaceAll(" ", "");
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Switch it on" }).click();
  await page.getByText("This code is not right").first().waitFor();
  await page.getByLabel("Code", { exact: true }).fill(code(secret));
  await page.getByRole("button", { name: "Switch it on" }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  await accessible(page);
  const recovery = await page.locator(".codes code").allInnerTexts();
  assert.equal(recovery.length, 10);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByText("10 recovery codes are left").waitFor();
  await accessible(page);

  await signOut(page);
  await signIn(page, email, PASSWORD);
  await page.getByRole("heading", { name: "Enter a code" }).waitFor();
  await accessible(page);
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This code is not right").first().waitFor();
  // The code of now was used; the next one is taken a little early.
  await page.getByLabel("Code", { exact: true }).fill(code(secret, 1));
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/upload");

  await signOut(page);
  await signIn(page, email, PASSWORD);
  await page.getByLabel("Code", { exact: true }).fill(recovery[3].toUpperCase());
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/upload");
  await page.goto("/account/security");
  await page.getByText("9 recovery codes are left").waitFor();
  await page.getByText("Switch off", { exact: true }).click();
  await page.getByRole("button", { name: "Switch off the second factor" }).click();
  await page.getByText("The second factor is off").waitFor();
}

async function browsers(page) {
  const email = await signUp(page);
  const origin = new URL(page.url()).origin;
  const others = [];
  for (let at = 0; at < 2; at += 1) {
    const context = await page.context().browser().newContext({ baseURL: origin });
    const other = await context.newPage();
    await signIn(other, email, PASSWORD);
    await other.waitForURL("**/upload");
    others.push(other);
  }
  await page.goto("/account/security");
  assert.equal(await page.locator(".sessions__row").count(), 3);
  const words = await page.locator(".sessions").innerText();
  assert.ok(!/chrom|linux|127\.0\.0\.1/i.test(words), words);
  // The newest is the second of the others.
  await page.getByRole("button", { name: /^Sign out the browser of/ }).first().click();
  await page.getByText("That browser is signed out").waitFor();
  await others[1].goto("/history");
  assert.ok(others[1].url().includes("/signin"));
  await others[0].goto("/history");
  assert.ok(others[0].url().endsWith("/history"));
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await page.getByText("Every other browser is signed out").waitFor();
  await others[0].goto("/history");
  assert.ok(others[0].url().includes("/signin"));
  assert.equal(await page.locator(".sessions__row").count(), 1);
  for (const other of others) await other.context().close();
}

async function letters(page) {
  const origin = new URL((await page.goto("/")).url()).origin;
  const context = await page.context().browser().newContext({ baseURL: origin });
  const uploader = await context.newPage();
  const email = await signUp(uploader);
  await upload(uploader, file("Night drive.wav", wav({ seconds: 4 })));
  await uploader.waitForURL("**/analyses/*", { timeout: 20_000 });
  const seen = await letterTo(uploader, email, "Measured: Night drive");
  await seen.getByRole("link").last().click();
  await accessible(uploader);
  const letter = await letterTo(page, email, "Measured: Night drive");
  await letter.getByRole("link").last().click();
  await page.getByText("Analysis ready").waitFor();
  await page.getByRole("button", { name: "No more e-mails of this kind" }).click();
  await page.getByText("You get no more of these e-mails").waitFor();

  await uploader.goto("/account/email-preferences");
  assert.equal(await uploader.getByLabel("Analysis ready").isChecked(), false);
  assert.equal(await uploader.getByLabel("News about MixLens").isChecked(), false);
  await uploader.getByLabel("News about MixLens").check();
  await uploader.getByRole("button", { name: "Save the choice" }).click();
  await uploader.getByText("Your choice is saved").waitFor();
  assert.equal(await uploader.getByLabel("News about MixLens").isChecked(), true);
  await uploader.getByLabel("News about MixLens").uncheck();
  await uploader.getByRole("button", { name: "Save the choice" }).click();
  await uploader.getByText("Your choice is saved").waitFor();
  assert.equal(await uploader.getByLabel("News about MixLens").isChecked(), false);
  await context.close();
}

async function faces(page) {
  await page.goto("/dev/mail/previews");
  const letters = await page.locator("iframe").evaluateAll((frames) => frames.map((frame) => frame.srcdoc));
  assert.ok(letters.length >= 19, `${letters.length} kinds of letters`);
  const alone = await page.context().newPage();
  const requests = [];
  alone.on("request", (request) => requests.push(request.url()));
  for (const html of letters) {
    await alone.setViewportSize({ width: 320, height: 700 });
    await alone.setContent(html);
    await accessible(alone);
  }
  assert.deepEqual(requests, []);
  await alone.close();

  const email = await signUp(page);
  const letter = await letterTo(page, email, "Welcome to MixLens");
  await letter.getByText("As HTML").click();
  await letter.frameLocator("iframe").getByText("Your account is ready").waitFor();
}

async function area(page) {
  for (const path of ["/signin/forgot", "/signin/forgot/sent", "/signin/reset?token=x", "/account/email/confirm?token=x"]) {
    await page.goto(path);
    await accessible(page);
  }
  await signUp(page);
  for (const path of ["/account", "/account?done=name", "/account/security", "/account/email-preferences", "/account/confirm?next=/account"]) {
    await page.goto(path);
    await accessible(page);
  }
}
