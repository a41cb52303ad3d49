"""The networks of KDTalker by name, for tests that go through all of them."""

from kdtalker_jax.systems import find_system

PARTS = find_system("kdtalker").parts
REQUIRED = find_system("kdtalker").required
