// Tokens of programs, as people make and end them.
import { expect, test } from "../helpers/walk.js";
import { expectAccessible } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";

test.describe(() => {
  test.use({ javaScriptEnabled: false });

  test("[P28] a token is made without a script, shown once, reads the sample, and ends at once", async ({ page, baseURL }) => {
    await signUp(page);
    await page.goto("/account/tokens");
    await page.getByLabel("Name", { exact: true }).fill("Catalogue check");
    await page.getByRole("button", { name: "Make the token" }).click();
    const token = await page.locator("#new-token").innerText();
    expect(token).toMatch(/^mlp_[0-9A-Za-z]{36}$/);
    const ask = () => fetch(`${baseURL}/api/v1/analyses`, { headers: { authorization: `Bearer ${token}` } });
    const list = await (await ask()).json();
    expect(list.data.map(({ title }) => title)).toEqual(["Sample"]);
    await page.getByRole("link", { name: "I have copied it" }).click();
    await expect(page.getByText("Catalogue check", { exact: true })).toBeVisible();
    expect(await page.content()).not.toContain(token);
    await page.getByText("Revoke", { exact: true }).click();
    await page.getByRole("button", { name: "Revoke the token" }).click();
    await expect(page.getByText("That token is revoked.")).toBeVisible();
    expect((await ask()).status).toBe(401);
  });
});

test("the pages of tokens and of the documentation have no accessibility violation", async ({ page }) => {
  await signUp(page);
  await page.goto("/account/tokens");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Make the token" }).click();
  await expectAccessible(page);
  await page.getByLabel("Name", { exact: true }).fill("A");
  await page.getByRole("button", { name: "Make the token" }).click();
  await expectAccessible(page);
  for (const path of ["/docs", "/docs/authentication", "/docs/catalogue", "/docs/api", "/docs/errors"]) {
    await page.goto(path);
    await expectAccessible(page);
  }
});
