"""snippet.py PAGE N PROGRAM EXPECTED: writes the N-th program of a page and the output below it."""
import re
import sys

page, number, program, expected = sys.argv[1:]
with open(page, encoding="utf-8") as text:
    lines = r"((?:(?!```).*\n)*)```"
    blocks = re.findall(rf"^```cpp\n{lines}\n```text\n{lines}$", text.read(), re.M)
for path, block in zip((program, expected), blocks[int(number) - 1]):
    with open(path, "w", encoding="utf-8") as out:
        out.write(block)
