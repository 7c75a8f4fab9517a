"""What others need for a chain like that of a render; run by `scripts/bench`, with the Python of target/bench-python.

    bench-peers.py matchering TARGET REFERENCE OUTPUT
    bench-peers.py pedalboard SOURCE OUTPUT

Prints the processor seconds of the work, without those of starting Python and loading the library.
"""

import sys
import time


def matchering(target, reference, output):
    import matchering as mg

    return lambda: mg.process(target=target, reference=reference, results=[mg.pcm24(output)])


def pedalboard(source, output):
    from pedalboard import Gain, HighpassFilter, HighShelfFilter, Limiter, LowShelfFilter, Pedalboard, PeakFilter
    from pedalboard.io import AudioFile

    # The filters, gain and limiter of the recipe of `scripts/bench`; it has nothing for offset, balance, low end in mono and width.
    chain = [
        HighpassFilter(25), HighpassFilter(25), LowShelfFilter(80, -1.5, 0.7), PeakFilter(280, -2, 0.8), PeakFilter(900, -1.5, 0.9),
        PeakFilter(3200, -2, 0.9), HighShelfFilter(9000, -1, 0.7), Gain(1.5), Limiter(-1.0, 100),
    ]

    def work():
        board = Pedalboard(chain)
        with AudioFile(source) as read, AudioFile(output, "w", read.samplerate, read.num_channels, bit_depth=24) as write:
            while read.tell() < read.frames:
                write.write(board(read.read(65536), read.samplerate, reset=False))

    return work


name, *arguments = sys.argv[1:]
work = {"matchering": matchering, "pedalboard": pedalboard}[name](*arguments)
started = time.process_time()
work()
print(time.process_time() - started)
