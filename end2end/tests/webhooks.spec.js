// Webhook endpoints, as people make and end them, and a server of theirs that is told.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { expect, test } from "../helpers/walk.js";
import { expectAccessible } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";

const SETTINGS = { MIXLENS_PLANS__FREE__WEBHOOK_ENDPOINTS: "2", MIXLENS_WEBHOOKS__PRIVATE_NETWORKS: "true" };

/** A server that keeps what it is told and answers with `status`. */
async function receiver(status = 200, answer = "thank you") {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, body });
    response.writeHead(status).end(answer);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/hook`, seen, close: () => server.close() };
}

async function make(page, url) {
  await page.goto("/account/webhooks");
  await page.getByLabel("Address").fill(url);
  await page.getByLabel("What it is for").fill("Catalogue check");
  await page.getByRole("button", { name: "Make the endpoint" }).click();
  return page.locator("#new-standard-secret").innerText();
}

test("[P27] an endpoint is made without a script, its secret shown once, tried, paused and deleted", async ({ programWith }) => {
  const { page } = await programWith(SETTINGS, { javaScriptEnabled: false });
  const { url, seen, close } = await receiver();
  await signUp(page);
  const secret = await make(page, url);
  expect(secret).toMatch(/^whsec_/);
  await page.getByRole("link", { name: "I have copied it" }).click();
  expect(await page.content()).not.toContain(secret);
  await page.getByRole("link", { name: "Catalogue check" }).click();
  await page.getByRole("button", { name: "Send a test event" }).click();
  await expect(page.getByText("A test event is on its way.")).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("Delivered")).toBeVisible({ timeout: 500 });
  }).toPass();
  expect(new Webhook(secret).verify(seen[0].body, seen[0].headers).type).toBe("ping");
  await page.getByText("What it answered").click();
  await expect(page.getByText("thank you")).toBeVisible();
  await page.getByRole("button", { name: "Send ping once more" }).click();
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1].headers["webhook-id"]).toBe(seen[0].headers["webhook-id"]);
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("Rotate the secret").click();
  await page.getByRole("button", { name: "Make a new secret" }).click();
  expect(await page.locator("#new-standard-secret").innerText()).not.toBe(secret);
  await page.getByRole("link", { name: "I have copied it" }).click();
  await page.getByText("Delete", { exact: true }).click();
  await page.getByRole("button", { name: "Delete the endpoint" }).click();
  await expect(page.getByText("That endpoint is deleted.")).toBeVisible();
  close();
});

test("the pages of webhooks have no accessibility violation, with an endpoint that is disabled too", async ({ programWith }) => {
  const { page } = await programWith(SETTINGS);
  const { url, close } = await receiver(410, "gone for good, ".repeat(80));
  await signUp(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto("/account/webhooks");
  await expectAccessible(page);
  await page.getByLabel("Address").fill("https://127.0.0.1:1/a@b");
  await page.getByLabel("a file was measured").uncheck();
  await page.getByLabel("a file could not be measured").uncheck();
  await page.getByRole("button", { name: "Make the endpoint" }).click();
  await expectAccessible(page);
  await make(page, url);
  await expectAccessible(page);
  await page.getByRole("link", { name: "I have copied it" }).click();
  await page.getByRole("link", { name: "Catalogue check" }).click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Send a test event" }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("Disabled", { exact: true })).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByText("What it answered").click();
  await expectAccessible(page);
  await page.goto("/account/webhooks");
  await expect(page.getByText("Nothing is sent to 127.0.0.1 any more")).toBeVisible();
  await expectAccessible(page);
  await page.goto("/docs/webhooks");
  await expectAccessible(page);
  close();
});
