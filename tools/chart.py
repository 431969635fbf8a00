"""Line charts as SVG, written by hand: as many lines as there are series, each named at its end."""

import math

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 230, 44, 48
# Distinct also for those who see few colours, on white and on black.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"]


def power_of_ten_ticks(low, high):
    """1, 2 and 5 times the powers of ten in a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    few = [tick for tick in every if low <= tick <= high]
    return few if len(few) < 9 else [tick for tick in few if str(f"{tick:e}").startswith("1")]


def spaced(number):
    return f"{number:,.0f}".replace(",", " ") if number >= 1 else f"{number:g}"


def spread(wanted, least):
    """Heights as near to those wanted as they can be, `least` apart."""
    placed = {}
    lowest = -math.inf
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        lowest = placed[name] = max(height, lowest + least)
    over = max(0, lowest - (HEIGHT - BOTTOM))
    return {name: height - over for name, height in placed.items()}


def chart(title, x_name, y_name, columns, series):
    """columns: what stands below the x axis, evenly spaced. series: name -> column -> figure; the
    y axis is logarithmic."""
    every = [figure for line in series.values() for figure in line.values()]
    low, high = min(every) * 0.8, max(every) * 1.25
    step = (WIDTH - LEFT - RIGHT) / max(1, len(columns) - 1)

    def x(column):
        return LEFT + step * columns.index(column)

    def y(figure):
        part = math.log(figure / low) / math.log(high / low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12" fill="#333">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="24" font-size="15">{title}</text>']
    for tick in power_of_ten_ticks(low, high):
        out.append(f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{spaced(tick)}</text>')
    for column in columns:
        out.append(f'<text x="{x(column):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                   f'{column}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{x_name}</text>')
    out.append(f'<text transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">'
               f'{y_name}</text>')
    ends = spread({name: y(list(line.values())[-1]) for name, line in series.items()}, 15)
    for colour, (name, line) in zip(COLOURS, series.items()):
        points = [f"{x(column):.1f},{y(figure):.1f}" for column, figure in line.items()]
        out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
                   'stroke-width="2"/>')
        for point in points:
            across, up = point.split(",")
            out.append(f'<circle cx="{across}" cy="{up}" r="3" fill="{colour}"/>')
        out.append(f'<text x="{float(points[-1].split(",")[0]) + 10:.1f}" y="{ends[name] + 4:.1f}" '
                   f'fill="{colour}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])
