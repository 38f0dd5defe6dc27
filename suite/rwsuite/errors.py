# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a person did wrong or has to do: one line and an exit code, those of the programs."""

OK, RUN, USAGE, PEER, DEVICE, CORRUPT = range(6)
INTERRUPTED = 130  # as a shell has it


class SuiteError(Exception):
    """Its text is one line that says what is wrong and what to do; @code: the exit code."""

    def __init__(self, text, code=RUN):
        super().__init__(text)
        self.code = code
