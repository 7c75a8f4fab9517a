// Walks through references: uploaded, chosen, compared with; with a script, without one, and on a phone.
import { NO_SCRIPT, PHONE, expect, test } from "../helpers/walk.js";
import { music, wav } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { chooseReferences, file, references, report, reportShown } from "../helpers/uploads.js";

test("[P05] a reference is uploaded, chosen and compared with", comparison);

test.describe(() => {
  test.use(PHONE);
  test("[P05] the same on a phone of 320 px", comparison);
});

async function comparison({ page }) {
  await signUp(page);
  const address = await report(page, file("Mine.wav", music({ seconds: 12 })));
  await page.getByRole("link", { name: "Compare with references" }).click();
  await expect(page.getByText("You have no references yet")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Upload one" }).click();
  await page.waitForURL("**/references?mix=*");
  await expectAccessible(page);
  const first = file("First hero.wav", wav({ seconds: 5, level: 0.6 }));
  await references(page, first, file("Second hero.wav", wav({ seconds: 6, level: 0.2 })));
  await expectAccessible(page);
  await chooseReferences(page, address, "First hero", "Second hero");
  await expect(page.getByText("nothing differs more").first()).toBeVisible();
  const compared = page.getByRole("list", { name: "Compared with" });
  await expect(compared.getByRole("listitem")).toHaveCount(2);
  await expect(compared.getByText("turned down by")).toBeVisible();
  for (const name of ["Spectrum", "Figures"]) {
    await expect(page.getByRole("heading", { level: 2, name, exact: true })).toBeVisible();
  }
  const figures = page.getByRole("table", { name: "Figures of the mix and of each reference" });
  await expect(figures.getByRole("row", { name: /Integrated/ }).getByRole("cell")).toHaveCount(4);
  await expectAccessible(page);

  await page.getByRole("link", { name: "Back to the report of this mix" }).click();
  await page.waitForURL(address);
  await expect(page.getByRole("heading", { level: 2, name: "Beside your references" })).toBeVisible();
  await expect(page.getByText("Compared with First hero, Second hero.")).toBeVisible();
  await expectAccessible(page);
  // A reference is measured, not judged, and is no part of the history.
  await page.goto("/history");
  await expect(page.getByRole("link", { name: "First hero" })).toHaveCount(0);
  await page.goto("/references");
  await page.getByRole("link", { name: "First hero" }).click();
  await reportShown(page);
  await expect(page.getByRole("region", { name: "Score" })).toHaveCount(0);
  await hydrated(page);
  await expectAccessible(page);
}

test("references are chosen and left out without a script", async ({ page, another }) => {
  await signUp(page);
  const address = await report(page, file("Mine.wav", wav({ seconds: 4 })));
  await references(page, file("Hero.wav", wav({ seconds: 5 })));
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto(`${address}/comparison`);
  await plain.getByLabel("Hero").check();
  await plain.getByRole("button", { name: "Compare", exact: true }).click();
  await expect(plain.getByText("nothing stands out from your reference").first()).toBeVisible();
  await plain.getByText("Choose what to compare with").click();
  await plain.getByLabel("Hero").uncheck();
  await plain.getByRole("button", { name: "Compare", exact: true }).click();
  await plain.waitForURL("**/comparison");
  await expect(plain.getByText("nothing stands out")).toHaveCount(0);
});
