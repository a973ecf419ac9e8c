"""Whether all text can be read in light and in dark."""

import pytest
from playwright.sync_api import expect

from tools.lab.testing.visitor import buy, hold_seats, sign_in

# The contrast of each text with the colour behind it, where that is one colour: WCAG 2.2, 1.4.3.
FAINT = """() => {
  const pixel = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const over = (colours) => {
    pixel.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1); }
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b + .05;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const seen = element.checkVisibility() && element.getClientRects().length;
    if (!text || !seen || element.closest(".poster, noscript")) continue;
    if (style.color === "rgba(0, 0, 0, 0)") continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [light(over([...behind, style.color])), light(over(behind))];
    const ratio = Math.max(a, b) / Math.min(a, b);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${element.outerHTML}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_light_and_dark(visit, event, someone, scheme):
    page = visit(color_scheme=scheme)
    expect(page.locator(".ticket").first).to_be_visible()
    faint = page.evaluate(FAINT)
    sign_in(page, someone(f"claire.{scheme}"))
    faint += page.evaluate(FAINT)
    hold_seats(page, event)
    faint += page.evaluate(FAINT)
    buy(page)
    faint += page.evaluate(FAINT)
    page.goto("/#/bookings")
    expect(page.locator(".booking").first).to_be_visible()

    faint += page.evaluate(FAINT)

    assert faint == []
