// From a file to its report, and everything that can go wrong on the way.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_SCRIPT, PHONE, expect, test } from "../helpers/walk.js";
import { aiff, wav } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report, reportShown, upload } from "../helpers/uploads.js";

test("a new person uploads a mix and reads its report without a reload", mainWalk);

test.describe(() => {
  test.use(PHONE);
  test("the same on a phone of 320 px", mainWalk);
});

async function mainWalk({ page }) {
  await signUp(page);
  await expectAccessible(page);
  await upload(page, file("Night drive v3.wav", wav()));
  await page.waitForURL("**/analyses/*");
  const address = page.url();
  await reportShown(page);
  expect(page.url()).toBe(address);
  await expect(page.getByRole("heading", { level: 1, name: "Night drive v3" })).toBeVisible();
  for (const name of ["Loudness", "Peaks and dynamics", "Spectrum", "Stereo", "Signal", "All numbers"]) {
    await expect(page.getByRole("heading", { level: 2, name, exact: true })).toBeVisible();
  }
  await page.getByText("The 10 highest true peaks").click();
  await expect(page.getByRole("table", { name: "The highest true peaks" }).getByRole("row")).toHaveCount(11);
  await expectAccessible(page);

  const seconds = () => page.locator("audio").evaluate((audio) => audio.currentTime);
  await page.locator("leptos-island .player").waitFor();
  await page.getByRole("button", { name: "Play" }).click();
  await expect.poll(seconds).toBeGreaterThan(0.2);
  await page.getByLabel("Position").fill("5");
  await expect.poll(seconds).toBeGreaterThanOrEqual(5);
  await page.getByRole("button", { name: "Pause" }).click();

  await page.goto("/history");
  await expect(page.getByRole("link", { name: "Night drive v3" })).toBeVisible();
  await expect(page.getByText("LUFS").first()).toBeVisible();
  await expectAccessible(page);
}

test.describe(() => {
  test.use({ provoked: /ERR_FAILED/ });

  test("over HTTP/2 a page listens how far it is, and asks where no stream comes through", async ({ page }) => {
    // The server of the tests speaks HTTP/1 without a proxy.
    await page.addInitScript(() => {
      Object.defineProperty(PerformanceResourceTiming.prototype, "nextHopProtocol", { get: () => "h2" });
    });
    const asked = { eventsource: 0, fetch: 0 };
    page.on("request", (request) => {
      if (request.url().includes("/fn/analyses/progress")) asked[request.resourceType()] += 1;
    });
    await signUp(page);
    await upload(page, file("heard.wav", wav({ seconds: 20 })));
    await page.waitForURL("**/analyses/*");
    await reportShown(page);
    expect(asked).toEqual({ eventsource: 1, fetch: 0 });

    await page.route("**/fn/analyses/progress*", (route) =>
      route.request().resourceType() === "eventsource" ? route.abort() : route.continue(),
    );
    await page.goto("/upload");
    await upload(page, file("asked.wav", wav({ seconds: 20 })));
    await page.waitForURL("**/analyses/*");
    await reportShown(page);
    expect(asked.fetch).toBeGreaterThan(0);
  });
});

test("several files at once, each to its own report", async ({ page }) => {
  await signUp(page);
  const two = [file("one.wav", wav({ seconds: 4 })), file("two.wav", wav({ seconds: 5 }))];
  await upload(page, ...two, file("notes.txt", Buffer.from("no")));
  await expect(page.getByText("Export the mix as WAV or FLAC")).toBeVisible();
  await expect(page.getByRole("link", { name: "Open report" })).toHaveCount(2, { timeout: 30_000 });
  await expect(page.getByText(/\d of 100\. /)).toHaveCount(2, { timeout: 60_000 });
  await page.goto("/history");
  await expect(page.getByRole("row")).toHaveCount(3);
});

test.describe(() => {
  test.use({ provoked: /ERR_CONNECTION_FAILED/ });

  test("an upload is cancelled, loses its connection, and is tried again", async ({ page }) => {
    await signUp(page);
    let held;
    await page.route("**/mixlens/a/**", (route) => {
      held = route;
    });
    await upload(page, file("tried.wav", wav({ seconds: 4 })));
    await page.getByRole("button", { name: "Cancel tried.wav" }).click();
    await expect(page.getByText("Cancelled")).toBeVisible();
    await held?.abort().catch(() => {});

    await page.unroute("**/mixlens/a/**");
    await page.route("**/mixlens/a/**", (route) => route.abort("connectionfailed"));
    await page.getByRole("button", { name: "Try again: tried.wav" }).click();
    await expect(page.getByText("The connection was lost")).toBeVisible();
    await expectAccessible(page);

    await page.unroute("**/mixlens/a/**");
    await page.getByRole("button", { name: "Try again: tried.wav" }).click();
    await page.waitForURL("**/analyses/*");
    await reportShown(page);
    await page.goto("/history");
    await expect(page.getByRole("row"), "one head and one analysis, however many tries").toHaveCount(2);
  });
});

test.describe(() => {
  test.use({ provoked: /ERR_CONNECTION_FAILED/ });

  test("a large file goes in parts, and a cut line costs one of them", async ({ programWith }) => {
    const { page } = await programWith({
      MIXLENS_UPLOADS__PARTS_ABOVE_MEGABYTES: "10",
      MIXLENS_UPLOADS__PART_MEGABYTES: "6",
    });
    await signUp(page);
    const sent = [];
    let isCut = true;
    await page.route("**/mixlens/a/**", (route) => {
      const number = new URL(route.request().url()).searchParams.get("partNumber");
      if (number === "2" && isCut) return route.abort("connectionfailed");
      sent.push(number);
      return route.continue();
    });
    await upload(page, file("long.wav", wav({ seconds: 80 })));
    await expect(page.getByText("The connection was lost. It goes on by itself")).toBeVisible();
    isCut = false;
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await page.waitForURL("**/analyses/*");
    await reportShown(page);
    expect(sent, "each part once").toEqual(["1", "2", "3"]);
  });
});

test("files dropped anywhere on the page are taken", async ({ page }) => {
  await signUp(page);
  await hydrated(page);
  const base64 = wav({ seconds: 4 }).toString("base64");
  const files = await page.evaluateHandle((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "dropped.wav", { type: "audio/wav" }));
    return transfer;
  }, base64);
  const head = page.getByRole("heading", { level: 1 });
  await head.dispatchEvent("dragover", { dataTransfer: files });
  await page.locator(".drop.is-over").waitFor();
  await head.dispatchEvent("drop", { dataTransfer: files });
  await page.waitForURL("**/analyses/*");
  await expect(page.getByRole("heading", { level: 1, name: "dropped" })).toBeVisible();
});

test("a folder that is dropped is walked, whatever it is called", async ({ page }, info) => {
  await signUp(page);
  await hydrated(page);
  const folders = { "Mixes of May": ["one.wav", "two.wav", "notes.txt"], "Bundle.wav": ["notes.txt"] };
  const browser = await page.context().newCDPSession(page);
  for (const [name, names] of Object.entries(folders)) {
    const folder = info.outputPath(name);
    mkdirSync(folder, { recursive: true });
    for (const name of names) writeFileSync(join(folder, name), name.endsWith(".wav") ? wav({ seconds: 4 }) : "no audio");
    // The browser's own events: those of a script carry no folders.
    const data = { items: [], files: [folder], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await browser.send("Input.dispatchDragEvent", { type, x: 400, y: 300, data });
    }
  }
  await expect(page.getByText(/\d of 100\. /)).toHaveCount(2, { timeout: 60_000 });
  await expect(page.getByText("This is a folder. Drop the files in it.")).toHaveCount(1);
  await expect(page.getByRole("list", { name: "Files" }).getByRole("listitem")).toHaveCount(3);
});

test("files that are no good end as a sentence that says what to do", async ({ page }) => {
  await signUp(page);
  await upload(page, file("empty.wav", Buffer.alloc(0)));
  await expect(page.getByText("This file is empty")).toBeVisible();
  // Its length is read before anything is sent.
  await upload(page, file("long.wav", wav({ seconds: 601, rate: 8_000 })));
  await expect(page.getByText("This file lasts 10:01; your plan takes up to 10 minutes. Nothing was sent.")).toBeVisible();
  const whole = wav({ seconds: 8 });
  const cases = [
    ["text.wav", Buffer.from("This is no audio at all. ".repeat(100)), "which MixLens does not decode"],
    ["noise.wav", Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7919) % 251)), "No audio was found"],
    ["silent.wav", wav({ level: 0 }), "There is no signal"],
    ["second.wav", wav({ seconds: 0.2 }), "Loudness needs at least 0.4 s"],
    // Chromium does not read AIFF: of such a file the server says that it is too long.
    ["long.aiff", aiff(wav({ seconds: 601, rate: 8_000 })), "longer than the 10 minutes of your plan"],
    ["header.wav", whole.subarray(0, 44), "What to do"],
    ["cut.wav", whole.subarray(0, whole.length / 2), "cut short"],
    ["really.flac", whole, "The name of the file says otherwise"],
  ];
  for (const [name, bytes, words] of cases) {
    await page.goto("/upload");
    await upload(page, file(name, bytes));
    await page.waitForURL("**/analyses/*");
    await expect(page.getByText(words).first(), name).toBeVisible({ timeout: 60_000 });
  }
  await expectAccessible(page);
});

test("a report is read, renamed and deleted without a script", async ({ page, another }) => {
  await signUp(page);
  const address = await report(page, file("mix.wav", wav({ seconds: 4 })));
  const plain = await another({ ...NO_SCRIPT, like: page });
  await plain.goto(address);
  await expect(plain.getByRole("region", { name: "Key readings" })).toBeVisible();
  await plain.getByText("Rename", { exact: true }).click();
  await plain.getByLabel("Title").fill("Another name");
  await plain.getByRole("button", { name: "Save the title" }).click();
  await expect(plain.getByRole("heading", { level: 1, name: "Another name" })).toBeVisible();
  await plain.getByText("Delete", { exact: true }).click();
  await plain.getByRole("button", { name: "Delete for good" }).click();
  await plain.waitForURL("**/history?done=deleted");
  expect((await plain.goto(address)).status()).toBe(404);
});
