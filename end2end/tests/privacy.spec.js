// What a person may ask of us: see, copy, delete, and a say in what is counted.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { NO_SCRIPT, PHONE, expect, test as base } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { everyRoute, expectAccessible, open } from "../helpers/pages.js";
import { PASSWORD, signIn, signUp } from "../helpers/people.js";
import { file, report } from "../helpers/uploads.js";

const BANNER = "May we count how MixLens is used?";
const mix = () => file("Night drive.wav", wav({ seconds: 4 }));

const test = base.extend({
  /** A page of a program that counts towards a receiver on this machine, and what that receiver was sent. */
  counted: async ({ programWith, contextOptions, javaScriptEnabled, viewport, hasTouch }, use) => {
    const received = [];
    const receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (part) => (body += part));
      request.on("end", () => {
        received.push(body);
        response.end('{"status":1}');
      });
    });
    await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const options = { ...contextOptions, javaScriptEnabled, viewport, hasTouch };
    const { program, page } = await programWith(
      {
        MIXLENS_TELEMETRY__POSTHOG_KEY: "phc_test",
        MIXLENS_TELEMETRY__POSTHOG_HOST: `http://127.0.0.1:${receiver.address().port}`,
      },
      options,
    );
    const foreign = [];
    page.on("request", (request) => {
      // A file of the person's own, whose length the page reads, goes nowhere.
      const isOwn = request.url().replace(/^blob:/, "").startsWith(program.base);
      if (!isOwn) foreign.push(request.url());
    });
    await use({ program, page, received });
    expect(foreign, "[P17] the browser asks nobody else").toEqual([]);
    receiver.closeAllConnections();
    receiver.close();
  },
});

const cookies = async (page) => (await page.context().cookies()).map(({ name }) => name).sort();

test("[P12] [P15] a person sees what is held about them and downloads a copy", async ({ page }) => {
  const email = await signUp(page);
  await report(page, mix());
  await page.locator("details.menu summary").click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: "Privacy" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your data" })).toBeVisible();
  for (const held of [email, "Night drive.wav", "Signed-in browsers", "Until you delete your account."]) {
    await expect(page.locator("main")).toContainText(held);
  }
  await expectAccessible(page);

  await page.getByRole("button", { name: "Make a copy" }).click();
  const link = page.getByRole("link", { name: "Download" });
  await expect(async () => {
    await page.reload();
    expect(await link.count()).toBe(1);
  }).toPass({ intervals: [100], timeout: 30_000 });
  await expectAccessible(page);
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  expect(download.suggestedFilename()).toMatch(/^mixlens-\d{4}-\d\d-\d\d\.zip$/);
  const bytes = readFileSync(await download.path());
  expect(bytes.subarray(0, 2).toString()).toBe("PK");
  expect(bytes.includes("analyses.csv") && bytes.includes("account.json")).toBe(true);
});

test.describe(() => {
  test.use(NO_SCRIPT);

  test("[P14] a person deletes everything without a script, and is out in every browser", async ({ page, another }) => {
    // An upload needs a script; a browser that has one makes the account.
    const withScript = await another();
    const email = await signUp(withScript);
    const address = await report(withScript, mix());

    await signIn(page, email);
    await page.waitForURL("**/upload");
    await page.goto("/account/privacy");
    await page.getByRole("link", { name: "Delete the account" }).click();
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", { name: "Delete everything" }).click();
    await expect(page.getByRole("alert").getByText("Tick the box")).toBeVisible();
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByLabel("I want to delete everything").check();
    await page.getByRole("button", { name: "Delete everything" }).click();
    await expect(page.getByRole("heading", { name: "Your account is deleted" })).toBeVisible();
    expect(await cookies(page)).toEqual(["__Host-csrf"]);

    for (const path of ["/history", address]) {
      await withScript.goto(path);
      await expect(withScript).toHaveURL(/\/signin/);
    }
    await signIn(withScript, email);
    await expect(withScript.getByText("Wrong e-mail or password").first()).toBeVisible();
  });

  test("[P21] the question about statistics is declined without a script and never asked again", async ({ counted }) => {
    const { program, page, received } = counted;
    await page.goto("/terms");
    expect(await cookies(page), "nothing before the answer").toEqual(["__Host-csrf"]);
    await page.getByRole("button", { name: "Decline" }).click();
    await page.waitForURL("**/terms");
    for (const path of ["/terms", "/", "/signup", "/cookies"]) {
      await page.goto(path);
      await expect(page.getByText(BANNER)).toHaveCount(0);
    }
    expect(await cookies(page)).toEqual(["__Host-consent", "__Host-csrf"]);
    // What it would have counted it sends before it ends.
    expect(await program.stop()).toBe(0);
    expect(received).toEqual([]);
  });
});

test.describe(() => {
  test.use(PHONE);

  test("[P14] the same on a phone, with a wrong password first", async ({ page }) => {
    await signUp(page);
    await page.goto("/account/privacy");
    await expectAccessible(page);
    await page.goto("/account/privacy/delete");
    await expectAccessible(page);
    await page.getByLabel("Your password").fill("not the password");
    await page.getByLabel("I want to delete everything").check();
    await page.getByRole("button", { name: "Delete everything" }).click();
    await expect(page.getByRole("alert").getByText("This is not your password")).toBeVisible();
    await expectAccessible(page);
    await expect(page.getByLabel("Your password")).toHaveValue("");
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", { name: "Delete everything" }).click();
    await expect(page.getByRole("heading", { name: "Your account is deleted" })).toBeVisible();
    await expectAccessible(page);
  });

  test("[P21] the question is accessible on a phone and covers nothing", async ({ counted: { page } }) => {
    // Where something is typed, nothing is asked.
    for (const path of ["/signin", "/cookies", "/"]) {
      await page.goto(path);
      await expectAccessible(page);
    }
    const strip = await page.locator(".consent").boundingBox();
    const main = await page.locator("main").boundingBox();
    expect(strip.y + strip.height, "it stands above the page's content, not over it").toBeLessThanOrEqual(main.y + 1);
    const [first, second] = await page.locator(".consent button").all();
    const [one, two] = [await first.boundingBox(), await second.boundingBox()];
    expect(Math.abs(one.width - two.width), "both answers are of one size").toBeLessThan(1);
    expect(one.height).toBe(two.height);
  });
});

test("[P21] [P24] allowing sets one cookie more, and the footer takes it back", async ({ counted }) => {
  const { page, received } = counted;
  await page.goto("/privacy?secret=1");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL("**/privacy?secret=1");
  await expect(page.getByText(BANNER)).toHaveCount(0);
  expect(await cookies(page)).toEqual(["__Host-aid", "__Host-consent", "__Host-csrf"]);
  for (const { name, httpOnly, secure } of await page.context().cookies()) expect(httpOnly && secure, name).toBe(true);
  await expect.poll(() => received.join()).toContain('"/privacy"');
  expect(received.join()).not.toContain("secret");

  await page.locator("footer").getByRole("link", { name: "Cookies" }).click();
  await expect(page.getByText("You allowed it.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Decline" }).click();
  await expect(page.getByText("You declined.")).toBeVisible();
  expect(await cookies(page)).toEqual(["__Host-consent", "__Host-csrf"]);
});

test("[P24] a browser that asks not to be tracked is not asked", async ({ counted: { page } }) => {
  await page.setExtraHTTPHeaders({ "sec-gpc": "1" });
  await page.goto("/");
  await expect(page.getByText(BANNER)).toHaveCount(0);
  await page.goto("/cookies");
  await expect(page.getByText("Your browser asks not to be tracked")).toBeVisible();
  await expect(page.getByRole("button", { name: "Allow" })).toHaveCount(0);
  expect(await cookies(page)).toEqual(["__Host-csrf"]);
});

test("[P17] [P21] no page asks anybody else or sets a cookie that is not listed", async ({ counted: { page } }) => {
  test.slow();
  const visitAll = async (id, expected) => {
    for (const path of everyRoute(id)) {
      await open(page, path);
      expect(await cookies(page), path).toEqual(expected);
    }
  };
  await visitAll("0".repeat(32), ["__Host-csrf"]);
  await signUp(page);
  const id = (await report(page, mix())).split("/").at(-1);
  await visitAll(id, ["__Host-csrf", "__Host-known", "__Host-session", "__Host-signup"]);
  await page.goto("/terms");
  await page.getByRole("button", { name: "Allow" }).click();
  await expect(page.getByText(BANNER)).toHaveCount(0);
  await visitAll(id, ["__Host-aid", "__Host-consent", "__Host-csrf", "__Host-known", "__Host-session", "__Host-signup"]);
  await page.goto("/cookies");
  const listed = await page.locator("table.policy tbody th").allInnerTexts();
  expect(listed.sort(), "the page lists exactly these").toEqual(await cookies(page));
});
