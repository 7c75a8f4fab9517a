// A report beyond what axe can see: large text, zoom, forced colours, no motion, no mouse, and what a screen reader meets first.
import { expect, test } from "../helpers/walk.js";
import { faulty } from "../helpers/audio.js";
import { expectNoWider, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report } from "../helpers/uploads.js";

/** Texts of controls that their boxes cut off. */
const clipped = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button, a, label, summary, h1, h2, h3")]
      .filter((each) => each.checkVisibility() && !each.closest(".visually-hidden, .skip, .scroller, .zoom"))
      .filter((each) => {
        const { overflow, textOverflow } = getComputedStyle(each);
        return overflow !== "visible" && textOverflow !== "ellipsis" && each.scrollWidth > each.clientWidth + 1;
      })
      .map((each) => each.outerHTML.slice(0, 120)),
  );

test("a report in text of twice the size, at a zoom of 400 %, in forced colours and without motion", async ({ page }) => {
  await signUp(page);
  const path = new URL(await report(page, file("Large print.wav", faulty({ seconds: 30 })))).pathname;
  const others = ["/history", "/upload", "/account", "/pricing", `${path}/plan`];
  const browser = await page.context().newCDPSession(page);
  await browser.send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
  for (const address of [path, ...others]) {
    await page.goto(address);
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize)).toBe("32px");
    await expectNoWider(page, "in text of twice the size");
    expect(await clipped(page), `${address} in text of twice the size`).toEqual([]);
  }
  await browser.send("Page.setFontSizes", { fontSizes: { standard: 16, fixed: 13 } });
  // 1280 × 1024 at 400 % (WCAG 1.4.10).
  await page.setViewportSize({ width: 320, height: 256 });
  for (const address of [path, ...others]) {
    await page.goto(address);
    await expectNoWider(page, "at 400 %");
  }
  await page.goto(path);
  await hydrated(page);
  await page.getByRole("button", { name: "Play" }).click();
  await page.locator("#unknown").scrollIntoViewIfNeeded();
  const covered = await page.evaluate(() =>
    [...document.querySelectorAll(".player__transport, .strip .plot, .site-header")]
      .filter((each) => each.checkVisibility({ visibilityProperty: true }))
      .map((each) => each.getBoundingClientRect())
      .filter((box) => box.bottom > 0 && box.top < innerHeight)
      .reduce((sum, box) => sum + box.height, 0),
  );
  expect(covered, "what stands still leaves most of a low window to the page").toBeLessThan(256 / 3);
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
  await page.goto(path);
  const drawn = await page.evaluate(() => {
    const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    return {
      wave: of(".plot--waveform .wave", "fill"),
      trace: of(".plot--track .trace", "stroke"),
      playhead: of(".playhead", "stroke"),
      pressed: of(".segment[aria-pressed=true]", "backgroundColor"),
      released: of(".segment[aria-pressed=false]", "backgroundColor"),
      field: of(".plot--waveform", "backgroundColor"),
    };
  });
  for (const mark of ["wave", "trace", "playhead"]) expect(drawn[mark], mark).not.toBe(drawn.field);
  expect(drawn.pressed, "a key that is pressed looks pressed").not.toBe(drawn.released);
  const moving = await page.evaluate(() =>
    document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 1).length,
  );
  expect(moving, "nothing moves by itself").toBe(0);
});

test("a report without a mouse: nothing holds the focus, and everything that has it shows", async ({ page }) => {
  await signUp(page);
  await report(page, file("Keyboard.wav", faulty({ seconds: 30 })));
  await hydrated(page);
  await page.locator("body").press("Tab");
  await expect(page.locator(":focus"), "the way past the navigation comes first").toHaveText(/skip/i);
  await page.keyboard.press("Enter");
  const met = new Set();
  let isDone = false;
  for (let step = 0; step < 400 && !isDone; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const it = document.activeElement;
      if (it === document.body) return null;
      const box = it.getBoundingClientRect();
      const style = getComputedStyle(it);
      it.dataset.met ??= String(Math.random());
      return {
        key: it.dataset.met,
        name: it.outerHTML.slice(0, 100),
        isShown: box.width > 0 && box.height > 0 && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
        isInView: box.bottom > 0 && box.top < innerHeight,
        inFooter: Boolean(it.closest("footer")),
      };
    });
    if (at === null || at.inFooter) isDone = true;
    else {
      expect(met.has(at.key), `the focus does not go round at ${at.name}`).toBe(false);
      met.add(at.key);
      expect(at.isShown, `${at.name} shows that it has the focus`).toBe(true);
      expect(at.isInView, `${at.name} is in sight`).toBe(true);
    }
  }
  expect(isDone, "the end of the page is reached").toBe(true);
  expect(met.size).toBeGreaterThan(30);

  // What unfolds folds again with Escape, and the focus stays where it was.
  const rename = page.getByText("Rename", { exact: true });
  await rename.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Title")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Title")).toBeHidden();
  await expect(rename).toBeFocused();
});

test("what a screen reader meets in a report: one title, headings without gaps, the verdict before the evidence", async ({
  page,
}) => {
  await signUp(page);
  await report(page, file("Read aloud.wav", faulty({ seconds: 30 })));
  await hydrated(page);
  const headings = await page.evaluate(() =>
    [...document.querySelectorAll("h1, h2, h3, h4")]
      .filter((each) => each.checkVisibility({ visibilityProperty: true }) || each.closest(".visually-hidden"))
      .map((each) => [Number(each.tagName[1]), each.textContent.trim()]),
  );
  expect(headings.filter(([level]) => level === 1)).toEqual([[1, "Read aloud"]]);
  for (const [at, [level, text]] of headings.entries()) {
    if (at > 0) expect(level, `${text} skips no level`).toBeLessThanOrEqual(headings[at - 1][0] + 1);
  }
  const order = await page.evaluate(() => {
    const all = [...document.querySelectorAll("main *")];
    const at = (selector) => all.indexOf(document.querySelector(selector));
    return ["main h1", ".score", ".fixes", ".player", ".plot--waveform", "#breakdown"].map(at);
  });
  expect(order.every((place) => place >= 0)).toBe(true);
  expect(order, "title, score, what to fix, player, waveform, receipt").toEqual([...order].sort((a, b) => a - b));
  // The landmarks have names where there are several of a kind, and the score is a sentence.
  const tree = await page.locator("main").ariaSnapshot();
  expect(tree).toMatch(/\d+(\.\d)? (of|out of) 100/);
  for (const region of await page.getByRole("region").all()) {
    const name = await region.evaluate((each) => each.ariaLabel ?? each.getAttribute("aria-labelledby"));
    expect(name, await region.evaluate((each) => each.outerHTML.slice(0, 80))).toBeTruthy();
  }
});
