// Accounts: signing up and in through the pages, and the mail that the development server keeps.
import { randomBytes } from "node:crypto";
import { expect } from "./walk.js";

export const PASSWORD = "copper lantern valley nine";

/** Sends the form of the sign-up; ends where the e-mail is announced. The address. */
export async function askToSignUp(page, name = `Person ${randomBytes(4).toString("hex")}`) {
  const email = `${name.toLowerCase().replace(" ", "-")}@example.org`;
  await page.goto("/signup");
  await page.getByLabel("Display name").fill(name);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("I am 13 or older").check();
  await page.getByLabel("I accept the").check();
  await page.getByRole("main").getByRole("button", { name: "Create account" }).click();
  await page.waitForURL("**/signup/sent");
  return email;
}

/** Signs a new person up and in; ends on /upload. Their e-mail address. */
export async function signUp(page, name) {
  const email = await askToSignUp(page, name);
  await (await emailTo(page, email)).getByRole("link").first().click();
  await page.getByRole("button", { name: "Confirm and sign in" }).click();
  await page.waitForURL("**/upload");
  return email;
}

export async function signIn(page, email, password = PASSWORD) {
  await page.goto("/signin");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
}

export async function signOut(page) {
  await page.locator("details.menu summary").click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

/** The newest e-mail to `email`, with this subject if one is given, on the page of the development server. */
export async function emailTo(page, email, subject = "") {
  // The page is shown once it has the e-mail: to look again and again with a browser is most of what a walk takes.
  await expect(async () => {
    const emails = (await (await page.request.get("/dev/mail")).text()).split("<article>");
    expect(emails.some((each) => each.includes(email) && each.includes(subject))).toBe(true);
  }, `an e-mail to ${email}: ${subject}`).toPass({ intervals: [100], timeout: 45_000 });
  await page.goto("/dev/mail");
  const found = page.locator("article", { hasText: email });
  return found.filter({ has: page.getByRole("heading", { name: subject }) }).first();
}
