// The player and the tracks over time: what is heard, where, how loud, and what is read out of them.
import { expect, test } from "../helpers/walk.js";
import { aiff, music, wav } from "../helpers/audio.js";
import { expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { chooseReferences, file, references, report } from "../helpers/uploads.js";

const play = (page) => page.getByRole("button", { name: "Play" });
const pause = (page) => page.getByRole("button", { name: "Pause" });

test("a mix and a reference are switched at one loudness", async ({ page }) => {
  await page.addInitScript(overhear);
  await signUp(page);
  const mix = await report(page, file("Quiet mix.wav", wav({ seconds: 12, level: 0.2 })));
  await references(page, file("Loud reference.wav", wav({ seconds: 10, level: 0.9 })));
  await chooseReferences(page, mix, "Loud reference");
  await page.goto(mix);
  await hydrated(page);
  const source = (name) => page.getByRole("group", { name: "Source" }).getByRole("button", { name });
  await expect(source("This mix")).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByText(/^0\.0.dB, matched to −\d+\.\d.LUFS$/)).toBeVisible();
  await expectAccessible(page);

  await play(page).click();
  await page.waitForFunction(() => document.querySelectorAll("audio")[0].currentTime > 0.3);
  const mixHeard = await loudness(page);
  await source("Loud reference").click();
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return mix.paused && !reference.paused && reference.currentTime > 0.2;
  });
  const matchedHeard = await loudness(page);
  expect(mixHeard).toBeGreaterThan(-50);
  expect(Math.abs(matchedHeard - mixHeard), `${mixHeard} dB and ${matchedHeard} dB are heard`).toBeLessThan(2);
  await expect(source("Loud reference")).toHaveAttribute("aria-pressed", "true");
  const gain = await page.getByText(/matched to/).innerText();
  const decibels = Number(gain.replace("−", "-").match(/^-\d+\.\d/)[0]);
  // 0.9 over 0.2 is 13.1 dB.
  expect(Math.abs(decibels + 13.1), gain).toBeLessThan(0.3);
  const match = page.getByRole("button", { name: "Match loudness" });
  await match.click();
  await expect(page.getByText("Each as loud as it is.")).toBeVisible();
  const louder = (await loudness(page)) - matchedHeard;
  expect(Math.abs(louder - 13), `without the match it is ${louder} dB louder`).toBeLessThan(2.5);
  await match.click();
  // Back where the mix was: another song keeps a position of its own.
  await source("This mix").click();
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return !mix.paused && reference.paused;
  });
  await pause(page).click();
  await page.waitForFunction(() => [...document.querySelectorAll("audio")].every((audio) => audio.paused));
  await expectAccessible(page);
});

test("keys play, skip, fold to mono and loop; the transport stays in sight; and the keys can be switched off", async ({
  page,
}) => {
  await signUp(page);
  await report(page, file("Keys.wav", music({ seconds: 30 })));
  await hydrated(page);
  const pressed = (name) => page.getByRole("button", { name, exact: true });
  await page.keyboard.press("Space");
  await expect(pause(page)).toBeVisible();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.2);
  await page.locator("#unknown").scrollIntoViewIfNeeded();
  await expect(pause(page), "the transport goes along").toBeInViewport();
  await page.keyboard.press("Space");
  await expect(play(page)).toBeInViewport();
  const before = await page.evaluate(() => document.querySelector("audio").currentTime);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((before) => document.querySelector("audio").currentTime >= before + 4.9, before);
  await page.keyboard.press("m");
  await expect(pressed("Mono")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("m");
  await expect(pressed("Stereo")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("l");
  await expect(page.getByRole("button", { name: /^Loop 0:0/ })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("?");
  await expect(page.getByText("5 seconds back or ahead")).toBeVisible();
  await expectAccessible(page);
  // A field keeps its letters.
  await page.getByText("Rename", { exact: true }).click();
  const title = page.getByLabel("Title");
  await title.fill("");
  await title.pressSequentially("ms 1");
  await expect(title).toHaveValue("ms 1");
  await expect(pressed("Stereo")).toHaveAttribute("aria-pressed", "true");
  await pressed("Use these keys").click();
  await page.locator("body").press("m");
  await expect(pressed("Stereo")).toHaveAttribute("aria-pressed", "true");
});

test("the lanes are read out by keyboard and by pointer", readOut);

test.describe(() => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });
  test("the lanes and the player fit a phone", readOut);
});

async function readOut({ page }) {
  await signUp(page);
  await report(page, file("Night drive v3.wav", music({ seconds: 30 })));
  const slider = page.getByRole("slider", { name: "Position" });
  await slider.focus();
  for (let step = 0; step < 12; step += 1) await page.keyboard.press("ArrowRight");
  const values = /^0:12 of 0:30, Short-term −\d+\.\d LUFS, PSR \d+\.\d LU, Correlation \d\.\d\d, Sub −\d+ dB,/;
  await expect(slider).toHaveAttribute("aria-valuetext", values);
  const spoken = await slider.getAttribute("aria-valuetext");
  const read = (name) => page.locator(".player .readout div", { hasText: name }).locator("dd");
  await expect(read("Position")).toHaveText("0:12.0");
  expect(`Short-term ${await read("Short-term").innerText()} LUFS`).toBe(spoken.split(", ")[1]);
  const heads = page.locator(".timeline .playhead");
  expect(
    await heads.evaluateAll((lines) => lines.map((line) => line.getAttribute("x1"))),
    "one cursor through the strip, the waveform and four tracks",
  ).toEqual(Array(6).fill("40.00%"));

  const plots = page.locator(".zoom svg.plot");
  const edges = await plots.evaluateAll((all) =>
    all.map((plot) => plot.getBoundingClientRect()).map(({ left, width }) => [left, width]),
  );
  for (const each of edges) expect(each, "every track is exactly below the waveform").toEqual(edges[0]);
  const box = await plots.nth(2).boundingBox();
  await plots.nth(2).hover({ position: { x: box.width / 2, y: 10 } });
  await expect(read("Pointer")).toHaveText(/^0:(14|15)\.\d$/);
  const readout = page.locator(".readout").first();
  const before = await readout.boundingBox();
  await plots.nth(4).hover({ position: { x: box.width / 5, y: 10 } });
  expect(await readout.boundingBox(), "nothing jumps").toEqual(before);

  await slider.focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 12.2);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("audio").paused);

  const frequency = page.getByRole("slider", { name: "Frequency" });
  await frequency.focus();
  await expect(frequency).toHaveAttribute(
    "aria-valuetext",
    /^1.kHz: −\d+\.\d.dB, corridor −?\d+\.\d to −?\d+\.\d dB, (inside|\d+\.\d.dB (above|below))$/,
  );
  await page.keyboard.press("Home");
  await expect(frequency).toHaveAttribute("aria-valuetext", /^2\d.Hz: .*no corridor here$/);
  await page.getByText("Show the lanes as numbers").click();
  const rows = page.getByRole("table", { name: /^The lanes by time/ }).getByRole("row");
  expect(await rows.count()).toBeGreaterThan(20);
  await expectAccessible(page);
}

test("a place is looped, in mono and in one band", async ({ page }) => {
  await page.addInitScript(overhear);
  await signUp(page);
  await report(page, file("loop.wav", wav({ seconds: 8 })));
  const bands = page.getByRole("group", { name: "Which band is heard" });
  const sides = page.getByRole("group", { name: "What is heard of left and right" });
  await sides.getByRole("button", { name: "Mono" }).click();
  await bands.getByRole("button", { name: "Mid", exact: true }).click();
  await page.getByLabel("Position").fill("6");
  await page.getByRole("button", { name: "Loop from here" }).click();
  await expect(page.getByRole("button", { name: "Loop 0:06–0:08" })).toHaveAttribute("aria-pressed", "true");
  // What is heard on every frame from the place on, until it has turned twice.
  await page.evaluate(() => {
    const audio = document.querySelector("audio");
    const heard = (window.heard = { times: [], turns: 0 });
    const look = () => {
      const now = audio.currentTime;
      if (!audio.seeking && now > 0 && (heard.times.length > 0 || now >= 5.9)) {
        if (now < heard.times.at(-1)) heard.turns += 1;
        heard.times.push(now);
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await play(page).click();
  await page.waitForFunction(() => window.heard.turns >= 2);
  const times = await page.evaluate(() => window.heard.times);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(5.9);
  // Tones at 110, 660, 5000 and 7000 Hz: much is left of the middle, and next to nothing of the sub.
  await sides.getByRole("button", { name: "Stereo" }).click();
  const middle = await loudness(page);
  await bands.getByRole("button", { name: "Sub", exact: true }).click();
  const sub = await loudness(page);
  // 660 Hz at half of 0.106, 2.5 dB down at the edge of 500 Hz, beating with 662 Hz; 110 Hz 21.8 dB above the
  // edge of 60 Hz.
  expect(Math.abs(middle + 34.5), `${middle} dB in the middle`).toBeLessThan(2);
  expect(Math.abs(sub + 44.4), `${sub} dB in the sub`).toBeLessThan(2);
  await pause(page).click();
});

test("a drag over the waveform loops it, the charts widen, and the waveform goes along as a strip", async ({ page }) => {
  await signUp(page);
  await report(page, file("Drag.wav", music({ seconds: 40 })));
  await hydrated(page);
  const waveform = page.locator(".plot--waveform");
  await waveform.scrollIntoViewIfNeeded();
  const box = await waveform.boundingBox();
  const drag = async (from, to) => {
    await page.mouse.move(box.x + box.width * from, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to, box.y + 20, { steps: 4 });
    await page.mouse.up();
  };
  // From right to left as well.
  await drag(0.505, 0.255);
  await expect(page.getByRole("button", { name: "Loop 0:10–0:20" })).toHaveAttribute("aria-pressed", "true");
  const looped = page.locator(".plot--waveform .loop-range");
  await expect(looped).toHaveAttribute("x", /^25\.\d\d%$/);
  await expect(looped).toHaveAttribute("width", /^2[45]\.\d\d%$/);
  await expect(page.getByLabel("Position")).toHaveAttribute("aria-valuetext", /^0:10 of 0:40/);

  const strip = page.locator(".strip .plot");
  await expect(strip).toBeHidden();
  await play(page).click();
  await page.locator("#unknown").scrollIntoViewIfNeeded();
  await expect(strip).toBeInViewport();
  const place = await strip.boundingBox();
  await page.mouse.click(place.x + place.width * 0.75, place.y + 20);
  await page.waitForFunction(() => Math.abs(document.querySelector("audio").currentTime - 30) < 2);
  await pause(page).click();

  await page.getByRole("button", { name: "4×" }).click();
  const widened = await waveform.boundingBox();
  expect(Math.abs(widened.width / box.width - 4)).toBeLessThan(0.05);
  const scrolled = await page.locator(".zoom").evaluate((zoom) => zoom.scrollLeft);
  expect(scrolled, "the place that was heard is in sight").toBeGreaterThan(box.width * 1.5);
  await expectAccessible(page);
  await page.getByRole("button", { name: "1×" }).click();
  expect((await waveform.boundingBox()).width).toBe(box.width);
});

/** A WAV that is 12 dB louder for three seconds. */
function loudAt(start, seconds) {
  const bytes = wav({ seconds, level: 0.15 });
  const byte = (second) => 44 + second * 44_100 * 4;
  for (let at = byte(start); at < byte(start + 3); at += 2) bytes.writeInt16LE(bytes.readInt16LE(at) * 4, at);
  return bytes;
}

test("a comparison is heard, each at its loudest part, and each waveform is a way into it", async ({ page }) => {
  await signUp(page);
  const mix = await report(page, file("Mix.wav", wav({ seconds: 12, level: 0.3 })));
  await references(page, file("Reference.wav", loudAt(12, 20)));
  await chooseReferences(page, mix, "Reference");
  await hydrated(page);
  await expect(page.getByText("loudest at 0:12")).toBeVisible();
  await play(page).click();
  await page.waitForFunction(() => document.querySelectorAll("audio")[0].currentTime > 0.2);
  await page.getByRole("group", { name: "Source" }).getByRole("button", { name: "Reference" }).click();
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return mix.paused && !reference.paused && reference.currentTime > 11.5;
  });
  // Its waveform, a quarter of the way.
  const strip = page.locator("[data-source='1']");
  const box = await strip.boundingBox();
  await strip.click({ position: { x: box.width / 4, y: 10 } });
  await page.waitForFunction(() => Math.abs(document.querySelectorAll("audio")[1].currentTime - 5) < 2);
  await page.locator("[data-source='0']").click({ position: { x: box.width / 2, y: 10 } });
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return !mix.paused && reference.paused && Math.abs(mix.currentTime - 6) < 2;
  });
  await pause(page).click();
  await expectAccessible(page);
});

test("an AIFF file gets a copy to play, and is heard", async ({ page }) => {
  await signUp(page);
  await report(page, file("Tape transfer.aiff", aiff(wav({ seconds: 6 }))));
  await expect(play(page)).toBeEnabled({ timeout: 60_000 });
  await expect(page.getByText("A copy to play is being made")).toHaveCount(0);
  await play(page).click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.3);
  await expectAccessible(page);
});

test.describe(() => {
  test.use({ provoked: /status of 403/ });
  test("a link that ends while it plays is renewed, and it goes on playing", linkEnds);
});

async function linkEnds({ page }) {
  await signUp(page);
  await report(page, file("Long.wav", wav({ seconds: 40 })));
  // The first link is refused once it has ended, until there is a second one: not told apart by their addresses, since two
  // links signed in the same second are the same.
  let links = 0;
  page.on("request", (request) => (links += request.url().includes("/fn/analyses/audio") ? 1 : 0));
  let isEnded = false;
  await page.route(/X-Amz-Signature=/, async (route) => {
    const isRefused = route.request().method() === "GET" && isEnded && links < 2;
    return isRefused ? route.fulfill({ status: 403 }) : route.continue();
  });
  await play(page).click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.3);
  isEnded = true;
  await page.evaluate(() => document.querySelector("audio").dispatchEvent(new Event("error")));
  await page.waitForFunction(() => {
    const audio = document.querySelector("audio");
    return !audio.paused && !audio.seeking && audio.currentTime > 0.8;
  });
  await expect(pause(page)).toBeVisible();
  expect(links).toBe(2);
}

test.describe(() => {
  test.use({ provoked: /status of 503/ });
  test("a storage that is away is not taken for a format", storageAway);
});

async function storageAway({ page }) {
  await signUp(page);
  await report(page, file("Away.wav", wav({ seconds: 6 })));
  let status = 503;
  await page.route(/X-Amz-Signature=/, (route) =>
    status === 200
      ? route.continue()
      : route.fulfill({ status, headers: { "access-control-allow-origin": "*" }, body: "" }),
  );
  await play(page).click();
  await expect(page.getByText("The storage has a problem at the moment. Press Play to try again.")).toBeVisible();
  status = 200;
  await play(page).click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.3);
  await expect(page.getByText("The storage has a problem")).toHaveCount(0);
}

test("without its audio a report plays nothing, says so, and does everything else", async ({ programWith }) => {
  // A plan that keeps audio for no time at all: whatever is measured, nothing is there to play.
  const { page } = await programWith({ MIXLENS_PLANS__FREE__AUDIO_KEPT_HOURS: "0" });
  await signUp(page);
  const mix = await report(page, file("gone.wav", wav({ seconds: 8 })));
  await references(page, file("Hero.wav", wav({ seconds: 5 })));
  await chooseReferences(page, mix, "Hero");
  await page.goto(mix);
  await hydrated(page);
  await expect(page.getByText("so the mix cannot be played here")).toBeVisible();
  await expect(play(page)).toHaveCount(0);
  await expect(page.getByRole("group", { name: "Source" }).getByRole("button", { name: "Hero" })).toBeDisabled();
  const slider = page.getByRole("slider", { name: "Position" });
  await slider.focus();
  for (let step = 0; step < 4; step += 1) await page.keyboard.press("ArrowRight");
  await expect(slider).toHaveAttribute("aria-valuetext", /^0:04 of 0:08, Short-term/);
  await page.keyboard.press("Space");
  await expect(page.locator("audio[src]")).toHaveCount(0);
  await expectAccessible(page);
});

test("a report is printed on two sheets", async ({ page }) => {
  await signUp(page);
  await report(page, file("Night drive v3.wav", music({ seconds: 40 })));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    expect(pdf.toString("latin1").match(/\/Type \/Page\b/g).length, "two sheets").toBe(2);
  }
});

/** Listens at the end of every audio graph that is made from now on. */
function overhear() {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) {
      window.overheard = new AnalyserNode(this.context, { fftSize: 32768 });
      connect.call(this, window.overheard);
    }
    return connect.call(this, to, ...rest);
  };
}

/**
 * What is heard from now on, in dB RMS: the median of five stretches of 0.7 s of the graph's own time, so that neither
 * the jump of a loop nor a machine that has no time for its sound decides.
 */
function loudness(page) {
  return page.evaluate(async () => {
    const { context, fftSize } = window.overheard;
    const samples = new Float32Array(fftSize);
    const listen = (from) =>
      new Promise((resolve) => {
        const look = () => (context.currentTime >= from ? resolve() : requestAnimationFrame(look));
        look();
      });
    const heard = [];
    // A stretch without a single sample is a machine without time for its sound; of twenty of them, silence is true.
    for (let look = 0; look < 20 && heard.length < 5; look += 1) {
      // The first stretch begins after the fade of what was changed.
      await listen(context.currentTime + (look === 0 ? 1 : 0.35));
      window.overheard.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (power > 0) heard.push(10 * Math.log10(power));
    }
    return heard.sort((a, b) => a - b)[Math.floor(heard.length / 2)] ?? -Infinity;
  });
}
