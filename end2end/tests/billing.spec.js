// Walks through what is paid for, at a stand-in for Stripe, and what Stripe's own library says of signatures.
import Stripe from "stripe";
import { NO_SCRIPT, expect, test as base } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { expectAccessible, hydrated, open } from "../helpers/pages.js";
import { emailTo, signUp } from "../helpers/people.js";
import { freePort } from "../helpers/program.js";
import { SIGNING_SECRET, startStandIn } from "../helpers/stand_in.js";
import { file, report } from "../helpers/uploads.js";

const test = base.extend({
  /** A program that sells, its page, and the stand-in that it sells at. */
  shop: async ({ programWith }, use) => {
    const port = await freePort();
    const stripe = await startStandIn(`http://127.0.0.1:${port}`);
    const { program, page } = await programWith(stripe.settings, { port });
    await use({ page, program, stripe });
    stripe.stop();
  },
});

/** In how many hours the audio of the only report goes, by the history. */
async function hoursLeft(page) {
  await page.goto("/history");
  const until = await page.locator("td[data-label=Audio] time").getAttribute("datetime");
  return (Date.parse(until) - Date.now()) / 3_600_000;
}

/** Waits until the page of the plan says these words. */
async function planSays(page, words) {
  await expect(async () => {
    await page.goto("/account/billing");
    await expect(page.getByText(words).first()).toBeVisible({ timeout: 500 });
  }, words).toPass({ timeout: 20_000 });
}

test("[P32] a plan is bought on Stripe's page, keeps files longer, and is left again", async ({ shop: { page, program, stripe } }) => {
  const complaints = [];
  // Of our own pages; the stand-in has no icon.
  page.on("console", (message) => {
    const isOurs = message.location().url.startsWith(program.base);
    if (message.type() === "error" && isOurs) complaints.push(message.text());
  });
  const email = await signUp(page);
  await hydrated(page);
  await report(page, file("Okapi.wav", wav({ seconds: 4 })));
  expect(await hoursLeft(page)).toBeLessThan(24.1);

  await page.goto("/pricing");
  await expectAccessible(page);
  await page.getByRole("link", { name: "Choose Pro" }).click();
  await expect(page.getByText("You are on Free.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Buy Pro" }).click();
  await page.waitForURL(`${stripe.url}/pay/*`);
  await page.getByRole("button", { name: "Pay and subscribe" }).click();
  await page.waitForURL("**/account/billing?from=stripe");
  await expect(page.getByText("You are on Pro.")).toBeVisible();
  await expectAccessible(page);
  expect(await hoursLeft(page), "30 days from the upload").toBeGreaterThan(24 * 29);
  await expect(await emailTo(page, email, "Your MixLens plan: Pro")).toContainText("contract number");

  // A program of theirs, which pauses when the plan is gone.
  await page.goto("/account/tokens");
  await page.getByLabel("Name", { exact: true }).fill("Catalogue check");
  await page.getByRole("button", { name: "Make the token" }).click();
  const token = await page.locator("#new-token").innerText();
  const ask = () => fetch(new URL("/api/v1/analyses", page.url()), { headers: { authorization: `Bearer ${token}` } });
  expect((await ask()).status).toBe(200);

  // A payment fails, is said, and is made good with another card.
  await stripe.does("decline");
  await stripe.does("renew");
  await planSays(page, "Your last payment did not come about");
  await open(page, "/history");
  await expect(page.getByText("Your last payment for MixLens did not come about.")).toBeVisible();
  await page.getByRole("link", { name: "Look at the card" }).click();
  await page.getByRole("button", { name: "Open card and invoices" }).click();
  await page.waitForURL(`${stripe.url}/portal/*`);
  await page.getByRole("button", { name: "Use another card" }).click();
  await page.getByRole("link", { name: "Back to MixLens" }).click();
  await expect(page.getByText("You are on Pro.")).toBeVisible();
  await expect(page.getByText("Your last payment did not come about")).toHaveCount(0);

  // Up, where the page says what is paid now, and back out.
  await page.getByRole("link", { name: "Change to Studio" }).click();
  await expect(page.getByText("You pay €")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: /^Pay €.* and change to Studio$/ }).click();
  await expect(page.getByText("Your plan is changed, and its limits hold at once.")).toBeVisible();
  await page.getByRole("link", { name: "Cancel the plan" }).click();
  await expect(page.getByRole("link", { name: "Make a copy of your data" })).toBeVisible();
  await expectAccessible(page);
  // The stand-in has renewed without that a month went by: Pro is still paid, and Studio begins with the next one.
  await page.getByRole("button", { name: /^Cancel (Pro|Studio)$/ }).click();
  await expect(page.getByText("Your plan is cancelled.")).toBeVisible();
  await stripe.does("end");
  await planSays(page, "You are on Free.");
  expect(await hoursLeft(page), "what was promised stays").toBeGreaterThan(24 * 29);
  expect((await ask()).status).toBe(403);
  await page.goto("/account/tokens");
  await expect(page.getByText("Pauses", { exact: true })).toBeVisible();
  expect(complaints).toEqual([]);
});

test("a withdrawal works signed out, without a script, and is confirmed at once", async ({ shop, another }) => {
  const { page, program } = shop;
  const email = await signUp(page);
  await page.goto("/account/billing");
  await page.getByRole("button", { name: "Buy Studio" }).click();
  await page.getByRole("button", { name: "Pay and subscribe" }).click();
  await page.waitForURL("**/account/billing?from=stripe");
  const contract = await page.locator("code", { hasText: /^ML-/ }).innerText();
  const stranger = await another({ ...NO_SCRIPT, baseURL: program.base });
  await stranger.goto("/");
  await stranger.getByRole("contentinfo").getByRole("link", { name: "Withdraw from contract here" }).click();
  await stranger.getByLabel("E-mail").fill(email);
  await stranger.getByLabel("Contract number").fill("ML-00000-00000");
  await stranger.getByRole("button", { name: "Withdraw from contract here" }).click();
  await expect(stranger.getByText("There is no contract with this number").first()).toBeVisible();
  await stranger.getByLabel("Contract number").fill(contract.toLowerCase());
  await stranger.getByRole("button", { name: "Withdraw from contract here" }).click();
  const confirm = stranger.getByRole("button", { name: "Confirm withdrawal" });
  await expect(confirm).toBeVisible();
  // The same two pages where there is a script, without which nothing looks into a page.
  await page.goto("/withdraw");
  await expectAccessible(page);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Contract number").fill(contract);
  await page.getByRole("button", { name: "Withdraw from contract here" }).click();
  await expect(page.getByRole("button", { name: "Confirm withdrawal" })).toBeVisible();
  await expectAccessible(page);
  await confirm.click();
  await expect(stranger.getByText("We have received your withdrawal")).toBeVisible();
  await planSays(page, "You are on Free.");
  await expect(await emailTo(page, email, "We have received your withdrawal")).toContainText(contract);
});

test("[P32] what Stripe's own library signs is believed, and what it refuses is refused", async ({ shop: { program } }) => {
  const { webhooks } = new Stripe("sk_test_standin");
  const now = Math.floor(Date.now() / 1000);
  const payload = JSON.stringify({ id: "evt_oracle", object: "event", type: "invoice.upcoming", livemode: false });
  const sign = (more = {}) => webhooks.generateTestHeaderString({ payload, secret: SIGNING_SECRET, timestamp: now, ...more });
  const right = sign();
  const cases = {
    "as it is": [right, payload],
    "with another scheme beside it": [`${right},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39`, payload],
    "with a second signature": [`${right},v1=${"0".repeat(64)}`, payload],
    "at the edge of the tolerance": [sign({ timestamp: now - 295 }), payload],
    "another body": [right, payload.replace("evt_oracle", "evt_forged")],
    "a space more": [right, `${payload} `],
    "another secret": [sign({ secret: "whsec_other" }), payload],
    "too old": [sign({ timestamp: now - 310 }), payload],
    "another scheme alone": [sign({ scheme: "v0" }), payload],
    "a moment of one's own": [right.replace(`t=${now}`, `t=${now + 1}`), payload],
    "no moment": [right.replace(/^t=\d+,/, ""), payload],
    "no signature": [`t=${now}`, payload],
    "nonsense": ["nonsense", payload],
    "nothing": ["", payload],
  };
  for (const [name, [header, body]] of Object.entries(cases)) {
    const theirs = (() => {
      try {
        webhooks.constructEvent(body, header, SIGNING_SECRET, 300);
        return 200;
      } catch {
        return 422;
      }
    })();
    const answer = await fetch(`${program.base}/stripe/events`, { method: "POST", headers: { "stripe-signature": header }, body });
    expect(answer.status, name).toBe(theirs);
  }
  // Stripe's library believes what was signed in the future, however far; nothing honest is.
  const future = sign({ timestamp: now + 600 });
  const answer = await fetch(`${program.base}/stripe/events`, { method: "POST", headers: { "stripe-signature": future }, body: payload });
  expect(answer.status).toBe(422);
});
