// The stand-in for Stripe, in a process of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { PROGRAM } from "./program.js";

/** What it signs events with, and the settings with which a program sells at it. */
export const SIGNING_SECRET = "whsec_standin";

/**
 * Starts it; its events go to a program that will listen on `base`. `does` moves what is there (renew, end, decline, accept),
 * `stop` ends it.
 */
export async function startStandIn(base) {
  const program = join(dirname(PROGRAM), "payment-stand-in");
  const process = spawn(program, ["127.0.0.1:0", `${base}/stripe/events`], { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = await once(createInterface({ input: process.stdout }), "line");
  return {
    url,
    settings: {
      MIXLENS_BILLING__STRIPE_KEY: "sk_test_standin",
      MIXLENS_BILLING__STRIPE_SIGNING_SECRET: SIGNING_SECRET,
      MIXLENS_BILLING__STRIPE_API: url,
      MIXLENS_BILLING__HOSTED_PAGES: url,
      MIXLENS_BILLING__TAX: "stripe_tax",
      MIXLENS_BILLING__PRO__PRICE: "price_pro",
      MIXLENS_BILLING__STUDIO__PRICE: "price_studio",
    },
    does: (what) => fetch(`${url}/control/${what}`, { method: "POST" }),
    stop: () => process.stdin.end(),
  };
}
