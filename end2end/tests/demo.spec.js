// What somebody sees who has no account: the demo, a report that was shared with them, and the way to a report of their own.
import { NO_SCRIPT, expect, test } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { expectAccessible, hydrated, open } from "../helpers/pages.js";
import { PASSWORD, emailTo, signUp } from "../helpers/people.js";
import { file, report, reportShown, upload } from "../helpers/uploads.js";

test("the demo is heard, judged, compared and mended without an account", async ({ page }) => {
  await open(page, "/demo");
  await expect(page.getByRole("heading", { level: 1, name: "Low tide (mix 1)" })).toBeVisible();
  await expect(page.getByRole("heading", { level: 3, name: "One channel is inverted for a while" })).toBeVisible();
  await expect(page.getByRole("button", { name: /Delete|Rename|Share/ })).toHaveCount(0);
  const seconds = (at) => page.locator("audio").nth(at).evaluate((audio) => audio.currentTime);
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await expect.poll(() => seconds(0)).toBeGreaterThan(0.2);
  // The other mix goes on where this one is; and a place of a finding is heard.
  const other = page.getByRole("button", { name: /Low tide \(mix 2\)/ });
  await other.click();
  await expect(other).toHaveAttribute("aria-pressed", "true");
  await expect.poll(() => seconds(1)).toBeGreaterThan(0.2);
  await page.locator(".fix").first().getByRole("link", { name: /0:51/ }).click();
  await expect.poll(() => seconds(1)).toBeGreaterThan(51);
  await page.getByRole("link", { name: "What changed" }).click();
  await expect(page.getByRole("heading", { name: "Version 2 against version 1" })).toBeVisible();
  await expect(page.getByText(/points? better/)).toBeVisible();
  await page.getByRole("link", { name: "Beside a reference" }).click();
  await expect(page.getByText("At equal loudness").first()).toBeVisible();
});

test("from the first page over the demo to a first report, in eight clicks", async ({ page, baseURL }) => {
  // It is made while the program starts.
  await expect(async () => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "A report, from the top" })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 60_000 });
  const words = (await page.getByRole("main").innerText()).split(/\s+/).length;
  expect(words, "words of the first page, those of the report included").toBeLessThan(600);
  let clicks = 0;
  const click = async (target) => {
    clicks += 1;
    await target.click();
  };
  await click(page.getByRole("link", { name: "Listen to the demo" }));
  await hydrated(page);
  await click(page.getByRole("button", { name: "Play", exact: true }));
  await click(page.getByRole("link", { name: "Check a mix of yours" }));
  const email = "first-timer@example.org";
  await page.getByLabel("Display name").fill("First timer");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await click(page.getByLabel("I am 13 or older"));
  await click(page.getByLabel("I accept the"));
  await click(page.getByRole("main").getByRole("button", { name: "Create account" }));
  await page.waitForURL("**/signup/sent");
  const address = await (await emailTo(page, email)).getByRole("link").first().getAttribute("href");
  clicks += 1;
  await page.goto(address);
  await click(page.getByRole("button", { name: "Confirm and sign in" }));
  await page.waitForURL("**/upload");
  await expect(page.getByText(/10 of 10 left this month/)).toBeVisible();
  await hydrated(page);
  // A drop is no click.
  await upload(page, file("First song.wav", wav()));
  await page.waitForURL("**/analyses/*");
  await reportShown(page);
  await page.goto("/upload");
  await expect(page.getByText(/9 of 10 left this month/)).toBeVisible();
  expect(clicks).toBeLessThanOrEqual(8);
  expect(page.url()).toContain(baseURL);
});

test("a report is shared by a link, read and heard by a stranger, and closed again", async ({ page, another }) => {
  await signUp(page);
  const address = await report(page, file("Night drive.wav", wav({ seconds: 6 })));
  await page.locator("summary", { hasText: "Share" }).click();
  await page.getByLabel("Good for").selectOption("7");
  await page.getByLabel(/With its audio/).check();
  await page.getByRole("button", { name: "Make a link" }).click();
  await page.waitForURL("**?done=share");
  const link = await page.locator(".shares__address").innerText();
  await expectAccessible(page);

  const stranger = await another();
  await open(stranger, link);
  await expect(stranger.getByRole("heading", { level: 1, name: "Night drive" })).toBeVisible();
  await stranger.getByRole("button", { name: "Play", exact: true }).click();
  await expect.poll(() => stranger.locator("audio").evaluate((audio) => audio.currentTime)).toBeGreaterThan(0.2);
  await expectAccessible(stranger);
  await stranger.goto(address);
  expect(stranger.url(), "the link is not the account").toContain("/signin");

  await page.goto("/account/shares");
  await expectAccessible(page);
  await page.getByRole("button", { name: "End the link to Night drive" }).click();
  await expect(page.getByText("That link opens nothing any more")).toBeVisible();
  expect((await stranger.goto(link)).status()).toBe(404);
});

test.describe(() => {
  test.use(NO_SCRIPT);
  test("the demo reads without a script", async ({ page }) => {
    await page.goto("/demo");
    await expect(page.getByText("Must go back")).toBeVisible();
    await page.getByRole("link", { name: "Mix 2", exact: true }).click();
    await expect(page.getByText("Ready for mastering")).toBeVisible();
  });
});
