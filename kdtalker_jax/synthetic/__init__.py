"""A small world of parametric heads that speak, whose truth is known: pictures, motion, phonemes and sound."""
