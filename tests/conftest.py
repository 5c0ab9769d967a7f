"""What all tests share: how hard Hypothesis tries."""

import os

from hypothesis import settings

# No deadline for a single example: on a busy machine the first one imports and compiles, and time is not
# what these tests are about (pytest-timeout ends a test that hangs). In CI the examples are always the same,
# so that a red run means a change of ours; at a desk they are new every time.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# `make check` is asked many times an hour: fewer examples each time, new ones every time.
settings.register_profile("check", deadline=None, max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk"))
