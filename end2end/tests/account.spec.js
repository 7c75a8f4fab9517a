// The account area and the ways back into an account: forms, e-mails, a second factor.
import { TOTP } from "otpauth";
import { NO_SCRIPT, PHONE, expect, test } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { ACCOUNT, RECOVERY, expectAccessible } from "../helpers/pages.js";
import { PASSWORD, emailTo, askToSignUp, signIn, signOut, signUp } from "../helpers/people.js";
import { file, upload } from "../helpers/uploads.js";

const NEW_PASSWORD = "velvet harbour saddle 7 comet";

test.describe(() => {
  test.use(NO_SCRIPT);

  test("accounts work without a script: errors beside fields, values kept, sign in, sign out", async ({ page }) => {
    await page.goto("/signup");
    await page.getByLabel("Display name").fill("Ann <b>");
    await page.getByLabel("E-mail").fill("nonsense");
    await page.getByLabel("Password").fill("short");
    const refused = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("main").getByRole("button", { name: "Create account" }).click();
    expect((await refused).status()).toBe(422);
    await expect(page.getByLabel("Display name")).toHaveValue("Ann <b>");
    await expect(page.getByLabel("E-mail")).toHaveAttribute("aria-invalid", "true");

    const email = await signUp(page);
    await signOut(page);
    await page.goto("/history");
    await page.waitForURL(/\/signin\?next=/);
    const wrong = [[email, "wrong wrong wrong"], ["nobody@example.org", PASSWORD]];
    for (const [address, password] of wrong) {
      await page.getByLabel("E-mail").fill(address);
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByText("Wrong e-mail or password").first()).toBeVisible();
    }
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/history");
  });

  test("[P13] name, address and password are changed without a script", async ({ page }) => {
    const email = await signUp(page);
    const newEmail = `new-${email}`;
    await page.locator("details.menu summary").click();
    await page.getByRole("link", { name: "Account", exact: true }).click();
    await page.getByLabel("Display name").fill("Anna <b>");
    await page.getByRole("button", { name: "Save the name" }).click();
    await expect(page.getByText("Your name is changed")).toBeVisible();
    await expect(page.getByLabel("Display name")).toHaveValue("Anna <b>");

    const field = page.getByLabel("New e-mail address");
    await field.fill("nonsense");
    await page.getByRole("button", { name: "Change the address" }).click();
    await expect(field).toHaveValue("nonsense");
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await field.fill(newEmail);
    await page.getByRole("button", { name: "Change the address" }).click();
    await expect(page.getByText(/until then/i).first()).toBeVisible();
    await (await emailTo(page, newEmail, "Confirm your new address")).getByRole("link").first().click();
    await page.getByRole("button", { name: "Confirm the new address" }).click();
    await expect(page.getByText("Your address is changed")).toBeVisible();
    await expect(page.getByRole("main").getByText(newEmail)).toBeVisible();
    await emailTo(page, email, "The address of your MixLens account was changed");

    await page.goto("/account/security");
    await page.getByLabel("Current password").fill("wrong wrong wrong");
    await page.getByLabel("New password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Change the password" }).click();
    await expect(page.getByText("This is not your password").first()).toBeVisible();
    await page.getByLabel("Current password").fill(PASSWORD);
    await page.getByLabel("New password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Change the password" }).click();
    await expect(page.getByText("Your password is changed")).toBeVisible();
    await emailTo(page, newEmail, "Your MixLens password was changed");
    await page.goto("/account");
    await signOut(page);
    await signIn(page, newEmail, NEW_PASSWORD);
    await page.waitForURL("**/upload");
  });

  test("a forgotten password is replaced by the link in an e-mail, without a script", async ({ page }) => {
    const email = await signUp(page);
    await signOut(page);
    await page.goto("/signin");
    await page.getByRole("link", { name: "Forgot your password?" }).click();
    await page.getByLabel("E-mail").fill("nobody-at-all@example.org");
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.waitForURL("**/signin/forgot/sent");
    const unknown = await page.getByRole("main").innerText();
    await page.goto("/signin/forgot");
    await page.getByLabel("E-mail").fill(email);
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.waitForURL("**/signin/forgot/sent");
    expect(await page.getByRole("main").innerText(), "known and unknown addresses read alike").toBe(unknown);
    await (await emailTo(page, email, "Choose a new password")).getByRole("link").first().click();
    const link = page.url();
    await page.getByLabel("New password").fill("short");
    await page.getByRole("button", { name: "Set the new password" }).click();
    await expect(page.getByText("Use at least 12 characters").first()).toBeVisible();
    await page.getByLabel("New password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Set the new password" }).click();
    await expect(page.getByText("Sign in with the new one")).toBeVisible();
    await signIn(page, email, NEW_PASSWORD);
    await page.waitForURL("**/upload");
    await page.goto(link);
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set the new password" }).click();
    await expect(page.getByText("This link was used already").first()).toBeVisible();
    await expect(page.getByRole("link", { name: "Ask for a new link" })).toBeVisible();
  });

  test("[P16] e-mails are declined on the page, and by the link in one without signing in", async ({ page, another }) => {
    const uploader = await another();
    const email = await signUp(uploader);
    // Whoever looks at the report gets no e-mail about it.
    const elsewhere = (route) => route.fulfill({ contentType: "text/html", body: "<title>Elsewhere</title>" });
    await uploader.route("**/analyses/*", elsewhere);
    await upload(uploader, file("Night drive.wav", wav({ seconds: 4 })));
    await uploader.waitForURL("**/analyses/*");
    await uploader.unroute("**/analyses/*");
    const seen = await emailTo(uploader, email, "Measured: Night drive");
    await seen.getByRole("link").last().click();
    await expectAccessible(uploader);
    const email_ = await emailTo(page, email, "Measured: Night drive");
    await email_.getByRole("link").last().click();
    await expect(page.getByText("Analysis ready")).toBeVisible();
    await page.getByRole("button", { name: "No more e-mails of this kind" }).click();
    await expect(page.getByText("You get no more of these e-mails")).toBeVisible();

    await uploader.goto("/account/email-preferences");
    const news = uploader.getByLabel("News about MixLens");
    const save = async () => {
      await uploader.getByRole("button", { name: "Save the choice" }).click();
      await uploader.waitForURL("**?done=*");
      await expect(uploader.getByText("Your choice is saved")).toBeVisible();
    };
    await expect(uploader.getByLabel("Analysis ready")).not.toBeChecked();
    await expect(news).not.toBeChecked();
    await news.check();
    await save();
    await expect(news).toBeChecked();
    await news.uncheck();
    await save();
    await expect(news).not.toBeChecked();
  });
});

test("a second factor is set up, asked for, replaced by a recovery code and switched off", async ({ page }) => {
  const email = await signUp(page);
  await page.goto("/account/security");
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await expect(page.getByRole("img", { name: "QR code" })).toBeVisible();
  await expectAccessible(page);
  // An authenticator app of another make.
  const app = new TOTP({ secret: (await page.locator("code").innerText()).replaceAll(" ", "") });
  const code = page.getByLabel("Code", { exact: true });
  const signInButton = page.getByRole("main").getByRole("button", { name: "Sign in" });
  await code.fill("000000");
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByText("This code is not right").first()).toBeVisible();
  await code.fill(app.generate());
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  await expectAccessible(page);
  await expect(page.locator(".codes code")).toHaveCount(10);
  const recovery = await page.locator(".codes code").allInnerTexts();
  await page.getByRole("link", { name: "I have saved them" }).click();
  await expect(page.getByText("10 recovery codes are left")).toBeVisible();
  await expectAccessible(page);

  await signOut(page);
  await signIn(page, email);
  await expect(page.getByRole("heading", { name: "Enter a code" })).toBeVisible();
  await expectAccessible(page);
  await code.fill("000000");
  await signInButton.click();
  await expect(page.getByText("This code is not right").first()).toBeVisible();
  // The code of now was used; the next one is taken a little early.
  await code.fill(app.generate({ timestamp: Date.now() + 30_000 }));
  await signInButton.click();
  await page.waitForURL("**/upload");

  await signOut(page);
  await signIn(page, email);
  await code.fill(recovery[3].toUpperCase());
  await signInButton.click();
  await page.waitForURL("**/upload");
  await page.goto("/account/security");
  await expect(page.getByText("9 recovery codes are left")).toBeVisible();
  // A fresh code, beside the form that asks for it.
  const off = page.locator("details.confirm", { hasText: "Signing in takes the password alone then" });
  await off.locator("summary").click();
  await off.getByLabel("Code").fill("000000");
  await off.getByRole("button", { name: "Switch off the second factor" }).click();
  await expect(page.getByText("This code is not right").first()).toBeVisible();
  await expectAccessible(page);
  await off.getByLabel("Code").fill(recovery[4]);
  await off.getByRole("button", { name: "Switch off the second factor" }).click();
  await expect(page.getByText("The second factor is off")).toBeVisible();
});

test("a confirmation link asks for the password in a browser that did not sign up", async ({ page, another }) => {
  const elsewhere = await another();
  const email = await askToSignUp(page);
  await (await emailTo(elsewhere, email)).getByRole("link").first().click();
  await elsewhere.getByLabel("Password").fill("another password altogether");
  await elsewhere.getByRole("button", { name: "Confirm and sign in" }).click();
  await expect(elsewhere.getByText("This is not the password that was chosen").first()).toBeVisible();
  await expectAccessible(elsewhere);
  await elsewhere.getByLabel("Password").fill(PASSWORD);
  await elsewhere.getByRole("button", { name: "Confirm and sign in" }).click();
  await elsewhere.waitForURL("**/upload");
});

test("[P11] browsers are listed without a name and signed out one by one", async ({ page, another }) => {
  const email = await signUp(page);
  const others = [await another(), await another()];
  for (const other of others) {
    await signIn(other, email);
    await other.waitForURL("**/upload");
  }
  await page.goto("/account/security");
  await expect(page.locator(".sessions__row")).toHaveCount(3);
  expect(await page.locator(".sessions").innerText()).not.toMatch(/chrom|linux|127\.0\.0\.1/i);
  // The newest is the second of the others.
  await page.getByRole("button", { name: /^Sign out the browser of/ }).first().click();
  await expect(page.getByText("That browser is signed out")).toBeVisible();
  await others[1].goto("/history");
  await expect(others[1]).toHaveURL(/\/signin/);
  await others[0].goto("/history");
  await expect(others[0]).toHaveURL(/\/history$/);
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await expect(page.getByText("Every other browser is signed out")).toBeVisible();
  await others[0].goto("/history");
  await expect(others[0]).toHaveURL(/\/signin/);
  await expect(page.locator(".sessions__row")).toHaveCount(1);
});

test("[P26] every e-mail stands in text and HTML, in light and dark, and loads nothing", async ({ page }) => {
  test.slow();
  await page.goto("/dev/mail/previews");
  const emails = await page.locator("iframe").evaluateAll((frames) => frames.map((frame) => frame.srcdoc));
  expect(emails.length).toBeGreaterThanOrEqual(17);
  const alone = await page.context().newPage();
  const requests = [];
  alone.on("request", (request) => requests.push(request.url()));
  await alone.setViewportSize(PHONE.viewport);
  for (const html of emails) {
    await alone.setContent(html);
    await expectAccessible(alone);
  }
  expect(requests).toEqual([]);
  await alone.close();

  const email = await emailTo(page, await signUp(page), "Welcome to MixLens");
  await email.getByText("As HTML").click();
  await expect(email.frameLocator("iframe").getByText("Your account is ready")).toBeVisible();
});

test("the account area has no accessibility violation", area);

test.describe(() => {
  test.use(PHONE);
  test("the account area has none on a phone", area);
});

async function area({ page }) {
  for (const path of RECOVERY) {
    await page.goto(path);
    await expectAccessible(page);
  }
  await signUp(page);
  for (const path of ACCOUNT) {
    await page.goto(path);
    await expectAccessible(page);
  }
}
