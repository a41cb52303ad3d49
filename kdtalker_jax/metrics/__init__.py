"""How good talking videos are, without listening to anyone's opinion. One family of metrics a file.

Functions take arrays, or an iterator of frames, and return NaN where there is nothing to measure. docs/evaluation.md
defines every number.
"""
