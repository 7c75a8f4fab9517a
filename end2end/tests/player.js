// The player and the lanes over time: what is heard, where, how loud, and what is read out of them.
import assert from "node:assert/strict";
import { accessible, aiff, chooseReferences, file, hydrated, music, onProgramWith, references, signUp, upload, wav } from "./help.js";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

export const tests = [
  { name: "a mix and a reference are switched at one loudness", run: compared },
  { name: "the lanes are read out by keyboard and by pointer", run: lanes },
  { name: "the lanes and the player fit a phone", run: lanes, options: PHONE },
  { name: "a place is looped, in mono and in one band", run: looped },
  { name: "an AIFF file gets a copy to play, and is heard", run: copied },
  { name: "without its audio a report plays nothing, says so, and does everything else", run: gone },
  { name: "a report is printed on two sheets", run: printed },
];

async function compared(page) {
  await page.addInitScript(overhear);
  const mix = `/analyses/${await report(page, "Quiet mix.wav", wav({ seconds: 12, level: 0.2 }))}`;
  await references(page, file("Loud reference.wav", wav({ seconds: 10, level: 0.9 })));
  await chooseReferences(page, mix, "Loud reference");
  await page.goto(mix);
  await hydrated(page);
  const source = (name) => page.getByRole("group", { name: "Source" }).getByRole("button", { name });
  assert.equal(await source("This mix").getAttribute("aria-pressed"), "true");
  await page.getByText(/^0\.0.dB, matched to −\d+\.\d.LUFS$/).waitFor();
  await accessible(page);

  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelectorAll("audio")[0].currentTime > 0.3);
  const mixHeard = await loudness(page);
  await source("Loud reference").click();
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return mix.paused && !reference.paused && reference.currentTime > 0.2;
  });
  const matchedHeard = await loudness(page);
  assert.ok(mixHeard > -50 && Math.abs(matchedHeard - mixHeard) < 2, `${mixHeard} dB and ${matchedHeard} dB leave the desk`);
  assert.equal(await source("Loud reference").getAttribute("aria-pressed"), "true");
  const gain = await page.getByText(/matched to/).innerText();
  const decibels = Number(gain.replace("−", "-").match(/^-\d+\.\d/)[0]);
  // 0.9 over 0.2 is 13.1 dB.
  assert.ok(Math.abs(decibels + 13.1) < 0.3, gain);
  const match = page.getByRole("button", { name: "Match loudness" });
  await match.click();
  await page.getByText("Each as loud as it is.").waitFor();
  const louder = (await loudness(page)) - matchedHeard;
  assert.ok(Math.abs(louder - 13) < 2.5, `without the match it is ${louder} dB louder`);
  await match.click();
  // Back where the mix was: another song keeps a place of its own.
  await source("This mix").click();
  await page.waitForFunction(() => {
    const [mix, reference] = document.querySelectorAll("audio");
    return !mix.paused && reference.paused;
  });
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("audio")].every((audio) => audio.paused));
  await accessible(page);
}

async function lanes(page) {
  await report(page, "Night drive v3.wav", music({ seconds: 30 }));
  const slider = page.getByRole("slider", { name: "Position" });
  await slider.focus();
  for (let step = 0; step < 12; step += 1) await page.keyboard.press("ArrowRight");
  const spoken = await slider.getAttribute("aria-valuetext");
  assert.match(spoken, /^0:12 of 0:30, Short-term −\d+\.\d LUFS, PSR \d+\.\d LU, Correlation \d\.\d\d, Sub −\d+ dB,/);
  const read = (name) => page.locator(".player .readout div", { hasText: name }).locator("dd").innerText();
  assert.equal(await read("Position"), "0:12.0");
  assert.equal(`Short-term ${await read("Short-term")} LUFS`, spoken.split(", ")[1]);
  const heads = await page.locator(".timeline .playhead").evaluateAll((lines) => lines.map((line) => line.getAttribute("x1")));
  assert.deepEqual(heads, Array(5).fill("40.00%"), "one cursor through the waveform and four lanes");

  const plots = page.locator(".timeline svg.plot");
  const places = await plots.evaluateAll((all) => all.map((plot) => [plot.getBoundingClientRect().left, plot.getBoundingClientRect().width]));
  for (const place of places) assert.deepEqual(place, places[0], "every lane is exactly below the waveform");
  const box = await plots.nth(2).boundingBox();
  await plots.nth(2).hover({ position: { x: box.width / 2, y: 10 } });
  assert.match(await read("Pointer"), /^0:(14|15)\.\d$/);
  const before = await page.locator(".readout").first().boundingBox();
  await plots.nth(4).hover({ position: { x: box.width / 5, y: 10 } });
  assert.deepEqual(await page.locator(".readout").first().boundingBox(), before, "nothing jumps");

  await slider.focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 12.2);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("audio").paused);

  const frequency = page.getByRole("slider", { name: "Frequency" });
  await frequency.focus();
  assert.match(await frequency.getAttribute("aria-valuetext"), /^1.kHz: −\d+\.\d.dB, corridor −?\d+\.\d to −?\d+\.\d dB, (inside|\d+\.\d.dB (above|below))$/);
  await page.keyboard.press("Home");
  assert.match(await frequency.getAttribute("aria-valuetext"), /^2\d.Hz: .*no corridor here$/);
  await page.getByText("Show the lanes as numbers").click();
  assert.ok(await page.getByRole("table", { name: /^The lanes by time/ }).getByRole("row").count() > 20);
  await accessible(page);
}

async function looped(page) {
  await page.addInitScript(overhear);
  await report(page, "loop.wav", wav({ seconds: 8 }));
  await page.getByRole("group", { name: "What is heard of left and right" }).getByRole("button", { name: "Mono" }).click();
  await page.getByRole("group", { name: "Which band is heard" }).getByRole("button", { name: "Mid", exact: true }).click();
  await page.getByLabel("Position").fill("6");
  await page.getByRole("button", { name: "Loop from here" }).click();
  assert.equal(await page.getByRole("button", { name: "Loop 0:06–0:08" }).getAttribute("aria-pressed"), "true");
  await page.getByRole("button", { name: "Play" }).click();
  const heard = [];
  for (let look = 0; look < 30; look += 1) {
    heard.push(await page.evaluate(() => document.querySelector("audio").currentTime));
    await page.waitForTimeout(150);
  }
  const turns = heard.filter((time, at) => at > 0 && time < heard[at - 1]).length;
  // Tones at 110, 660, 5000 and 7000 Hz: much is left of the middle, and next to nothing of the sub.
  await page.getByRole("button", { name: "Stereo" }).click();
  const middle = await loudness(page);
  await page.getByRole("group", { name: "Which band is heard" }).getByRole("button", { name: "Sub", exact: true }).click();
  const sub = await loudness(page);
  // 660 Hz at half of 0.106, 2.5 dB down at the edge of 500 Hz, beating with 662 Hz; 110 Hz 21.8 dB above the edge of 60 Hz.
  assert.ok(Math.abs(middle + 34.5) < 2 && Math.abs(sub + 44.4) < 2, `${middle} dB in the middle, ${sub} dB in the sub`);
  assert.ok(turns >= 1 && heard.slice(5).every((time) => time >= 5.9), heard.join(" "));
  await page.getByRole("button", { name: "Pause" }).click();
}

async function copied(page) {
  await report(page, "Tape transfer.aiff", aiff(wav({ seconds: 6 })));
  const play = page.getByRole("button", { name: "Play" });
  await page.waitForFunction(() => document.querySelector(".player__button:not(:disabled)"), null, { timeout: 30_000 });
  assert.equal(await page.getByText("A copy to play is being made").count(), 0);
  await play.click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.3);
  await accessible(page);
}

// A plan that keeps audio for no time at all: whatever is measured, nothing is there to play.
async function gone(page) {
  await onProgramWith(page, { MIXLENS_PLANS__FREE__AUDIO_KEPT_HOURS: "0" }, async (visitor) => {
    const mix = `/analyses/${await report(visitor, "gone.wav", wav({ seconds: 8 }))}`;
    await references(visitor, file("Hero.wav", wav({ seconds: 5 })));
    await chooseReferences(visitor, mix, "Hero");
    await visitor.goto(mix);
    await hydrated(visitor);
    await visitor.getByText("so the mix cannot be played here").waitFor();
    assert.equal(await visitor.getByRole("button", { name: "Play" }).count(), 0);
    assert.ok(await visitor.getByRole("group", { name: "Source" }).getByRole("button", { name: "Hero" }).isDisabled());
    const slider = visitor.getByRole("slider", { name: "Position" });
    await slider.focus();
    for (let step = 0; step < 4; step += 1) await visitor.keyboard.press("ArrowRight");
    assert.match(await slider.getAttribute("aria-valuetext"), /^0:04 of 0:08, Short-term/);
    await visitor.keyboard.press("Space");
    assert.equal(await visitor.evaluate(() => document.querySelectorAll("audio[src]").length), 0);
    await accessible(visitor);
  });
}

async function printed(page) {
  await report(page, "Night drive v3.wav", music({ seconds: 40 }));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    assert.equal(pdf.toString("latin1").match(/\/Type \/Page\b/g).length, 2, "two sheets");
  }
}

async function report(page, name, bytes) {
  await signUp(page);
  return another(page, name, bytes);
}

async function another(page, name, bytes) {
  await page.goto("/upload");
  await upload(page, { name, mimeType: "", buffer: bytes });
  await page.waitForURL("**/analyses/*", { timeout: 20_000 });
  await page.getByRole("region", { name: "Key readings" }).waitFor({ timeout: 30_000 });
  await hydrated(page);
  return new URL(page.url()).pathname.split("/").pop();
}

/** Listens at the end of every desk that is made from now on. */
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

/** What is heard, in dB RMS: the median of five stretches of 0.7 s, so that neither the jump of a loop nor a machine that has
    no time for its sound decides. */
async function loudness(page) {
  const heard = [];
  for (let look = 0; look < 5; look += 1) {
    await page.waitForTimeout(look === 0 ? 1000 : 350);
    heard.push(await page.evaluate(() => {
      const samples = new Float32Array(32768);
      window.overheard.getFloatTimeDomainData(samples);
      return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 1e-12) / samples.length);
    }));
  }
  return heard.sort((a, b) => a - b)[2];
}
