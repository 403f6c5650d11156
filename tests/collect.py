# SPDX-License-Identifier: MIT
"""Sums up what tools/test ran.

Reads ctest's JUnit files, prints a line for each failed and each skipped test, and last the line
"N passed, N failed, N skipped". Exits 1 if anything failed, or if a file that should be there is not.

    collect.py [--junit PRESET FILE | --failed NAME | --skipped NAME REASON]...
"""

import re
import sys
import xml.etree.ElementTree as ET


def skip_reason(case):
    out = case.findtext("system-out") or ""
    reasons = re.findall(r"^\s*SKIP: *(.+?)\s*$", out, re.MULTILINE)
    if reasons:
        return "; ".join(dict.fromkeys(reasons))
    skipped = case.find("skipped")
    message = skipped.get("message", "") if skipped is not None else ""
    return message or "gave no reason"


def read_junit(preset, path):
    """Yields (verdict, name, reason) of each test in the file."""
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError) as error:
        yield "failed", f"{preset}: test", f"no results: {error}"
        return
    for case in cases:
        name = f"{preset}: {case.get('name')}"
        if case.find("failure") is not None or case.get("status") == "fail":
            failure = case.find("failure")
            yield "failed", name, (failure.get("message", "") if failure is not None else "")
        elif case.get("status") == "run":
            yield "passed", name, ""
        elif case.get("status") == "disabled":
            yield "skipped", name, "disabled"
        else:
            # ctest also says "notrun" of a test whose program is missing: that is a failure.
            skipped = case.find("skipped")
            message = skipped.get("message", "") if skipped is not None else ""
            if "SKIP_RETURN_CODE" in message or "SKIP_REGULAR_EXPRESSION" in message:
                yield "skipped", name, skip_reason(case)
            else:
                yield "failed", name, message or "not run"


def main(argv):
    verdicts = []
    args = list(argv)
    while args:
        option = args.pop(0)
        if option == "--junit":
            verdicts += read_junit(args.pop(0), args.pop(0))
        elif option == "--failed":
            verdicts.append(("failed", args.pop(0), ""))
        elif option == "--skipped":
            verdicts.append(("skipped", args.pop(0), args.pop(0)))
        else:
            sys.exit(f"collect.py: unknown option {option}")
    for wanted in ("failed", "skipped"):
        for verdict, name, reason in verdicts:
            if verdict == wanted:
                print(f"{verdict}: {name}" + (f": {reason}" if reason else ""))
    count = {v: sum(1 for x in verdicts if x[0] == v) for v in ("passed", "failed", "skipped")}
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
