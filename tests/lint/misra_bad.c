// SPDX-License-Identifier: MIT
// Breaks a rule that docs/MISRA.md does not allow, on purpose: lint.misra_can_fail wants it found.
int misra_bad(int number);

int misra_bad(int number)
{
    int result = number;
    if (number > 0) {
        goto out;
    }
    result = 0;
out:
    return result;
}
