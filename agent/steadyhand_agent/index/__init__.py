"""The live index of a workspace's definitions, and the findings it gives."""

import os

# NumPy's linear algebra, which nothing here uses, else starts a thread for each core, and they
# spin through the start. Checks of a person's code are given an environment of their own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
