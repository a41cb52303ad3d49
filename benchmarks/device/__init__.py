"""One command that measures an accelerator within minutes: `python -m benchmarks.device --minutes 8 --json FILE`.

`__main__` runs the pieces, each in a process of its own (`child`) that is ended at its limit, and `record` keeps what
they have measured in a file, row by row. `goals` judges the file, `report` prints it, `pack` carries what a bare
machine lacks. `__main__` imports none of the frameworks: memory of the device belongs to the piece that is measured.
"""
