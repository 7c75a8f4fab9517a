// The real program on a free port, with an empty data folder.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The program that is walked through. */
export const PROGRAM = process.env.MIXLENS_TEST_PROGRAM ?? join(root, "target/debug/mixlens");

/**
 * Starts the program and waits until it is ready. `settings` are further MIXLENS_… variables; `wanted` is its port; any, if there is none.
 * `stop` ends it with SIGTERM, once, and gives its exit code.
 */
export async function startProgram(settings = {}, wanted) {
  const port = wanted ?? (await freePort());
  const base = `http://127.0.0.1:${port}`;
  const data = mkdtempSync(join(tmpdir(), "mixlens-"));
  const program = spawn(PROGRAM, {
    cwd: root,
    env: {
      ...process.env,
      MIXLENS_DATA_DIR: data,
      MIXLENS_LISTEN: `127.0.0.1:${port}`,
      MIXLENS_LOG: "warn",
      // Every walk comes from the same address.
      // Nobody waits two minutes for an e-mail.
      MIXLENS_MAIL__UNSEEN_MINUTES: "0",
      MIXLENS_LIMITS__SIGN_UPS_PER_HOUR: "10000",
      MIXLENS_LIMITS__SIGN_INS_PER_MINUTE: "10000",
      MIXLENS_LIMITS__WRITES_PER_MINUTE: "10000",
      ...settings,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => program.once("exit", resolve));
  const stop = async () => {
    program.kill("SIGTERM");
    const code = await ended;
    rmSync(data, { recursive: true, force: true });
    return code;
  };
  try {
    await ready(`${base}/readyz`, 30_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { base, data, stop };
}

async function ready(url, milliseconds) {
  const until = Date.now() + milliseconds;
  while (Date.now() < until) {
    if (await fetch(url).then((answer) => answer.ok, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer`);
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
