// The addresses of all pages, from the table of routes, and what must hold on each of them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "./program.js";
import { expect } from "./walk.js";

/** The pages of the program, from its own table of routes: a new page is walked by itself. */
const pages = JSON.parse(execFileSync(PROGRAM, ["routes"]).toString()).filter((route) => route.kind === "page");

/** Pages that need no account. */
export const PUBLIC = [
  ...pages.filter((page) => page.access === "anyone").map((page) => page.path),
  ...["mix-2", "changes", "comparison"].map((page) => `/demo/${page}`),
  "/no-such-page",
];

/** Steps back into an account, as whoever has no account sees them. */
export const RECOVERY = [
  "/signin/forgot",
  "/signin/forgot/sent",
  "/signin/reset?token=x",
  "/account/email/confirm?token=x",
];

/** Pages of the account area. */
export const ACCOUNT = [
  ...pages.filter((page) => page.access === "signed_in" && page.path.startsWith("/account")).map((page) => page.path),
  "/account?done=name",
];

/** Every page; `id` stands for any id. */
export function everyRoute(id) {
  expect(pages.length, "the pages are found").toBeGreaterThan(25);
  return [...pages.map((page) => page.path.replace("{id}", id)), "/no-such-page"];
}

/** Waits until the islands answer. */
export async function hydrated(page) {
  await page.locator("html[data-hydrated]").waitFor();
}

/** Goes to an address and waits for its islands, if it has any. */
export async function open(page, path) {
  await page.goto(path, { waitUntil: "load" });
  if ((await page.locator("leptos-island").count()) > 0) await hydrated(page);
}

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** Kinds of rules, and those of them that ask for the colours on the screen. */
const KINDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/** What is wrong with the page as it looks now, by these rules, a line for each kind. */
function violations(rules) {
  // To describe also what is right, as axe does unless told otherwise, takes as long again.
  return axe
    .run({ resultTypes: ["violations"], runOnly: rules })
    .then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`));
}

/** No violation in these schemes of colours, and nothing wider than the window. */
export async function expectAccessible(page, schemes = ["light", "dark"]) {
  await page.evaluate(AXE);
  for (const [at, colorScheme] of schemes.entries()) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // A page that was seen in one scheme differs in the other by its colours alone.
    const rules = at === 0 ? KINDS : OF_COLOURS;
    expect(await page.evaluate(violations, rules), `${page.url()} in ${colorScheme}`).toEqual([]);
  }
  await expectNoWider(page, "in its size");
}

/** Nothing is wider than the window. */
export async function expectNoWider(page, how) {
  const excess = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(excess, `${page.url()} ${how} is no wider than the window`).toBeLessThanOrEqual(0);
}
