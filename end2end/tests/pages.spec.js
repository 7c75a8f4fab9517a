// What holds on every page, and for every form.
import { PHONE, expect, test } from "../helpers/walk.js";
import { wav } from "../helpers/audio.js";
import { PUBLIC, expectAccessible, hydrated } from "../helpers/pages.js";
import { signUp } from "../helpers/people.js";
import { file, report, reportShown, upload } from "../helpers/uploads.js";

test("[P22] a form without its token changes nothing", async ({ page, baseURL }) => {
  await signUp(page);
  const address = await report(page, file("mix.wav", wav({ seconds: 4 })));
  const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`);
  const headers = { cookie: cookies.join("; "), "sec-fetch-site": "same-origin" };
  const post = async (url, more, body) => {
    const answer = await fetch(url, { method: "POST", headers: { ...headers, ...more }, body });
    return answer.status;
  };
  const token = await page.locator("input[name=csrf]").first().inputValue();
  const withToken = new URLSearchParams({ title: "Stolen", csrf: token });
  expect(await post(`${address}/rename`, {}, new URLSearchParams({ title: "Stolen" }))).toBe(403);
  expect(await post(`${address}/rename`, { "sec-fetch-site": "cross-site" }, withToken)).toBe(403);
  expect(await post(`${baseURL}/fn/uploads/begin`, { "content-type": "application/json" }, "{}")).toBe(403);
  await page.reload();
  await expect(page.getByText("Stolen")).toHaveCount(0);
});

test("[P04] a report and its audio are its owner's alone", async ({ page, another }) => {
  await signUp(page);
  const address = await report(page, file("mix.wav", wav({ seconds: 4 })));
  expect(await page.locator("audio").getAttribute("src"), "no link before it is asked for").toBeNull();
  const stranger = await another();
  await signUp(stranger);
  expect((await stranger.goto(address)).status()).toBe(404);
});

test("[P21] the only cookies are necessary ones that the policy names", async ({ page }) => {
  await signUp(page);
  await page.goto("/cookies");
  const policy = await page.locator("main").innerText();
  const cookies = await page.context().cookies();
  const names = cookies.map(({ name }) => name).sort();
  expect(names).toEqual(["__Host-csrf", "__Host-known", "__Host-session", "__Host-signup"]);
  for (const name of names) expect(policy).toContain(name);
  for (const { name, httpOnly, secure, sameSite } of cookies) {
    expect(httpOnly && secure && sameSite !== "None", name).toBe(true);
  }
});

test("a rule is found by what people call it, and a finding's address leads to it", async ({ page }) => {
  await page.goto("/rules");
  await page.getByRole("searchbox", { name: "Search" }).fill("muddy");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: "200 to 500 Hz" })).toBeVisible();
  await expect(page.locator("article.rule")).toHaveCount(1);
  await page.getByRole("link", { name: "Show all" }).click();
  expect(await page.locator("article.rule").count()).toBeGreaterThan(60);
  await page.goto("/rules#signal-gaps");
  await expect(page.locator("#signal-gaps")).toBeInViewport();
  await page.goto("/rules?q=theremin");
  await expect(page.getByText("No rule says “theremin”.")).toBeVisible();
});

// In parts, which workers share.
const PARTS = 4;
for (let part = 0; part < PARTS; part += 1) {
  const which = `part ${part + 1} of ${PARTS}`;
  const look = (schemes) => async ({ page }) => {
    for (const path of PUBLIC.filter((_, at) => at % PARTS === part)) {
      await page.goto(path);
      await expectAccessible(page, schemes);
    }
  };
  test(`public pages have no accessibility violation, ${which}`, look(["light", "dark"]));
  test.describe(() => {
    test.use(PHONE);
    // What lies on what is another on a phone, and shows in light; the colours of both schemes are those of above.
    test(`public pages have none on a phone, ${which}`, look(["light"]));
  });
}

test.describe(() => {
  test.use({ provoked: /ERR_FAILED|Failed to (load|fetch)|unreachable|panicked/ });

  test("a page whose program does not come says so, and shows no key that does nothing", async ({ page }) => {
    await signUp(page);
    const address = await report(page, file("mix.wav", wav({ seconds: 4 })));
    await page.route("**/pkg/*.wasm", (route) => route.abort());
    await page.goto(address);
    await expect(page.getByText("Parts of this page have not started")).toBeVisible({ timeout: 20_000 });
    await expect(page.getByRole("button", { name: "Play" })).toBeHidden();
    await page.unrouteAll();
    await page.reload();
    await expect(page.getByRole("button", { name: "Play" })).toBeVisible();
    await expect(page.getByText("Parts of this page have not started")).toBeHidden();
  });

  test("a part that an extension has changed says that it stopped", async ({ page }) => {
    await signUp(page);
    await page.addInitScript(() => {
      document.addEventListener("readystatechange", () => {
        for (const island of document.querySelectorAll("leptos-island")) {
          for (const element of island.querySelectorAll("*")) {
            element.prepend(document.createElement("b"));
          }
        }
      }, { once: true });
    });
    await page.goto("/upload");
    await expect(page.getByText("A part of this page has stopped")).toBeVisible();
  });
});

/** What a browser's translator does: each text is replaced by an element of its own, again whenever there is a new one. */
function translator() {
  const translate = (text) => {
    const parent = text.parentElement;
    if (!text.data.trim() || !parent || parent.closest('[translate="no"], script, style, title, font')) return;
    const font = document.createElement("font");
    font.textContent = text.data;
    text.replaceWith(font);
  };
  const walk = (root) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode);
    found.forEach(translate);
  };
  walk(document.body);
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      if (target.nodeType === Node.TEXT_NODE) translate(target);
      for (const node of addedNodes) node.nodeType === Node.TEXT_NODE ? translate(node) : walk(node);
    }
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
}

test("a page that is translated goes on saying how far it is", async ({ page }) => {
  await signUp(page);
  await hydrated(page);
  await page.evaluate(translator);
  await upload(page, file("one.wav", wav({ seconds: 4 })), file("two.wav", wav({ seconds: 4 })));
  await expect(page.getByText(/\d of 100\. /)).toHaveCount(2, { timeout: 60_000 });
  const done = page.getByRole("link", { name: "Open report" });

  await done.first().click();
  await reportShown(page);
  await hydrated(page);
  await page.evaluate(translator);
  await expect(page.locator(".player__time").first()).toHaveText("0:00");
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.locator(".player__time").first()).not.toHaveText("0:00");
});
