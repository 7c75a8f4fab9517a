// Audio files that are made: known tones, and something like music.

/** A 16-bit stereo WAV: two voices a little apart, with a pulse, so that every meter has something to say. */
export function wav({ seconds = 8, level = 0.3, rate = 44_100 } = {}) {
  // All of it repeats each second.
  return pcm(seconds, rate, 1, (time) => {
    const pulse = level * (0.4 + 0.6 * Math.exp(-6 * (time % 0.5)));
    const low = Math.sin(2 * Math.PI * 110 * time);
    const left = low + 0.5 * Math.sin(2 * Math.PI * 660 * time) + 0.2 * Math.sin(2 * Math.PI * 5000 * time);
    const right = low + 0.5 * Math.sin(2 * Math.PI * 662 * time + 1) + 0.2 * Math.sin(2 * Math.PI * 7000 * time);
    return [pulse * left / 1.7, pulse * right / 1.7];
  });
}

/** Songs that were made, by their length: one takes a second of a core. */
const songs = new Map();

/** A 16-bit stereo WAV that looks like music: kick, bass, chords, noise of a hi-hat, in an intro, a verse and a chorus. */
export function music({ seconds = 40 } = {}) {
  if (!songs.has(seconds)) songs.set(seconds, song(seconds, 44_100));
  return Buffer.from(songs.get(seconds));
}

function song(seconds, rate) {
  const beat = 0.5;
  let seed = 1;
  const noise = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed / 0x3fffffff - 1;
  };
  const sine = (hertz, time) => Math.sin(2 * Math.PI * hertz * time);
  let before = 0;
  return pcm(seconds, rate, seconds, (time) => {
    const part = time / seconds;
    const full = part > 0.55 && part < 0.9 ? 1 : part > 0.2 ? 0.6 : 0.3;
    const within = time % beat;
    const kick = part > 0.2 ? Math.exp(-18 * within) * sine(48 + 60 * Math.exp(-40 * within), within) : 0;
    const root = [55, 65.41, 49, 73.42][Math.floor(time / (4 * beat)) % 4];
    const bass = 0.45 * (sine(root, time) + 0.4 * sine(2 * root, time) + 0.15 * sine(3 * root, time));
    const voice = (hertz) => sine(hertz, time) + 0.3 * sine(3 * hertz, time);
    const chord = (spread) => [4, 5, 6, 9].reduce((sum, step) => sum + voice(root * step + spread), 0) / 9;
    const white = noise();
    const hat = full * 0.35 * Math.exp(-40 * (time % (beat / 2))) * (white - before);
    before = white;
    const middle = 0.55 * kick + 0.5 * bass * (0.5 + 0.5 * full);
    const gain = 0.5 + 0.5 * full;
    const drive = (sample) => Math.tanh(1.3 * gain * sample);
    const sides = [[0.4, 0.5], [-0.7, 0.4]];
    return sides.map(([spread, share]) => drive(middle + full * 0.5 * chord(spread) + share * hat));
  });
}

/** The same with faults that a render corrects: a right channel that is too quiet, and samples that stand off their middle. */
export function faulty(options) {
  const bytes = music(options);
  for (let at = 44; at < bytes.length; at += 4) {
    bytes.writeInt16LE(Math.round(bytes.readInt16LE(at) * 0.7) + 1500, at);
    bytes.writeInt16LE(Math.round(bytes.readInt16LE(at + 2) * 0.3) + 1500, at + 2);
  }
  return bytes;
}

/** The same samples as a WAV of 16 bits, as AIFF: big-endian, and a rate in 80 bits. */
export function aiff(wavBytes) {
  const rate = wavBytes.readUInt32LE(24);
  const samples = Buffer.from(wavBytes.subarray(44)).swap16();
  const head = Buffer.alloc(54);
  head.write("FORM", 0);
  head.writeUInt32BE(46 + samples.length, 4);
  head.write("AIFFCOMM", 8);
  head.writeUInt32BE(18, 16);
  head.writeUInt16BE(2, 20);
  head.writeUInt32BE(samples.length / 4, 22);
  head.writeUInt16BE(16, 26);
  const exponent = Math.floor(Math.log2(rate));
  head.writeUInt16BE(16383 + exponent, 28);
  head.writeUInt32BE(rate * 2 ** (31 - exponent), 30);
  head.write("SSND", 38);
  head.writeUInt32BE(8 + samples.length, 42);
  return Buffer.concat([head, samples]);
}

/** A 16-bit stereo WAV of what `frame(time)` gives, −1 to 1 for left and right, which repeats every `period` seconds. */
function pcm(seconds, rate, period, frame) {
  const frames = Math.round(seconds * rate);
  const once = Math.min(frames, period * rate);
  const bytes = Buffer.alloc(44 + frames * 4);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + frames * 4, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(frames * 4, 40);
  for (let at = 0; at < once; at += 1) {
    const [left, right] = frame(at / rate);
    bytes.writeInt16LE(Math.round(32_000 * left), 44 + at * 4);
    bytes.writeInt16LE(Math.round(32_000 * right), 46 + at * 4);
  }
  return bytes.fill(bytes.subarray(44, 44 + once * 4), 44 + once * 4);
}
