"""snippet.py PAGE N PROGRAM EXPECTED: writes the N-th program of a page and the output below it."""
import re
import sys

page, number, program, expected = sys.argv[1:]
with open(page, encoding="utf-8") as text:
    blocks = re.findall(r"^```cpp\n(.*?)^```\n```text\n(.*?)^```$", text.read(), re.M | re.S)
for path, block in zip((program, expected), blocks[int(number) - 1]):
    with open(path, "w", encoding="utf-8") as out:
        out.write(block)
