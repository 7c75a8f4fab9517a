// Walks through references: uploaded, chosen, compared with; with a script, without one, and on a phone.
import assert from "node:assert/strict";
import { accessible, chooseReferences, file, hydrated, music, references, signUp, upload, wav } from "./help.js";

export const referenceTests = [
  { name: "[P05] a reference is uploaded, chosen and compared with", run: comparison },
  { name: "[P05] the same on a phone of 320 px", run: comparison, options: { viewport: { width: 320, height: 700 }, hasTouch: true } },
  { name: "references are chosen and left out without a script", run: withoutScript },
];

/** A mix that is measured; its address. */
async function mixOf(page, name, buffer) {
  await page.goto("/upload");
  await upload(page, file(name, buffer));
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  return page.url();
}

async function comparison(page) {
  await signUp(page);
  const address = await mixOf(page, "Mine.wav", music({ seconds: 12 }));
  await page.getByRole("link", { name: "Compare with references" }).click();
  await page.getByText("You have no references yet").waitFor();
  await accessible(page);
  await page.getByRole("link", { name: "Upload one" }).click();
  await page.waitForURL("**/references?mix=*");
  await accessible(page);
  await references(page, file("First hero.wav", wav({ seconds: 5, level: 0.6 })), file("Second hero.wav", wav({ seconds: 6, level: 0.2 })));
  await accessible(page);
  await chooseReferences(page, address, "First hero", "Second hero");
  await page.getByText("nothing differs more").first().waitFor();
  const with_ = page.getByRole("list", { name: "Compared with" });
  assert.equal(await with_.getByRole("listitem").count(), 2);
  await with_.getByText("turned down by").waitFor();
  for (const name of ["Spectrum", "Figures"]) await page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
  const integrated = page.getByRole("table", { name: "Figures of the mix and of each reference" }).getByRole("row", { name: /Integrated/ });
  assert.equal(await integrated.getByRole("cell").count(), 4);
  await accessible(page);

  await page.getByRole("link", { name: "Back to the report of this mix" }).click();
  await page.waitForURL(address);
  await page.getByRole("heading", { level: 2, name: "Beside your references" }).waitFor();
  await page.getByText("Compared with First hero, Second hero.").waitFor();
  await accessible(page);
  // A reference is measured, not judged, and is no part of the history.
  await page.goto("/history");
  assert.equal(await page.getByRole("link", { name: "First hero" }).count(), 0);
  await page.goto("/references");
  await page.getByRole("link", { name: "First hero" }).click();
  await page.getByRole("region", { name: "Key readings" }).waitFor();
  assert.equal(await page.getByRole("region", { name: "Score" }).count(), 0);
  await hydrated(page);
  await accessible(page);
}

async function withoutScript(page) {
  await signUp(page);
  const address = await mixOf(page, "Mine.wav", wav({ seconds: 4 }));
  await references(page, file("Hero.wav", wav({ seconds: 5 })));
  const context = await page.context().browser().newContext({ javaScriptEnabled: false });
  await context.addCookies(await page.context().cookies());
  const plain = await context.newPage();
  await plain.goto(`${address}/comparison`);
  await plain.getByLabel("Hero").check();
  await plain.getByRole("button", { name: "Compare", exact: true }).click();
  await plain.getByText("nothing stands out from your reference").first().waitFor();
  await plain.getByText("Choose what to compare with").click();
  await plain.getByLabel("Hero").uncheck();
  await plain.getByRole("button", { name: "Compare", exact: true }).click();
  await plain.waitForURL("**/comparison");
  assert.equal(await plain.getByText("nothing stands out").count(), 0);
  await context.close();
}
