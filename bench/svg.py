# SPDX-License-Identifier: MIT
"""Line charts as SVG, by the standard library alone: the same data gives the same bytes."""

import math
from html import escape

WIDTH, HEIGHT = 860, 440
LEFT, RIGHT, TOP, BOTTOM = 80, 230, 64, 56
# Ours are blue and bold; the others are told apart by their colours and by the names at their ends.
OURS = ("#0b5fd0", "#3b94f5", "#0a3f8a")
OTHERS = ("#c2410c", "#15803d", "#7e22ce", "#a16207", "#be123c", "#0f766e", "#475569", "#a21caf")
INK, FAINT = "#1f2937", "#d5d9e0"


def short(value):
    """1500000 -> 1.5M"""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


class Axis:
    """Where a value lies between two pixels, and where lines are drawn for the eye."""

    def __init__(self, values, first, last, log):
        low, high = min(values), max(values)
        self.log, self.first, self.last = log, first, last
        if log:
            low, high = math.log10(low), math.log10(high)
            pad = max((high - low) * 0.04, 0.02)
            self.low, self.high = low - pad, high + pad
        else:
            self.low, self.high = min(low, 0), (high or 1) * 1.05

    def at(self, value):
        value = math.log10(value) if self.log else value
        share = (value - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self, values=()):
        """Rounded numbers, or the values themselves where they are few."""
        if values and len(set(values)) <= 12:
            return sorted(set(values))
        if self.log:
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            steps = (1,) if self.high - self.low > 2.5 else (1, 2, 5)
            ticks = [step * 10.0 ** d for d in decades for step in steps]
        else:
            step = 10 ** math.floor(math.log10(self.high))
            step = next(s for s in (step / 5, step / 2, step, 2 * step) if self.high / s <= 7)
            ticks = [step * i for i in range(int(self.high / step) + 1)]
        spread = self.high - self.low
        inside = (lambda v: self.low - 1e-9 * spread <= (math.log10(v) if self.log else v) <= self.high)
        return [t for t in ticks if inside(t)]


def spread_labels(places, gap, lowest):
    """Moves labels apart, in their order, and up again where they would leave the chart."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    placed = list(places)
    for before, after in zip(order, order[1:]):
        placed[after] = max(placed[after], placed[before] + gap)
    limit = lowest
    for i in reversed(order):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    return placed


def colours(names):
    ours, others = 0, 0
    for name in names:
        if name.startswith("netvane"):
            yield OURS[ours % len(OURS)], True
            ours += 1
        else:
            yield OTHERS[others % len(OTHERS)], False
            others += 1


def curves(title, subtitle, x_name, y_name, series):
    """Distributions: {name: [(value, percent), ...]}. Their names stand in the order of their medians."""
    series = {name: line for name, line in series.items() if line}
    order = sorted(series, key=lambda name: series[name][len(series[name]) // 2])
    return chart(title, subtitle, x_name, y_name, {name: series[name] for name in order}, y_log=False,
                 y_suffix=" %", curved=True)


def chart(title, subtitle, x_name, y_name, series, y_log=True, y_suffix="", curved=False):
    """series: {name: [(x, y), ...]}. Returns the text of an SVG file, None without data."""
    series = {name: [(x, y) for x, y in points if x > 0 and (y > 0 or not y_log)]
              for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    points = [p for line in series.values() for p in line]
    x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT, True)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP, y_log)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
           f'<text x="{LEFT}" y="46" fill="#4b5563">{escape(subtitle)}</text>']
    for value in x_axis.ticks(() if curved else [x for x, _ in points]):
        x = x_axis.at(value)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{FAINT}"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(value)}</text>')
    for value in y_axis.ticks():
        y = y_axis.at(value)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(value)}{y_suffix}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_name)}</text>'
               f'<text transform="translate(22 {middle}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>')
    ends = [TOP + 16 * i for i in range(len(series))] if curved else [
        y_axis.at(line[-1][1]) for line in series.values()]
    labels = spread_labels(ends, 16, HEIGHT - BOTTOM)
    styles = list(colours(series))
    for i, (name, line) in reversed(list(enumerate(series.items()))):
        colour, bold = styles[i]
        width = 3 if bold else 1.6
        placed = [(x_axis.at(x), y_axis.at(y)) for x, y in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}" '
                   'stroke-linejoin="round"/>')
        begin = f"M{placed[-1][0]:.1f} {placed[-1][1]:.1f}L"
        if curved:
            begin = f"M{WIDTH - RIGHT + 4} {labels[i]:.1f}H"
        else:
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 0.8}" fill="{colour}"/>' for x, y in placed]
        end = f"{WIDTH - RIGHT + 14}" + ("" if curved else f" {labels[i]:.1f}")
        out.append(f'<path d="{begin}{end}" stroke="{colour}" stroke-width="{width if curved else 0.7}" fill="none"/>'
                   f'<text x="{WIDTH - RIGHT + 18}" y="{labels[i] + 4:.1f}" fill="{colour}" '
                   f'font-weight="{600 if bold else 400}">{escape(name)}</text>')
    return "\n".join(out) + "\n</svg>\n"
