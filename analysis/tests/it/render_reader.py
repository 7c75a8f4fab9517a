"""Reads a recipe by its documentation alone, and compares its filters with what a render did.

    render_reader.py RECIPE SOURCE.wav RESULT.wav

Exits with 77 where numpy is missing, and with 1 where the response differs by more than 0.05 dB from 20 Hz to 16 kHz.
"""

import json
import math
import struct
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)


def samples(path):
    data = open(path, "rb").read()
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            _, channels, rate = struct.unpack("<HHI", body[:8])
        if name == b"data":
            return rate, np.frombuffer(body, "<f4").reshape(-1, channels)[:, 0].astype(float)
        at += 8 + size + size % 2
    sys.exit("no data")


def prototype(shape, q, db):
    """Numerator and denominator in s at 1 rad/s (Audio EQ Cookbook)."""
    a = 10 ** (db / 40)
    slope = math.sqrt(a) / q
    if shape == "bell":
        return [1, a / q, 1], [1, 1 / (a * q), 1]
    if shape == "high_shelf":
        return [a * a, a * slope, a], [1, slope, a]
    return [a, a * slope, a * a], [a, slope, 1]


def band(step, rate, w):
    hz, q, db, shape = step["hz"], step["q"], step["db"], step["shape"]
    num, den = prototype(shape, q, db)
    analogue = lambda x: np.abs(np.polyval(num, 1j * x) / np.polyval(den, 1j * x)) ** 2
    w0 = 2 * math.pi * hz / rate
    if hz <= 4000 / 44100 * rate:
        # The bilinear transform, with the centre where it belongs.
        s = 1j * np.tan(w / 2) / math.tan(w0 / 2)
        return np.polyval(num, s) / np.polyval(den, s)
    # Poles by impulse invariance; zeros by the magnitude at 0, at half the rate and at the centre, where a bell is flat.
    roots = np.exp(np.roots(den) * w0)
    a1, a2 = -roots.sum().real, roots.prod().real
    poles = np.array([(1 + a1 + a2) ** 2, (1 - a1 + a2) ** 2, -4 * a2])
    p = lambda at: np.array([math.cos(at / 2) ** 2, math.sin(at / 2) ** 2, math.sin(at) ** 2])
    p0, p1, p2 = p(w0)
    if shape == "bell":
        gain = analogue(1.0)
        value = poles @ p(w0) * gain
        slope = (poles[1] - poles[0] + 4 * (p0 - p1) * poles[2]) * gain
        middle = (value - slope * p1 - poles[0]) / (4 * p1 * p1)
        ends = [poles[0], slope + poles[0] + 4 * (p1 - p0) * middle]
    else:
        at = min(w0, 0.75 * math.pi)
        p0, p1, p2 = p(at)
        ends = [poles[0] * analogue(0.0), poles[1] * analogue(math.pi / w0)]
        middle = (analogue(at / w0) * (poles @ p(at)) - ends[0] * p0 - ends[1] * p1) / p2
    zeros = np.array([ends[0], ends[1], middle])
    basis = np.array([np.cos(w / 2) ** 2, np.sin(w / 2) ** 2, np.sin(w) ** 2])
    return np.sqrt((zeros @ basis) / (poles @ basis))


def response(recipe, rate, w):
    total = np.ones(len(w), complex)
    for step in recipe["steps"]:
        if step["step"] == "equalise":
            total = total * band(step, rate, w)
        elif step["step"] == "high_pass":
            x = np.tan(w / 2) / math.tan(math.pi * step["hz"] / rate)
            total = total * x ** step["order"] / np.sqrt(1 + x ** (2 * step["order"]))
        elif step["step"] == "gain":
            total = total * 10 ** (step["db"] / 20)
        else:
            sys.exit("unknown step " + step["step"])
    return np.abs(total)


recipe = json.load(open(sys.argv[1]))
rate, before = samples(sys.argv[2])
_, after = samples(sys.argv[3])
# The source is an impulse, so that spectra divide.
before, after = np.fft.rfft(before), np.fft.rfft(after)
hz = np.arange(len(before)) * rate / (2 * (len(before) - 1))
inside = (hz >= 20) & (hz <= 16000)
wanted = 20 * np.log10(response(recipe, rate, 2 * math.pi * hz[inside] / rate))
found = 20 * np.log10(np.abs(after[inside] / before[inside]))
worst = np.max(np.abs(found - wanted))
print(f"worst difference {worst:.5f} dB")
sys.exit(0 if worst <= 0.05 else 1)
