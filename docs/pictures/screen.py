"""Makes an HTML page of a terminal's screen, as `tmux capture-pane -e -p`
prints it: text with the escapes for colours and attributes.

    tmux capture-pane -e -p | screen.py TITLE >screen.html
"""
import html
import re
import sys

# The sixteen colours of a calm dark terminal: the plain ones, the bright ones.
COLORS = """#2a333e #f0766b #58c48a #dfb54d #5aaef5 #c99af0 #45c4c4 #ccd5de
    #66727f #ff958a #7ddca6 #f2cd70 #85c5ff #dcb8ff #6fdede #f4f7fa""".split()
TEXT, GROUND = "#d5dde6", "#11161d"

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>{title}</title><style>
body {{ margin: 0; display: inline-block; background: {ground}; color: {text} }}
p {{ margin: 0; padding: 7px 14px; background: #232b35; color: #98a5b3;
  font: 13px system-ui, "DejaVu Sans", sans-serif }}
pre {{ margin: 0; padding: 10px 14px; font: 14px/1.3 "DejaVu Sans Mono",
  monospace }}
</style><p>{title}</p><pre>{lines}</pre>
"""


def indexed(n):
    """Colour n of 256."""
    if n < 16:
        return COLORS[n]
    if n >= 232:
        return "#" + f"{8 + 10 * (n - 232):02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    n -= 16
    return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6],
                              levels[n % 6])


def color(codes):
    """What follows 38 or 48."""
    kind = codes.pop(0)
    if kind == 5:
        return indexed(codes.pop(0))
    return "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))


def apply(codes, pen):
    while codes:
        n = codes.pop(0)
        if n == 0:
            pen.clear()
        elif n in (1, 2, 4, 7):
            pen[n] = True
        elif n == 22:
            pen.pop(1, None), pen.pop(2, None)
        elif n in (24, 27):
            pen.pop(n - 20, None)
        elif n in (38, 48):
            pen["fg" if n == 38 else "bg"] = color(codes)
        elif n in (39, 49):
            pen.pop("fg" if n == 39 else "bg", None)
        elif n in range(30, 38) or n in range(40, 48):
            pen["fg" if n < 40 else "bg"] = COLORS[n % 10]
        elif n in range(90, 98) or n in range(100, 108):
            pen["fg" if n < 100 else "bg"] = COLORS[n % 10 + 8]


def style(pen):
    fg, bg = pen.get("fg", TEXT), pen.get("bg", GROUND)
    if 7 in pen:
        fg, bg = bg, fg
    words = [f"color:{fg}", f"background:{bg}"]
    if 1 in pen:
        words.append("font-weight:bold")
    if 2 in pen:
        words.append("opacity:.65")
    if 4 in pen:
        words.append("text-decoration:underline")
    return ";".join(words)


def convert(text):
    pen, out = {}, []
    for part in re.split(r"(\x1b\[[0-9;:]*m|\x1b\([A-Z]|[\x0e\x0f])", text):
        if part.startswith("\x1b["):
            apply([int(n or 0) for n in re.split("[;:]", part[2:-1])], pen)
        elif part and part[0] not in "\x1b\x0e\x0f":
            out.append(f'<span style="{style(pen)}">{html.escape(part)}</span>')
    return "".join(out)


print(PAGE.format(title=html.escape(sys.argv[1]), text=TEXT, ground=GROUND,
                  lines=convert(sys.stdin.read().rstrip("\n"))))
