"""The live index of a workspace's definitions, and the findings it gives."""

import os

# NumPy's linear algebra, which nothing here uses, else starts a thread for each core, and they
# spin through the start; no program that we run inherits our environment.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
