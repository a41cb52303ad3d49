"""Command lines: parse, call, report."""

import signal
import sys

# While `python -m` looks for a command: Ctrl-C ends it without a traceback also during the seconds of its imports.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
